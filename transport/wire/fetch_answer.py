r"""Answers of upload-pack: acknowledgments, where history was cut, and then the pack.

    v2      [ acknowledgments (NAK | ACK <oid>*) [ready] ]     ready: 0001 and sections follow; else 0000
            [ shallow-info  (shallow <oid> | unshallow <oid>)*  0001 ]
            [ wanted-refs   (<oid> <name>)*                     0001 ]
            packfile  side-band packets  0000
    v0, v1  [ (shallow <oid> | unshallow <oid>)* 0000 ]         in each answer, if the request deepens
            ACK <oid> common *   ACK <oid> ready   NAK          a round
            ACK <oid> | NAK                                     after done (or, with no-done, after ready)
            the pack: side-band packets 0000, or raw bytes

Specified in gitprotocol-v2 and gitprotocol-pack. Open questions are decided as in git's fetch-pack.c, and
more strictly where that affects no real server: an ACK for an id that was never sent, sections that are out
of order or were not requested, and an unshallow of a commit that isn't shallow are errors.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packcore.refs import decode_ref_name
from transport.errors import AnswerTooLarge
from transport.safe_text import one_line
from transport.wire.pktline import Special
from transport.wire.ref_lines import parse_oid

if TYPE_CHECKING:
    from collections.abc import Collection, Container

    from packcore.ids import ObjectFormat, ObjectId
    from transport.wire.limits import WireLimits
    from transport.wire.pktline import PacketReader

__all__ = ["AnswerHead", "Asked", "read_head_v2", "read_round_v0", "read_shallow_list_v0"]


@dataclass(frozen=True, slots=True)
class Asked:
    """The parts of the request that the answer must agree with."""

    object_format: ObjectFormat
    haves: Container[ObjectId] = ()
    """Everything that was ever sent as `have` in this negotiation."""
    shallow: Collection[ObjectId] = ()
    want_refs: Collection[str] = ()
    done: bool = False
    no_done: bool = False
    """v0: the capability was requested, so the pack may directly follow `ready`."""


@dataclass(slots=True)
class AnswerHead:
    """The part of an answer before the pack."""

    pack_follows: bool = False
    ready: bool = False
    common: list[ObjectId] = field(default_factory=list)
    shallow: list[ObjectId] = field(default_factory=list)
    unshallow: list[ObjectId] = field(default_factory=list)
    wanted_refs: dict[str, ObjectId] = field(default_factory=dict)


_SECTIONS = ("acknowledgments", "shallow-info", "wanted-refs", "packfile")


def read_head_v2(reader: PacketReader, asked: Asked, limits: WireLimits) -> AnswerHead:
    """Read a v2 answer up to its pack, or up to its final flush if there is none.

    Raises RemoteError for an ERR line, RemoteProtocolError for anything else that isn't an answer.
    """
    head = AnswerHead()
    position = -1
    while True:
        line = reader.read_line("a section of the answer")
        name = line.decode("ascii", "replace") if isinstance(line, bytes) else ""
        if name not in _SECTIONS or _SECTIONS.index(name) <= position:
            raise reader.error(f"not a section that may come here: {one_line(name) or str(line)!r}")
        position = _SECTIONS.index(name)
        if name == "packfile":
            # Some servers (such as go-git's in tests) answer haves with the pack, without a word of
            # acknowledgment. Their pack is as good as any: it is checked in any case.
            head.pack_follows = True
            return head
        if name == "acknowledgments":
            if asked.done:
                raise reader.error("acknowledgments after done")
            _read_acknowledgments(reader, asked, head, limits)
            if not head.ready:
                return head
        elif name == "shallow-info":
            _read_shallow(reader, asked, head, Special.DELIM, limits)
        else:
            _read_wanted_refs(reader, asked, head)


def _read_acknowledgments(reader: PacketReader, asked: Asked, head: AnswerHead, limits: WireLimits) -> None:
    saw_nak = False
    while isinstance(line := reader.read_line("an acknowledgment"), bytes):
        if head.ready:
            raise reader.error("acknowledgments after ready")
        if line == b"ready":
            head.ready = True
        elif line == b"NAK" and not head.common and not saw_nak:
            saw_nak = True
        elif line.startswith(b"ACK ") and not saw_nak:
            _take_common(reader, line[4:], asked, head, limits)
        else:
            raise reader.error(f"not an acknowledgment: {one_line(line)!r}")
    if head.ready and line is not Special.DELIM:
        raise reader.error("expected packfile to be sent after 'ready', and a delimiter before it")
    if not head.ready and line is not Special.FLUSH:
        raise reader.error("acknowledgments end without a flush")


def _take_common(
    reader: PacketReader, text: bytes, asked: Asked, head: AnswerHead, limits: WireLimits
) -> ObjectId:
    oid = parse_oid(text, asked.object_format)
    if oid not in asked.haves:
        raise reader.error(f"an ACK for {oid.hex()}, which was never offered")
    if len(head.common) >= limits.acknowledgments:
        raise _too_many(limits, "acknowledgments")
    head.common.append(oid)
    return oid


def _too_many(limits: WireLimits, what: str) -> AnswerTooLarge:
    return AnswerTooLarge(f"more than {limits.acknowledgments:,} {what}", limit="WireLimits.acknowledgments")


def _read_shallow(
    reader: PacketReader, asked: Asked, head: AnswerHead, end: Special, limits: WireLimits
) -> None:
    lines = 0
    while isinstance(line := reader.read_line("shallow, unshallow or the end of the list"), bytes):
        lines += 1
        if lines > limits.acknowledgments:
            raise _too_many(limits, "shallow lines")
        kind, _, text = line.partition(b" ")
        if kind == b"shallow":
            head.shallow.append(parse_oid(text, asked.object_format))
        elif kind == b"unshallow":
            oid = parse_oid(text, asked.object_format)
            if oid not in asked.shallow:
                raise reader.error(f"an unshallow for {oid.hex()}, which isn't shallow")
            head.unshallow.append(oid)
        else:
            raise reader.error(f"neither shallow nor unshallow: {one_line(line)!r}")
    if line is not end:
        raise reader.error("the list of shallow commits ends wrongly")


def _read_wanted_refs(reader: PacketReader, asked: Asked, head: AnswerHead) -> None:
    if not asked.want_refs:
        raise reader.error("wanted-refs, which weren't asked for")
    while isinstance(line := reader.read_line("a wanted ref"), bytes):
        text, _, raw_name = line.partition(b" ")
        name = decode_ref_name(raw_name)
        if name not in asked.want_refs or name in head.wanted_refs:
            raise reader.error(f"a ref that wasn't asked for, or twice: {one_line(raw_name)!r}")
        head.wanted_refs[name] = parse_oid(text, asked.object_format)
    if line is not Special.DELIM:
        raise reader.error("wanted-refs end without a delimiter")


def read_shallow_list_v0(reader: PacketReader, asked: Asked, head: AnswerHead, limits: WireLimits) -> None:
    """Read the list at the start of each v0 answer to a request that deepens."""
    _read_shallow(reader, asked, head, Special.FLUSH, limits)


def read_round_v0(reader: PacketReader, asked: Asked, head: AnswerHead, limits: WireLimits) -> None:
    """Read the acknowledgments of one v0 or v1 answer into `head`; afterwards the pack may follow.

    A bare `ACK <oid>` is the last line before the pack. After done, so is `NAK`; otherwise that ends the
    round, and with no-done and ready, a bare ACK follows it. Raises what `read_head_v2` does.
    """
    naks = 0
    while True:
        line = reader.read_line("ACK or NAK")
        if line == b"NAK":
            if asked.done:
                head.pack_follows = True
                return
            if not (head.ready and asked.no_done):
                return
            naks += 1
            if naks > limits.acknowledgments:
                raise _too_many(limits, "NAK lines")
        elif isinstance(line, bytes) and line.startswith(b"ACK "):
            text, _, status = line[4:].partition(b" ")
            _take_common(reader, text, asked, head, limits)
            if status == b"ready":
                head.ready = True
            elif not status:
                head.pack_follows = True
                return
            elif status not in (b"common", b"continue"):
                raise reader.error(f"not an acknowledgment: {one_line(line)!r}")
        else:
            raise reader.error(f"neither ACK nor NAK: {one_line(line) if isinstance(line, bytes) else line}")
