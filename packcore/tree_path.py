"""The paths of a walk: each is the path of its folder plus a name, so it costs only its last name.

    src ── lib ── a.c          TreePath(TreePath(TreePath(None, b"src"), b"lib"), b"a.c")

Trees may be nested 2,000 deep with names of hundreds of bytes: as separate strings, 2,000 such paths take a
gigabyte. `bytes()` joins a path; `path_end` returns at most the last bytes, which is enough for sorting. A
path may also be plain bytes, as in a list of objects from outside; b"" means no path.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["PATH_END_BYTES", "TreePath", "file_name", "inside", "path_end"]

PATH_END_BYTES = 4096
"""The longest path on Linux, so two paths that exist on a disk never have the same end."""


class TreePath:
    """A path below a root tree. Paths with the same names are equal. Hashable and picklable."""

    __slots__ = ("_hash", "name", "parent")

    def __init__(self, parent: TreePath | None, name: bytes) -> None:
        self.parent = parent
        """The path of the folder; None if that is the root."""
        self.name = name
        """The last name, without a slash unless the tree is odd."""
        self._hash: int = hash((None if parent is None else parent._hash, name))

    @classmethod
    def of(cls, names: Iterable[bytes]) -> TreePath | None:
        """Make a path from its names, outermost first; None for no names."""
        path = None
        for name in names:
            path = cls(path, name)
        return path

    def names(self) -> list[bytes]:
        """Return the names from the root down."""
        found = [self.name]
        folder = self.parent
        while folder is not None:
            found.append(folder.name)
            folder = folder.parent
        found.reverse()
        return found

    def __bytes__(self) -> bytes:
        return b"/".join(self.names())

    def __repr__(self) -> str:
        return f"TreePath({path_end(self)!r})"

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TreePath):
            return NotImplemented
        one: TreePath | None = self
        two: TreePath | None = other
        while one is not two:
            if one is None or two is None or one._hash != two._hash or one.name != two.name:
                return False
            one, two = one.parent, two.parent
        return True

    def __reduce__(self) -> tuple[Callable[[list[bytes]], TreePath | None], tuple[list[bytes]]]:
        # As names, because pickling a path within a path would recurse.
        return TreePath.of, (self.names(),)


def inside(folder: TreePath | bytes, name: bytes) -> TreePath:
    """Return the path of an entry of a folder; b"" is the root."""
    if isinstance(folder, TreePath):
        return TreePath(folder, name)
    return TreePath(TreePath(None, folder) if folder else None, name)


def path_end(path: TreePath | bytes) -> bytes:
    """Return the whole path, or its last `PATH_END_BYTES`."""
    if isinstance(path, bytes):
        return path[-PATH_END_BYTES:]
    found: list[bytes] = []
    left = PATH_END_BYTES
    folder: TreePath | None = path
    while folder is not None and left >= 0:
        found.append(folder.name)
        left -= len(folder.name) + 1
        folder = folder.parent
    found.reverse()
    return b"/".join(found)[-PATH_END_BYTES:]


def file_name(path: TreePath | bytes) -> bytes:
    """Return the last name of a path."""
    return (path if isinstance(path, bytes) else path.name).rpartition(b"/")[2]
