r"""What a remote helper answers: its capabilities, lists of refs, verdicts on pushed refs.

    :object-format sha1                    only where git asked for it
    @refs/heads/main HEAD                  a symbolic ref
    <hex> refs/heads/main
    <hex> refs/tags/v1^{}                  what a tag comes to; not for a push
    (an empty line)

    ok refs/heads/main
    ok refs/heads/for-review               then what the target did instead:
    option refname refs/changes/1
    error refs/heads/main fetch first      git knows the most usual reasons, and shows others as they are
    (an empty line)

>>> Verdict("refs/heads/main", "stale info").lines()
[b'error refs/heads/main stale info']
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packcore.refs import encode_ref_name
from transport.remote_helper.commands import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from transport.wire.advertisement import Advertisement

__all__ = ["CAPABILITIES", "UP_TO_DATE", "Verdict", "ref_list", "verdict_lines"]

CAPABILITIES = (
    b"stateless-connect",
    b"fetch",
    b"push",
    b"option",
    b"check-connectivity",
    b"object-format",
)
UP_TO_DATE = "up to date"

_OPTIONS = ("refname", "old-oid", "new-oid", "forced-update")
"""Of a report: what git understands behind a verdict."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one pushed ref."""

    ref: str
    error: str | None = None
    note: str = ""
    """Behind an `ok`: "up to date"."""
    options: tuple[tuple[str, str], ...] = ()

    def lines(self) -> list[bytes]:
        """Return the lines for git."""
        name = encode_ref_name(self.ref)
        if self.error is not None:
            return [b" ".join((b"error", name, _quoted(self.error)))]
        first = b" ".join(filter(None, (b"ok", name, _quoted(self.note))))
        told = [(key, value) for key, value in self.options if key in _OPTIONS]
        return [first, *(f"option {key} {value}".rstrip().encode("utf-8", "replace") for key, value in told)]


def ref_list(listed: Advertisement, *, for_push: bool, names_format: bool) -> Iterator[bytes]:
    """Yield the lines of a list of refs, the empty one at its end included.

    The refs that hold the parts of a push in batches are left out: no user is to see or delete them.
    """
    from transport.syncing.request import TEMP_REFS  # not needed before there is a list

    if names_format:
        yield b":object-format " + listed.object_format.name.encode("ascii")
    target = listed.symrefs.get("HEAD")
    if target is not None and target in listed.refs:
        yield b"@%s HEAD" % encode_ref_name(target)
    elif listed.head is not None:
        yield listed.head.hex().encode("ascii") + b" HEAD"
    for name, oid in listed.refs.items():
        if name.startswith(TEMP_REFS):
            continue
        encoded = encode_ref_name(name)
        yield oid.hex().encode("ascii") + b" " + encoded
        if not for_push and name in listed.peeled:
            yield listed.peeled[name].hex().encode("ascii") + b" " + encoded + b"^{}"
    yield b""


def verdict_lines(verdicts: Iterable[Verdict]) -> Iterator[bytes]:
    """Yield the lines that end a push, the empty one included."""
    for verdict in verdicts:
        yield from verdict.lines()
    yield b""


def _quoted(text: str) -> bytes:
    return quoted(text.encode("utf-8", "surrogateescape"))
