"""What a client asks of upload-pack, read from its pkt-lines: the server's side of `wire.upload_pack`.

    v2      command=ls-refs | command=fetch, capabilities, 0001, arguments, 0000
    v0, v1  want lines (the first with capabilities), shallow and deepen lines, 0000, then haves

Specified in gitprotocol-v2 and gitprotocol-pack. Only what `server.upload_pack` advertises is
understood; anything else is refused by name. A client's fault is a `BadRequest`, whose text it is told.

Each line is judged when it is read, within a `Budget`: what is wanted must be here, and of haves and shallow
commits only those are kept that are. What a request holds is so bounded by what the repository holds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from transport.safe_text import one_line
from transport.server.budget import BadRequest, Budget
from transport.wire.pktline import Special

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from packcore.ids import ObjectFormat, ObjectId
    from packcore.object_filter import Filter
    from transport.server.view import RepositoryView
    from transport.wire.pktline import Packet, PacketReader

__all__ = [
    "BadRequest",
    "Command",
    "FetchRequest",
    "KnownIds",
    "read_command",
    "read_fetch_v2",
    "read_oid",
    "read_wants_v0",
]

DEPTH_MAX = 0x7FFFFFFF
"""What git sends for `--unshallow`: all of history."""
_CAPABILITIES_MAX = 64
"""Lines before the arguments of a v2 request: git sends four."""
_ABSENT_MAX = 65_536
"""Ids that aren't here and are remembered, so that naming them again costs no lookup."""


class KnownIds:
    """Ids that a client names, of which those are kept that are here, each once, in the order of naming."""

    def __init__(self, has: Callable[[ObjectId], bool], budget: Budget) -> None:
        self.found: dict[ObjectId, None] = {}
        self._has = has
        self._budget = budget
        self._absent: set[ObjectId] = set()

    def add(self, oid: ObjectId) -> bool:
        """Take an id; return whether it is here and was not named before. Raises BadRequest."""
        if oid in self.found or oid in self._absent:
            self._budget.repeated()
            return False
        if self._has(oid):
            self.found[oid] = None
            return True
        self._budget.absent()
        if len(self._absent) >= _ABSENT_MAX:
            self._absent.clear()
        self._absent.add(oid)
        return False


class Command(NamedTuple):
    """A v2 request's head, and its arguments as they are read."""

    name: str
    arguments: Iterator[bytes]
    capabilities: list[bytes]
    """Those that say something of the client."""


@dataclass(slots=True)
class FetchRequest:
    """What to send, and how."""

    wants: dict[ObjectId, None] = field(default_factory=dict)
    """All of them are here."""
    common: dict[ObjectId, None] = field(default_factory=dict)
    """Those haves that are here (v2; v0 and v1 send them after the request)."""
    has_haves: bool = False
    """Whether there was any have (v2)."""
    shallow: dict[ObjectId, None] = field(default_factory=dict)
    """Those of the client's shallow commits that are here."""
    want_refs: dict[bytes, ObjectId] = field(default_factory=dict)
    """Refs that are wanted by name (v2), as they are now."""
    depth: int | None = None
    deepen_relative: bool = False
    """Whether the depth counts from where the client's history is cut now."""
    deepen_since: int | None = None
    """Seconds since 1970: older commits are cut off."""
    deepen_not: dict[ObjectId, None] = field(default_factory=dict)
    """What the refs point to whose history is cut off."""
    filter: Filter | None = None
    """What to leave out; None: nothing."""
    find_damage: bool = False
    """Send no pack, but say which wants can't be sent."""
    done: bool = False
    wait_for_done: bool = False
    ofs_delta: bool = False
    include_tag: bool = False
    no_progress: bool = False

    @property
    def cuts_by_rule(self) -> bool:
        """Whether history is cut by date or by refs, and not by depth."""
        return self.deepen_since is not None or bool(self.deepen_not)

    # v0 and v1 only
    multi_ack_detailed: bool = False
    no_done: bool = False
    capabilities: list[bytes] = field(default_factory=list)
    """What the client asks for, word by word."""
    band_bytes: int | None = None
    """Longest payload of a side-band packet, band included; None: the pack goes out raw."""


