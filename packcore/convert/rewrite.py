r"""One object's bytes with the ids in it replaced: trees raw, commits and tags in hex.

    tree      mode blank name NUL <id>
    commit    tree <hex>, parent <hex> ...     gpgsig, gpgsig-sha256 and mergetag are left out: what they
    tag       object <hex>                     sign is gone; a tag's signature stands at its message's end

Everything else stays as it lies, odd modes and unknown headers included.

>>> rewrite_tree(b"100644 a\0" + b"\1" * 20, 20, {b"\1" * 20: b"\2" * 32})[-3:]
b'\x02\x02\x02'
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import CorruptObject
from packcore.ids import ObjectId

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Message", "rewrite_message", "rewrite_tree", "split_message"]

_SIGNATURES = (b"gpgsig", b"gpgsig-sha256", b"mergetag")
_TAG_SIGNATURE = re.compile(
    rb"(?m)^-----BEGIN (?:PGP SIGNATURE|PGP MESSAGE|SSH SIGNATURE|SIGNED MESSAGE)-----$"
)
_HEADER_END = re.compile(rb"\n(?! )")  # a line that begins with a blank goes on with the header before
_LINKS = (b"tree", b"parent", b"object")


class Message(NamedTuple):
    """A commit or tag, its header lines apart from its text."""

    headers: tuple[bytes, ...]
    """Each header whole, folded lines included, without the last line feed."""
    text: bytes
    """What follows the empty line, that line included."""
    signatures: int
    """How many signatures were left out."""


def split_message(data: bytes, *, is_tag: bool) -> Message:
    """Take a commit or tag apart, and leave its signatures out."""
    if data.startswith(b"\n"):
        return Message((), data, 0)
    head, empty, text = data.partition(b"\n\n")
    headers = _HEADER_END.split(head.removesuffix(b"\n"))
    kept = [header for header in headers if header.split(b" ", 1)[0] not in _SIGNATURES]
    signatures = len(headers) - len(kept)
    if is_tag and (match := _TAG_SIGNATURE.search(text)):
        text = text[: match.start()]
        signatures += 1
    # Without an empty line the headers are all there is.
    return Message(tuple(kept), b"\n" + text if empty else b"", signatures)


def rewrite_message(
    message: Message, ids: Mapping[ObjectId, ObjectId], text: Callable[[bytes], bytes], oid: str
) -> bytes:
    """Put a commit or tag together again, its links and its text replaced.

    `ids` maps raw ids. Raises CorruptObject for a link that isn't an id, KeyError for an unknown one.
    """
    lines = []
    for header in message.headers:
        keyword, _, value = header.partition(b" ")
        if keyword in _LINKS:
            try:
                header = keyword + b" " + ids[ObjectId(bytes.fromhex(value.decode("ascii")))].hex().encode()
            except ValueError:
                raise CorruptObject(f"its {keyword.decode()} line holds no id", oid=oid) from None
        lines.append(header)
    return b"".join(line + b"\n" for line in lines) + text(message.text)


def rewrite_tree(data: bytes, digest_size: int, ids: Mapping[ObjectId, ObjectId]) -> bytes:
    """Return a tree with its ids replaced. Raises KeyError for an unknown one; the bytes must be a tree's."""
    pieces: list[bytes] = []
    position = 0
    while position < len(data):
        name_end = data.index(b"\0", position) + 1
        pieces += (data[position:name_end], ids[ObjectId(data[name_end : name_end + digest_size])])
        position = name_end + digest_size
    return b"".join(pieces)
