r"""The status report: what receive-pack says about each ref.

    unpack ok            or: unpack <error>
    ok <ref>             then, in v2: option refname <r>, option old-oid <o>, option new-oid <o>,
                                      option forced-update
    ng <ref> <reason>
    0000

With side-band, these lines are themselves a stream inside band 1, split anywhere. Specified in
gitprotocol-pack ("Report Status"). A ref counts as updated only if an `ok` names it, no `ng` does, and
unpacking succeeded. A ref that isn't named has failed, in git's words: remote failed to report status.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packcore.refs import decode_ref_name
from transport.errors import AnswerTooLarge, RemoteProtocolError
from transport.safe_text import one_line
from transport.wire.limits import WireLimits
from transport.wire.pktline import PacketDecoder, Special, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["UNREPORTED", "RefReport", "ReportParser", "ReportStatus", "is_locked", "is_lost_race"]

UNREPORTED = "remote failed to report status"
"""The reason given for a ref that the report doesn't mention."""

_LOST_RACE_EXACT = frozenset({"bad ref", "stale info", "fetch first", "already exists", "lock error"})
_LOST_RACE_PARTS = (
    "failed to update ref",
    "failed to lock",
    "cannot lock ref",
    "but expected",
    "incorrect old value",
    "reference already exists",
    "reference does not exist",
    "remote ref updated since checkout",
    "reference has already changed",
    "lock_failure",
)


_LOCKED_PARTS = ("ref is locked", "another git process seems to be running", ".lock': file exists")


def is_locked(reason: str) -> bool:
    """Return whether a server's reason means that another process holds the lock of the ref.

    Most servers report this and a lost race with the same text. A server that says "locked" says nothing
    about the ref itself.

    >>> is_locked("ref is locked: refs/heads/x.lock is held by git"), is_locked("stale info")
    (True, False)
    """
    reason = reason.casefold()
    return any(part in reason for part in _LOCKED_PARTS)


def is_lost_race(reason: str) -> bool:
    """Return whether a server's reason means that the ref is no longer what it advertised.

    >>> is_lost_race("failed to update ref"), is_lost_race("pre-receive hook declined")
    (True, False)
    """
    reason = reason.casefold().strip()
    if is_locked(reason):
        return False
    return reason in _LOST_RACE_EXACT or any(part in reason for part in _LOST_RACE_PARTS)


@dataclass(frozen=True, slots=True)
class RefReport:
    """The outcome for one ref."""

    name: str
    ok: bool
    reason: str | None = None
    """Why not, in the server's words, made safe; None if it is ok."""
    lost_race: bool = False
    """The reason means that someone else moved the ref meanwhile."""
    locked: bool = False
    """The reason means that someone else holds the lock of the ref; nothing is known to have moved."""
    reported: bool = True
    """False if the server didn't say: the ref may or may not have moved."""
    options: tuple[tuple[str, str], ...] = ()
    """v2: what the server did instead, such as ("refname", "refs/heads/other")."""


@dataclass(frozen=True, slots=True)
class ReportStatus:
    """The outcome of a push: one report for each command, in order."""

    refs: dict[str, RefReport]
    unpack_error: str | None = None
    complete: bool = True
    """False if the report was missing or cut off: list the target's refs to know what moved."""
    warnings: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every ref was updated."""
        return all(report.ok for report in self.refs.values())


@dataclass(slots=True)
class _RefStatus:
    """The statuses for one ref, as they arrive."""

    ok: bool = False
    reason: str | None = None
    options: list[tuple[str, str]] = field(default_factory=list)


class ReportParser:
    """Parses the bytes of a report in any split; `result` returns it."""

    def __init__(self, names: Iterable[str], *, limits: WireLimits | None = None) -> None:
        self._limits = limits or WireLimits()
        self._decoder = PacketDecoder()
        self._lines: dict[str, _RefStatus] = {name: _RefStatus() for name in names}
        self._unpack: str | None = None
        self._last: _RefStatus | None = None
        """The ref that a following option line belongs to."""
        self._bytes = 0
        self._warnings: list[str] = []
        self.complete = False
        """Whether the flush at the end of the report has arrived."""

    def feed(self, block: bytes) -> None:
        """Take the next bytes.

        Raises RemoteError for an ERR line, RemoteProtocolError for anything that isn't a report,
        AnswerTooLarge for one without end.
        """
        self._bytes += len(block)
        if self._bytes > self._limits.report_bytes:
            raise AnswerTooLarge(
                f"more than {self._limits.report_bytes:,} bytes",
                limit="WireLimits.report_bytes",
            )
        self._decoder.feed(block)
        while (packet := self._decoder.next_packet()) is not None:
            if self.complete:
                raise RemoteProtocolError("the status report goes on after its end")
            if isinstance(packet, bytes):
                self._take(text_of(packet))
            elif packet is Special.FLUSH:
                self.complete = True
            else:
                raise RemoteProtocolError("a section ends inside the status report")

    def result(self) -> ReportStatus:
        """Return the outcome for every ref, as far as the report got."""
        if self.complete and self._unpack is None:
            raise RemoteProtocolError("a status report without its unpack line")
        return ReportStatus(
            refs={name: self._verdict(name, line) for name, line in self._lines.items()},
            unpack_error=None if self._unpack in (None, "ok") else self._unpack,
            complete=self.complete,
            warnings=tuple(self._warnings),
        )

    def _take(self, line: bytes) -> None:
        head, _, rest = line.partition(b" ")
        if self._unpack is None:
            if head != b"unpack":
                raise RemoteProtocolError(f"a status report that starts with {one_line(line, limit=200)!r}")
            self._unpack = one_line(rest) or "failed"
        elif head == b"ok":
            self._last = self._named(rest)
            self._last.ok = True
        elif head == b"ng":
            raw_name, _, reason = rest.partition(b" ")
            self._last = self._named(raw_name)
            self._last.reason = one_line(reason) or "failed"
        elif head == b"option" and self._last is not None:
            key, _, value = rest.partition(b" ")
            if len(self._last.options) < self._limits.warnings:
                self._last.options.append((one_line(key), one_line(value)))
        else:
            raise RemoteProtocolError(f"not a line of a status report: {one_line(line, limit=200)!r}")

    def _named(self, raw_name: bytes) -> _RefStatus:
        """Return the line of a ref that we pushed; for any other name, warn and return a dummy."""
        line = self._lines.get(decode_ref_name(raw_name))
        if line is not None:
            return line
        if len(self._warnings) < self._limits.warnings:
            shown = one_line(raw_name, limit=200)
            self._warnings.append(f"the remote reported on {shown}, which wasn't pushed")
        return _RefStatus()

    def _verdict(self, name: str, line: _RefStatus) -> RefReport:
        options = tuple(line.options)
        if line.reason is not None:
            lost = is_lost_race(line.reason)
            return RefReport(
                name,
                ok=False,
                reason=line.reason,
                lost_race=lost,
                locked=is_locked(line.reason),
                options=options,
            )
        if line.ok and self.complete:
            if self._unpack == "ok":
                return RefReport(name, ok=True, options=options)
            return RefReport(name, ok=False, reason=f"unpacking failed: {self._unpack}", options=options)
        return RefReport(name, ok=False, reason=UNREPORTED, reported=False)
