r"""Installs a pack while others work in the repository: whole or not at all, and safe from `git gc`.

    packcore-tmp-….index-of-<hex>    written and synced first, as the .rev; `git gc` removes a lone .idx
    pack-<hex>.keep                  until its refs are set: git's repack leaves such a pack alone
    pack-<hex>.pack                  renamed, or written and renamed
    pack-<hex>.rev
    pack-<hex>.idx                   last: a pack without it does not exist for git
    (the folder is synced)

A process killed between .pack and .idx leaves everything needed to finish, and `tidy` finishes.
The .keep file has the content of our lock files (`packcore.store.ref_lock`). It is removed when the refs have
moved, or by `tidy` when its process is gone; those of others never are.
"""

from __future__ import annotations

import os
import re
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Protocol

from packcore.errors import RepositoryError
from packcore.ids import FORMATS
from packcore.store.base import ObjectStore
from packcore.store.path_kind import is_there
from packcore.store.ref_lock import owner_mark, read_owner
from packcore.store.temporaries import (
    TEMPORARY_PREFIX,
    Temporary,
    file_system,
    seized,
    sync_folder,
    write_whole,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from packcore.ids import ObjectId

__all__ = ["InstallablePack", "install_pack", "kept", "marked", "same_bytes", "tidy"]

_UNFINISHED = r".*\.index-of-([0-9a-f]{40}|[0-9a-f]{64})"
_BLOCK_BYTES = 1 << 20


class InstallablePack(ObjectStore, Protocol):
    """A checked pack that can put itself into a repository: `packcore.store.spool.SpooledPack`."""

    added: frozenset[ObjectId]
    """Bases from the repository that completed a thin pack."""

    @property
    def object_count(self) -> int:
        """Objects in the pack."""

    @property
    def file_name(self) -> str:
        """The pack's name once installed: `pack-<checksum>.pack`."""

    def install(self, pack_directory: Path) -> Path:
        """Move pack and index into a folder, whole or not at all; return the pack's path."""


def install_pack(
    target: Path, place_pack: Callable[[Path], None], reverse_index: Iterator[bytes] | None, index: bytes
) -> None:
    """Put a pack and its indexes into an existing folder; `place_pack` puts the pack itself at `target`.

    Without `reverse_index` there is no .rev. Raises OSError.
    """
    folder = target.parent
    was_there = target.exists()
    with closing(Temporary(folder)) as reverse, closing(_waiting_index(target)) as waiting:
        for temporary, blocks in ((reverse, reverse_index or iter(())), (waiting, iter((index,)))):
            temporary.write(blocks)
            temporary.set_mode(0o444)
        place_pack(target)
        try:
            if reverse_index is not None:
                reverse.rename(target.with_suffix(".rev"))
            waiting.rename(target.with_suffix(".idx"))
        except BaseException:
            if not was_there:
                with suppress(OSError):
                    target.unlink()
            raise
    sync_folder(folder)


def _waiting_index(target: Path) -> Temporary:
    return Temporary(target.parent, suffix=f".index-of-{target.stem.removeprefix('pack-')}")


@contextmanager
def marked(target: Path, marks: Mapping[str, bytes]) -> Iterator[None]:
    """Write files beside a pack that the block installs, by their suffix; remove them if that fails.

    A file that is there stays as it is. Raises OSError.
    """
    new: list[Path] = []
    try:
        for suffix, content in marks.items():
            mark = target.with_suffix(suffix)
            if not mark.exists():
                new.append(mark)
                write_whole(mark, [content], 0o444)
        yield
    except BaseException:
        for mark in new:
            with suppress(OSError):
                mark.unlink()
        raise


@contextmanager
def kept(target: Path) -> Iterator[None]:
    """Protect a pack without refs from garbage collection during the block. Raises RepositoryError."""
    keep = target.with_suffix(".keep")
    if is_there(keep):  # another's, and permanent
        yield
        return
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        mark = Temporary(target.parent)
        try:
            mark.write([owner_mark(file_system(target.parent))])
            mark.set_mode(0o444)
            mark.rename(keep)
        except BaseException:
            mark.close()
            raise
    except OSError as error:
        raise RepositoryError(f"{keep}: {error.strerror}") from None
    try:
        yield
    finally:
        with suppress(OSError):
            keep.unlink()
        mark.close()


def tidy(folder: Path) -> None:
    """Finish almost complete installs of killed processes in objects/pack, and remove their .keep files."""
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 -- at each opening, with many packs
    except OSError:
        return
    for name in names:
        if name.startswith(TEMPORARY_PREFIX) and (match := re.fullmatch(_UNFINISHED, name)):
            _finish(folder / name, folder / f"pack-{match[1]}.pack")
        elif name.endswith(".keep"):
            _drop_keep(folder / name)


def _drop_keep(keep: Path) -> None:
    owner = read_owner(keep)
    if owner is not None:
        with seized(keep, owner.file_system) as is_left_over, suppress(OSError):
            if is_left_over:
                keep.unlink()


def _finish(waiting: Path, pack: Path) -> None:
    with seized(waiting) as is_left_over, suppress(OSError):
        index = pack.with_suffix(".idx")
        if is_left_over and pack.exists() and not index.exists() and _is_whole(waiting, pack):
            waiting.replace(index)
            sync_folder(pack.parent)


def _is_whole(index: Path, pack: Path) -> bool:
    """Return whether an index has its own checksum and that of the pack."""
    data = index.read_bytes()
    size = len(bytes.fromhex(pack.stem.removeprefix("pack-")))
    new_hash = next(each.new_hash for each in FORMATS.values() if each.digest_size == size)
    with pack.open("rb") as file:
        file.seek(-size, 2)
        trailer = file.read()
    own = trailer.hex() == pack.stem.removeprefix("pack-") and data[-2 * size : -size] == trailer
    return own and new_hash(data[:-size]).digest() == data[-size:]


def same_bytes(target: Path, blocks: Iterator[bytes]) -> bool:
    """Return whether a file holds exactly these bytes. Raises OSError."""
    with target.open("rb") as file:
        return all(file.read(len(block)) == block for block in blocks) and not file.read(1)
