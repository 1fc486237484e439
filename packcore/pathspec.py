"""Paths that limit a listing, and which trees differ there: the common part of git's pathspecs (gitglossary).

    src/lib       that file, or all below that folder
    src/lib/      all below that folder
    *.c  src/[ab]*    with wildcards, where `*` takes in slashes too
    .             everything

Paths are taken from the top of the tree. Magic, which begins with a colon, is left out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import LimitExceeded, UnknownRevision
from packcore.limits import DEFAULT_LIMITS, Limits
from packcore.objects import MODE_DIRECTORY, mode_kind, tree_rows
from packcore.wildcards import has_wildcard, wildcard_fits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packcore.ids import ObjectId
    from packcore.store.base import ObjectStore

__all__ = ["Pathspec", "TreeComparison"]

_WILD = re.compile(rb"[*?\[\\]")
_KEPT_BYTES_MAX = 4 << 20
"""Of trees, as objects; parsed, they take about eight times as much."""

_Rows = dict[bytes, tuple[bytes, "ObjectId"]]


class _Path(NamedTuple):
    text: bytes
    folders_only: bool
    literal: bytes
    """What is before the first wildcard; all of it if there is none."""
    is_wild: bool

    def takes(self, path: bytes, *, is_folder: bool) -> bool:
        """Return whether it takes in a path, and so all below it."""
        if self.text in (b"", path):
            return is_folder or not self.folders_only
        return self.is_wild and wildcard_fits(self.text, path)

    def leads_through(self, folder: bytes) -> bool:
        """Return whether a folder is on the way, by its name."""
        return self.literal.startswith(folder + b"/")

    def looks_into(self, folder: bytes) -> bool:
        """Return whether something below a folder may be taken in."""
        return self.leads_through(folder) or (self.is_wild and folder.startswith(self.literal))


class Pathspec(NamedTuple):
    """Paths, any of which may fit."""

    paths: tuple[_Path, ...]

    @classmethod
    def parse(cls, texts: Sequence[str]) -> Pathspec:
        """Read paths as given by a user. Raises UnknownRevision for one that can't be used."""
        return cls(tuple(map(_parsed, texts)))

    def takes(self, path: bytes, *, is_folder: bool) -> bool:
        """Return whether a path is taken in, and with it all below it."""
        return any(each.takes(path, is_folder=is_folder) for each in self.paths)

    def takes_all_below(self, folder: bytes) -> bool:
        """Return whether a folder, or one that it is in, is taken in."""
        names = folder.split(b"/") if folder else []
        return any(self.takes(b"/".join(names[: end + 1]), is_folder=True) for end in range(len(names)))

    def leads_through(self, folder: bytes) -> bool:
        """Return whether a folder is on the way to a path by its name, and not only by a wildcard."""
        return any(each.leads_through(folder) for each in self.paths)

    def looks_into(self, folder: bytes) -> bool:
        """Return whether something below a folder may be taken in."""
        return any(each.looks_into(folder) for each in self.paths)


def _parsed(text: str) -> _Path:
    if text.startswith(":"):
        raise UnknownRevision(f"{text[:80]!r}: magic in paths is not supported; use plain paths or wildcards")
    if not text:
        raise UnknownRevision("an empty path is no path", hint="use . for everything")
    names: list[str] = []
    for name in text.split("/"):
        if name == "..":
            if not names:
                raise UnknownRevision(f"{text[:80]!r} is outside of the repository")
            names.pop()
        elif name not in ("", "."):
            names.append(name)
    path = "/".join(names).encode("utf-8", "surrogateescape")
    wild = _WILD.search(path)
    literal = path[: wild.start()] if wild else path
    return _Path(path, text.endswith("/") and bool(path), literal, has_wildcard(path))


class TreeComparison:
    """Compares trees of one store, where a pathspec takes paths in."""

    def __init__(self, store: ObjectStore, pathspec: Pathspec, limits: Limits = DEFAULT_LIMITS) -> None:
        self._store = store
        self._pathspec = pathspec
        self._depth_max = limits.tree_depth
        self._kept: dict[ObjectId, _Rows] = {}
        self._kept_bytes = 0

    def differ(self, one: ObjectId | None, other: ObjectId | None) -> bool:
        """Return whether two trees differ; None is an empty one. Raises CorruptData, LimitExceeded."""
        if any(each.text == b"" for each in self._pathspec.paths):
            return one != other and not (self._is_empty(one) and self._is_empty(other))
        stack: list[tuple[ObjectId | None, ObjectId | None, bytes, int]] = [(one, other, b"", 0)]
        while stack:
            left, right, folder, depth = stack.pop()
            if depth > self._depth_max:
                raise LimitExceeded(
                    f"trees are nested deeper than {self._depth_max} levels", limit="tree_depth"
                )
            left_rows = {} if left is None else self._rows(left)
            right_rows = {} if right is None else self._rows(right)
            for name in left_rows.keys() | right_rows.keys():
                found = left_rows.get(name), right_rows.get(name)
                if found[0] == found[1]:
                    continue
                path = folder + name
                trees = [row[1] if row and mode_kind(row[0]) == MODE_DIRECTORY else None for row in found]
                for row, tree in zip(found, trees, strict=True):
                    if row and self._pathspec.takes(path, is_folder=tree is not None):
                        return True
                if trees[0] != trees[1] and self._pathspec.looks_into(path):
                    stack.append((trees[0], trees[1], path + b"/", depth + 1))
        return False

    def _is_empty(self, tree: ObjectId | None) -> bool:
        return tree is None or not self._rows(tree)

    def _rows(self, tree: ObjectId) -> _Rows:
        """Return a tree's entries; a commit's are needed again for its parents and children."""
        found = self._kept.get(tree)
        if found is None:
            data = self._store.read(tree).data
            rows = tree_rows(data, self._store.object_format, tree)
            found = {name: (mode, oid) for mode, name, oid in rows}
            self._kept_bytes += len(data)
            if self._kept_bytes > _KEPT_BYTES_MAX:
                self._kept.clear()
                self._kept_bytes = len(data)
            self._kept[tree] = found
        return found
