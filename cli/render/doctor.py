"""What a host accepts, and what would break a push to it, for people and for programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cli.render import units
from cli.render.table import columns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transport.schemes.http.examine import SizeLimit
    from transport.syncing.deliver.refs_per_request import RefsLimit
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
    credentials_from: str | None = None
    """Where the credentials came from that it accepted; None if it asked for none."""
    refs_limit: RefsLimit | None = None
    """What a test of refs per request found."""
    refs_known: int | None = None
    """The limit on refs per request that a host profile recorded earlier."""

    @property
    def refs_max(self) -> int | None:
        """Most refs in a request, as far as a limit is known."""
        if self.refs_limit is None:
            return self.refs_known
        has_limit = self.refs_limit.refused is not None and not self.refs_limit.is_of_body
        return self.refs_limit.taken if has_limit else None


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
        if found.refs_max and self.ref_count > found.refs_max:
            words.append(
                f"its {self.ref_count:,} refs exceed the limit on a request: packcore then sends them in "
                f"parts, or from the start with --target-max-ref-updates {found.refs_max}"
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
    if found.is_http:
        yield "sign-in", "not needed" if found.credentials_from is None else f"by {found.credentials_from}"
    capabilities = found.target.capabilities if found.target is not None else None
    if capabilities is not None:
        can = [("atomic", capabilities.atomic), ("deletes refs", capabilities.delete_refs)]
        can += [("push options", capabilities.push_options), ("ofs-deltas", capabilities.ofs_delta)]
        yield "pushing", "allowed; " + ", ".join(name if has else f"no {name}" for name, has in can)
    if found.refs_limit is not None and not found.is_http:
        yield "refs in a request", _refs_words(found)
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
    yield "refs in a request", _refs_words(found)


def _refs_words(found: Found) -> str:
    limit = found.refs_limit
    if limit is None:
        if found.refs_known is not None:
            return f"{found.refs_known:,} at most, says the host profile"
        if found.target is not None and not found.target.capabilities.delete_refs:
            return "can't be tested: the host deletes no refs"
        return "not tested: --refs N does that; if a host refuses, a run goes on in parts"
    if limit.refused is None:
        return f"{limit.taken:,} are accepted"
    if limit.is_of_body:
        return f"{limit.taken:,} are accepted; more exceed the limit on a body"
    taken = f"{limit.taken:,} are accepted, " if limit.taken else ""
    return f"{taken}{limit.refused:,} are refused: {limit.words}"


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
        "credentialsFrom": found.credentials_from,
        "refUpdatesMax": found.refs_max,
        "refUpdatesTaken": None if found.refs_limit is None else found.refs_limit.taken,
        "refUpdatesRefused": None if found.refs_limit is None else found.refs_limit.refused,
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
