"""A repository whose refs are in reftables, made without git from tables that git wrote."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from packcore.objects import ObjectType
from packcore.store.repository import Repository
from tests.support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["TABLES", "commit_data", "reftable_repository"]

TABLES = ROOT / "tests" / "packcore" / "store" / "reftables"
"""Tables that git 2.55 wrote: `make.sh` there has the commands."""

_TREE = b"4b825dc642cb6eb9a060e54bf8d69288fbee4904"
_AUTHOR = b"A U Thor <a@example.com> 1112911993 -0700"
_COMMITTER = b"C O Mitter <c@example.com> 1112911993 -0700"


def commit_data(message: bytes) -> bytes:
    """Return a commit of the empty tree; that of the tables has the message `x`."""
    return b"tree %b\nauthor %b\ncommitter %b\n\n%b\n" % (_TREE, _AUTHOR, _COMMITTER, message)


def reftable_repository(path: Path) -> Path:
    """Make a bare repository with the tables kinds-1 and kinds-2, and the objects that their refs name."""
    with Repository.init(path) as made:
        made.write_loose(ObjectType.TREE, b"")
        commit = made.write_loose(ObjectType.COMMIT, commit_data(b"x"))
        head = b"object %b\ntype commit\ntag v1\ntagger %b\n\nt\n" % (commit.hex().encode(), _COMMITTER)
        made.write_loose(ObjectType.TAG, head)
    (path / "config").write_text(
        "[core]\nrepositoryformatversion = 1\nbare = true\n[extensions]\nrefStorage = reftable\n"
    )
    shutil.rmtree(path / "refs")
    (path / "refs").mkdir()
    (path / "refs" / "heads").write_text("this repository uses the reftable format\n")
    (path / "HEAD").write_text("ref: refs/heads/.invalid\n")
    (path / "reftable").mkdir()
    for name in ("kinds-1.ref", "kinds-2.ref"):
        shutil.copy(TABLES / name, path / "reftable")
    (path / "reftable" / "tables.list").write_text("kinds-1.ref\nkinds-2.ref\n")
    return path
