"""A notes tree, laid out as git does and updated from one notes commit to the next.

git chooses the fan-out by the number of notes: below a folder (or the root), all notes go one folder deeper
if each of the sixteen possible next digits begins at least two of them.

Most notes commits add one note. So the notes are grouped by their first two digits, and only the trees of
groups that changed are made again.

>>> names = [f"{number:02x}" + "0" * 62 for number in range(256)]
>>> set(fan_out(names).values()), set(fan_out(names[:240]).values()), fan_out([])
({1}, {0}, {})
"""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import groupby
from typing import TYPE_CHECKING

from packcore.errors import RepositoryError
from packcore.objects import MODE_DIRECTORY, ObjectType, mode_kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from packcore.convert.notes_tree import Row
    from packcore.ids import ObjectId

__all__ = ["NotesWriter", "fan_out"]

_DIGITS = frozenset("0123456789abcdef")
_FOLDER_MODE = b"40000"


class NotesWriter:
    """Notes and the other entries beside them. Calls `add` for each tree it makes."""

    def __init__(self, add: Callable[[ObjectType, bytes], ObjectId]) -> None:
        self._add = add
        self._notes: defaultdict[str, dict[str, Row]] = defaultdict(dict)  # by first two digits, then by name
        self._others: defaultdict[str, dict[bytes, Row]] = defaultdict(dict)  # the same; "" for the root
        self._first_digits: Counter[str] = Counter()
        self._made: dict[str, ObjectId] = {}

    def note(self, about: ObjectId) -> Row | None:
        """Return the note about an object; None if there is none."""
        name = about.hex()
        return self._notes[name[:2]].get(name)

    def put(self, about: ObjectId, row: Row) -> None:
        """Add or replace the note about an object."""
        name = about.hex()
        group = self._notes[name[:2]]
        self._first_digits[name[0]] += name not in group
        group[name] = row
        self._made.pop(name[:2], None)

    def drop(self, about: ObjectId) -> None:
        """Remove the note about an object. Raises KeyError if there is none."""
        name = about.hex()
        del self._notes[name[:2]][name]
        self._first_digits[name[0]] -= 1
        self._made.pop(name[:2], None)

    def put_other(self, path: bytes, row: Row) -> None:
        """Add an entry that is not a note, under its path."""
        folder = _folder_of(path)
        self._others[folder][path] = row
        self._made.pop(folder, None)

    def drop_other(self, path: bytes) -> None:
        """Remove an entry that is not a note. Raises KeyError if there is none."""
        folder = _folder_of(path)
        del self._others[folder][path]
        self._made.pop(folder, None)

    def write(self) -> ObjectId:
        """Make the new trees; return the id of the root.

        Raises RepositoryError if a path is both a file and a folder.
        """
        deep = all(self._first_digits[digit] > 1 for digit in _DIGITS)
        rows = dict(self._others[""])
        for folder in {*self._notes, *self._others} - {""}:
            if deep:
                notes = self._notes[folder]
            else:
                rows |= {name.encode(): row for name, row in self._notes[folder].items()}
                notes = {}
            if notes or self._others[folder]:
                _set_folder(
                    rows, folder.encode(), self._group(folder, notes) if deep else self._aside(folder)
                )
        return self._add(ObjectType.TREE, _tree_data(rows))

    def _group(self, folder: str, notes: Mapping[str, Row]) -> ObjectId:
        if folder not in self._made:
            entries = dict(self._others[folder])
            for name, depth in fan_out(notes, depth=1).items():
                entries[_path(name, depth)] = notes[name]
            self._made[folder] = self._nested(folder, entries)
        return self._made[folder]

    def _aside(self, folder: str) -> ObjectId:
        return self._nested(folder, self._others[folder])

    def _nested(self, top: str, entries: Mapping[bytes, Row]) -> ObjectId:
        """Make the trees for all paths, which begin with the same folder; return the id of that folder."""
        folders: defaultdict[bytes, dict[bytes, Row]] = defaultdict(dict)
        for path, row in entries.items():
            folder, _, name = path.rpartition(b"/")
            folders[folder][name] = row
            while (folder := folder.rpartition(b"/")[0]) and folder not in folders:
                folders[folder] = {}
        root = folders.pop(top.encode(), {})
        # Deepest first: a folder becomes an entry of the one above it.
        for folder in sorted(folders, key=lambda folder: -folder.count(b"/")):
            parent, _, name = folder.rpartition(b"/")
            siblings = folders[parent] if parent != top.encode() else root
            _set_folder(siblings, name, self._add(ObjectType.TREE, _tree_data(folders[folder])))
        return self._add(ObjectType.TREE, _tree_data(root))


def fan_out(names: Iterable[str], *, depth: int = 0) -> dict[str, int]:
    """Return the number of folders that git puts above each note, by its name in lower-case hex.

    With a `depth`, that many folders are there already, and the names have those digits in common.
    """
    depths: dict[str, int] = {}
    groups = [(depth, sorted(names))]
    while groups:
        level, group = groups.pop()
        by_digit = Counter(name[2 * level] for name in group)
        if by_digit.keys() == _DIGITS and min(by_digit.values()) > 1:
            deeper = groupby(group, key=lambda name: name[: 2 * level + 2])
            groups += [(level + 1, list(members)) for _, members in deeper]
        else:
            depths.update(dict.fromkeys(group, level))
    return depths


def _path(name: str, depth: int) -> bytes:
    folders = "".join(f"{name[2 * level : 2 * level + 2]}/" for level in range(depth))
    return f"{folders}{name[2 * depth :]}".encode()


def _folder_of(path: bytes) -> str:
    """Return the fan-out folder that a path begins with; "" if it is in the root."""
    folder, slash, _ = path.partition(b"/")
    return folder.decode() if slash else ""


def _set_folder(rows: dict[bytes, Row], name: bytes, oid: ObjectId) -> None:
    if name in rows:
        raise RepositoryError(
            f"{name.decode('utf-8', 'backslashreplace')} would be a file and a folder of notes"
        )
    rows[name] = (_FOLDER_MODE, oid)


def _tree_data(rows: Mapping[bytes, Row]) -> bytes:
    keyed = (
        (name + b"/" if mode_kind(row[0]) == MODE_DIRECTORY else name, name, row)
        for name, row in rows.items()
    )
    return b"".join(b"%s %s\0%s" % (mode, name, oid) for _, name, (mode, oid) in sorted(keyed))
