r"""The only interface to a deflate library: bounded inflate that tells how many bytes it used, and deflate.

    zlib-ng            if its package can be imported
    Python's own zlib  otherwise: PyPy, WebAssembly, subinterpreters, platforms without a wheel

Both read the same streams but write different ones. So packs made with them differ in bytes, and a strategy
that compares compressed sizes may choose differently if two encodings have about the same size.

Every object of a pack and every loose object is one zlib stream (RFC 1950). The length of a stream is not
known before its end, and a few bytes may inflate to gigabytes. So inflating here always takes the size that
the stream must have, never makes more than one byte beyond it, and allocates memory as data arrives, not as a
header promises.

>>> packed = deflate(b"hello\n" * 3)
>>> inflate(packed, 18) == b"hello\n" * 3
True
>>> inflate_at(b"head" + packed + b"tail", 4, 18) == (b"hello\n" * 3, 4 + len(packed))
True

Loops that inflate a million entries call `new_inflater` themselves and catch `InflateError`. All other code
calls the functions, which raise CorruptData.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.errors import CorruptData
from packcore.limits import BLOCK_BYTES
from packcore.objects import ObjectType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from zlib_ng import zlib_ng as _library
else:
    try:
        from zlib_ng import zlib_ng as _library
    except ImportError:
        import zlib as _library

__all__ = [
    "DEFLATE_LIBRARY",
    "InflateError",
    "crc32",
    "cut_blocks",
    "deflate",
    "deflate_blocks",
    "inflate",
    "inflate_at",
    "inflate_blocks",
    "inflate_head",
    "inflate_small",
    "level_for",
    "new_inflater",
]


_ZLIB_NG_VERSION: str | None = getattr(_library, "ZLIBNG_RUNTIME_VERSION", None)
DEFLATE_LIBRARY = (
    f"zlib-ng {_ZLIB_NG_VERSION}" if _ZLIB_NG_VERSION else f"zlib {_library.ZLIB_RUNTIME_VERSION}"
)
"""Name and version of the library in use, such as `zlib-ng 2.3.3`. Another makes packs of other bytes."""

_REPETITIVE = 16
"""Data that shrinks to less than a sixteenth is compressed again, because zlib-ng's level 6 takes up to twice
as much as zlib's there..."""
_REPETITIVE_LEVEL = 8
"""...at this level, which is just as quick for such data."""
_TREE = ObjectType.TREE
_SHORT_BYTES = 96
"""Below this size, as more than half of all deltas are, level 1 makes streams as short as any other level
(1 % longer from 64 bytes on), in a third of the time."""
_NEAR_BYTES = 250
"""The smallest window reaches this far back, so it covers all of any data up to this size."""
_NEAR_WINDOW_BITS = 9
"""The smallest window, which leaves less memory to clear."""
_FOLDER_MODE = b"40000 "
"""A short tree that begins with this is two bytes shorter at the highest level, which finds its zeros."""
_USUAL_LEVEL = 6
"""A caller that uses a lower level wants speed."""

new_inflater = _library.decompressobj
"""Makes an object that inflates one stream: `decompress(data, max_length)`, `eof`, `unused_data`."""

inflate_small = _library.decompress
"""Inflates one stream by one call: `inflate_small(data, 15, size)`. `data` may continue behind the stream. It
makes whatever the stream holds, so it is only for data of a few hundred bytes."""

InflateError: type[Exception] = getattr(_library, "error")  # noqa: B009 -- its stub names an instance
"""The library's error for a broken stream; the functions here turn it into CorruptData."""

crc32 = _library.crc32
"""The CRC-32 that .idx files use."""


def deflate(data: bytes | memoryview, level: int = 6) -> bytes:
    """Return the zlib stream of `data`. `level` is 0 (stored) to 9 (smallest)."""
    size = len(data)
    if size <= _NEAR_BYTES:
        if size < _SHORT_BYTES and level > 1 and data[:6] != _FOLDER_MODE:
            level = 1
        return _library.compress(data, level, _NEAR_WINDOW_BITS)
    deflated = _library.compress(data, level)
    if len(deflated) * _REPETITIVE < size and _USUAL_LEVEL <= level < _REPETITIVE_LEVEL:
        return _library.compress(data, _REPETITIVE_LEVEL)
    return deflated


def level_for(object_type: ObjectType, level: int) -> int:
    """Return the level for objects of a type, deltas or whole, if the caller asked for `level`.

    Trees are full of matches of three bytes, which zlib-ng finds only at its highest level: a large tree gets
    8 % smaller, and takes no more time than its ids, which don't compress.
    """
    return 9 if object_type == _TREE and level >= _USUAL_LEVEL else level


