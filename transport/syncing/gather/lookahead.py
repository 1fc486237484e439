"""A source's pack on its way to the target, through a spool that looks ahead: relay's one buffer.

    source --receiving thread--> temporary file --paced blocks--> the target's POST
             every entry checked      whole pack           begins with OPENING_BYTES, or all

    bytes ahead in the spool             what goes out
    more than RESERVE_BYTES              all beyond the reserve, immediately
    the reserve or less                  TRICKLE_BYTES, each TRICKLE_SECONDS
    all of it, found right               the rest

A stalling source thins the stream out but does not silence it: the reserve lasts for more than eight
minutes, and `idle_timeout` ends the wait for a silent source before that. The end is held back until the
source has ended well: every entry inflates to what it says, their count matches the header, the trailer
matches the digest of the bytes, and nothing follows. A pack that breaks off or is wrong raises instead; so
its body is never completed, and no target takes it as whole.

The file keeps the whole pack, so it can be sent again (`blocks` starts over) without asking the source
twice. Memory: the parser's window, but no whole large object: those of 1 MiB and more are checked in pieces.
"""

from __future__ import annotations

import tempfile
import threading
import time
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import TYPE_CHECKING

from packcore.errors import CorruptPack, LimitExceeded
from packcore.limits import BLOCK_BYTES, KIB, MIB, Limits
from packcore.pack.format import OFS_DELTA, REF_DELTA
from packcore.pack.reader import PackReader
from packcore.store.spool import unreadable, unwritable
from packcore.store.temporaries import TEMPORARY_PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path
    from types import TracebackType

    from packcore.ids import ObjectFormat
    from packcore.progress import Phase, Progress

__all__ = [
    "MEMORY_BYTES",
    "OPENING_BYTES",
    "RESERVE_BYTES",
    "TRICKLE_BYTES",
    "TRICKLE_SECONDS",
    "LookAhead",
    "at_most",
    "in_users_words",
]

OPENING_BYTES = 4 * MIB
"""Nothing goes out before this much, or the whole pack, is here."""
RESERVE_BYTES = MIB
"""Bytes kept back for a stalling source."""
TRICKLE_BYTES = KIB
TRICKLE_SECONDS = 0.5
"""Half of the shortest idle limit known of any edge; 2 KiB a second is above what servers call too slow."""

MEMORY_BYTES = 8 * MIB
"""Upper limit of all memory here: windows, an object's inflated bytes, blocks in transit."""

_OBJECT_BYTES_WHOLE = MIB
_FAREWELL_SECONDS = 1.0


