r"""The advertisement: the first message of a server, in three versions of the protocol.

    v0  [ "# service=git-upload-pack" (metadata lines) 0000 ]          over HTTP only
        <oid> SP <name> NUL <capabilities>                             the first line
        <oid> SP <name>        <oid> SP <name>^{}     a tag, peeled    <oid> SP .have   receive-pack
        shallow SP <oid>
        0000
    v1  the same, with the line "version 1" before the first ref
    v2  "version 2", a capability each line, 0000; refs come on request (`ls_refs`)

    empty repository    <zero id> SP capabilities^{} NUL <capabilities> 0000, or no line at all (before 2.41)

Specified in gitprotocol-http, gitprotocol-pack and gitprotocol-v2; the shapes of real servers are
recorded in tests/transcripts. A server may answer in a lower version than requested. GitHub sends `# service`
before version 2; git's own server doesn't.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

from packcore.ids import SHA1, ObjectFormat, ObjectId
from transport.errors import AnswerTooLarge, RemoteProtocolError, UnsupportedByRemote
from transport.safe_text import one_line
from transport.wire.capabilities import Capabilities, parse_capabilities, parse_capabilities_v2
from transport.wire.limits import WireLimits
from transport.wire.pktline import PacketReader, Special
from transport.wire.ref_lines import RefCollector, parse_oid
from transport.wire.ref_runs import take_run_v0

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from packcore.refs import RefKind
    from transport.wire.headway import Headway

__all__ = ["Advertisement", "parse_advertisement"]


@dataclass(frozen=True, slots=True)
class Advertisement:
    """The first message of a server (and, in v2, the result of `ls-refs`). Names are checked, ids raw."""

    version: int
    """0, 1 or 2: the version that the server speaks, not the requested one."""
    capabilities: Capabilities
    refs: Mapping[str, ObjectId] = field(default_factory=dict)
    """Without HEAD, in the order listed. As read from a remote, these are `RefColumns`; so are `peeled`."""
    peeled: Mapping[str, ObjectId] = field(default_factory=dict)
    """Maps each annotated tag among `refs` (or HEAD) to the object it finally points to."""
    symrefs: dict[str, str] = field(default_factory=dict)
    """Symbolic refs, such as HEAD: refs/heads/main; the target may be unborn."""
    head: ObjectId | None = None
    """The id of HEAD; None if it is unborn or not listed."""
    haves: tuple[ObjectId, ...] = ()
    """The `.have` lines: tips of objects that the server has besides its refs."""
    shallow: tuple[ObjectId, ...] = ()
    """Commits whose parents the server lacks."""
    warnings: tuple[str, ...] = ()
    """Oddities that were ignored; safe to show."""
    unreadable: dict[str, str] = field(default_factory=dict)
    """Maps refs (and folders of refs) that exist but can't be fetched to the reason."""
    may_lack_names: bool = False
    """Whether the server may have refs besides `refs` and `unreadable`."""
    head_fault: str | None = None
    """Why HEAD can't be fetched, if the server lists it but can't read it."""
    hidden: frozenset[RefKind] = frozenset()
    """The kinds of refs that the server says it partly hides; git's servers don't say."""

    @property
    def tips(self) -> dict[str, ObjectId]:
        """The id of every ref that exists: the zero id if the server can't read it."""
        return {**dict.fromkeys(self.unreadable, self.object_format.zero), **self.refs}

    @property
    def object_format(self) -> ObjectFormat:
        """The object format of the server."""
        return self.capabilities.object_format


def parse_advertisement(
    blocks: Iterable[bytes],
    service: str,
    *,
    limits: WireLimits | None = None,
    to_end: bool = True,
    headway: Headway | None = None,
) -> Advertisement:
    """Parse an advertisement of `service` from blocks in any split.

    With `to_end`, the stream must end with it, as an HTTP body does. `headway` counts what was read. Raises
    RemoteError for an ERR line, RemoteProtocolError for anything that breaks the protocol, AnswerTooLarge for
    an endless list, and UnsupportedByRemote for an unknown version or object format.
    """
    limits = limits or WireLimits()
    reader = PacketReader(
        blocks, bytes_max=limits.advertisement_bytes, limit="advertisement_bytes", headway=headway
    )
    _skip_service_section(reader, service, limits)
    first = reader.read_line("a ref or a version")
    version = _version_of(first)
    if version == 2:
        result = _parse_v2(reader, limits)
    elif version == 1:
        result = _parse_refs(reader, reader.read_line("a ref"), 1, service, limits)
    else:
        result = _parse_refs(reader, first, 0, service, limits)
    if to_end:
        reader.expect_end()
    return result


