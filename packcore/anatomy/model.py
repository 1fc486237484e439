"""A file as a tree of named byte ranges, built lazily.

    Anatomy      some bytes and the tree over them: of a file, or of the content of one zlib stream
    Part         a range [start, end) with a name, a decoded value, and parts of its own
    Bit          a few bits of a one-byte part whose single bits have a meaning

Two rules hold for every tree, and tests check them over many real packs. First, the parts of a part follow
each other without gaps and fill it, so each byte belongs to exactly one leaf. Second, damage is a part too,
with a `fault`: from where the bytes stop making sense to where they make sense again.

Each call makes the parts again, one at a time. So showing the first ten entries of a pack of ten gigabytes
reads ten entries.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Anatomy", "Bit", "Part", "Value", "leaves", "way_to"]

Value = int | str | bytes | None


class Bit(NamedTuple):
    """Some bits of one byte, most significant first."""

    name: str
    width: int
    """The number of bits."""
    value: int


@dataclass(frozen=True, slots=True)
class Part:
    """A named range of bytes, a leaf unless it has parts."""

    name: str
    """Its name in the documentation of the format: `type and size`, `copy`, `trailer`."""
    start: int
    end: int
    """In bytes from the start of the anatomy; the end is exclusive."""
    value: Value = None
    """The decoded bytes: a number, a text, or the raw bytes of an id."""
    note: str = ""
    """What it means, for people, in one line."""
    fault: str = ""
    """What is wrong with it; empty if nothing is."""
    bits: tuple[Bit, ...] = ()
    _make_parts: Callable[[], Iterator[Part]] | None = field(default=None, repr=False, compare=False)
    _make_content: Callable[[], Anatomy] | None = field(default=None, repr=False, compare=False)

    @property
    def size(self) -> int:
        """The size of the range in bytes."""
        return self.end - self.start

    @property
    def is_leaf(self) -> bool:
        """Whether it has no parts."""
        return self._make_parts is None

    def parts(self) -> Iterator[Part]:
        """Yield its parts in order, making each one on demand; a leaf has none.

        Damaged bytes become parts with a `fault`, never exceptions.
        """
        if self._make_parts is not None:
            yield from self._make_parts()

    @property
    def has_content(self) -> bool:
        """Whether the bytes are a zlib stream whose content can be shown."""
        return self._make_content is not None

    def content(self) -> Anatomy | None:
        """Inflate the stream and return the anatomy of its content, or None if this is not a stream.

        Raises CorruptData for a broken stream, and LimitExceeded for one that is too large for memory.
        """
        return None if self._make_content is None else self._make_content()


@dataclass(frozen=True, slots=True)
class Anatomy:
    """Bytes and the tree over them. `read` returns the bytes of a range, which must be fully within them."""

    title: str
    root: Part
    read: Callable[[int, int], bytes] = field(repr=False, compare=False)

    @property
    def size(self) -> int:
        """The total size in bytes."""
        return self.root.size

    def bytes_of(self, part: Part) -> bytes:
        """Return the bytes of a part."""
        return self.read(part.start, part.end)


def leaves(part: Part) -> Iterator[Part]:
    """Yield the leaves below a part in order; together they cover each of its bytes once."""
    waiting = [iter((part,))]
    while waiting:
        found = next(waiting[-1], None)
        if found is None:
            waiting.pop()
        elif found.is_leaf:
            yield found
        else:
            waiting.append(found.parts())


def way_to(root: Part, offset: int) -> list[Part]:
    """Return the parts that contain the byte at `offset`, from root to leaf; empty outside the root."""
    way: list[Part] = []
    part: Part | None = root if root.start <= offset < root.end else None
    while part is not None:
        way.append(part)
        part = next((inner for inner in part.parts() if inner.start <= offset < inner.end), None)
    return way
