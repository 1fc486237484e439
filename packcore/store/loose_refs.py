r"""Loose refs: one file each below `refs/` (gitrepository-layout), read as git reads them.

    5f3c…\n               an id in hex, in either case; anything after white space or a NUL is ignored
    ref: refs/heads/x\n   a symbolic ref
    -> refs/heads/x       a symbolic link whose text is a ref's name: a symbolic ref, too
    -> ../some/file       any other symbolic link: the file or folder behind it

A file with anything else is *unreadable*, which is not the same as absent: nothing may be deleted or
overwritten because of it, and an older value in packed-refs does not replace it.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from binascii import unhexlify
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import RepositoryError, UnreadableRef
from packcore.ids import ObjectId
from packcore.refs import decode_ref_name, is_valid_ref_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packcore.ids import ObjectFormat

__all__ = ["LooseNames", "LooseRefs", "list_loose_names", "read_loose_ref", "scan_loose_refs"]

REF_FILE_BYTES_MAX = 8192
_SHOWN_BYTES_MAX = 80
_READ_FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_HEX = {size: re.compile(rb"([0-9a-fA-F]{%d})(?:[\s\0]|\Z)" % (2 * size)) for size in (20, 32)}


class LooseNames(NamedTuple):
    """The files below a `refs` folder."""

    names: list[str]
    """Names of all files, whatever they hold, except locks and names that start with a dot."""
    faults: dict[str, UnreadableRef]
    """Unlistable folders by full name: any ref may be in there."""


class LooseRefs(NamedTuple):
    """The content of the files below a `refs` folder."""

    values: dict[str, ObjectId | str]
    """An id, or the name that a symbolic ref points to."""
    faults: dict[str, UnreadableRef]
    """Files that can't be read."""
    folders: dict[str, UnreadableRef]
    """Unlistable folders: any ref may be in there."""


def read_loose_ref(path: Path, name: str, object_format: ObjectFormat) -> ObjectId | str | None:
    """Return the id in a ref's file, or the name that it points to; None if there is no such file.

    Raises UnreadableRef if there is one, but it can't be read or holds neither.
    """
    link: bytes | None = None
    try:
        if path.is_symlink():
            link = os.fsencode(path.readlink())
            if link.startswith(b"refs/") and is_valid_ref_name(decode_ref_name(link)):
                return decode_ref_name(link)
        with path.open("rb") as file:
            data = file.read(REF_FILE_BYTES_MAX)
    except (NotADirectoryError, IsADirectoryError):
        return None
    except FileNotFoundError:
        if link is None:
            return None
        target = os.fsdecode(link)
        raise UnreadableRef(name, f"it is a symbolic link to {target!r}, which is not there") from None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return None  # no file can have this name: only packed-refs can hold this ref
        raise UnreadableRef(name, f"its file can't be read: {error.strerror}") from None
    return _parse(data, name, object_format)


def _parse(data: bytes, name: str, object_format: ObjectFormat) -> ObjectId | str:
    if data.startswith(b"ref:"):
        target = decode_ref_name(data[4:].strip())
        if target.startswith("refs/") and is_valid_ref_name(target):
            return target
        raise UnreadableRef(name, f"it points to {target[:_SHOWN_BYTES_MAX]!r}, which is no ref's name")
    match = _HEX[object_format.digest_size].match(data)
    if match is None:
        raise _unparsable(data, name)
    oid = object_format.from_hex(match[1].lower())
    if oid == object_format.zero:
        raise UnreadableRef(name, "its file holds the zero id", is_zero=True)
    return oid


def _unparsable(data: bytes, name: str) -> UnreadableRef:
    if data.strip(b"\0 \t\r\n"):
        more = f" and {len(data) - _SHOWN_BYTES_MAX} bytes more" if len(data) > _SHOWN_BYTES_MAX else ""
        shown = data[:_SHOWN_BYTES_MAX].decode("utf-8", "backslashreplace").rstrip("\n")
        return UnreadableRef(name, f'its file holds no object id, but "{_visible(shown)}"{more}')
    if not data:
        return UnreadableRef(name, "its file is empty", is_blank=True)
    words = "NUL bytes" if b"\0" in data else "white space"
    return UnreadableRef(name, f"its file holds only {words}", is_blank=True)


