r"""The bytes of a delta: two sizes, then instructions (gitformat-pack; see `packcore.delta.codec`).

    base size │ target size │ copy or insert ...
    copy      opcode │ offset bytes that are there │ size bytes that are there
    insert    opcode │ literal bytes

>>> from packcore.anatomy.model import leaves
>>> root = delta_anatomy(bytes.fromhex("0b 06 91 06 05 01 21")).root
>>> [(part.name, part.note) for part in root.parts()][2:]
[('copy', '5 bytes of the base from 6 on, to 0'), ('insert', '1 byte, to 5')]
>>> [(leaf.name, leaf.value) for leaf in leaves(root)][2:]
[('opcode', 145), ('offset 1', 6), ('size 1', 5), ('opcode', 1), ('literal', b'!')]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from packcore.anatomy.integers import bits_of, varint
from packcore.anatomy.model import Anatomy, Part
from packcore.delta.codec import Insert, iter_instructions
from packcore.errors import CorruptData
from packcore.varint import decode_size

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Step", "delta_anatomy", "steps"]

_FLAGS = (
    ("copy", 1),
    *((f"size {number}", 1) for number in (3, 2, 1)),
    *((f"offset {number}", 1) for number in (4, 3, 2, 1)),
)
_FIELDS = ("offset 1", "offset 2", "offset 3", "offset 4", "size 1", "size 2", "size 3")


class Step(NamedTuple):
    """One instruction: its range in the delta, and its part of the target."""

    start: int
    end: int
    """The end of its range in the delta."""
    made_at: int
    """Where its bytes go in the target."""
    size: int
    """How many bytes it makes."""
    base_offset: int | None
    """Where its bytes come from in the base; None for an insert."""


def steps(delta: bytes) -> Iterator[Step]:
    """Yield the instructions of a delta. Raises CorruptData where they break the format."""
    _, position = decode_size(delta, 0)
    _, position = decode_size(delta, position)
    made = 0
    for instruction in iter_instructions(delta):
        start = position
        base_offset: int | None = None
        if isinstance(instruction, Insert):
            size = len(instruction.data)
            position += 1 + size
        else:
            base_offset, size = instruction
            position += 1 + (delta[start] & 0x7F).bit_count()
        yield Step(start, position, made, size, base_offset)
        made += size


def delta_anatomy(delta: bytes, title: str = "delta") -> Anatomy:
    """Return the tree over the bytes of a delta."""
    root = Part("delta", 0, len(delta), note=f"{len(delta)} bytes", _make_parts=lambda: _parts(delta))
    return Anatomy(title, root, lambda start, end: delta[start:end])


def _parts(delta: bytes) -> Iterator[Part]:
    position = 0
    base_size = target_size = made = 0
    try:
        base_size, end = decode_size(delta, 0)
        yield varint("base size", delta[:end], 0, base_size, f"the base has {_bytes(base_size)}")
        position = end
        target_size, end = decode_size(delta, position)
        yield varint(
            "target size", delta[position:end], position, target_size, f"it makes {_bytes(target_size)}"
        )
        position = end
        for step in steps(delta):
            yield _instruction(delta, step, base_size, target_size)
            position = step.end
            made = step.made_at + step.size
    except CorruptData as error:
        yield Part("damage", position, len(delta), fault=str(error))
        return
    if made != target_size and position == len(delta):
        # All bytes belong to parts already, so an empty part reports what is missing.
        yield Part("end", position, position, fault=f"it makes {made} of its {target_size} bytes")


def _instruction(delta: bytes, step: Step, base_size: int, target_size: int) -> Part:
    fault = ""
    if step.made_at + step.size > target_size:
        fault = f"it makes more than the target's {_bytes(target_size)}"
    if step.base_offset is None:
        return Part(
            "insert",
            step.start,
            step.end,
            step.size,
            f"{_bytes(step.size)}, to {step.made_at}",
            fault,
            _make_parts=lambda: _insert(delta, step),
        )
    if step.base_offset + step.size > base_size:
        fault = f"it copies beyond the base's {_bytes(base_size)}"
    return Part(
        "copy",
        step.start,
        step.end,
        step.size,
        f"{_bytes(step.size)} of the base from {step.base_offset} on, to {step.made_at}",
        fault,
        _make_parts=lambda: _copy(delta, step),
    )


def _insert(delta: bytes, step: Step) -> Iterator[Part]:
    opcode = delta[step.start]
    bits = bits_of(opcode, ("copy", 1), ("size", 7))
    yield Part("opcode", step.start, step.start + 1, opcode, "insert what follows", bits=bits)
    literal = delta[step.start + 1 : step.end]
    yield Part("literal", step.start + 1, step.end, literal, "goes to the target as it is")


def _copy(delta: bytes, step: Step) -> Iterator[Part]:
    opcode = delta[step.start]
    note = "copy; a set bit says that its byte follows, a clear one that it is 0"
    yield Part("opcode", step.start, step.start + 1, opcode, note, bits=bits_of(opcode, *_FLAGS))
    position = step.start + 1
    for bit, name in enumerate(_FIELDS):
        if opcode >> bit & 1:
            worth = delta[position] << 8 * (bit % 4)
            yield Part(name, position, position + 1, delta[position], f"{worth:,} of the {name[:-2]}")
            position += 1


def _bytes(count: int) -> str:
    return "1 byte" if count == 1 else f"{count:,} bytes"
