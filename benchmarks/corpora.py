"""Corpora that anyone can rebuild, object for object: generated ones, and the releases of a package.

    python -m benchmarks.corpora generated DIR.git [--objects N] [--seed N]
    python -m benchmarks.corpora releases DIR.git PACKAGE VERSION... [--sdist]

A generated history grows text files line by line, copies and renames some, re-indents some, adds binaries
that don't compress, and merges branches; the same count and seed give the same ids on every machine. One
of releases has a commit and a tag for each version, in the order given, with what its archive holds; pip
brings the archives from the package index that it is set up with. Wheels are the default: to learn a
source archive's metadata, pip runs the code that builds it. Nothing of either is ever checked in.
"""

from __future__ import annotations

import argparse
import io
import random
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from packcore import Limits, select, write_pack
from packcore.ids import SHA1, ObjectId
from packcore.objects import ObjectType
from packcore.plans.entries import Candidate
from packcore.repack import repack
from packcore.store.memory import MemoryStore
from packcore.store.repository import Repository
from packcore.store.spool import SpooledPack

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "Batches",
    "Files",
    "Trees",
    "commit_of",
    "from_releases",
    "generate",
    "generated_store",
    "write_tree",
]

BATCH_OBJECTS = 20_000
"""Objects that are held in memory before they go into a pack of the corpus."""

WHO = b"C O Mitter <committer@example.com>"
FIRST_SECOND = 1_112_911_993

Files = dict[bytes, tuple[bytes, ObjectId]]
"""Path -> (mode as trees write it, blob)."""


class Batches:
    """Takes objects, each once, and puts them into a repository as packs of whole objects."""

    def __init__(self, repository: Repository | None) -> None:
        self.repository = repository
        self.known: set[bytes] = set()
        self.store = MemoryStore(SHA1)

    def add(self, type_: ObjectType, data: bytes) -> ObjectId:
        """Take an object and return its id."""
        oid = SHA1.hash_object(type_.label, data)
        if oid not in self.known:
            self.known.add(oid)
            self.store.add(type_, data)
            if self.repository is not None and len(self.store) >= BATCH_OBJECTS:
                self.flush()
        return oid

    def flush(self) -> None:
        """Write what waits as one pack."""
        if self.repository is None or not len(self.store):
            return
        headers = ((oid, self.store.header(oid)) for oid in self.store)
        candidates = [
            Candidate(oid, header.type, header.size, b"", order)
            for order, (oid, header) in enumerate(headers)
        ]
        plan = select(self.store, candidates, strategy="none", limits=Limits(compression=1))
        directory = self.repository.pack_directory
        with SpooledPack.receive(write_pack(plan), object_format=SHA1, directory=directory) as spool:
            self.repository.add_pack(spool)
        self.store = MemoryStore(SHA1)


class Trees:
    """Writes the trees of successive versions; a folder that did not change is not written again."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches
        self._folders: dict[bytes, dict[bytes, tuple[bytes, ObjectId]]] = {b"": {}}
        self._changed: set[bytes] = set()

    def put(self, path: bytes, entry: tuple[bytes, ObjectId] | None) -> None:
        """Set or remove a file; its folders are written by `root`."""
        folder, _, name = path.rpartition(b"/")
        rows = self._folders.setdefault(folder, {})
        if entry is None:
            rows.pop(name, None)
        else:
            rows[name] = entry
        self._changed.add(folder)

    def get(self, path: bytes) -> tuple[bytes, ObjectId] | None:
        """Return mode and id of a file as it was put last, or None."""
        folder, _, name = path.rpartition(b"/")
        return self._folders.get(folder, {}).get(name)

    def root(self) -> ObjectId:
        """Write the folders that changed, deepest first, then the root, and return its id."""
        while self._changed:
            folder = max(self._changed, key=lambda name: (name.count(b"/"), name))
            self._changed.remove(folder)
            if folder:
                rows = self._folders[folder]
                tree = self._batches.add(ObjectType.TREE, _tree_bytes(rows)) if rows else None
                self.put(folder, None if tree is None else (b"40000", tree))
        return self._batches.add(ObjectType.TREE, _tree_bytes(self._folders[b""]))


def _tree_bytes(rows: dict[bytes, tuple[bytes, ObjectId]]) -> bytes:
    """Return a tree object; folders sort as if their names ended in a slash."""
    ordered = sorted(rows.items(), key=lambda row: row[0] + b"/" if row[1][0] == b"40000" else row[0])
    return b"".join(b"%s %s\0%s" % (mode, name, oid) for name, (mode, oid) in ordered)


def write_tree(batches: Batches, files: Files) -> ObjectId:
    """Write all trees of a set of files, and return the root's id."""
    folders: dict[bytes, dict[bytes, tuple[bytes, ObjectId]]] = {b"": {}}
    for path, entry in files.items():
        folder, _, name = path.rpartition(b"/")
        folders.setdefault(folder, {})[name] = entry
        while folder:
            folder = folder.rpartition(b"/")[0]
            folders.setdefault(folder, {})
    for folder in sorted(folders, key=lambda name: (-name.count(b"/"), name)):
        if folder:
            above, _, name = folder.rpartition(b"/")
            tree = batches.add(ObjectType.TREE, _tree_bytes(folders[folder]))
            folders[above][name] = (b"40000", tree)
    return batches.add(ObjectType.TREE, _tree_bytes(folders[b""]))