def _visible(text: str) -> str:
    """Return text with control characters as escapes."""
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def list_loose_names(base: Path) -> LooseNames:
    """List the files below `base`/refs. Symbolic links to folders are followed, as git follows them.

    Raises RepositoryError if `refs` itself can't be listed.
    """
    faults: dict[str, UnreadableRef] = {}
    names = [decode_ref_name(name) for name, _ in _files(base, faults)]
    return LooseNames(names, faults)


def scan_loose_refs(base: Path, object_format: ObjectFormat, prefixes: Sequence[bytes] = ()) -> LooseRefs:
    """Read the files below `base`/refs whose names begin with a prefix; without prefixes, all.

    Folders that can't contain any of these are not listed. A file that has vanished since its folder was
    listed is left out. Raises RepositoryError if `refs` itself can't be listed.
    """
    values: dict[str, ObjectId | str] = {}
    faults: dict[str, UnreadableRef] = {}
    folders: dict[str, UnreadableRef] = {}
    pattern, zero = _HEX[object_format.digest_size], object_format.zero
    wanted = tuple(prefixes)
    for raw_name, entry in _files(base, folders, wanted):
        if wanted and not raw_name.startswith(wanted):
            continue
        name = decode_ref_name(raw_name)
        if not is_valid_ref_name(name):
            faults[name] = UnreadableRef(name, "it is not a valid ref name")
            continue
        try:
            data = b"" if entry.is_symlink() else _read(entry.path)
            match = pattern.match(data)
            oid = ObjectId(unhexlify(match[1])) if match is not None else zero
            # Anything that is not an id takes the careful path.
            found = oid if oid != zero else read_loose_ref(Path(os.fsdecode(entry.path)), name, object_format)
        except UnreadableRef as error:
            faults[name] = error
        else:
            if found is not None:
                values[name] = found
    return LooseRefs(values, faults, folders)


def _read(path: bytes) -> bytes:
    try:
        handle = os.open(path, _READ_FLAGS)
    except OSError:
        return b""
    try:
        return os.read(handle, REF_FILE_BYTES_MAX)
    except OSError:
        return b""
    finally:
        os.close(handle)


def _files(
    base: Path, faults: dict[str, UnreadableRef], wanted: tuple[bytes, ...] = ()
) -> Iterator[tuple[bytes, os.DirEntry[bytes]]]:
    """Yield the files that may be refs, by full name, folder by folder."""
    root = os.fsencode(base)
    folders: list[tuple[bytes, tuple[bytes, ...]]] = [(b"refs", ())]
    while folders:
        folder, crossed = folders.pop()
        try:
            entries = _entries(root + b"/" + folder)
        except OSError as error:
            words = f"its folder can't be listed: {error.strerror}"
            if folder == b"refs":
                raise RepositoryError(f"{base / 'refs'}: {words}") from None
            faults[decode_ref_name(folder)] = UnreadableRef(decode_ref_name(folder), words)
            continue
        for entry in entries:
            path = folder + b"/" + entry.name
            if not _is_folder(entry):
                if not path.endswith(b".lock"):
                    yield path, entry
            elif wanted and not _may_hold(path + b"/", wanted):
                continue
            elif not entry.is_symlink():
                folders.append((path, crossed))
            elif _leads_back(entry.path, crossed):
                name = decode_ref_name(path)
                faults[name] = UnreadableRef(name, "it is a symbolic link to a folder that contains it")
            else:
                folders.append((path, (*crossed, os.path.realpath(entry.path))))


def _may_hold(folder: bytes, wanted: tuple[bytes, ...]) -> bool:
    return folder.startswith(wanted) or any(prefix.startswith(folder) for prefix in wanted)


def _entries(folder: bytes) -> list[os.DirEntry[bytes]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if not entry.name.startswith(b".")]
    except (FileNotFoundError, NotADirectoryError):
        return []  # removed since its parent was listed


def _is_folder(entry: os.DirEntry[bytes]) -> bool:
    try:
        return stat.S_ISDIR(entry.stat().st_mode) if entry.is_symlink() else entry.is_dir()
    except OSError:
        return False  # a dangling link: reading it reports that


def _leads_back(link: bytes, crossed: tuple[bytes, ...]) -> bool:
    """Return whether following a link to a folder would loop forever.

    `crossed` holds the real paths of the links followed on the way here.
    """
    target = os.path.realpath(link)
    return any(
        above == target or above.startswith(target + b"/")
        for above in (os.path.realpath(link.rpartition(b"/")[0]), *crossed)
    )
