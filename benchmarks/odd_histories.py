"""Odd inputs that are odd by their history or their trees rather than by what is in the files.

As in benchmarks/odd_texts.py a kind is a generator of commits. They follow one another, but for those of
the kinds in `MERGING`: there each run of `BRANCHES` commits forks from the one before it, and the next
commit merges them all.
"""

# ruff: noqa: D401 - a kind is described, not what its generator does

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.odd_texts import edit, prose, text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from benchmarks.odd_texts import Changes

__all__ = ["BRANCHES", "KINDS", "MERGING"]

BRANCHES = 8
"""Commits that fork from one and are merged by the next."""


def tiny_files(chance: Random, scale: int) -> Iterator[Changes]:
    """Thousands of files of a few bytes."""
    yield {
        b"fixtures/%02d/case%05d" % (number % 40, number): b"%d %d\n" % (number, chance.randrange(10**6))
        for number in range(1000 * scale)
    }
    for _ in range(20):
        yield {
            b"fixtures/%02d/case%05d" % (number % 40, number): b"%d %d\n" % (number, chance.randrange(10**6))
            for number in chance.sample(range(1000 * scale), 10)
        }


def renames(chance: Random, scale: int) -> Iterator[Changes]:
    """Every commit moves some files to another folder and name, and changes them a little."""
    files = {b"old/module%04d.rb" % number: prose(chance, 60) for number in range(30 * scale)}
    yield {path: text(lines) for path, lines in files.items()}
    for turn in range(8):
        changes: Changes = {}
        for number, path in enumerate(chance.sample(sorted(files), 10 * scale)):
            lines = files.pop(path)
            edit(chance, lines)
            moved = b"part%d/%s_%d_%d.rb" % (chance.randrange(9), lines[0].strip()[:8].encode(), turn, number)
            files[moved] = lines
            changes[path], changes[moved] = None, text(lines)
        yield changes


def copies(chance: Random, scale: int) -> Iterator[Changes]:
    """A workspace whose packages are begun as copies of one another, under the same file names."""
    names = (b"Cargo.toml", b"src/lib.rs", b"src/error.rs", b"src/main.rs", b"tests/all.rs")
    packages = [{name: prose(chance, 50) for name in names} for _ in range(3)]
    for number in range(20 * scale):
        model = chance.choice(packages)
        package = {name: list(lines) for name, lines in model.items()}
        for lines in package.values():
            edit(chance, lines)
        packages.append(package)
        yield {b"crates/p%03d/%s" % (number, name): text(lines) for name, lines in package.items()}


def big_trees(chance: Random, scale: int) -> Iterator[Changes]:
    """One folder of thousands of files, of which each commit changes two or three."""
    count = 1000 * scale
    yield {b"posts/%06d.md" % (number * 7919 % 999_983): b"%d\n" % number for number in range(count)}
    for turn in range(40):
        changes: Changes = {
            b"posts/%06d.md" % (chance.randrange(count) * 7919 % 999_983): b"turn %d\n" % turn
            for _ in range(2)
        }
        yield {**changes, b"posts/new%04d.md" % turn: b"new %d\n" % turn}


def deep_trees(chance: Random, scale: int) -> Iterator[Changes]:
    """A file 120 folders down: each change writes 120 trees."""
    folder = b"/".join(b"d%02d" % (number % 37) for number in range(120))
    for turn in range(6 * scale):
        yield {folder + b"/leaf.txt": text([f"turn {turn}", *prose(chance, 3)])}


def long_history(chance: Random, scale: int) -> Iterator[Changes]:
    """One file in hundreds of versions: chains meet the depth limit again and again."""
    lines = prose(chance, 120)
    for _ in range(300 * scale):
        edit(chance, lines)
        yield {b"src/main.c": text(lines)}


def merges(chance: Random, scale: int) -> Iterator[Changes]:
    """Branches that fork from one commit, change the same file, and are merged, eight at a time."""
    files = {b"src/file%d.c" % number: prose(chance, 80) for number in range(6)}
    yield {path: text(lines) for path, lines in files.items()}
    for _ in range(8 * scale):
        path = chance.choice(sorted(files))
        for _ in range(BRANCHES):
            lines = list(files[path])
            edit(chance, lines)
            yield {path: text(lines)}
        edit(chance, files[path])
        yield {path: text(files[path])}


def reverts(chance: Random, scale: int) -> Iterator[Changes]:
    """Two long-lived versions of each file that are swapped, each changed a little every time."""
    files = [[prose(chance, 100), prose(chance, 100)] for _ in range(4)]
    for turn in range(20 * scale):
        changes: Changes = {}
        for number, sides in enumerate(files):
            lines = sides[turn % 2]
            edit(chance, lines)
            changes[b"conf/site%d.ini" % number] = text(lines)
        yield changes


def same_names(chance: Random, scale: int) -> Iterator[Changes]:
    """A hundred files of one name in as many folders, each with its own history."""
    files = [prose(chance, 40) for _ in range(60)]
    for _ in range(4 * scale):
        changes: Changes = {}
        for number in chance.sample(range(len(files)), 20):
            edit(chance, files[number])
            changes[b"pkg/%03d/index.js" % number] = text(files[number])
        yield changes


KINDS = {
    "tiny files": tiny_files,
    "renames": renames,
    "copied packages": copies,
    "big trees": big_trees,
    "deep trees": deep_trees,
    "one file, long history": long_history,
    "many branches, merged": merges,
    "swapped versions": reverts,
    "same names": same_names,
}

MERGING = frozenset({"many branches, merged"})
