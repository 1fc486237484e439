r"""Replace the ids in the bytes of one object: raw in trees, hex in commits and tags.

    tree      mode blank name NUL <id>
    commit    tree <hex>, parent <hex> ...     gpgsig, gpgsig-sha256 and mergetag are removed: what they
    tag       object <hex>                     sign is gone; a tag has its signature at the end of its message

Everything else stays as it is, including odd modes and unknown headers.

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
_HEADER_END = re.compile(rb"\n(?! )")  # a line that begins with a blank continues the header before it
_LINKS = (b"tree", b"parent", b"object")


class Message(NamedTuple):
    """A commit or tag, split into header lines and text."""

    headers: tuple[bytes, ...]
    """Each complete header with its folded lines, without the last line feed."""
    text: bytes
    """Everything from the empty line on, which it includes."""
    signatures: int
    """The number of removed signatures."""


def split_message(data: bytes, *, is_tag: bool) -> Message:
    """Split a commit or tag, and remove its signatures."""
    if data.startswith(b"\n"):
        return Message((), data, 0)
    head, empty, text = data.partition(b"\n\n")
    headers = _HEADER_END.split(head.removesuffix(b"\n"))
    kept = [header for header in headers if header.split(b" ", 1)[0] not in _SIGNATURES]
    signatures = len(headers) - len(kept)
    if is_tag and (match := _TAG_SIGNATURE.search(text)):
        text = text[: match.start()]
        signatures += 1
    # Without an empty line there are only headers.
    return Message(tuple(kept), b"\n" + text if empty else b"", signatures)


def rewrite_message(
    message: Message, ids: Mapping[ObjectId, ObjectId], text: Callable[[bytes], bytes], oid: str
) -> bytes:
    """Join a commit or tag again, with its links and its text replaced.

    `ids` maps raw ids. Raises CorruptObject for a link that isn't an id, and KeyError for an unknown id.
    """
    lines = []
    for header in message.headers:
        keyword, _, value = header.partition(b" ")
        if keyword in _LINKS:
            try:
                header = keyword + b" " + ids[ObjectId(bytes.fromhex(value.decode("ascii")))].hex().encode()
            except ValueError:
                raise CorruptObject(f"its {keyword.decode()} line has no id", oid=oid) from None
        lines.append(header)
    return b"".join(line + b"\n" for line in lines) + text(message.text)


def rewrite_tree(data: bytes, digest_size: int, ids: Mapping[ObjectId, ObjectId]) -> bytes:
    """Return a tree with its ids replaced. Raises KeyError for an unknown id; `data` must be a valid tree."""
    pieces: list[bytes] = []
    position = 0
    while position < len(data):
        name_end = data.index(b"\0", position) + 1
        pieces += (data[position:name_end], ids[ObjectId(data[name_end : name_end + digest_size])])
        position = name_end + digest_size
    return b"".join(pieces)
