"""What may be on the disk after the power went: built from the calls of a run, up to any of them.

A file holds for certain what it held at its latest fsync, a folder the names of its latest fsync; what came
after may be there or not. Of all the combinations these are built, for each moment of a run:

    least     nothing that was not synced
    names     every name, but files as they were synced: else empty
    nuls      every name; what was not synced is NUL bytes
    torn      every name; what was not synced is half there
    mixed     of each folder either the names that were synced or all, by chance; files as in `names`
"""

from __future__ import annotations

import os
import random
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.crash.disk import Call

__all__ = ["VARIANTS", "Power", "Tree", "states", "write_tree"]

VARIANTS = ("least", "names", "nuls", "torn", "mixed")


Tree = dict[str, tuple[int, bytes] | None]
"""By path: of a file a number, the same for two names of one file, and its bytes; None for a folder."""


@dataclass
class File:
    now: bytearray = field(default_factory=bytearray)
    synced: bytes = b""

    def after(self, variant: str) -> bytes:
        if bytes(self.now) == self.synced or variant in ("least", "names", "mixed"):
            return self.synced
        return bytes(len(self.now)) if variant == "nuls" else bytes(self.now[: len(self.now) // 2])


@dataclass
class Folder:
    now: dict[str, File | Folder] = field(default_factory=dict)
    synced: dict[str, File | Folder] = field(default_factory=dict)


class Power:
    """A disk in memory, first as the folder `root` is now, then as the calls change it."""

    def __init__(self, root: Path) -> None:
        self._root = os.path.realpath(root)
        self._top = _loaded(self._root)
        self._opened: dict[str, File] = {}

    def apply(self, call: Call) -> None:
        """Do what a call did."""
        path = call.path.partition("\0")[0]
        if path == self._root:
            self._top.synced = dict(self._top.now)  # the only thing that is done to it
            return
        folder, name = self._folder(os.path.dirname(path)), os.path.basename(path)
        match call.kind:
            case "open":
                file = folder.now.setdefault(name, File())
                assert isinstance(file, File)
                file.now.clear()
                self._opened[f"{path}\0{call.other}"] = file
            case "write":
                self._opened[call.path].now[call.at : call.at + len(call.data)] = call.data
            case "truncate":
                del self._opened[call.path].now[call.at :]
            case "fsync":
                node = self._opened.get(call.path) or folder.now[name]
                if isinstance(node, File):
                    node.synced = bytes(node.now)
                else:
                    node.synced = dict(node.now)
            case "mkdir":
                folder.now[name] = Folder()
            case "unlink" | "rmdir":
                # A call that fails changes nothing: a folder that isn't empty.
                node = folder.now[name]
                if not (isinstance(node, Folder) and node.now):
                    del folder.now[name]
            case "rename" | "link":
                node = folder.now[name]
                if call.kind == "rename":
                    del folder.now[name]
                self._folder(os.path.dirname(call.other)).now[os.path.basename(call.other)] = node

    def tree(self, variant: str, seed: int) -> Tree:
        """Return every file and folder as the power's loss left them."""
        found: Tree = {}
        chance = random.Random(seed)
        waiting: list[tuple[str, Folder]] = [("", self._top)]
        while waiting:
            path, folder = waiting.pop()
            is_synced = variant == "least" or (variant == "mixed" and chance.random() < 0.5)
            for name, node in sorted((folder.synced if is_synced else folder.now).items()):
                inner = os.path.join(path, name)
                if isinstance(node, File):
                    found[inner] = (id(node), node.after(variant))
                else:
                    found[inner] = None
                    waiting.append((inner, node))
        return found

    def _folder(self, path: str) -> Folder:
        node = self._top
        for part in os.path.relpath(path, self._root).split("/"):
            if part not in (".", ""):
                inner = node.now[part]
                assert isinstance(inner, Folder)
                node = inner
        return node


def write_tree(tree: Tree, root: Path) -> None:
    """Make a folder hold this and nothing else."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    written: dict[int, Path] = {}
    for path, file in sorted(tree.items()):
        if file is None:
            (root / path).mkdir()
        elif file[0] in written:
            (root / path).hardlink_to(written[file[0]])
        else:
            (root / path).write_bytes(file[1])
            written[file[0]] = root / path


def states(root: Path, calls: Sequence[Call]) -> list[tuple[int, str, Tree]]:
    """Return the states that differ, each with the number of calls that were done and the variant's name."""
    power = Power(root)
    seen: set[int] = set()
    found = []
    for number in range(len(calls) + 1):
        if number:
            power.apply(calls[number - 1])
        for variant in VARIANTS:
            tree = power.tree(variant, number)
            key = hash(tuple(sorted((path, file or (0, b"")) for path, file in tree.items())))
            if key not in seen or number == len(calls):
                seen.add(key)
                found.append((number, variant, tree))
    return found


def _loaded(path: str) -> Folder:
    folder = Folder()
    for entry in os.scandir(path):
        if entry.is_dir():
            folder.now[entry.name] = _loaded(entry.path)
        else:
            with open(entry.path, "rb") as file:
                data = file.read()
            folder.now[entry.name] = File(bytearray(data), data)
    folder.synced = dict(folder.now)
    return folder
