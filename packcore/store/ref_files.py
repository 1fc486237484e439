r"""Refs on disk: one file each, `packed-refs`, `HEAD`, and their locks (gitrepository-layout, git-pack-refs).

    HEAD                     "ref: refs/heads/main\n", or an id in hex
    refs/heads/main          an id in hex, or "ref: ..."                  wins over
    packed-refs              "# pack-refs with: peeled fully-peeled sorted"
                             "<hex> <name>", sorted by the names' bytes
                             "^<hex>": what the annotated tag above comes to
    refs/heads/main.lock     packcore.store.ref_lock

Every change is a compare-and-swap under the ref's lock. In a linked worktree `HEAD` and
refs/{bisect,worktree,rewritten} are the worktree's, all others the common directory's. Left out: reflogs
(a deleted ref's is removed, as git does).
"""

from __future__ import annotations

import os
import re
from bisect import bisect_left
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import CorruptData, RefMoved, RepositoryError
from packcore.refs import (
    Ref,
    check_ref_name,
    decode_ref_name,
    encode_ref_name,
    is_valid_ref_name,
    ref_sort_key,
)
from packcore.store.ref_lock import RefLocks, remove_empty_folders
from packcore.store.temporaries import sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from packcore.ids import ObjectFormat, ObjectId

__all__ = ["PackedRef", "RefFiles"]

SYMREF_DEPTH_MAX = 5
"""Symbolic refs followed one after the other; git's limit."""
REF_FILE_BYTES_MAX = 8192
_PER_WORKTREE = ("refs/bisect/", "refs/worktree/", "refs/rewritten/")
_PACKED_HEADER = b"# pack-refs with: peeled fully-peeled sorted \n"


class PackedRef(NamedTuple):
    """A line of packed-refs."""

    oid: ObjectId
    peeled: ObjectId | None


