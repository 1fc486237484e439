"""Small packs of objects that git's checks find something wrong with, or that lack what they refer to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support import git, git_bytes, init_repository

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["EMPTY_TREE", "ODD_PACKS", "write_odd_packs"]

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

_WHO = "A <a@e> 1 +0000"
ODD_PACKS = [
    "good",
    "bad-name",
    "nul",
    "no-parent",
    "no-blob",
    "blob-as-tree",
    "gitmodules-elsewhere",
    "unsafe-gitmodules",
]
"""Their names; `gitmodules-of-an-unsafe-one` is there too."""


def write_odd_packs(folder: Path) -> Path:
    """Write the packs into a folder, each under its name, and return the folder."""
    work = init_repository(folder / "work.git")

    def write(type_: str, data: bytes) -> str:
        return git("hash-object", "--literally", "-t", type_, "-w", "--stdin", cwd=work, stdin=data)

    def commit(tree: str = EMPTY_TREE, *, author: str = _WHO, message: str = "m", parent: str = "") -> str:
        parents = f"parent {parent}\n" if parent else ""
        text = f"tree {tree}\n{parents}author {author}\ncommitter {_WHO}\n\n{message}\n"
        return write("commit", text.encode())

    def tree(name: bytes, oid: str, mode: bytes = b"100644") -> str:
        return write("tree", mode + b" " + name + b"\0" + bytes.fromhex(oid))

    def pack(name: str, *oids: str) -> None:
        listed = "\n".join(oids).encode() + b"\n"
        (folder / f"{name}.pack").write_bytes(
            git_bytes("pack-objects", "--stdout", "-q", cwd=work, stdin=listed)
        )

    empty, blob = write("tree", b""), write("blob", b"x\n")
    first = commit()
    second = commit(parent=first)
    listing = tree(b"f", blob)
    modules, unsafe = write("blob", b"[submodule]\n"), write("blob", b'[submodule "../x"]\n\turl = -x\n')
    pack("good", empty, first, second, blob, listing)
    pack("bad-name", empty, commit(author="A <a> 0 +0000> x"))
    pack("nul", empty, commit(message="x\0y"))
    pack("no-parent", empty, second)
    pack("no-blob", listing)
    pack("blob-as-tree", tree(b"d", blob, b"40000"), blob)
    pack("gitmodules-elsewhere", tree(b".gitmodules", modules))
    pack("unsafe-gitmodules", tree(b".gitmodules", unsafe), unsafe)
    pack("gitmodules-of-an-unsafe-one", tree(b".gitmodules", unsafe))
    (folder / "unsafe").write_text(unsafe)
    (folder / "first").write_text(first)
    return folder
