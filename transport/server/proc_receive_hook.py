r"""The hook proc-receive: carries out a push to some refs itself, and reports what it did.

    S  version=1 [ NUL features ]  0000               push-options, atomic: what the client asked for
    H  version=1 [ NUL features ]  0000               push-options, if it wants them
    S  <old> SP <new> SP <ref> *   0000
    S  <push option> *             0000               only if it wants them
    H  ok <ref> | ng <ref> [ SP <reason> ]
       option refname <ref> | old-oid <id> | new-oid <id> | forced-update    what the last ok really changed
       option fall-through                            the server is to carry out this one
    H  0000

A ref may have several `ok`, each with options: one push then changed several refs. Specified in githooks. A
hook that breaks off, or says anything else, leaves refs without a report, and those are refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packcore.errors import PackcoreError
from transport.safe_text import one_line
from transport.wire.pktline import FLUSH, PacketReader, encode_packet, encode_text
from transport.wire.receive_pack import RefUpdate

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from packcore.ids import ObjectFormat, ObjectId

__all__ = ["FAILED", "Answer", "RefReport", "ask", "read_report", "really_changed", "report_lines"]

FAILED = "fail to run proc-receive hook"
_LINES_MAX = 100_000


@dataclass(slots=True)
class RefReport:
    """What one `ok` of the hook says was changed; None: as the client asked."""

    name: str | None = None
    old: ObjectId | None = None
    new: ObjectId | None = None
    is_forced: bool = False


@dataclass(slots=True)
class Answer:
    """What became of the refs that were left to the hook; each is in one of the first three."""

    refused: dict[str, str] = field(default_factory=dict)
    """Reasons by the ref's name."""
    reports: dict[str, list[RefReport]] = field(default_factory=dict)
    """What the hook changed for each ref that it did; an empty list: what the client asked for."""
    left: set[str] = field(default_factory=set)
    """Refs that the server is to change as usual."""
    faults: list[str] = field(default_factory=list)
    """What is wrong with the answer, for the pusher."""
    failed: bool = False
    """Whether the hook, or one of its refs, failed: an atomic push fails as a whole."""

    @classmethod
    def of_failure(cls, updates: Iterable[RefUpdate], *faults: str) -> Answer:
        """Return the answer if there was none."""
        return cls(dict.fromkeys((update.name for update in updates), FAILED), faults=[*faults], failed=True)


class _Broken(Exception):
    """The conversation can't go on; the message is for the pusher."""


def ask(
    updates: Sequence[RefUpdate],
    others: Collection[str],
    object_format: ObjectFormat,
    *,
    options: Sequence[str] | None,
    atomic: bool,
    send: Callable[[bytes], None],
    blocks: Iterable[bytes],
) -> Answer:
    """Hold the conversation about `updates`; `others` are the push's other refs.

    `send` writes to the hook, whose answer comes in as `blocks`. Nothing is raised for its faults.
    """
    reader = PacketReader(blocks)
    try:
        wants_options = _agree(reader, send, options=options, atomic=atomic)
        commands = (f"{update.old.hex()} {update.new.hex()} {update.name}" for update in updates)
        _send(send, [encode_packet(_bytes(line)) for line in commands], "commands")
        if wants_options:
            _send(send, [encode_packet(_bytes(option)) for option in options or ()], "push-options")
        return read_report(_lines(reader), [update.name for update in updates], others, object_format)
    except _Broken as broken:
        return Answer.of_failure(updates, str(broken))


