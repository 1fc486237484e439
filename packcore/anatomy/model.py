"""A file as a tree of named byte ranges, made as it is looked at.

    Anatomy      some bytes, and the tree over them: of a file, or of what one zlib stream holds
    Part         a range [start, end) with a name, a decoded value, and parts of its own
    Bit          a few bits of a part that is one byte, where single bits mean something

Two rules hold for every tree, and are tested over every real pack at hand: the parts of a part follow one
another without a gap and fill it, so each byte belongs to exactly one leaf; and damage is a part too,
from where the bytes stop making sense to where they make sense again, with its `fault`.

Parts are made anew each time they are asked for, one after the other: showing the first ten entries of a
pack of ten gigabytes reads ten entries.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Anatomy", "Bit", "Part", "Value", "leaves", "way_to"]

Value = int | str | bytes | None


class Bit(NamedTuple):
    """Some bits of one byte, from the most significant on."""

    name: str
    width: int
    """How many bits."""
    value: int


@dataclass(frozen=True, slots=True)
class Part:
    """A named range of bytes, a leaf unless it has parts."""

    name: str
    """What the format's documents call it: `type and size`, `copy`, `trailer`."""
    start: int
    end: int
    """In bytes from the anatomy's first; the end is not in it."""
    value: Value = None
    """What the bytes say: a number, a text, an id's raw bytes."""
    note: str = ""
    """What it means, for a person, in one line."""
    fault: str = ""
    """What is wrong with it; empty where nothing is."""
    bits: tuple[Bit, ...] = ()
    _make_parts: Callable[[], Iterator[Part]] | None = field(default=None, repr=False, compare=False)
    _make_content: Callable[[], Anatomy] | None = field(default=None, repr=False, compare=False)

    @property
    def size(self) -> int:
        """Bytes of the range."""
        return self.end - self.start

    @property
    def is_leaf(self) -> bool:
        """Whether it has no parts."""
        return self._make_parts is None

    def parts(self) -> Iterator[Part]:
        """Yield its parts from its start to its end, making each as it is asked for; a leaf has none.

        Faults of outside bytes come as parts with a `fault`, never as exceptions.
        """
        if self._make_parts is not None:
            yield from self._make_parts()

    @property
    def has_content(self) -> bool:
        """Whether the bytes are a zlib stream whose content can be looked into."""
        return self._make_content is not None

    def content(self) -> Anatomy | None:
        """Inflate the stream and return the anatomy of what it holds; None where it is no stream.

        Raises CorruptData for a broken stream, LimitExceeded for one too large to be held.
        """
        return None if self._make_content is None else self._make_content()


@dataclass(frozen=True, slots=True)
class Anatomy:
    """Bytes with the tree over them. `read` returns the bytes of a range, all of which must be there."""

    title: str
    root: Part
    read: Callable[[int, int], bytes] = field(repr=False, compare=False)

    @property
    def size(self) -> int:
        """Bytes in all."""
        return self.root.size

    def bytes_of(self, part: Part) -> bytes:
        """Return a part's bytes."""
        return self.read(part.start, part.end)


def leaves(part: Part) -> Iterator[Part]:
    """Yield the leaves below a part, in their order: together they are its bytes, each byte once."""
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
    """Return the parts that hold the byte at `offset`, from the root to the leaf; empty outside of it."""
    way: list[Part] = []
    part: Part | None = root if root.start <= offset < root.end else None
    while part is not None:
        way.append(part)
        part = next((inner for inner in part.parts() if inner.start <= offset < inner.end), None)
    return way