def read_command(reader: PacketReader, object_format: ObjectFormat, budget: Budget) -> Command | None:
    """Read a v2 request's head; None where the client has nothing to ask. Raises BadRequest.

    The arguments are read as they are iterated over, which raises BadRequest too.
    """
    line = reader.read_or_end()
    if line is None or line is Special.FLUSH:
        return None
    name = None
    announced = "sha1"
    capabilities = []
    lines_before = budget.lines
    while isinstance(line, bytes):
        budget.line()
        if budget.lines - lines_before > _CAPABILITIES_MAX:
            raise BadRequest("too many capabilities")
        key, _, value = line.removesuffix(b"\n").partition(b"=")
        if key == b"command" and name is None:
            name = value.decode("ascii", "replace")
        elif key == b"object-format":
            announced = value.decode("ascii", "replace")
        elif key == b"session-id":
            capabilities.append(line.removesuffix(b"\n"))
        elif key not in (b"agent", b"server-option"):
            raise BadRequest(f"unknown capability {one_line(line, limit=100)!r}")
        line = reader.read("the rest of a request")
    if name is None:
        raise BadRequest("no command requested")
    _check_format(announced, object_format)
    return Command(name, _arguments(reader, line, budget, name), capabilities)


def _arguments(reader: PacketReader, line: Packet, budget: Budget, name: str) -> Iterator[bytes]:
    if line is not Special.DELIM:
        return
    while isinstance(argument := reader.read("an argument or the flush"), bytes):
        budget.line()
        yield argument.removesuffix(b"\n")
    if argument is not Special.FLUSH:
        raise BadRequest(f"expected flush after {one_line(name, limit=100)} arguments")


_FLAGS_V2 = {
    b"ofs-delta": "ofs_delta",
    b"include-tag": "include_tag",
    b"no-progress": "no_progress",
    b"done": "done",
    b"wait-for-done": "wait_for_done",
    b"deepen-relative": "deepen_relative",
    b"find-damage": "find_damage",
}


def read_fetch_v2(arguments: Iterator[bytes], view: RepositoryView, budget: Budget) -> FetchRequest:
    """Read the arguments of v2's fetch. Raises BadRequest."""
    request = FetchRequest(band_bytes=65516)
    lines = _Lines(request, view, budget, may_want=view.finds)
    for argument in arguments:
        if argument in _FLAGS_V2:
            name = _FLAGS_V2[argument]
            if getattr(request, name):
                budget.repeated()
            setattr(request, name, True)
        elif argument.startswith(b"have "):
            lines.have(argument[5:])
        elif argument.startswith(b"want-ref ") and view.allows_ref_in_want:
            lines.want_ref(argument[9:])
        elif argument == b"thin-pack":
            lines.once(argument)  # leave to send one, which we don't use
        elif not lines.take(argument):
            raise BadRequest(f"unexpected line: {one_line(argument, limit=100)!r}")
    _check_cut(request)
    return request


def read_wants_v0(
    reader: PacketReader, view: RepositoryView, budget: Budget, *, lasting: bool = False
) -> FetchRequest | None:
    """Read the first part of a v0 or v1 request, up to its flush; None where nothing is wanted.

    `lasting`: the refs were listed over the same connection. Raises BadRequest.
    """
    request = FetchRequest()
    lines = _Lines(request, view, budget, may_want=view.finds)
    while isinstance(line := reader.read_or_end(), bytes):
        budget.line()
        line = line.removesuffix(b"\n")
        if not request.wants and line.startswith(b"want "):
            want, _, tokens = line[5:].partition(b" ")
            _take_capabilities(request, tokens.split(), view.object_format)
            line = b"want " + want
        if not lines.take(line):
            raise BadRequest(
                f"git upload-pack: protocol error, expected to get object ID, not {one_line(line)!r}"
            )
    if line is Special.DELIM:
        raise BadRequest("a section ends inside the wants")
    _check_cut(request)
    view.refuse_foreign(request.wants, only_tips=lasting)
    return request if request.wants else None


_ONCE = (b"deepen", b"deepen-since", b"filter")