def deflate_blocks(blocks: Iterable[bytes], level: int = 6) -> Iterator[bytes]:
    """Yield the zlib stream of all blocks together, in blocks of at most 64 KiB."""
    compressor = _library.compressobj(level)
    for block in blocks:
        yield from cut_blocks(compressor.compress(block))
    yield from cut_blocks(compressor.flush())


def inflate(data: bytes | memoryview, size: int) -> bytes:
    """Inflate one complete zlib stream, which must have `size` bytes; bytes behind it are ignored.

    Raises CorruptData if the stream is broken, ends early, or inflates to another size.
    """
    return inflate_at(data, 0, size)[0]


def inflate_at(data: bytes | memoryview, position: int, size: int) -> tuple[bytes, int]:
    """Inflate the stream that starts at `position`; return its `size` bytes and the position behind it.

    `data` may continue behind the stream: it is read in slices, so that little of the rest is copied. Raises
    CorruptData as `inflate` does.
    """
    inflater = new_inflater()
    view = data if isinstance(data, memoryview) else memoryview(data)
    stop = position + size + (size >> 9) + 80  # streams are hardly ever longer
    try:
        made = inflater.decompress(view[position:stop], size + 1)
        while not inflater.eof and len(made) <= size:
            position = stop - len(inflater.unconsumed_tail)
            if position >= len(view):
                raise CorruptData("a zlib stream ends early")
            stop = min(position + BLOCK_BYTES, len(view))
            made += inflater.decompress(view[position:stop], size + 1 - len(made))
    except InflateError as error:
        raise CorruptData(f"a zlib stream is broken: {_reason(error)}") from None
    if len(made) != size:
        raise CorruptData(_wrong_size(len(made), size))
    return made, min(stop, len(view)) - len(inflater.unused_data)


def inflate_head(data: bytes | memoryview, position: int, head_bytes: int) -> bytes:
    """Return up to the first `head_bytes` bytes (1 or more) of the stream that starts at `position`.

    Raises CorruptData if the stream is broken before that; its end is not checked.
    """
    inflater = new_inflater()
    view = memoryview(data)
    head = b""
    try:
        while len(head) < head_bytes and not inflater.eof and position < len(view):
            piece = view[position : position + head_bytes + 64]
            head += inflater.decompress(piece, head_bytes - len(head))
            position += len(piece) - len(inflater.unconsumed_tail)
    except InflateError as error:
        raise CorruptData(f"a zlib stream is broken: {_reason(error)}") from None
    return head


def inflate_blocks(
    blocks: Iterable[bytes | memoryview], size: int, *, to_end: bool = False
) -> Iterator[bytes]:
    """Inflate one zlib stream, given in blocks of any size, and yield blocks of at most 64 KiB.

    The stream may end before the blocks do, unless `to_end`. Raises CorruptData as `inflate` does; a wrong
    size or checksum is raised only at the end, after the data.
    """
    blocks = iter(blocks)
    inflater = new_inflater()
    made = 0
    try:
        for block in blocks:
            pending: bytes | memoryview = block
            while not inflater.eof:
                piece = inflater.decompress(pending, BLOCK_BYTES)
                made += len(piece)
                if made > size:
                    raise CorruptData(_wrong_size(made, size))
                if piece:
                    yield piece
                pending = inflater.unconsumed_tail
                if not pending and len(piece) < BLOCK_BYTES:
                    break
            if inflater.eof:
                break
    except InflateError as error:
        raise CorruptData(f"a zlib stream is broken: {_reason(error)}") from None
    if not inflater.eof:
        raise CorruptData("a zlib stream ends early")
    if made != size:
        raise CorruptData(_wrong_size(made, size))
    if to_end and (inflater.unused_data or any(blocks)):
        raise CorruptData("garbage behind its zlib stream")


def cut_blocks(data: bytes) -> Iterator[bytes]:
    """Yield bytes in blocks of at most 64 KiB."""
    for start in range(0, len(data), BLOCK_BYTES):
        yield data[start : start + BLOCK_BYTES]


def _wrong_size(made: int, size: int) -> str:
    return f"its data should have {size} bytes and has {'more' if made > size else made}"


def _reason(error: Exception) -> str:
    """Return zlib's message without its error number: "incorrect header check"."""
    return str(error).rpartition(": ")[2][:80]