def commit_of(
    batches: Batches, tree: ObjectId, parents: Iterable[ObjectId], number: int, message: str
) -> ObjectId:
    """Write a commit of fixed people, dated by its number, and return its id."""
    lines = [b"tree %s\n" % tree.hex().encode()]
    lines += [b"parent %s\n" % parent.hex().encode() for parent in parents]
    when = b"%d +0000" % (FIRST_SECOND + 60 * number)
    lines.append(b"author %s %s\ncommitter %s %s\n\n%s\n" % (WHO, when, WHO, when, message.encode()))
    return batches.add(ObjectType.COMMIT, b"".join(lines))


def _tag(batches: Batches, commit: ObjectId, name: str, number: int) -> ObjectId:
    when = FIRST_SECOND + 60 * number
    text = f"object {commit.hex()}\ntype commit\ntag {name}\ntagger {WHO.decode()} {when} +0000\n\n{name}\n"
    return batches.add(ObjectType.TAG, text.encode())


class _History:
    """A tree of text that is worked on, one commit after the other."""

    def __init__(self, batches: Batches, seed: int, paths: int) -> None:
        self.chance = random.Random(seed)
        self.batches = batches
        self.trees = Trees(batches)
        words = [f"{self.chance.getrandbits(28):07x}" for _ in range(400)]
        self.words = [*words, "if", "else", "return", "for", "(a, b)", "self.value", "= None", "+ 1"]
        self.texts: dict[bytes, list[str]] = {}
        self.paths: list[bytes] = []
        self.paths_max = 2 * paths
        """Beyond it a copy replaces its model, so that trees do not grow with the history."""
        for number in range(paths):
            self.create(number)

    def line(self) -> str:
        return "    " * self.chance.randrange(4) + " ".join(self.chance.choices(self.words, k=6))

    def create(self, number: int) -> None:
        path = b"src/part%02d/module%04d.py" % (number % 23, number)
        self.texts[path] = [self.line() for _ in range(self.chance.randrange(20, 120))]
        self.paths.append(path)
        self.save(path)

    def save(self, path: bytes) -> None:
        blob = self.batches.add(ObjectType.BLOB, "\n".join(self.texts[path]).encode() + b"\n")
        self.trees.put(path, (b"100644", blob))

    def work(self, number: int) -> None:
        """Change a file or two, as people do."""
        chance = self.chance
        for path in chance.sample(self.paths, k=1 + chance.randrange(2)):
            text = self.texts[path]
            at, kind = chance.randrange(len(text)), chance.randrange(100)
            if kind < 55:
                text[at : at + chance.randrange(3)] = [self.line() for _ in range(chance.randrange(1, 4))]
            elif kind < 75 and len(text) > 30:
                del text[at : at + 5]
            elif kind < 85:
                text[:] = text[at:] + text[:at]
            elif kind < 90:
                text[:] = ["  " + line for line in text]
            elif kind < 94:
                self.copy(path, b"src/part%02d/moved%05d.py" % (number % 23, number), keep=False)
                continue
            elif kind < 97:
                keep = len(self.paths) < self.paths_max
                self.copy(path, b"lib/copy%05d.py" % number, keep=keep)
                continue
            else:
                noise = chance.randbytes(1500)
                blob = self.batches.add(ObjectType.BLOB, noise)
                self.trees.put(b"data/image%02d.png" % (number % 40), (b"100644", blob))
                continue
            self.save(path)

    def copy(self, path: bytes, to: bytes, *, keep: bool) -> None:
        if to in self.texts:
            return
        self.texts[to] = list(self.texts[path])
        if keep:
            self.paths.append(to)
        else:
            del self.texts[path]
            self.paths[self.paths.index(path)] = to
            self.trees.put(path, None)
        self.save(to)