def read_report(
    lines: Iterable[str], asked: Collection[str], others: Collection[str], object_format: ObjectFormat
) -> Answer:
    """Read the hook's lines about the refs that it was asked about; `others` are the push's other refs."""
    answer = Answer()
    faults = answer.faults
    asked, others = set(asked), set(others)
    last: str | None = None  # the ref of the last `ok`
    report: RefReport | None = None
    is_option_stray = False
    for line in lines:
        word, blank, rest = line.partition(" ")
        if not blank:
            faults.append(f"proc-receive reported incomplete status line: '{one_line(line)}'")
        elif word == "option":
            if last is None:
                if not is_option_stray:
                    faults.append("proc-receive reported 'option' without a matching 'ok/ng' directive")
                is_option_stray = True
                continue
            if report is None:
                report = RefReport()
                answer.reports[last].append(report)
            if rest == "fall-through":
                answer.left.add(last)
            else:
                _take_option(report, rest, object_format)
        else:
            last, report = None, None
            name, _, reason = rest.partition(" ")
            if word not in ("ok", "ng"):
                faults.append(
                    f"proc-receive reported bad status '{one_line(word)}' on ref '{one_line(name)}'"
                )
            elif name in others or name in answer.left:
                faults.append(f"proc-receive reported status on unexpected ref: {one_line(name)}")
            elif name not in asked:
                faults.append(f"proc-receive reported status on unknown ref: {one_line(name)}")
            elif word == "ng":
                answer.refused[name] = reason or "failed"
                answer.reports.pop(name, None)
            else:
                answer.reports.setdefault(name, [])
                last = name
    for name in answer.left:
        del answer.reports[name]
    for name in asked - {*answer.refused, *answer.reports, *answer.left}:
        answer.refused[name] = "proc-receive failed to report status"
    answer.failed = bool(answer.refused or answer.faults)
    return answer


def _agree(
    reader: PacketReader, send: Callable[[bytes], None], *, options: Sequence[str] | None, atomic: bool
) -> bool:
    """Agree on the version; return whether the hook wants the push options."""
    features = [*(["atomic"] if atomic else []), *(["push-options"] if options is not None else [])]
    hello = "version=1" + ("\0" + " ".join(features) if features else "\n")
    wants_options, version = False, "1"
    try:
        send(encode_packet(hello.encode()) + FLUSH)
        while isinstance(line := reader.read(), bytes):
            words, _, tokens = line.removesuffix(b"\n").partition(b"\0")
            if words.startswith(b"version="):
                version = words.removeprefix(b"version=").decode("ascii", "replace")
                wants_options = "push-options" in features and b"push-options" in tokens.split()
    except (OSError, PackcoreError):
        raise _Broken("fail to negotiate version with proc-receive hook") from None
    if version not in ("0", "1"):
        raise _Broken(f"proc-receive version '{one_line(version)}' is not supported")
    return wants_options


def _send(send: Callable[[bytes], None], packets: Iterable[bytes], what: str) -> None:
    try:
        for packet in packets:
            send(packet)
        send(FLUSH)
    except OSError:
        raise _Broken(f"fail to write {what} to proc-receive hook") from None


def _lines(reader: PacketReader) -> Iterator[str]:
    """Yield the lines of the report. Raises _Broken if there is none, or too many."""
    count = 0
    try:
        while isinstance(line := reader.read(), bytes):
            count += 1
            if count > _LINES_MAX:
                raise _Broken("proc-receive reported too much")
            yield line.removesuffix(b"\n").decode("utf-8", "surrogateescape")
    except (OSError, PackcoreError):
        if not count:
            raise _Broken("proc-receive exited abnormally") from None


def _take_option(report: RefReport, text: str, object_format: ObjectFormat) -> None:
    """Take an option that is known and well formed; others are skipped, as in git."""
    key, _, value = text.partition(" ")
    if key == "forced-update":
        report.is_forced = True
    elif key == "refname" and value:
        report.name = value
    elif key in ("old-oid", "new-oid"):
        try:
            oid = object_format.from_hex(value)
        except ValueError:
            return
        if key == "old-oid":
            report.old = oid
        else:
            report.new = oid


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def really_changed(update: RefUpdate, reports: Sequence[RefReport]) -> list[RefUpdate]:
    """Return what was changed for an update, as hooks after the push are told of it."""
    return [
        RefUpdate(
            report.name or update.name,
            update.old if report.old is None else report.old,
            update.new if report.new is None else report.new,
        )
        for report in reports
    ] or [update]


def report_lines(name: str, reports: Sequence[RefReport]) -> bytes:
    """Return the lines of report-status-v2 about a ref that was changed."""
    lines = [f"ok {name}"]
    for number, report in enumerate(reports):
        lines += [f"ok {name}"] if number else []
        lines += [f"option refname {report.name}"] if report.name else []
        lines += [f"option old-oid {report.old.hex()}"] if report.old is not None else []
        lines += [f"option new-oid {report.new.hex()}"] if report.new is not None else []
        lines += ["option forced-update"] if report.is_forced else []
    return b"".join(map(encode_text, lines))
