"""Which refs can't coexist: those where one's name is a folder of the other's name.

    RefNames(["refs/heads/a", "refs/heads/b/c"])
        .folder_of("refs/heads/a/x")   "refs/heads/a"
        .below("refs/heads/b")         "refs/heads/b/c"

The folder names are never built: a ref name of 4,096 bytes may have 2,000 of them, 4 MB in all. Names are
sorted so that those below a name follow it directly; then looking at its neighbours is enough.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["RefNames", "names_in_the_way"]


class RefNames:
    """A set of ref names that answers questions about others. Takes the memory of the names once more."""

    def __init__(self, names: Iterable[str]) -> None:
        # A hostile listing may contain names with NUL; nothing is below those.
        self._keys = sorted(_key(name) for name in names if "\0" not in name)
        self._outer: list[str] = []
        """Those that are below no other: each folder among the names is one of these, or below one."""
        for key in self._keys:
            if not (self._outer and _is_below(key, self._outer[-1])):
                self._outer.append(key)

    def folder_of(self, name: str) -> str | None:
        """Return the shortest of the names that is a folder of `name`, if there is one."""
        key = _key(name)
        at = bisect_left(self._outer, key) - 1
        return _name(self._outer[at]) if at >= 0 and _is_below(key, self._outer[at]) else None

    def below(self, name: str) -> str | None:
        """Return the first of the names of which `name` is a folder, if there is one."""
        key = _key(name)
        at = bisect_left(self._keys, f"{key}\0")
        return _name(self._keys[at]) if at < len(self._keys) and _is_below(self._keys[at], key) else None

    def clash(self, name: str) -> str | None:
        """Return one of the names that can't coexist with `name`, if there is one."""
        if not self._keys:
            return None
        return self.folder_of(name) or self.below(name)


def names_in_the_way(wanted: Iterable[str], present: Iterable[str]) -> dict[str, str]:
    """Return, for each wanted name that can't be created, the name in its way.

    That is a present name, or another wanted one: of two that clash, the shorter is created,
    unless something is in its own way.
    """
    names = RefNames(present)
    found: dict[str, str] = {}
    created: str | None = None
    for key in sorted(map(_key, wanted)):
        name = _name(key)
        neighbour = names.clash(name)
        # Names below a name follow it directly, so only the last one created can be a folder of this one.
        if neighbour is None and created is not None and _is_below(key, created):
            neighbour = _name(created)
        if neighbour is None:
            created = key
        else:
            found[name] = neighbour
    return found


def _key(name: str) -> str:
    """Return a name with its slashes as the lowest character, which no name holds."""
    return name.replace("/", "\0")


def _name(key: str) -> str:
    return key.replace("\0", "/")


def _is_below(key: str, folder: str) -> bool:
    return key.startswith(folder) and key[len(folder) : len(folder) + 1] == "\0"
