r"""A repository in the making: nothing on disk is a repository until all of it is there.

    packcore-making.lock       held by its maker (`packcore.store.ref_lock`), in a folder that was empty
    objects/ refs/             the folders
    config                     whole, synced
    …                          what the maker puts in: packs, refs
    HEAD                       last, synced: without HEAD it is no repository, for git or for us
    packcore-making.lock       removed

A killed process leaves a folder with that lock, or with empty folders alone. The next run takes over: it
removes what the lock's holder made, and starts over. A folder that holds anything else is never touched. Two
processes at the same folder wait for each other; the second finds a repository.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from packcore.errors import RepositoryError
from packcore.ids import SHA1, SHA256
from packcore.store.folders import files_below, remove_empty_folders
from packcore.store.git_directory import is_git_directory
from packcore.store.ref_lock import RefLocks
from packcore.store.temporaries import is_temporary, remove_tree, sync_folder, write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from packcore.ids import ObjectFormat

__all__ = ["is_unmade", "making", "unmake"]

MAKING_NAME = "packcore-making"
_LOCK_NAME = f"{MAKING_NAME}.lock"
_OWN_NAMES = frozenset({"objects", "refs", "config", "packed-refs"})
_FOLDERS = ("objects/info", "objects/pack", "refs/heads", "refs/tags")


def is_unmade(root: Path) -> bool:
    """Return whether a repository can be made at `root`: nothing is there, or only a half-made one.

    Raises RepositoryError if it can't be examined.
    """
    try:
        if not root.exists():
            return True
        return root.is_dir() and not _strangers(root, was_begun=(root / _LOCK_NAME).exists())
    except OSError as error:
        raise RepositoryError(f"{root}: {error.strerror}") from None


@contextmanager
def making(root: Path, object_format: ObjectFormat, head: str) -> Iterator[Callable[[], None]]:
    """Make folders and configuration; yield a function that completes the repository, with HEAD at `head`.

    Without that call, and after an error, everything is removed again. Raises RepositoryError if something
    is there already, or it can't be written, and RefLocked while another process makes one there.
    """
    existed = root.exists()
    locks = RefLocks(root, root)
    try:
        was_begun = (root / _LOCK_NAME).exists()
        _make_folder(root)
        with locks.hold(root / MAKING_NAME):
            try:
                _refuse_strangers(root, was_begun=was_begun)
                yield from _made_in(root, object_format, head)
            except OSError as error:
                raise _failure(root, error) from None
    except BaseException as error:
        locks.close()
        if not existed:
            with suppress(OSError):  # another process makes one there
                root.rmdir()
        if isinstance(error, OSError):
            raise _failure(root, error) from None
        raise
    locks.close()


def unmake(root: Path, *, keeps_folder: bool) -> None:
    """Remove a new repository if nothing was put into it; with `keeps_folder`, keep `root` itself.

    Only removes HEAD and our own configuration, so another process's files stay. Raises nothing: whatever
    can't be removed is a valid empty repository, or one that the next run takes over.
    """
    with suppress(OSError):
        names = {path.relative_to(root).as_posix() for path in files_below(root)}
        if names != {"HEAD", "config"} or not _is_own(root / "config", was_begun=False):
            return
        (root / "HEAD").unlink()  # first: without it the rest is no repository
        (root / "config").unlink()
        for folder in ("objects", "refs"):
            remove_empty_folders(root / folder)
        if not keeps_folder:
            root.rmdir()


def _failure(root: Path, error: OSError) -> RepositoryError:
    return RepositoryError(f"{root}: can't make a repository: {error.strerror}")


def _made_in(root: Path, object_format: ObjectFormat, head: str) -> Iterator[Callable[[], None]]:
    is_made = False

    def publish() -> None:
        nonlocal is_made
        write_whole(root / "HEAD", [f"ref: {head}\n".encode()], 0o644)
        sync_folder(root)
        is_made = True

    _remove_own(root)
    # Recognizable as ours even after a power loss, before anything else is there.
    sync_folder(root)
    try:
        for folder in _FOLDERS:
            (root / folder).mkdir(parents=True)
        write_whole(root / "config", [_configuration(object_format)], 0o644)
        for folder in ("objects", "refs", ""):
            sync_folder(root / folder)
        yield publish
    finally:
        if not is_made:
            (root / "HEAD").unlink(missing_ok=True)  # first: without it the rest is no repository
            _remove_own(root)


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it, durably. Raises OSError."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    with suppress(FileExistsError):
        folder.mkdir()
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    with suppress(PermissionError):  # a folder that we may write to but not read
        sync_folder(folder.parent)


def _configuration(object_format: ObjectFormat) -> bytes:
    version = 0 if object_format is SHA1 else 1
    text = f"[core]\n\trepositoryformatversion = {version}\n\tfilemode = true\n\tbare = true\n"
    if version == 1:
        text += f"[extensions]\n\tobjectformat = {object_format.name}\n"
    return text.encode()


def _refuse_strangers(root: Path, *, was_begun: bool) -> None:
    strangers = _strangers(root, was_begun=was_begun)
    if not strangers:
        return
    if is_git_directory(root):
        raise RepositoryError(f"{root}: there is a repository already")
    raise RepositoryError(
        f"{root}: there is something already, and no repository: it holds {strangers[0]}",
        hint="name a new or an empty folder",
    )


def _strangers(root: Path, *, was_begun: bool) -> list[str]:
    """Return the names in a folder that we did not put there.

    `was_begun` means that the lock was there, so anything with our names is ours, whatever it holds.
    """
    names = sorted(name for name in os.listdir(root) if name != _LOCK_NAME and not is_temporary(name))  # noqa: PTH208
    return [name for name in names if not _is_own(root / name, was_begun=was_begun)]


def _is_own(path: Path, *, was_begun: bool) -> bool:
    if path.name not in _OWN_NAMES or path.is_symlink():
        return False
    if was_begun:
        return True
    if path.is_dir():
        return all(is_temporary(file.name) for file in files_below(path))
    return path.name == "config" and path.read_bytes() in map(_configuration, (SHA1, SHA256))


def _remove_own(root: Path) -> None:
    for name in sorted(_OWN_NAMES):
        path = root / name
        if path.is_dir():
            remove_tree(path)
        else:
            path.unlink(missing_ok=True)