def _skip_service_section(reader: PacketReader, service: str, limits: WireLimits) -> None:
    """Skip `# service=...`, further lines and the flush; their absence is not an error."""
    packet = reader.read("the start of an advertisement")
    if isinstance(packet, Special) or not packet.startswith(b"# "):
        reader.push_back(packet)
        return
    announced = packet.removesuffix(b"\n")
    if announced != b"# service=" + service.encode():
        raise reader.error(f"not an advertisement of {service}: {one_line(announced, limit=100)!r}")
    for _ in range(limits.metadata_lines):
        line = reader.read_line("the flush after # service")
        if line is Special.FLUSH:
            return
        if isinstance(line, Special):
            raise reader.error("no flush after # service")
    raise _too_many(limits, "lines before the list")


def _too_many(limits: WireLimits, what: str) -> AnswerTooLarge:
    return AnswerTooLarge(f"more than {limits.metadata_lines} {what}", limit="WireLimits.metadata_lines")


def _version_of(line: bytes | Special) -> int | None:
    if isinstance(line, Special) or not line.startswith(b"version "):
        return None
    if line in (b"version 1", b"version 2"):
        return int(line[-1:])
    raise UnsupportedByRemote(f"the remote speaks protocol {one_line(line, limit=40)!r}, which we don't")


def _parse_v2(reader: PacketReader, limits: WireLimits) -> Advertisement:
    lines: list[bytes] = []
    while (line := reader.read_line("a capability or the flush")) is not Special.FLUSH:
        if isinstance(line, Special):
            raise reader.error("a section ends inside the list of capabilities")
        if len(lines) >= limits.metadata_lines:
            raise _too_many(limits, "lines of capabilities")
        lines.append(line)
    return Advertisement(2, parse_capabilities_v2(lines))


class _State(Enum):
    FIRST = auto()
    REFS = auto()
    SHALLOW = auto()


class _RefList:
    """The state machine of a v0 or v1 list: FIRST -> REFS -> SHALLOW, a flush ends it anywhere."""

    def __init__(self, service: str, limits: WireLimits) -> None:
        self._for_push = service == "git-receive-pack"
        self._limits = limits
        self._state = _State.FIRST
        self.capabilities = Capabilities()
        self.refs = RefCollector(SHA1, limits)
        self.haves: dict[ObjectId, None] = {}
        self.shallow: dict[ObjectId, None] = {}

    @property
    def may_take_run(self) -> bool:
        """Whether refs may come now."""
        return self._state is _State.REFS

    def take(self, line: bytes) -> None:
        line, nul, capabilities = line.partition(b"\0")
        if self._state is _State.FIRST:
            self._state = _State.REFS
            self.capabilities = parse_capabilities(capabilities)
            self.refs.object_format = self.capabilities.object_format
            if self._is_dummy(line):
                self._state = _State.SHALLOW
                return
        elif nul:
            self.refs.warn("capabilities after a later ref were ignored")
        if line.startswith(b"shallow "):
            self._take_shallow(line)
        else:
            self._take_ref(line)

    def _is_dummy(self, line: bytes) -> bool:
        return line == self.refs.object_format.zero.hex().encode() + b" capabilities^{}"

    def _take_shallow(self, line: bytes) -> None:
        self._state = _State.SHALLOW
        self.refs.count_line()
        self.refs.hold()
        self.shallow[parse_oid(line[8:], self.refs.object_format)] = None

    def _take_ref(self, line: bytes) -> None:
        hex_oid, separator, name = line.partition(b" ")
        if self._state is _State.SHALLOW or name == b"capabilities^{}" or not separator or not name:
            raise RemoteProtocolError(f"not expected in a list of refs: {one_line(line, limit=200)!r}")
        oid = parse_oid(hex_oid, self.refs.object_format)
        if name == b".have" and self._for_push:
            self.refs.count_line()
            self.refs.hold()
            self.haves[oid] = None
        elif name.endswith(b"^{}"):
            self.refs.add_peeled(name[:-3], oid)
        else:
            self.refs.add(name, oid)


def _parse_refs(
    reader: PacketReader, line: bytes | Special, version: int, service: str, limits: WireLimits
) -> Advertisement:
    listed = _RefList(service, limits)
    while line is not Special.FLUSH:
        if isinstance(line, Special):
            raise reader.error("a section ends inside the list of refs")
        listed.take(line)
        while listed.may_take_run and (lines := reader.read_lines()):
            if not take_run_v0(lines, listed.refs):
                reader.reread()
        line = reader.read_line("a ref or the flush")
    for name, target in listed.capabilities.symrefs:
        listed.refs.add_symref(name, target)
    if listed.capabilities.unreadable_listed:
        listed.refs.take_unreadable(listed.capabilities.unreadable)
    return Advertisement(
        version=version,
        capabilities=listed.capabilities,
        refs=listed.refs.refs(),
        peeled=listed.refs.peeled(),
        symrefs=listed.refs.symrefs,
        head=listed.refs.head,
        haves=tuple(listed.haves),
        shallow=tuple(listed.shallow),
        warnings=listed.refs.warnings(),
        unreadable=listed.refs.unreadable,
        may_lack_names=listed.refs.may_lack_names,
        head_fault=listed.refs.head_fault,
        hidden=listed.capabilities.hidden,
    )
