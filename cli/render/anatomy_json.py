"""A part of a file's anatomy as JSON: names, ranges, values, faults, and the parts below it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packcore.errors import PackcoreError

if TYPE_CHECKING:
    from packcore.anatomy import Anatomy, Part

__all__ = ["part_json"]

_TEXT_BYTES_MAX = 1024


def part_json(part: Part, anatomy: Anatomy, *, contents: bool) -> dict[str, Any]:
    """Return a part with all parts below it; bytes in hex, up to 1 KiB. Streams have a `content`."""
    shown: dict[str, Any] = {"name": part.name, "start": part.start, "end": part.end}
    if part.value is not None:
        value = part.value
        shown["value"] = value[:_TEXT_BYTES_MAX].hex() if isinstance(value, bytes) else value
    shown |= {key: text for key, text in (("note", part.note), ("fault", part.fault)) if text}
    if part.bits:
        shown["bits"] = [{"name": bit.name, "width": bit.width, "value": bit.value} for bit in part.bits]
    # The depth is bounded by the formats: six levels, whatever the bytes.
    if not part.is_leaf:
        shown["parts"] = [part_json(inner, anatomy, contents=contents) for inner in part.parts()]
    if contents and part.has_content:
        shown |= _content_json(part)
    return shown


def _content_json(part: Part) -> dict[str, Any]:
    try:
        content = part.content()
    except PackcoreError as error:
        return {"contentFault": str(error)}
    assert content is not None
    return {"content": part_json(content.root, content, contents=True)}
