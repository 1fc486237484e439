"""Hash paths to numbers, so that sorting by them brings likely versions of a file together.

    name_hash_v1    the last sixteen characters, of which the last weighs most; folders hardly count:
                    src/a/Makefile = lib/b/Makefile, and all src/lib.rs are equal
    name_hash_v2    the same for the file's name, and in lower bits a hash of the folders:
                    files of one name are still neighbours, and those of one folder are closest

Both are 32 bits wide, and add each character at the top while shifting the rest down by two bits. Version 2
reverses the bits of a character first, so that the bits in which letters differ most become the highest.

>>> name_hash_v1(b"a/lib.rs") == name_hash_v1(b"lib.rs a"), f"{name_hash_v1(b'ab'):#x}"
(False, '0x7a400000')
>>> f"{name_hash_v2(b'a'):#x} {name_hash_v2(b'a/a'):#x}"
'0x86000000 0x84180000'

Specified by git-pack-objects, `--name-hash-version`. White space is skipped, as in git. Version 3, which was
discussed but never released, is left out.
"""

from __future__ import annotations

__all__ = ["name_hash_v1", "name_hash_v2"]

_SPACE = b" \t\n\r"
_REVERSED = tuple(int(f"{value:08b}"[::-1], 2) for value in range(256))
_32_BITS = 0xFFFFFFFF


def name_hash_v1(path: bytes) -> int:
    """Return git's name hash of a path; 0 for an empty path."""
    number = 0
    for character in path.translate(None, _SPACE):
        number = ((number >> 2) + (character << 24)) & _32_BITS
    return number


def name_hash_v2(path: bytes) -> int:
    """Return the name hash of git 2.49 and later, which includes folders; 0 for an empty path."""
    folders = 0
    number = 0
    for character in path.translate(None, _SPACE):
        if character == 0x2F:
            folders = (folders >> 6) ^ number
            number = 0
        else:
            number = ((number >> 2) + (_REVERSED[character] << 24)) & _32_BITS
    return (folders >> 6) ^ number
