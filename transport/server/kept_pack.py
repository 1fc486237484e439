"""One pack in a file that grows while it is made: one thread makes it, any number read it meanwhile.

    block | block | ... | trailer      the pack, as `write_pack` yields it
    end, CRC-32                        in memory: where each block ends, and the sum of all up to there

No reader holds up the maker or another reader. A block whose sum is wrong is never passed on. All state is
guarded by the lock of the cache that the pack belongs to.
"""

from __future__ import annotations

import threading
from array import array
from typing import TYPE_CHECKING, NamedTuple

from packcore.deflate import crc32

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import ExitStack
    from pathlib import Path
    from typing import IO

__all__ = ["KeptPack", "Rest", "Sent"]


class Sent:
    """How much of a pack a client has got."""

    def __init__(self) -> None:
        self.byte_count = 0
        self.sum = 0
        """The CRC-32 of these bytes."""
        self.has_words = False
        """Whether the client was told how many objects there are."""

    def add(self, block: bytes) -> None:
        """Count a block."""
        self.sum = crc32(block, self.sum)
        self.byte_count += len(block)


class Rest(NamedTuple):
    """What was not written to the file, for the one reader that takes it over."""

    blocks: Iterator[bytes]
    resources: ExitStack
    """To be closed after the last block."""


class KeptPack:
    """A pack, whole or in the making."""

    def __init__(self, key: bytes, path: Path, lock: threading.Lock) -> None:
        self.key = key
        self.path = path
        self.readers = 0
        self.words: str | None = None
        """What a client is told about the pack; None until it is planned."""
        self.byte_count = 0
        self.is_whole = False
        self.error: BaseException | None = None
        """Why it could not be made."""
        self.rest: Rest | None = None
        self._is_over = False
        self._lock = lock
        self._changed = threading.Condition(lock)
        self._ends = array("Q")
        self._sums = array("L")
        self._file: IO[bytes] | None = None

    # The maker's side

    def begin(self, words: str) -> None:
        """Take what clients are told before the first block."""
        self.words = words

    def write(self, block: bytes) -> None:
        """Append a block and wake the readers. Raises OSError."""
        if self._file is None:
            self._file = self.path.open("xb", buffering=0)
        left = memoryview(block)
        while left:
            left = left[self._file.write(left) :]
        before = self._sums[-1] if self._sums else 0
        with self._lock:
            self._sums.append(crc32(block, before))
            self._ends.append((self._ends[-1] if self._ends else 0) + len(block))
            self._changed.notify_all()

    def end(self, *, error: BaseException | None = None, rest: Rest | None = None) -> None:
        """Say that nothing more is written: all is, or there was an error, or a reader takes over."""
        if self._file is not None:
            self._file.close()
        with self._lock:
            self.is_whole = error is None and rest is None
            self.error, self.rest = error, rest
            self._is_over = True
            self._changed.notify_all()

    # The readers' side

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be written."""
        return self._is_over

    @property
    def block_count(self) -> int:
        """How many blocks can be read now."""
        return len(self._ends)

    def wait(self, index: int, seconds: float | None) -> bool:
        """Wait for the block with this number, or for the end; return False if `seconds` went by."""
        with self._lock:
            return self._changed.wait_for(lambda: len(self._ends) > index or self._is_over, seconds)

    def block(self, file: IO[bytes], index: int, sum_before: int) -> bytes | None:
        """Read the block with this number; None if it is damaged."""
        size = self._ends[index] - (self._ends[index - 1] if index else 0)
        try:
            block = file.read(size)
        except OSError:
            return None
        return block if len(block) == size and crc32(block, sum_before) == self._sums[index] else None

    def claim(self) -> Rest | None:
        """Take over what was not written; None if there is nothing, or another reader has it."""
        with self._lock:
            rest, self.rest = self.rest, None
            return rest
