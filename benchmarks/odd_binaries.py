"""Odd inputs that are no text: programs, pictures, archives, databases, and data made to mislead.

As in benchmarks/odd_texts.py a kind is a generator of commits. Those that are compressed come from this
machine's zlib, so their bytes, unlike the others', may differ where that does.
"""

# ruff: noqa: D401 - a kind is described, not what its generator does

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
import zlib
from typing import TYPE_CHECKING

from benchmarks.odd_texts import prose

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from benchmarks.odd_texts import Changes

__all__ = ["KINDS"]


def executables(chance: Random, scale: int) -> Iterator[Changes]:
    """Programs: a function grows, so all calls across it and the table of addresses hold other numbers."""
    operations = [chance.randbytes(chance.randrange(2, 7)) for _ in range(120)]
    functions = [
        [(chance.choice(operations), chance.randrange(300)) for _ in range(chance.randrange(8, 60))]
        for _ in range(300)
    ]
    names = b"\0".join(line.strip().encode() for line in prose(chance, 300))
    for _ in range(6 * scale):
        grown = functions[chance.randrange(len(functions))]
        at = chance.randrange(len(grown))
        grown[at:at] = [(chance.choice(operations), chance.randrange(300)) for _ in range(3)]
        yield {b"bin/program": _linked(functions, names)}


def _linked(functions: list[list[tuple[bytes, int]]], names: bytes) -> bytes:
    """Lay functions out one behind the other; every fourth instruction calls one, by distance."""
    starts = []
    at = 64
    for body in functions:
        starts.append(at)
        at += sum(
            len(operation) + (5 if number % 4 == 3 else 0) for number, (operation, _) in enumerate(body)
        )
        at += -at % 16
    code = bytearray(b"\x7fELF\x02\x01\x01" + bytes(57))
    for body in functions:
        for number, (operation, called) in enumerate(body):
            code += operation
            if number % 4 == 3:
                code += b"\xe8" + struct.pack("<i", starts[called] - len(code) - 5)
        code += b"\x90" * (-len(code) % 16)
    table = b"".join(struct.pack("<QQ", start, 0x12) for start in starts)
    return bytes(code) + table + names


def pictures(chance: Random, scale: int) -> Iterator[Changes]:
    """Compressed pictures: a spot is painted over, and the stream differs from there on."""
    images = [_noise_picture(chance, 96, 96) for _ in range(3)]
    for _ in range(5 * scale):
        changes: Changes = {}
        for number, (width, pixels) in enumerate(images):
            at = chance.randrange(len(pixels) - 2000)
            pixels[at : at + 200] = chance.randbytes(3) * 66 + b"\0\0"
            rows = b"".join(
                b"\0" + pixels[start : start + width * 3] for start in range(0, len(pixels), width * 3)
            )
            changes[b"art/image%d.png" % number] = _png(width, rows)
        yield changes


def _noise_picture(chance: Random, width: int, height: int) -> tuple[int, bytearray]:
    colours = [chance.randbytes(3) for _ in range(24)]
    return width, bytearray(b"".join(chance.choices(colours, k=width * height)))


def _png(width: int, rows: bytes) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height = len(rows) // (width * 3 + 1)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def bitmaps(chance: Random, scale: int) -> Iterator[Changes]:
    """Pictures that are not compressed, with areas painted over."""
    width, pixels = _noise_picture(chance, 200, 200)
    for _ in range(6 * scale):
        left, top, colour = chance.randrange(150), chance.randrange(150), chance.randbytes(3)
        for row in range(top, top + 40):
            start = (row * width + left) * 3
            pixels[start : start + 120] = colour * 40
        yield {b"art/image.bmp": b"BM" + struct.pack("<II", len(pixels), width) + pixels}


def _tree_of_texts(chance: Random) -> dict[str, list[str]]:
    return {f"src/part{number % 5}/file{number:02}.txt": prose(chance, 60) for number in range(40)}


def _edit_some(chance: Random, files: dict[str, list[str]]) -> None:
    for name in chance.sample(sorted(files), 2):
        files[name][chance.randrange(len(files[name]))] = prose(chance, 1)[0]


def zip_archives(chance: Random, scale: int) -> Iterator[Changes]:
    """Zip archives of a tree that changes: each file is a stream by itself, so most stay the same."""
    files = _tree_of_texts(chance)
    for _ in range(8 * scale):
        _edit_some(chance, files)
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, lines in files.items():
                archive.writestr(zipfile.ZipInfo(name), "\n".join(lines), zipfile.ZIP_DEFLATED)
        yield {b"vendor/library.zip": out.getvalue()}


