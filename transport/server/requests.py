"""What a client asks of upload-pack, read from its pkt-lines: the server's side of `wire.upload_pack`.

    v2      command=ls-refs | command=fetch, capabilities, 0001, arguments, 0000
    v0, v1  want lines (the first with capabilities), shallow and deepen lines, 0000, then haves

Specified in gitprotocol-v2 and gitprotocol-pack. Only what `server.upload_pack` advertises is
understood; anything else is refused by name. A client's fault is a `BadRequest`, whose text it is told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from packcore.refs import decode_ref_name
from transport.errors import RemoteProtocolError
from transport.safe_text import one_line
from transport.wire.pktline import Special

if TYPE_CHECKING:
    from packcore.ids import ObjectFormat, ObjectId
    from transport.wire.pktline import PacketReader

__all__ = [
    "BadRequest",
    "Command",
    "FetchRequest",
    "Filter",
    "read_command",
    "read_fetch_v2",
    "read_wants_v0",
]

LINES_MAX = 4_000_000
"""Lines of one request."""
DEPTH_MAX = 0x7FFFFFFF
"""What git sends for `--unshallow`: all of history."""


class BadRequest(RemoteProtocolError):
    """A client asks for what it must not, or in a way that isn't the protocol."""


@dataclass(frozen=True, slots=True)
class Command:
    """A v2 request's head and arguments."""

    name: str
    arguments: list[bytes]


class Filter(NamedTuple):
    """What a partial clone leaves out, unless it is wanted by its own id."""

    trees: bool
    """Leave out all trees and blobs (tree:0)."""
    blob_bytes: int
    """Leave out blobs of this size and more: 0 for all (blob:none)."""


@dataclass(slots=True)
class FetchRequest:
    """What to send, and how."""

    wants: list[ObjectId] = field(default_factory=list)
    haves: list[ObjectId] = field(default_factory=list)
    shallow: set[ObjectId] = field(default_factory=set)
    want_refs: list[bytes] = field(default_factory=list)
    """Refs that are wanted by name (v2)."""
    depth: int | None = None
    deepen_relative: bool = False
    """Whether the depth counts from where the client's history is cut now."""
    deepen_since: int | None = None
    """Seconds since 1970: older commits are cut off."""
    deepen_not: list[str] = field(default_factory=list)
    """Refs, short or full, whose history is cut off."""
    filter: Filter | None = None
    """What to leave out; None: nothing."""
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
    band_bytes: int | None = None
    """Longest payload of a side-band packet, band included; None: the pack goes out raw."""


def read_command(reader: PacketReader, object_format: ObjectFormat) -> Command | None:
    """Read a v2 request; None where the client has nothing to ask. Raises BadRequest."""
    line = reader.read_or_end()
    if line is None or line is Special.FLUSH:
        return None
    name = None
    announced = "sha1"
    while isinstance(line, bytes):
        key, _, value = line.removesuffix(b"\n").partition(b"=")
        if key == b"command" and name is None:
            name = value.decode("ascii", "replace")
        elif key == b"object-format":
            announced = value.decode("ascii", "replace")
        elif key not in (b"agent", b"session-id"):
            raise BadRequest(f"unknown capability {one_line(line, limit=100)!r}")
        line = reader.read("the rest of a request")
    if name is None:
        raise BadRequest("no command requested")
    if announced != object_format.name:
        raise BadRequest(
            f"mismatched object format: server {object_format.name}; client {one_line(announced)}"
        )
    arguments: list[bytes] = []
    if line is Special.DELIM:
        while isinstance(argument := reader.read("an argument or the flush"), bytes):
            arguments.append(argument.removesuffix(b"\n"))
            if len(arguments) > LINES_MAX:
                raise BadRequest("too many lines")
        if argument is not Special.FLUSH:
            raise BadRequest("expected flush after arguments")
    return Command(name, arguments)


_FLAGS_V2 = {
    b"ofs-delta": "ofs_delta",
    b"include-tag": "include_tag",
    b"no-progress": "no_progress",
    b"done": "done",
    b"wait-for-done": "wait_for_done",
    b"deepen-relative": "deepen_relative",
}


