"""What a host accepts, and what would break a push to it, for people and for programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cli.render import units
from cli.render.table import columns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transport.schemes.http.examine import SizeLimit
    from transport.wire.advertisement import Advertisement

__all__ = ["Found", "Push", "doctor_json", "doctor_lines"]


@dataclass(slots=True)
class Found:
    """What is known about a host; filled in step by step."""

    url: str
    idle_asked: float
    protocol: int | None = None
    object_format: str = ""
    refs: int = 0
    read_refused: str | None = None
    push_refused: str | None = None
    hint: str | None = None
    target: Advertisement | None = None
    """The host's advertisement for a push."""
    is_http: bool = False
    chunked: bool = True
    size: SizeLimit | None = None
    cut_after: float | None = None
    ref_updates: int | None = None
    """The limit that a host profile recorded earlier: no request can find it without creating refs."""


@dataclass(frozen=True, slots=True)
class Push:
    """A planned push, compared with what the host accepts."""

    directory: str
    ref_count: int
    object_count: int
    pack_bytes: int
    search_seconds: float
    """How long packcore searched; git is silent for about as long while its request is open."""
    found: Found

    @property
    def breaks(self) -> list[str]:
        """What would break it, and what to do; empty if it fits."""
        found, words = self.found, []
        if found.size is not None and found.size.refused is not None and self.pack_bytes > found.size.taken:
            words.append(
                f"its {units.size(self.pack_bytes)} exceed the limit on a body: packcore then sends it in "
                f"batches, or from the start with --target-max-pack-bytes {found.size.taken}"
            )
        if found.ref_updates is not None and self.ref_count > found.ref_updates:
            words.append(
                f"its {self.ref_count:,} refs exceed the limit on a request: "
                f"--target-max-ref-updates {found.ref_updates}"
            )
        return words

    @property
    def remarks(self) -> list[str]:
        """What might break a push by git, and what packcore does about it."""
        found, words = self.found, []
        if not found.chunked:
            words.append("no chunked bodies: packcore sends a length; git needs a large http.postBuffer")
        if found.cut_after is not None:
            words.append(
                f"silence is cut after {units.seconds(found.cut_after)}: packcore searched for "
                f"{units.seconds(self.search_seconds)} with no request open; git searches within its request"
            )
        return words


def doctor_lines(found: Found, push: Push | None) -> Iterator[str]:
    """Yield one line for each finding, and the verdict on a push."""
    yield found.url
    yield from (f"  {line}" for line in columns(list(_rows(found))))
    if push is None:
        return
    yield ""
    yield (
        f"a push of {push.directory}: {units.count_of(push.ref_count, 'refs')}, "
        f"{units.count_of(push.object_count, 'objects')}, {units.size(push.pack_bytes)}"
    )
    for words in push.breaks:
        yield f"  would break: {words}"
    for words in push.remarks:
        yield f"  {words}"
    if not push.breaks:
        yield "  fits: no limit that was found would break it"


def _rows(found: Found) -> Iterator[tuple[str, str]]:
    if found.read_refused is not None:
        yield "reading", f"refused: {found.read_refused}"
    else:
        yield "protocol", f"v{found.protocol}, {found.object_format}, {units.count_of(found.refs, 'refs')}"
    if found.push_refused is not None:
        yield "pushing", f"refused: {found.push_refused}"
        if found.hint:
            yield "", found.hint
        return
    capabilities = found.target.capabilities if found.target is not None else None
    if capabilities is not None:
        can = [("atomic", capabilities.atomic), ("deletes refs", capabilities.delete_refs)]
        can += [("push options", capabilities.push_options), ("ofs-deltas", capabilities.ofs_delta)]
        yield "pushing", "allowed; " + ", ".join(name if has else f"no {name}" for name, has in can)
    if not found.is_http:
        yield "limits", "none on bodies and silence: this is not HTTP"
        return
    yield "chunked bodies", "accepted" if found.chunked else "refused: a length is sent instead"
    yield "body size", _size_words(found)
    if not found.chunked:
        yield "silence", "not tested: that needs chunked bodies"
    elif found.cut_after is not None:
        yield "silence", f"cut after {units.seconds(found.cut_after)}"
    else:
        yield "silence", f"not cut within {units.seconds(found.idle_asked)}"
    known = "unknown until a host refuses; a run then continues in parts"
    yield "refs in a request", f"{found.ref_updates:,} at most" if found.ref_updates is not None else known


def _size_words(found: Found) -> str:
    assert found.size is not None
    taken, refused = found.size
    if refused is None:
        return f"no limit found up to {units.size(taken)}, judging by request heads alone"
    return f"{units.size(taken)} is accepted, {units.size(refused)} is refused"


def doctor_json(found: Found, push: Push | None) -> dict[str, Any]:
    """Return the object of `doctor --json`."""
    size = found.size
    answer: dict[str, Any] = {
        "url": found.url,
        "protocol": None if found.protocol is None else f"v{found.protocol}",
        "objectFormat": found.object_format or None,
        "readRefused": found.read_refused,
        "pushRefused": found.push_refused,
        "chunked": found.chunked if found.is_http else None,
        "bodyBytesTaken": None if size is None else size.taken,
        "bodyBytesRefused": None if size is None else size.refused,
        "idleSeconds": found.idle_asked if found.is_http and found.chunked else None,
        "idleCutSeconds": None if found.cut_after is None else round(found.cut_after, 3),
        "refUpdatesMax": found.ref_updates,
    }
    if push is not None:
        answer["push"] = {
            "directory": push.directory,
            "refs": push.ref_count,
            "objects": push.object_count,
            "bytes": push.pack_bytes,
            "searchSeconds": round(push.search_seconds, 6),
            "breaks": push.breaks,
            "remarks": push.remarks,
        }
    return answer
