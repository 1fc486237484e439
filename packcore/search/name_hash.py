"""Numbers for paths, such that sorting by them brings likely versions of a file together.

    name_hash_v1    the last sixteen characters, the last one weighing most; folders hardly count
                    src/a/Makefile = lib/b/Makefile, and every src/lib.rs is alike
    name_hash_v2    the same for the file's name, and below it what is left of the folders' hashes:
                    files of a name are neighbours still, those of one folder closest

Both are 32 bits wide and take each character in at the top, shifting the rest down by two bits. Version 2
reverses a character's bits first, so that the bits in which letters differ most come to lie highest.

>>> name_hash_v1(b"a/lib.rs") == name_hash_v1(b"lib.rs a"), f"{name_hash_v1(b'ab'):#x}"
(False, '0x7a400000')
>>> f"{name_hash_v2(b'a'):#x} {name_hash_v2(b'a/a'):#x}"
'0x86000000 0x84180000'

Specified by git-pack-objects, `--name-hash-version`. White space is passed over, as there. Left out:
version 3 of the discussions, which was never released.
"""

from __future__ import annotations

__all__ = ["name_hash_v1", "name_hash_v2"]

_SPACE = b" \t\n\r"
_REVERSED = tuple(int(f"{value:08b}"[::-1], 2) for value in range(256))
_32_BITS = 0xFFFFFFFF


def name_hash_v1(path: bytes) -> int:
    """Return git's name hash of a path; 0 for none."""
    number = 0
    for character in path.translate(None, _SPACE):
        number = ((number >> 2) + (character << 24)) & _32_BITS
    return number


def name_hash_v2(path: bytes) -> int:
    """Return the name hash that git has from 2.49 on, which knows folders; 0 for no path."""
    folders = 0
    number = 0
    for character in path.translate(None, _SPACE):
        if character == 0x2F:
            folders = (folders >> 6) ^ number
            number = 0
        else:
            number = ((number >> 2) + (_REVERSED[character] << 24)) & _32_BITS
    return (folders >> 6) ^ number