class _Lines:
    """Puts a request together, line by line."""

    def __init__(
        self,
        request: FetchRequest,
        view: RepositoryView,
        budget: Budget,
        *,
        may_want: Callable[[ObjectId], bool],
    ) -> None:
        self._request = request
        self._view = view
        self._budget = budget
        self._may_want = may_want
        self._kinds: set[bytes] = set()
        self._haves = KnownIds(view.has, budget)
        self._shallow = KnownIds(view.has, budget)
        request.common, request.shallow = self._haves.found, self._shallow.found

    def have(self, text: bytes) -> None:
        self._request.has_haves = True
        self._haves.add(read_oid(text, self._view.object_format))

    def want_ref(self, name: bytes) -> None:
        if name in self._request.want_refs:
            self._budget.repeated()
        else:
            self._request.want_refs[name] = self._view.wanted_ref(name)

    def once(self, kind: bytes) -> None:
        """Count a line as repeated if there was one of its kind. Raises BadRequest."""
        if kind in self._kinds:
            self._budget.repeated()
        self._kinds.add(kind)

    def take(self, line: bytes) -> bool:
        """Take a line that all versions have; return False for any other."""
        kind, _, text = line.partition(b" ")
        if kind == b"want":
            self._want(read_oid(text, self._view.object_format))
        elif kind == b"shallow":
            self._shallow.add(read_oid(text, self._view.object_format))
        elif kind in _ONCE:
            return self._take_one(kind, text)
        elif kind == b"deepen-not" and text:
            self._cut_off(self._view.excluded_ref(text))
        else:
            return False
        return True

    def _take_one(self, kind: bytes, text: bytes) -> bool:
        """Take a line of a kind that git sends once; of several the last one counts."""
        request = self._request
        self.once(kind)
        if kind == b"deepen" and text.isdigit() and len(text) <= 10 and 0 < int(text) <= DEPTH_MAX:
            request.depth = int(text)
        elif kind == b"deepen-since" and text.isdigit() and len(text) <= 19:
            request.deepen_since = int(text)
        elif kind == b"filter" and self._view.allows_filter:
            from transport.server.filters import read_filter

            request.filter = read_filter(text, self._view)
        else:
            return False
        return True

    def _want(self, oid: ObjectId) -> None:
        if oid in self._request.wants:
            self._budget.repeated()
            return
        if not self._may_want(oid):
            raise BadRequest(self._view.not_our_ref(oid))
        self._request.wants[oid] = None

    def _cut_off(self, oid: ObjectId) -> None:
        if oid in self._request.deepen_not:
            self._budget.repeated()
        self._request.deepen_not[oid] = None


def _check_cut(request: FetchRequest) -> None:
    if request.depth is not None and request.cuts_by_rule:
        raise BadRequest("deepen and deepen-since (or deepen-not) cannot be used together")


def _take_capabilities(request: FetchRequest, tokens: list[bytes], object_format: ObjectFormat) -> None:
    request.capabilities = tokens
    request.multi_ack_detailed = b"multi_ack_detailed" in tokens
    request.no_done = b"no-done" in tokens
    request.deepen_relative = b"deepen-relative" in tokens
    request.ofs_delta = b"ofs-delta" in tokens
    request.include_tag = b"include-tag" in tokens
    request.no_progress = b"no-progress" in tokens
    if b"side-band-64k" in tokens:
        request.band_bytes = 65516
    elif b"side-band" in tokens:
        request.band_bytes = 996
    # git's own client names no format here, whatever it uses.
    announced = [
        token[14:].decode("ascii", "replace") for token in tokens if token.startswith(b"object-format=")
    ]
    if announced:
        _check_format(announced[0], object_format)


def _check_format(announced: str, object_format: ObjectFormat) -> None:
    if announced != object_format.name:
        raise BadRequest(
            f"mismatched object format: server {object_format.name}; client {one_line(announced)}"
        )


def read_oid(text: bytes, object_format: ObjectFormat) -> ObjectId:
    """Return the id that a line holds in hex. Raises BadRequest."""
    try:
        return object_format.from_hex(text)
    except ValueError:
        raise BadRequest(f"not an object id: {one_line(text, limit=100)!r}") from None
