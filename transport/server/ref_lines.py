"""Refs as upload-pack writes them: the lines of v0's and v1's advertisement, and of v2's ls-refs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.refs import encode_ref_name
from transport.server.fault_tokens import quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from transport.server.ref_prefixes import RefPrefixes
    from transport.server.shown_refs import ShownRef

__all__ = ["is_wanted", "ls_refs_line", "ref_lines_v0"]


def ref_lines_v0(refs: Iterable[ShownRef]) -> list[bytes]:
    """Return the lines of an advertisement, without capabilities; dangling symbolic refs have none."""
    lines = []
    for ref in refs:
        if ref.is_dangling:
            continue
        lines.append(b"%s %s" % (ref.oid.hex().encode(), ref.name))
        if ref.peeled is not None:
            lines.append(b"%s %s^{}" % (ref.peeled.hex().encode(), ref.name))
    return lines


def is_wanted(ref: ShownRef, prefixes: RefPrefixes) -> bool:
    """Return whether the prefixes ask for a ref."""
    # What can't be read may be a folder of refs, above those that are asked for.
    return prefixes.wants(ref.name) or (not any(ref.oid) and prefixes.want_below(ref.name))


def ls_refs_line(ref: ShownRef, asked: Collection[bytes]) -> bytes:
    """Return a line of ls-refs; `asked` are the words of the request."""
    line = b"%s %s" % (ref.oid.hex().encode(), ref.name)
    if ref.symref is not None and b"symrefs" in asked:
        line += b" symref-target:" + encode_ref_name(ref.symref)
    if ref.peeled is not None and b"peel" in asked:
        line += b" peeled:" + ref.peeled.hex().encode()
    if ref.fault is not None and b"unreadable" in asked:
        line += b" unreadable:" + quoted(ref.fault)
    return line
