"""Histories of many branches and merges, made by chance from a seed, with changes to a few files."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.support import copy_of, fast_import, git, init_repository

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FIRST_DATE", "make_branchy"]

FIRST_DATE = 1_700_000_000
_FILES = ("a", "b", "src/a", "src/b", "src/lib/x", "src/lib/y", "doc/a.c", "doc/z.c", "c.c")


def make_branchy(path: Path, seed: int, *, commits: int = 25) -> Path:
    """Make a repository with a branch `c1`, `c2`, … at each commit; HEAD is the last.

    The tags v1 and v2 are of the middle commit and the last but one, vtree is of the latter's tree. Dates
    never go back, and some commits have the same.
    """
    return copy_of(f"branchy {seed} {commits}", lambda made: _make(made, seed, commits), path)


def _make(path: Path, seed: int, commits: int) -> None:
    chance = random.Random(seed)
    init_repository(path)
    date = FIRST_DATE
    commands = []
    for number in range(1, commits + 1):
        known = list(range(1, number))
        parents = chance.sample(known[-4:], 1) if known else []
        if parents and chance.random() < 0.35:
            more = chance.sample(known[-8:], min(len(known), chance.choice((1, 1, 2))))
            parents += [other for other in more if other not in parents]
        date += chance.choice((0, 1, 10, 10))
        lines = [f"commit refs/heads/c{number}", f"mark :{number}", f"committer A <a@b> {date} +0000"]
        lines += ["data 2", "c"]
        lines += [f"{'merge' if place else 'from'} :{parent}" for place, parent in enumerate(parents)]
        for _ in range(chance.choice((0, 1, 1, 2))):
            name, text = chance.choice(_FILES), str(chance.randrange(6))
            deletes = chance.random() < 0.15
            lines += [f"D {name}"] if deletes else [f"M 100644 inline {name}", f"data {len(text)}", text]
        commands.append("\n".join(lines).encode() + b"\n\n")
    fast_import(path, commands)
    git("tag", "-a", "-m", "t", "v1", f"c{commits // 2}", cwd=path)
    git("tag", "-a", "-m", "t", "v2", f"c{commits - 1}", cwd=path)
    git("tag", "-a", "-m", "t", "vtree", f"c{commits - 1}^{{tree}}", cwd=path)
    git("symbolic-ref", "HEAD", f"refs/heads/c{commits}", cwd=path)