def read_fetch_v2(arguments: list[bytes], object_format: ObjectFormat) -> FetchRequest:
    """Read the arguments of v2's fetch. Raises BadRequest."""
    request = FetchRequest(band_bytes=65516)
    for argument in arguments:
        if argument in _FLAGS_V2:
            setattr(request, _FLAGS_V2[argument], True)
        elif argument.startswith(b"have "):
            request.haves.append(_oid(argument[5:], object_format))
        elif argument.startswith(b"want-ref "):
            request.want_refs.append(argument[9:])
        elif argument == b"thin-pack":
            continue  # leave to send one, which we don't use
        elif not _take_want_or_cut(request, argument, object_format):
            raise BadRequest(f"unexpected line: {one_line(argument, limit=100)!r}")
    _check_cut(request)
    return request


def read_wants_v0(reader: PacketReader, object_format: ObjectFormat) -> FetchRequest | None:
    """Read the first part of a v0 or v1 request, up to its flush; None where nothing is wanted."""
    request = FetchRequest()
    lines = 0
    while isinstance(line := reader.read_or_end(), bytes):
        line = line.removesuffix(b"\n")
        lines += 1
        if lines > LINES_MAX:
            raise BadRequest("too many lines")
        if not request.wants and line.startswith(b"want "):
            want, _, tokens = line[5:].partition(b" ")
            _take_capabilities(request, tokens.split(), object_format)
            line = b"want " + want
        if not _take_want_or_cut(request, line, object_format):
            raise BadRequest(
                f"git upload-pack: protocol error, expected to get object ID, not {one_line(line)!r}"
            )
    if line is Special.DELIM:
        raise BadRequest("a section ends inside the wants")
    _check_cut(request)
    return request if request.wants else None


def _take_want_or_cut(request: FetchRequest, line: bytes, object_format: ObjectFormat) -> bool:
    kind, _, text = line.partition(b" ")
    if kind == b"want":
        request.wants.append(_oid(text, object_format))
    elif kind == b"shallow":
        request.shallow.add(_oid(text, object_format))
    elif kind == b"deepen" and text.isdigit() and len(text) <= 10 and 0 < int(text) <= DEPTH_MAX:
        request.depth = int(text)
    elif kind == b"deepen-since" and text.isdigit() and len(text) <= 19:
        request.deepen_since = int(text)
    elif kind == b"deepen-not" and text:
        request.deepen_not.append(decode_ref_name(text))
    elif kind == b"filter":
        request.filter = _filter(text)
    else:
        return False
    return True


def _check_cut(request: FetchRequest) -> None:
    if request.depth is not None and request.cuts_by_rule:
        raise BadRequest("deepen and deepen-since (or deepen-not) cannot be used together")


_FILTER = re.compile(rb"blob:limit=([0-9]{1,15})([kmg]?)\Z")


def _filter(spec: bytes) -> Filter:
    if spec == b"blob:none":
        return Filter(trees=False, blob_bytes=0)
    if spec == b"tree:0":
        return Filter(trees=True, blob_bytes=0)
    if match := _FILTER.match(spec):
        return Filter(
            trees=False, blob_bytes=int(match[1]) << {b"": 0, b"k": 10, b"m": 20, b"g": 30}[match[2]]
        )
    raise BadRequest(f"a filter that is not understood here: {one_line(spec, limit=100)!r}")


def _take_capabilities(request: FetchRequest, tokens: list[bytes], object_format: ObjectFormat) -> None:
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
    if announced and announced[0] != object_format.name:
        raise BadRequest(
            f"mismatched object format: server {object_format.name}; client {one_line(announced[0])}"
        )


def _oid(text: bytes, object_format: ObjectFormat) -> ObjectId:
    try:
        return object_format.from_hex(text)
    except ValueError:
        raise BadRequest(f"not an object id: {one_line(text, limit=100)!r}") from None
