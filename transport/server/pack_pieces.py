"""A pack on its way to a client: made for it alone, or read from the cache while one thread makes it for all.

    str      words about the pack, once, before its first bytes
    bytes    a block of the pack
    None     nothing to send for a while: time for a sign of life

If a kept pack breaks off, because its file is damaged or its maker failed, the client gets the rest from a
plan of its own: a pack that is made again has the same bytes. That they are the same is checked.
"""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager, ExitStack, closing
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

from packcore.errors import CorruptPack
from packcore.plans.write import write_pack
from transport.server.background import heard
from transport.server.kept_pack import Rest, Sent
from transport.server.pack_cache import Abandoned

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from packcore.plans.plan import PackPlan
    from transport.server.kept_pack import KeptPack
    from transport.server.pack_cache import PackCache

    Piece = bytes | str | None
    Make = Callable[[], AbstractContextManager[PackPlan]]

__all__ = ["kept_pieces", "own_pieces", "silences"]

_Result = TypeVar("_Result")

_KEPT_BLOCK_BYTES = 65515
"""What fits into one packet of side-band-64k, so that each block of a file becomes one packet."""
_JOINS_MAX = 64
"""Makers that may fail before a client that waited for them makes its own pack."""


def own_pieces(
    make: Make, *, ofs_delta: bool, block_bytes: int, seconds: float | None, sent: Sent | None = None
) -> Iterator[Piece]:
    """Yield the pieces of a pack that is made for one client, without what it has got already."""
    with ExitStack() as stack:
        plan = yield from silences(lambda: stack.enter_context(make()), seconds)
        if sent is None or not sent.has_words:
            yield _words(plan)
        blocks = write_pack(plan, ofs_delta=ofs_delta, block_bytes=block_bytes)
        yield from blocks if sent is None else _without(blocks, sent)


def kept_pieces(
    cache: PackCache, key: bytes, make: Make, *, ofs_delta: bool, seconds: float | None
) -> Iterator[Piece]:
    """Yield the pieces of a pack that is kept, or that is made now and will be.

    `make` must open what it uses: the maker serves others when this client has gone.
    """
    sent = Sent()
    for _ in range(_JOINS_MAX):
        joined = cache.join(key)
        if joined is None:
            break
        kept, is_new = joined
        maker = threading.Thread(
            target=_make, args=(cache, kept, make, ofs_delta), name="packcore-pack", daemon=True
        )
        try:
            if is_new:
                _start(maker, cache, kept)
            if (yield from _read(cache, kept, sent, seconds)):
                return
        finally:
            cache.leave(kept)
            if is_new and maker.ident is not None:
                maker.join()  # so that a client that comes and goes has one maker at a time
        if is_new:
            _raise(kept)
        if sent.byte_count:
            break
    yield from own_pieces(
        make, ofs_delta=ofs_delta, block_bytes=_KEPT_BLOCK_BYTES, seconds=seconds, sent=sent
    )


def _raise(kept: KeptPack) -> None:
    """Raise why a pack could not be made, without a circle of references that outlives the request."""
    error, kept.error = kept.error, None
    try:
        if error is not None and not isinstance(error, Abandoned):
            raise error
    finally:
        del error


def _start(maker: threading.Thread, cache: PackCache, kept: KeptPack) -> None:
    try:
        maker.start()
    except RuntimeError as error:  # the system has no more threads; none may wait for this one
        cache.forget(kept)
        kept.end(error=error)
        raise


def _make(cache: PackCache, kept: KeptPack, make: Make, ofs_delta: bool) -> None:
    """Plan and write a pack; where it can't be kept, leave the rest to a reader."""
    try:
        with ExitStack() as stack:
            plan = stack.enter_context(make())
            kept.begin(_words(plan))
            blocks = write_pack(plan, ofs_delta=ofs_delta, block_bytes=_KEPT_BLOCK_BYTES)
            for block in blocks:
                if not cache.append(kept, block):
                    cache.forget(kept)
                    kept.end(rest=Rest(chain([block], blocks), stack.pop_all()))
                    return
    except BaseException as error:  # its readers go by it
        cache.forget(kept)
        kept.end(error=error.with_traceback(None))
    else:
        kept.end()


def _read(
    cache: PackCache, kept: KeptPack, sent: Sent, seconds: float | None
) -> Generator[Piece, None, bool]:
    """Yield the blocks as they come; return whether that was all of the pack."""
    index = 0
    with ExitStack() as stack:
        file = None
        while True:
            if not kept.wait(index, seconds):
                yield None
                continue
            is_over = kept.is_over  # looked at before the blocks, of which none follows it
            if kept.words is not None and not sent.has_words:
                sent.has_words = True
                yield kept.words
            while index < kept.block_count:
                try:
                    file = file or stack.enter_context(kept.path.open("rb", buffering=0))
                    block = kept.block(file, index, sent.sum)
                except OSError:
                    block = None
                if block is None:
                    cache.forget(kept)
                    return False
                sent.add(block)
                index += 1
                yield block
            if is_over:
                rest = kept.claim()
                if rest is not None:
                    with rest.resources:
                        yield from rest.blocks
                return kept.is_whole or rest is not None


def _without(blocks: Iterable[bytes], sent: Sent) -> Iterator[bytes]:
    """Leave out what was sent. Raises CorruptPack if it was something else."""
    again = Sent()
    for block in blocks:
        known = block[: sent.byte_count - again.byte_count]
        again.add(known)
        if again.byte_count == sent.byte_count and again.sum != sent.sum:
            raise CorruptPack("the repository was changed while a pack was sent that has to be made again")
        if len(known) < len(block):
            yield block[len(known) :]


def silences(work: Callable[[], _Result], seconds: float | None) -> Generator[None, None, _Result]:
    """Run `work` in a thread, yield None for each of its silences, and return its result."""
    with closing(heard(lambda _: work(), seconds=seconds, line=lambda _: b"", keepalive=b".")) as waiting:
        while True:
            try:
                block = next(waiting)
            except StopIteration as end:
                result: _Result = end.value
                return result
            if block:
                yield None


def _words(plan: PackPlan) -> str:
    return f"Total {plan.object_count} (delta {plan.delta_count}), reused {plan.reused_count}\n"
