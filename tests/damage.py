"""Damages one object of a repository on disk, loose or in the pack that holds it."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from tests.support import git

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["damage_loose", "damage_packed", "loose_file"]


def loose_file(repository: Path, revision: str) -> Path:
    """Return the file of a loose object."""
    oid = git("rev-parse", revision, cwd=repository)
    return repository / "objects" / oid[:2] / oid[2:]


def damage_loose(repository: Path, revision: str, how: str = "other bytes") -> None:
    """Damage a loose object behind its header, which still parses."""
    file = loose_file(repository, revision)
    file.chmod(0o644)
    packed = file.read_bytes()
    whole = zlib.decompress(packed)
    header, _, body = whole.partition(b"\0")
    match how:
        case "other bytes":
            file.write_bytes(zlib.compress(whole[:-2] + b"?\n"))
        case "cut":
            file.write_bytes(packed[:-20])
        case "another size":
            kind, _, size = header.partition(b" ")
            file.write_bytes(zlib.compress(b"%s %d\0" % (kind, int(size) + 5) + body))
        case "bytes behind":
            file.write_bytes(packed + b"more")
        case _:
            raise ValueError(how)


def damage_packed(repository: Path, revision: str) -> None:
    """Pack everything, and flip bits near the end of an object's zlib stream."""
    oid = git("rev-parse", revision, cwd=repository)
    git("repack", "-a", "-d", "-q", cwd=repository)
    (pack,) = (repository / "objects/pack").glob("*.pack")
    lines = git("verify-pack", "-v", pack.with_suffix(".idx"), cwd=repository).splitlines()
    (fields,) = [line.split() for line in lines if line.startswith(oid)]
    end = int(fields[4]) + int(fields[3])
    pack.chmod(0o644)
    data = bytearray(pack.read_bytes())
    for position in (end - 6, end - 7):
        data[position] ^= 0xFF
    pack.write_bytes(data)