def _tar(files: dict[str, list[str]], mtime: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, lines in files.items():
            data = "\n".join(lines).encode()
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(data), mtime
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def tar_archives(chance: Random, scale: int) -> Iterator[Changes]:
    """Tar archives of a tree that changes: all dates differ, in every header."""
    files = _tree_of_texts(chance)
    for turn in range(4 * scale):
        _edit_some(chance, files)
        yield {b"vendor/library.tar": _tar(files, 1_112_911_993 + turn * 86_400)}


def gzip_archives(chance: Random, scale: int) -> Iterator[Changes]:
    """The same under gzip: from the first difference on nothing agrees."""
    files = _tree_of_texts(chance)
    for turn in range(8 * scale):
        _edit_some(chance, files)
        yield {b"vendor/library.tar.gz": gzip.compress(_tar(files, 1_112_911_993 + turn * 86_400), mtime=0)}


def noise(chance: Random, scale: int) -> Iterator[Changes]:
    """Data that doesn't compress and resembles nothing: to be given up early."""
    for turn in range(4 * scale):
        yield {b"media/clip%d.mp4" % number: chance.randbytes(30_000 + 100 * turn) for number in range(4)}


def encrypted(chance: Random, scale: int) -> Iterator[Changes]:
    """A head that stays, then noise that is new each time."""
    head = chance.randbytes(2000)
    for _ in range(10 * scale):
        yield {b"secrets/vault": head + chance.randbytes(20_000)}


def database(chance: Random, scale: int) -> Iterator[Changes]:
    """A file of pages of 4 kB, of which some are written anew and some change place."""
    pages = [_page(chance) for _ in range(40)]
    for _ in range(8 * scale):
        for _ in range(3):
            pages[chance.randrange(len(pages))] = _page(chance)
        a, b = chance.sample(range(len(pages)), 2)
        pages[a], pages[b] = pages[b], pages[a]
        yield {b"var/app.sqlite": b"".join(pages)}


def _page(chance: Random) -> bytes:
    rows = b"".join(
        struct.pack(">HI", number, chance.getrandbits(20)) + prose(chance, 1)[0].strip().encode()
        for number in range(50)
    )
    return rows[:4096].ljust(4096, b"\0")


def firmware(chance: Random, scale: int) -> Iterator[Changes]:
    """Images of 256 kB that are mostly padding, with parts that move."""
    parts = [chance.randbytes(3000) for _ in range(8)]
    for _ in range(4 * scale):
        parts[chance.randrange(len(parts))] = chance.randbytes(3000)
        image = bytearray(b"\xff" * 262_144)
        at = chance.randrange(4096)
        for part in parts:
            image[at : at + len(part)] = part
            at += 16_384 + chance.randrange(4096)
        yield {b"rom/image.bin": bytes(image)}


def zeros(chance: Random, scale: int) -> Iterator[Changes]:
    """Half a megabyte of zeros with an island of a few bytes here and there."""
    for _ in range(3 * scale):
        image = bytearray(400_000)
        for _ in range(20):
            at = chance.randrange(len(image) - 20)
            image[at : at + 16] = chance.randbytes(16)
        yield {b"disk/empty.img": bytes(image), b"disk/only.img": bytes(chance.randrange(300_000, 400_000))}


def periodic(chance: Random, scale: int) -> Iterator[Changes]:
    """The same 37 bytes again and again, and a few that differ: any place matches any other."""
    pattern = chance.randbytes(37)
    for _ in range(4 * scale):
        data = bytearray(pattern * 3000)
        for _ in range(30):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        shift = chance.randrange(37)
        yield {
            b"data/wave.raw": bytes(data[shift:]),
            b"data/line.txt": b"abcabcab\n" * chance.randrange(9000),
        }


def hot_blocks(chance: Random, scale: int) -> Iterator[Changes]:
    """Blocks of 16 bytes out of 64, in orders of chance: every hash of a block is met a hundred times."""
    blocks = [chance.randbytes(16) for _ in range(64)]
    for _ in range(6 * scale):
        yield {b"data/blocks.bin": b"".join(chance.choices(blocks, k=4000))}


def shifted_noise(chance: Random, scale: int) -> Iterator[Changes]:
    """Noise of which a part is cut out and put in elsewhere: long matches at any distance."""
    data = chance.randbytes(60_000)
    for _ in range(6 * scale):
        start, size = chance.randrange(40_000), chance.randrange(500, 8000)
        part, rest = data[start : start + size], data[:start] + data[start + size :]
        at = chance.randrange(len(rest))
        data = rest[:at] + part + rest[at:]
        yield {b"media/track.dat": data}


def samples(chance: Random, scale: int) -> Iterator[Changes]:
    """Sound of 16 bits that gets louder: every number changes a little."""
    wave = [int(8000 * ((number * 7919 % 1000) / 500 - 1)) for number in range(12_000)]
    for _ in range(4 * scale):
        start = chance.randrange(6000)
        for number in range(start, start + 3000):
            wave[number] = max(-32_768, min(32_767, wave[number] + chance.randrange(-3, 4)))
        yield {b"media/sound.wav": b"RIFF" + struct.pack(f"<{len(wave)}h", *wave)}


KINDS = {
    "executables": executables,
    "PNG images": pictures,
    "bitmaps": bitmaps,
    "zip archives": zip_archives,
    "tar archives": tar_archives,
    "tar.gz archives": gzip_archives,
    "compressed already": noise,
    "encrypted, with a head": encrypted,
    "database pages": database,
    "firmware, padded": firmware,
    "zeros": zeros,
    "periodic data": periodic,
    "hot hash buckets": hot_blocks,
    "noise, moved about": shifted_noise,
    "sound": samples,
}
