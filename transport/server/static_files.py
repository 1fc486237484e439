r"""The dumb HTTP protocol: a repository's files as they are, for clients that ask no service.

    HEAD                                            made: where it points to, or its id
    info/refs                                       made: each ref that is shown, and what tags come to
    objects/info/packs                              made: the names of the packs
    objects/info/alternates                         empty: objects of alternates are served as ours
    objects/info/http-alternates                    the file
    objects/xx/…, objects/pack/pack-….{pack,idx}    the files, of alternates too

A client that may read these files gets whole packs: with objects that only hidden refs reach, or that nothing
reaches any more. `http.getanyfile` allows or forbids it. If it isn't set, a server must be told to serve
files, and doesn't serve them where refs are hidden, or in a namespace. Unlike git's, an answer names no path
of this disk, and a ref that can't be read is listed by the zero id instead of being left out. Specified in
gitprotocol-http and git-http-backend.
"""

from __future__ import annotations

import os
import re
import stat
from typing import IO, TYPE_CHECKING, NamedTuple

from packcore.refs import encode_ref_name
from packcore.store.alternates import find_alternates
from transport.server.namespaces import namespace_of
from transport.server.shown_refs import HiddenRefs, shown_head

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from packcore.store.repository import Repository
    from transport.server.view import RepositoryView

__all__ = ["StaticFile", "allows_static_files", "split_static_path", "static_file"]

_HEX = r"(?:[0-9a-f]{40}|[0-9a-f]{64})"
_PATH = re.compile(
    r"(/.+)/(HEAD|info/refs|objects/(?:info/(?:packs|alternates|http-alternates)"
    rf"|[0-9a-f]{{2}}/(?:[0-9a-f]{{38}}|[0-9a-f]{{62}})|pack/pack-{_HEX}\.(?:pack|idx)))"
)
_PACK = re.compile(rf"pack-{_HEX}\.pack")
_TEXT = "text/plain; charset=utf-8"
_TYPES = {
    ".pack": "application/x-git-packed-objects",
    ".idx": "application/x-git-packed-objects-toc",
    "": "application/x-git-loose-object",
}
_BLOCK_BYTES = 64 * 1024


class StaticFile(NamedTuple):
    """An answer. Iterate over `blocks` to the end, or close it."""

    content_type: str
    size: int
    blocks: Generator[bytes, None, None]
    changes: bool = True
    """Whether the content may be another one tomorrow: what is named by its hash never is."""


def split_static_path(path: str) -> tuple[str, str] | None:
    """Return the repository's part of a URL's path, and the file's; None if it names none of the files.

    >>> split_static_path("/team/x.git/objects/info/packs")
    ('/team/x.git', 'objects/info/packs')
    >>> split_static_path("/team/x.git/config") is None
    True
    """
    found = _PATH.fullmatch(path)
    return None if found is None else (found[1], found[2])


def allows_static_files(repository: Repository, *, default: bool) -> bool:
    """Return whether a repository's files may be read. Raises RepositoryError."""
    hides = HiddenRefs(repository, "uploadpack").hide_some or bool(namespace_of(repository).prefix)
    return repository.config.get_bool("http.getanyfile", default=default and not hides)


def static_file(repository: Repository, view: RepositoryView, name: str) -> StaticFile | None:
    """Return the file of this name (of `split_static_path`); None if it isn't there.

    Raises RepositoryError and CorruptData.
    """
    objects = repository.common_path / "objects"
    if name == "HEAD":
        return _text(_head_line(repository))
    if name == "info/refs":
        return _text(b"".join(_ref_lines(view)))
    if name == "objects/info/packs":
        return _text(b"".join(b"P %b\n" % pack for pack in _packs(objects)) + b"\n")
    if name == "objects/info/alternates":
        return _text(b"") if (objects / "info" / "alternates").exists() else None
    is_text = name.startswith("objects/info/")
    for folder in (objects, *(() if is_text else find_alternates(objects))):
        file = _opened(folder, name.removeprefix("objects/"))
        if file is not None:
            size = os.fstat(file.fileno()).st_size
            content_type = _TEXT if is_text else _TYPES[os.path.splitext(name)[1]]  # noqa: PTH122 - a URL
            return StaticFile(content_type, size, _blocks(file, size), changes=is_text)
    return None


def _text(data: bytes | None) -> StaticFile | None:
    return None if data is None else StaticFile(_TEXT, len(data), (block for block in [data]))


def _head_line(repository: Repository) -> bytes | None:
    head = shown_head(repository)
    if head is None:
        return None
    return b"ref: %b\n" % encode_ref_name(head) if isinstance(head, str) else f"{head.hex()}\n".encode()


def _ref_lines(view: RepositoryView) -> Iterator[bytes]:
    refs = view.refs
    gone = {ref.name for ref in refs.special.values() if ref.is_dangling}
    for name, oid, peeled in zip(refs.names, refs.ids, refs.peeled, strict=True):
        if name == b"HEAD" or name in gone:
            continue
        yield b"%b\t%b\n" % (oid, name)
        if peeled:
            yield b"%b\t%b^{}\n" % (peeled, name)


def _packs(objects: Path) -> list[bytes]:
    """Return the names of the packs here and in alternates, the newest first."""
    found: dict[str, float] = {}
    for folder in (objects, *find_alternates(objects)):
        try:
            with os.scandir(folder / "pack") as entries:
                files = {entry.name: entry.stat().st_mtime for entry in entries}
        except OSError:  # none here, or an index went while it was looked at: the client asks again
            continue
        for name, changed in files.items():
            if _PACK.fullmatch(name) and f"{name.removesuffix('.pack')}.idx" in files:
                found.setdefault(name, changed)
    return [name.encode() for name in sorted(found, key=lambda name: (-found[name], name))]


def _opened(folder: Path, name: str) -> IO[bytes] | None:
    """Open a regular file below a folder, after symbolic links are followed; None if it isn't one."""
    path = os.path.realpath(folder / name)
    if not path.startswith(os.path.realpath(folder) + os.sep):
        return None
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return None
    file = os.fdopen(descriptor, "rb", buffering=0)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        file.close()
        return None
    return file


def _blocks(file: IO[bytes], size: int) -> Generator[bytes, None, None]:
    with file:
        while size:
            block = file.read(min(_BLOCK_BYTES, size))
            if not block:
                raise OSError("a file became shorter while it was sent")
            size -= len(block)
            yield block
