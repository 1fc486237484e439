"""Repositories that are large in one respect: refs, branches, commits, objects, packs, or one wide tree.

All are made by `git fast-import` from a stream that depends on nothing but its size, and kept in a folder, so
that a second run finds them.
"""

from __future__ import annotations

import hashlib
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = [
    "add_commit",
    "behind",
    "history",
    "kept",
    "packed_refs",
    "refs_of",
    "scattered",
    "tags_of_tags",
    "tiny_objects",
    "wide_tree",
]

EPOCH = 1_600_000_000
_WHO = "A U Thor <author@example.com>"
_OBJECTS_OF_A_COMMIT = 4
"""A commit, its tree, a folder's tree and a blob."""


def kept(path: Path, make: Callable[[Path], None]) -> Path:
    """Return a repository, made if it isn't there. One that is half made is never taken for whole."""
    if not path.exists():
        new = path.with_suffix(".new")
        subprocess.run(["rm", "-rf", new], check=True)
        make(new)
        new.rename(path)
    return path


def _git(path: Path, *arguments: str, stdin: Iterator[bytes] | None = None) -> str:
    command = ["git", "-c", "gc.auto=0", "-c", "pack.threads=1", "-C", str(path), *arguments]
    if stdin is None:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=False) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for chunk in stdin:
            process.stdin.write(chunk)
        process.stdin.close()
        printed = process.stdout.read()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return printed.decode()


def _init(path: Path) -> None:
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", path], check=True)


def _import(path: Path, stream: Iterator[bytes]) -> None:
    _git(path, "-c", "fastimport.unpackLimit=0", "fast-import", "--quiet", "--done", stdin=stream)


def _commits(count: int, *, ref: str = "refs/heads/main", first: int = 0, name: str = "") -> Iterator[bytes]:
    """Yield commits, each of which writes one of 1,000 files in one of 40 folders."""
    for number in range(first, first + count):
        file = name or f"d{number % 40}/f{number * 7 % 1000}.txt"
        text = hashlib.sha256(b"%d" % number).hexdigest() + "\n"
        message = f"change {number}\n"
        begins = "from refs/heads/main^0\n" if number == first and first else ""
        yield (
            f"commit {ref}\ncommitter {_WHO} {EPOCH + number * 60} +0000\n"
            f"data {len(message)}\n{message}{begins}M 100644 inline {file}\ndata {len(text)}\n{text}\n"
        ).encode()


def _done(stream: Iterator[bytes]) -> Iterator[bytes]:
    yield from stream
    yield b"done\n"


def history(path: Path, commits: int) -> None:
    """Make one line of commits on main, all in one pack."""
    _init(path)
    _import(path, _done(_commits(commits, name="file.txt")))
    _git(path, "repack", "-adfq", "--window=1")


def tiny_objects(path: Path, objects: int) -> None:
    """Make the given number of objects, four to a commit, all in one pack."""
    _init(path)
    _import(path, _done(_commits(objects // _OBJECTS_OF_A_COMMIT)))
    _git(path, "repack", "-adfq", "--window=1")


def scattered(path: Path, packs: int, loose: int) -> None:
    """Make `packs` packs of 5,000 objects each, then `loose` loose objects."""
    _init(path)
    each = 5_000 // _OBJECTS_OF_A_COMMIT
    for number in range(packs):
        _import(path, _done(_commits(each, first=number * each)))
    _git(path, "update-ref", "refs/heads/packed", "main")
    stream = _done(_commits(loose // _OBJECTS_OF_A_COMMIT, first=packs * each))
    _git(path, "-c", f"fastimport.unpackLimit={loose * 2}", "fast-import", "--quiet", "--done", stdin=stream)


def wide_tree(path: Path, entries: int, commits: int) -> None:
    """Make commits whose root tree has `entries` entries; each commit changes one of them."""

    def stream() -> Iterator[bytes]:
        yield b"blob\nmark :1\ndata 2\nx\n\n"
        yield f"commit refs/heads/main\ncommitter {_WHO} {EPOCH} +0000\ndata 1\n0\n".encode()
        for number in range(entries):
            yield f"M 100644 :1 file-{number:07d}\n".encode()
        for number in range(1, commits):
            text = f"{number}\n"
            yield (
                f"commit refs/heads/main\ncommitter {_WHO} {EPOCH + number} +0000\ndata 1\n{number % 10}\n"
                f"M 100644 inline file-{number * 37 % entries:07d}\ndata {len(text)}\n{text}\n"
            ).encode()

    _init(path)
    _import(path, _done(stream()))
    _git(path, "repack", "-adfq", "--window=5")


def packed_refs(path: Path, refs: int) -> None:
    """Make a small history with `refs` branches, all in packed-refs."""
    _init(path)
    _import(path, _done(_commits(10)))
    tip = _git(path, "rev-parse", "main").strip()
    names = (f"create refs/heads/team-{n % 100:02d}/topic-{n:07d} {tip}\n".encode() for n in range(refs))
    _git(path, "update-ref", "--stdin", stdin=names)
    _git(path, "pack-refs", "--all")


def tags_of_tags(path: Path, tags: int) -> None:
    """Make `tags` annotated tags in packed-refs; half of them tag another tag."""

    def stream() -> Iterator[bytes]:
        yield from _commits(10)
        for number in range(tags // 2):
            for name, of in ((f"v{number}", "refs/heads/main"), (f"w{number}", f":{number + 1}")):
                mark = f"mark :{number + 1}\n" if name[0] == "v" else ""
                yield f"tag {name}\n{mark}from {of}\ntagger {_WHO} {EPOCH} +0000\ndata 2\nt\n".encode()

    _init(path)
    _import(path, _done(stream()))
    _git(path, "pack-refs", "--all")


def behind(source: Path, target: Path, branches: int) -> None:
    """Clone source to target, then add one commit to each of `branches` branches of source."""
    tips = _git(source, "rev-list", "--first-parent", "main").split()
    step = max(len(tips) // (branches + 1), 1)

    def stream() -> Iterator[bytes]:
        for number in range(branches):
            base = tips[number * step]
            message = f"topic {number}\n"
            yield (
                f"commit refs/heads/topic-{number}\ncommitter {_WHO} {EPOCH * 2 + number} +0000\n"
                f"data {len(message)}\n{message}from {base}\n"
                f"M 100644 inline topic-{number}\ndata 2\nt\n\n"
            ).encode()

    subprocess.run(["git", "clone", "-q", "--bare", source, target], check=True)
    names = (f"create refs/heads/topic-{n} {tips[n * step]}\n".encode() for n in range(branches))
    _git(target, "update-ref", "--stdin", stdin=names)
    _import(source, _done(stream()))


def add_commit(path: Path, number: int) -> None:
    """Put one more commit on main."""
    text = f"{number}\n"
    stream = (
        f"commit refs/heads/main\ncommitter {_WHO} {EPOCH * 2 + number} +0000\ndata {len(text)}\n{text}"
        f"from refs/heads/main^0\nM 100644 inline changed\ndata {len(text)}\n{text}\ndone\n"
    )
    _git(path, "fast-import", "--quiet", "--done", stdin=iter([stream.encode()]))


def refs_of(path: Path) -> str:
    """Return all refs and their ids, a line each."""
    return _git(path, "for-each-ref", "--format=%(objectname) %(refname)")
