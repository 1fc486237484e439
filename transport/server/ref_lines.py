"""Refs as upload-pack writes them: the lines of v0's and v1's advertisement, and of v2's ls-refs, framed."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from packcore.refs import encode_ref_name
from transport.server.fault_tokens import quoted
from transport.wire.pktline import PAYLOAD_BYTES_MAX, encode_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from transport.server.shown_refs import ShownRef, ShownRefs

__all__ = ["joined", "ls_refs_lines", "ref_lines_v0"]

_LINES_AT_ONCE = 500
"""Lines that are sent together: some 40 KB."""


def ref_lines_v0(names: list[bytes], ids: list[bytes], peeled: Iterable[bytes]) -> list[bytes]:
    """Return the lines of an advertisement, unframed and without capabilities.

    `ids` and `peeled` are in hex; a line of its own says what a tag comes to.
    """
    if not any(peeled := list(peeled)):
        return [b"%b %b" % row for row in zip(ids, names, strict=True)]
    lines = []
    for name, hexes, tagged in zip(names, ids, peeled, strict=True):
        lines.append(b"%b %b" % (hexes, name))
        if tagged:
            lines.append(b"%b %b^{}" % (tagged, name))
    return lines


def ls_refs_lines(refs: ShownRefs, asked: Collection[bytes]) -> Iterator[bytes]:
    """Yield the lines of ls-refs, framed, some hundred at once; `asked` are the words of the request."""
    is_peeled, special = b"peel" in asked, refs.special
    if not is_peeled or not any(refs.peeled):
        lines = [b"%b %b" % row for row in zip(refs.ids, refs.names, strict=True)]
    else:
        lines = [
            b"%b %b peeled:%b" % row if row[2] else b"%b %b" % row[:2]
            for row in zip(refs.ids, refs.names, refs.peeled, strict=True)
        ]
    if special:
        lines = [
            _special_line(special[name], line, asked) if name in special else line
            for name, line in zip(refs.names, lines, strict=True)
        ]
    yield from joined(filter(None, lines))


def _special_line(ref: ShownRef, line: bytes, asked: Collection[bytes]) -> bytes:
    """Return a line with what more there is to say; empty where a client isn't told of the ref."""
    if ref.is_dangling and b"unreadable" not in asked:
        return b""
    line, separator, peeled = line.partition(b" peeled:")
    if ref.symref is not None and b"symrefs" in asked:
        line += b" symref-target:" + encode_ref_name(ref.symref)
    line += separator + peeled
    if ref.fault is not None and b"unreadable" in asked:
        line += b" unreadable:" + quoted(ref.fault)
    return line


def joined(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Frame lines, and yield some hundred at once. Raises LocalProtocolError for one that is too long."""
    remaining = iter(lines)
    while gathered := list(islice(remaining, _LINES_AT_ONCE)):
        if max(map(len, gathered)) > PAYLOAD_BYTES_MAX - 1:
            yield b"".join(map(encode_text, gathered))
        else:
            yield b"".join([b"%04x%b\n" % (len(line) + 5, line) for line in gathered])