def generate(batches: Batches, object_count: int, *, seed: int = 1) -> dict[str, ObjectId]:
    """Add a history of about so many objects, and return its refs."""
    history = _History(batches, seed, max(4, min(object_count // 12, 400)))
    root = history.trees.root()
    tip = commit_of(batches, root, [], 0, "Begin")
    older = tip
    refs: dict[str, ObjectId] = {}
    number = 0
    while len(batches.known) < object_count:
        number += 1
        history.work(number)
        root = history.trees.root()
        parents = [tip]
        if number % 17 == 0:
            side = commit_of(batches, root, [older], number, f"Work aside {number}")
            parents.append(side)
            older = tip
        tip = commit_of(batches, root, parents, number, f"Change {number}: {history.line().strip()}")
        if number % 1000 == 40:
            refs[f"refs/tags/v{number}"] = _tag(batches, tip, f"v{number}", number)
    return {"refs/heads/main": tip, **refs}


def generated_store(object_count: int, *, seed: int = 1) -> tuple[MemoryStore, list[ObjectId]]:
    """Return a generated history in memory, and the ids of its refs."""
    batches = Batches(None)
    refs = generate(batches, object_count, seed=seed)
    return batches.store, list(refs.values())


def from_releases(batches: Batches, package: str, versions: list[str], *, sdist: bool) -> dict[str, ObjectId]:
    """Bring the archives of a package's versions by pip, and return the refs of their history."""
    refs: dict[str, ObjectId] = {}
    parents: list[ObjectId] = []
    kind = ["--no-binary", ":all:"] if sdist else ["--only-binary", ":all:"]
    for number, version in enumerate(versions):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
            command += ["--disable-pip-version-check", *kind, f"{package}=={version}"]
            subprocess.run(command, check=True)
            (archive,) = Path(folder).iterdir()
            files = {
                path: (mode, batches.add(ObjectType.BLOB, data)) for path, mode, data in _members(archive)
            }
        parents = [commit_of(batches, write_tree(batches, files), parents, number, f"{package} {version}")]
        refs[f"refs/tags/{version}"] = _tag(batches, parents[0], version, number)
        refs["refs/heads/main"] = parents[0]
    return refs


def _members(archive: Path) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield path, mode and bytes of each file in an archive; a source archive's own folder is left out."""
    if archive.suffix in {".whl", ".zip"}:
        with zipfile.ZipFile(archive) as opened:
            for name in sorted(opened.namelist()):
                if not name.endswith("/"):
                    inner = name if archive.suffix == ".whl" else name.partition("/")[2]
                    yield _stable(inner), b"100644", opened.read(name)
        return
    with tarfile.open(fileobj=io.BytesIO(archive.read_bytes())) as tar:
        for member in sorted(tar.getmembers(), key=lambda member: member.name):
            inner = member.name.partition("/")[2]
            if member.isfile() and inner:
                file = tar.extractfile(member)
                assert file is not None
                yield _stable(inner), b"100755" if member.mode & 0o100 else b"100644", file.read()


def _stable(path: str) -> bytes:
    """Return a path without the version that a wheel puts into a folder's name, as a repository has it."""
    parts = path.split("/")
    if parts[0].endswith((".dist-info", ".data")):
        parts[0] = parts[0].partition("-")[0] + Path(parts[0]).suffix
    return "/".join(parts).encode()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    kinds = parser.add_subparsers(dest="kind", required=True)
    generated = kinds.add_parser("generated", help="a generated history")
    generated.add_argument("directory", type=Path)
    generated.add_argument("--objects", type=int, default=10_000)
    generated.add_argument("--seed", type=int, default=1)
    releases = kinds.add_parser("releases", help="the releases of a package")
    releases.add_argument("directory", type=Path)
    releases.add_argument("package")
    releases.add_argument("versions", nargs="+")
    releases.add_argument("--sdist", action="store_true", help="source archives, which pip runs code of")
    for one in (generated, releases):
        one.add_argument("--repack", action="store_true", help="leave one pack, with our deltas")
    arguments = parser.parse_args()
    with Repository.init(arguments.directory) as repository:
        batches = Batches(repository)
        if arguments.kind == "generated":
            refs = generate(batches, arguments.objects, seed=arguments.seed)
        else:
            refs = from_releases(batches, arguments.package, arguments.versions, sdist=arguments.sdist)
        batches.flush()
        for name, oid in refs.items():
            repository.update_ref(name, oid)
        if arguments.repack:
            repack(repository, limits=repository.limits)
        print(
            f"{arguments.directory}: {len(batches.known):,} objects, main at {refs['refs/heads/main'].hex()}"
        )


if __name__ == "__main__":
    main()