class LookAhead:
    """One pack, received by a thread of its own. A context manager; leaving it ends the thread.

    `blocks` come from the source, and the thread closes them; `abandon` is called to give them up in
    the middle of a wait. `ofs_delta` says whether the target takes such deltas. With `whole`, nothing
    goes out before the whole pack is here.
    """

    def __init__(
        self,
        blocks: Iterator[bytes],
        *,
        object_format: ObjectFormat,
        limits: Limits,
        progress: Progress,
        directory: Path | None = None,
        pack_bytes_max: int | None = None,
        ofs_delta: bool = True,
        whole: bool = False,
        abandon: Callable[[], None] = lambda: None,
    ) -> None:
        self._source = blocks
        self._object_format = object_format
        limits = at_most(limits, pack_bytes_max)
        self._limits = replace(limits, big_object=min(limits.big_object, _OBJECT_BYTES_WHOLE))
        self._pack_bytes_max = pack_bytes_max
        self._ofs_delta = ofs_delta
        self._whole = whole
        self._abandon = abandon
        self._progress = progress
        try:
            self._file = tempfile.TemporaryFile(  # noqa: SIM115 - lives as long as the pack
                buffering=0, prefix=TEMPORARY_PREFIX, dir=directory
            )
        except OSError as error:
            raise unwritable(error) from None
        self._changed = threading.Condition()
        self._stopped = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._receive, name="packcore-look-ahead", daemon=True)
        self.received_bytes = 0
        self.object_count = 0
        """Entries that the pack's header announces."""
        self._objects_here = 0
        self.delta_count = 0
        self.complete = False
        """Whether the whole pack is here and correct."""
        self.streamed = False
        """Whether the latest `blocks` gave out something before the whole pack was here."""

    def __enter__(self) -> LookAhead:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._stopped = True
        self._thread.join(_FAREWELL_SECONDS)
        if self._thread.is_alive():
            self._abandon()
            self._thread.join(_FAREWELL_SECONDS)
        if not self._thread.is_alive():
            self._file.close()

    def open(self) -> None:
        """Wait until enough is here to open the target's request. Raises as `blocks` does."""
        self._await("source: spooling ahead", None if self._whole else OPENING_BYTES)

    def finish(self) -> None:
        """Wait until the whole pack is here. Raises as `blocks` does."""
        self._await("source: receiving pack", None)

    def blocks(self) -> Iterator[bytes]:
        """Yield the pack from its start, at the pace shown above.

        Raises CorruptPack, LimitExceeded, the source's TransportError, RepositoryError for the file.
        """
        position = 0
        self.streamed = False
        while data := self._next(position):
            yield data
            position += len(data)

    def whole_bytes(self) -> int | None:
        """Return the size of the pack, once all of it is here."""
        return self.received_bytes if self.complete else None

    def _await(self, name: str, wanted_bytes: int | None) -> None:
        progress = self._progress
        with progress.phase(name, unit="bytes") as phase, self._changed, ExitStack() as counting:
            objects: Phase | None = None
            told = told_objects = 0
            while True:
                is_here = self._is_here(wanted_bytes)
                phase.advance(self.received_bytes - told)
                told = self.received_bytes
                if objects is None and self.object_count and wanted_bytes is None:
                    objects = counting.enter_context(
                        progress.phase("source: receiving objects", unit="objects", total=self.object_count)
                    )
                if objects is not None:
                    objects.advance(self._objects_here - told_objects)
                    told_objects = self._objects_here
                if is_here:
                    return
                self._changed.wait(TRICKLE_SECONDS)

    def _next(self, position: int) -> bytes:
        """Return the bytes that go out next; none at the end of the pack."""
        patience_ends = time.monotonic() + TRICKLE_SECONDS
        with self._changed:
            while (end := self._end_of_flow(position)) <= position:
                if self._is_here(None):
                    return b""
                left = patience_ends - time.monotonic()
                if left > 0:
                    self._changed.wait(left)
                    continue
                end = min(position + TRICKLE_BYTES, self.received_bytes - self._object_format.digest_size)
                if end > position:
                    break
                self._changed.wait(TRICKLE_SECONDS)
            self.streamed = self.streamed or not self.complete
            try:
                self._file.seek(position)
                return self._file.read(min(end - position, BLOCK_BYTES))
            except OSError as error:
                raise unreadable(error) from None

    def _end_of_flow(self, position: int) -> int:
        """Return the position up to which bytes go out immediately."""
        if self._is_here(None):
            return self.received_bytes
        return max(position, self.received_bytes - RESERVE_BYTES)

    def _is_here(self, wanted_bytes: int | None) -> bool:
        """Return whether this many bytes are here; None means all. Raises what went wrong."""
        if self._error is not None:
            raise self._error
        return self.complete or (wanted_bytes is not None and self.received_bytes >= wanted_bytes)

    # -- in the thread -----------------------------------------------------------------------------

    def _receive(self) -> None:
        error: BaseException | None = None
        try:
            with closing(self._spooled()) as blocks:
                self._check(blocks)
        except LimitExceeded as too_much:
            error = in_users_words(too_much, self._pack_bytes_max)
        except BaseException as raised:
            error = raised
        with self._changed:
            self._error = error
            self.complete = error is None
            if self._stopped:
                self._file.close()
            self._changed.notify_all()

    def _check(self, blocks: Iterator[bytes]) -> None:
        reader = PackReader(blocks, object_format=self._object_format, limits=self._limits)
        self.object_count = reader.count
        for self._objects_here, item in enumerate(reader, 1):
            if item.type_code in (OFS_DELTA, REF_DELTA):
                self.delta_count += 1
                if item.type_code == OFS_DELTA and not self._ofs_delta:
                    raise CorruptPack(
                        "an ofs-delta that the target can't take, and that the source was not asked for",
                        offset=item.offset,
                        hint="sync with materialize writes a pack that the target can take",
                        option="materialize",
                    )

    def _spooled(self) -> Generator[bytes, None, None]:
        """Write the source's blocks to the file and pass them on."""
        try:
            for block in self._source:
                with self._changed:
                    if self._stopped:
                        return
                    self._append(block)
                    self._changed.notify_all()
                yield block
        finally:
            close = getattr(self._source, "close", None)
            if close is not None:
                close()

    def _append(self, block: bytes) -> None:
        rest = memoryview(block)
        try:
            self._file.seek(self.received_bytes)
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise unwritable(error) from None
        self.received_bytes += len(block)


def at_most(limits: Limits, pack_bytes_max: int | None) -> Limits:
    """Return the limits for a source's pack, with the user's `pack_bytes_max` applied."""
    if pack_bytes_max is None:
        return limits
    return replace(limits, pack_bytes=min(limits.pack_bytes, pack_bytes_max))


def in_users_words(error: LimitExceeded, pack_bytes_max: int | None) -> LimitExceeded:
    """Return the error itself, or one that names the user's limit if the source's pack exceeds that."""
    if error.limit != "pack_bytes" or pack_bytes_max is None:
        return error
    return LimitExceeded(
        f"the source's pack has more than {pack_bytes_max} bytes",
        limit="max-pack-bytes",
        hint="raise max_pack_bytes, or sync fewer refs at a time",
        option="max_pack_bytes",
    )