class RefFiles:
    """The refs below a git directory."""

    def __init__(self, git_directory: Path, common_directory: Path, object_format: ObjectFormat) -> None:
        self._git = git_directory
        self._common = common_directory
        self._format = object_format
        self.locks = RefLocks(git_directory, common_directory)
        self._packed: dict[str, PackedRef] = {}
        self._packed_names: list[str] = []
        """Sorted, to find what lies below a name."""
        self._packed_stamp: object = None
        hexes = b"[0-9a-f]{%d}" % object_format.hex_size
        self._loose_pattern = re.compile(rb"(%s)(?:\s|\Z)" % hexes)
        self._packed_pattern = re.compile(rb"(%s) ([^\n]+)\n(?:\^(%s)\n)?" % (hexes, hexes))

    # Reading

    def read(self, name: str) -> Ref | None:
        """Return a ref with symbolic ones followed, or None where it, or what it points to, isn't there."""
        target = name
        first: str | None = None
        for _ in range(SYMREF_DEPTH_MAX + 1):
            found = self.read_raw(target)
            if found is None:
                return None
            if not isinstance(found, str):
                peeled = self.packed().get(target)
                known = peeled.peeled if peeled is not None and peeled.oid == found else None
                return Ref(name, found, first, known)
            first = first or found
            target = found
        return None

    def read_raw(self, name: str) -> ObjectId | str | None:
        """Return the id that a ref holds, or the name that it points to, or None where it isn't there.

        A file that is neither counts as not there; `broken` lists these.
        """
        loose = self._read_loose(name)
        if loose is not None:
            return loose
        packed = self.packed().get(name)
        return packed.oid if packed is not None else None

    def _read_loose(self, name: str) -> ObjectId | str | None:
        path = self._path(name)
        try:
            if path.is_symlink():
                # git's own first symbolic refs: a link whose text is the name.
                target = os.fsencode(path.readlink())
                return self._valid_target(target) if target.startswith(b"refs/") else None
            with path.open("rb") as file:
                data = file.read(REF_FILE_BYTES_MAX)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except (OSError, ValueError) as error:
            raise RepositoryError(f"{path}: {error}") from None
        if data.startswith(b"ref:"):
            return self._valid_target(data[4:].strip())
        match = self._loose_pattern.match(data)
        return self._format.from_hex(match[1]) if match else None

    @staticmethod
    def _valid_target(target: bytes) -> str | None:
        name = decode_ref_name(target)
        return name if name.startswith("refs/") and is_valid_ref_name(name) else None

    def all(self) -> dict[str, Ref]:
        """Return every ref below refs/ that comes to an id, sorted by the names' bytes."""
        names = sorted({*self.packed(), *self.loose_names()}, key=ref_sort_key)
        found = ((name, self.read(name)) for name in names if is_valid_ref_name(name))
        return {name: ref for name, ref in found if ref is not None}

    def broken(self) -> list[str]:
        """Return the names of ref files that come to no id, and of those that may not be called so."""
        names = sorted({*self.packed(), *self.loose_names()}, key=ref_sort_key)
        return [name for name in names if not is_valid_ref_name(name) or self.read(name) is None]

    def loose_names(self) -> list[str]:
        """Return the names of all files below refs/, whatever they hold; locks left out."""
        names: list[str] = []
        bases = [self._common] if self._git == self._common else [self._common, self._git]
        for base in bases:
            own = base == self._git and base != self._common
            root = os.fsencode(base)
            for folder, folders, files in os.walk(root + b"/refs"):
                inner = folder[len(root) + 1 :]
                folders[:] = [name for name in folders if not name.startswith(b".")]
                for file in files:
                    if file.startswith(b"."):
                        continue  # no ref is called so: some tool's marker, passed over as git does
                    name = decode_ref_name(inner + b"/" + file)
                    shared = not name.startswith(_PER_WORKTREE)
                    if not file.endswith(b".lock") and (shared != own or self._git == self._common):
                        names.append(name)
        return names

    def packed(self) -> dict[str, PackedRef]:
        """Return packed-refs, read again when the file changed. Raises CorruptData if it doesn't parse."""
        path = self._common / "packed-refs"
        try:
            with path.open("rb") as file:
                status = os.fstat(file.fileno())
                stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
                if stamp != self._packed_stamp:
                    self._packed = self._parse_packed(file.read(), path)
                    self._packed_names = sorted(self._packed)
                    self._packed_stamp = stamp
        except FileNotFoundError:
            self._packed, self._packed_names, self._packed_stamp = {}, [], None
        except OSError as error:
            raise RepositoryError(f"{path}: {error.strerror}") from None
        return self._packed

    def _parse_packed(self, data: bytes, path: Path) -> dict[str, PackedRef]:
        refs: dict[str, PackedRef] = {}
        at = 0
        while data.startswith(b"#", at):
            at = data.find(b"\n", at) + 1 or len(data)
        while at < len(data):
            match = self._packed_pattern.match(data, at)
            if match is None:
                line = data.count(b"\n", 0, at) + 1
                raise CorruptData(f"{path}: line {line} is neither a ref nor a peeled id")
            peeled = self._format.from_hex(match[3]) if match[3] else None
            refs[decode_ref_name(match[2])] = PackedRef(self._format.from_hex(match[1]), peeled)
            at = match.end()
        return refs

    # Writing

    def update(self, name: str, new: ObjectId, old: ObjectId | None) -> None:
        """Point a ref to an id if it still holds `old` (None: whatever it holds; zero: it must be new).

        A symbolic ref's target is what changes. Raises InvalidRefName, RefMoved, and RepositoryError
        on a lock held by another, a name that is in the way, or a failed write.
        """
        name = self.final_name(name)
        self.refuse_clash(name)
        with self.locked_change(name, old, new) as change:
            change()

    def delete(self, name: str, old: ObjectId | None) -> None:
        """Remove a ref itself (symbolic or not) if it still holds `old` (None: whatever it holds).

        Raises as `update` does, and RefMoved if it isn't there.
        """
        check_ref_name(name)
        with self.locked_change(name, old, self._format.zero) as change:
            change()

    @contextmanager
    def locked_change(self, name: str, old: ObjectId | None, new: ObjectId) -> Iterator[Callable[[], None]]:
        """Hold one ref's lock and compare it with `old`; the function that this yields makes the change.

        `name` is taken as it is. Raises as `update` and `delete` do.
        """
        path = self._path(name)
        deletes = new == self._format.zero
        with self.locks.hold(path) as lock:
            self._compare(name, old)
            if deletes and self.read_raw(name) is None and not path.is_file():
                raise RefMoved(name, "it is not there")
            if not deletes:
                lock.write(new.hex().encode() + b"\n")

            def change() -> None:
                if not deletes:
                    lock.commit()
                    return
                if name in self.packed():
                    self._write_packed_without(name)
                lock.remove()

            yield change
        if deletes:
            with suppress(OSError):
                (self._git / "logs" / _to_path(name)).unlink()
            self.locks.remove_empty_parents(path.parent)

    def set_symbolic(self, name: str, target: str) -> None:
        """Make `name` (HEAD, or a ref) a symbolic ref to `target`, which need not exist yet."""
        check_ref_name(name, one_level=True)
        check_ref_name(target)
        if not target.startswith("refs/"):
            raise RepositoryError(f"{name} can't point to {target!r}: not below refs/")
        with self.locks.hold(self._path(name)) as lock:
            lock.write(b"ref: " + encode_ref_name(target) + b"\n")
            lock.commit()

    def final_name(self, name: str) -> str:
        """Follow symbolic refs to the name that an update changes; it need not exist yet."""
        for _ in range(SYMREF_DEPTH_MAX + 1):
            check_ref_name(name, one_level=name == "HEAD")
            if name != "HEAD" and not name.startswith("refs/"):
                raise RepositoryError(f"{name!r} is not below refs/")
            found = self._read_loose(name)
            if not isinstance(found, str):
                return name
            name = found
        raise RepositoryError(f"{name}: symbolic refs are nested too deep")

    def _compare(self, name: str, old: ObjectId | None) -> None:
        if old is None:
            return
        ref = self.read(name)
        current = ref.oid if ref is not None else self._format.zero
        if current != old:
            raise RefMoved(name, f"it is at {current.hex()}, not at {old.hex()}")

    def refuse_clash(self, name: str) -> None:
        """Refuse a name that is another ref's folder, or has another ref as one: refs are files."""
        parts = name.split("/")
        for length in range(2, len(parts)):
            parent = "/".join(parts[:length])
            if self.read_raw(parent) is not None:
                raise RepositoryError(f"can't make {name}: {parent} is in the way")
        below = name + "/"
        self.packed()
        following = self._packed_names[bisect_left(self._packed_names, below) :][:1]
        child = following[0] if following and following[0].startswith(below) else None
        folder = self._path(name)
        if child is None and folder.is_dir() and not folder.is_symlink():
            remove_empty_folders(folder)
            child = next((other for other in self.loose_names() if other.startswith(below)), None)
        if child is not None:
            raise RepositoryError(f"can't make {name}: {child} is in the way")

    def _write_packed_without(self, name: str) -> None:
        path = self._common / "packed-refs"
        with self.locks.hold(path) as lock:
            refs = dict(self.packed())
            refs.pop(name, None)
            lines = [_PACKED_HEADER]
            for other in sorted(refs, key=ref_sort_key):
                oid, peeled = refs[other]
                lines.append(b"%s %s\n" % (oid.hex().encode(), encode_ref_name(other)))
                if peeled is not None:
                    lines.append(b"^%s\n" % peeled.hex().encode())
            lock.write(b"".join(lines))
            lock.commit()
            # Before the ref's own file goes: else a power loss could bring back the older value from here.
            sync_folder(self._common)

    def _path(self, name: str) -> Path:
        shared = name.startswith("refs/") and not name.startswith(_PER_WORKTREE)
        return (self._common if shared else self._git) / _to_path(name)


def _to_path(name: str) -> str:
    return os.fsdecode(encode_ref_name(name))
