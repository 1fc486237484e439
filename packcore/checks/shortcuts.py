"""Checks of commit-graphs and bitmaps, their digests and their agreement with the objects: part of `fsck`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from packcore.errors import CorruptData, CorruptShortcut, LimitExceeded, MissingObject, RepositoryError
from packcore.objects import ObjectType, commit_links
from packcore.store.commit_graph import read_commit_graph
from packcore.store.multi_pack_index import open_midx_bitmap, read_multi_pack_index
from packcore.store.pack_bitmap import open_pack_bitmap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from packcore.ids import ObjectId
    from packcore.store.commit_graph import CommitGraph
    from packcore.store.multi_pack_index import MidxBitmap
    from packcore.store.pack_bitmap import PackBitmap
    from packcore.store.repository import Repository

__all__ = ["check_shortcuts"]

_DATE_BITS = 0x3FFFFFFFF


def check_shortcuts(repository: Repository, type_of: Callable[[ObjectId], int]) -> Iterator[str]:
    """Yield what is wrong with commit-graphs, multi-pack-indexes and bitmaps, here and in alternates.

    `type_of` returns the type of an object, 0 if it isn't known: then the check of the object reports it.
    """
    for pack in repository.copies.packs():
        try:
            if (found := open_pack_bitmap(pack)) is not None:
                yield from _check_bitmap(
                    repository, type_of, found, str(Path(pack.name).with_suffix(".bitmap"))
                )
        except (CorruptShortcut, RepositoryError) as error:
            yield str(error)
    for folder in repository.shortcuts.folders:
        if repository.shortcuts.has_tables:
            yield from _check_table(repository, folder / "pack", type_of)
        if repository.shortcuts.has_graphs:
            yield from _check_graph_of(repository, folder)


def _check_graph_of(repository: Repository, folder: Path) -> Iterator[str]:
    try:
        graph = read_commit_graph(folder, repository.object_format)
    except (CorruptShortcut, RepositoryError) as error:
        yield str(error)
        return
    if graph is not None:
        try:
            yield from _check_graph(repository, graph)
        except CorruptShortcut as error:
            yield str(error)
        finally:
            graph.close()


def _check_table(
    repository: Repository, directory: Path, type_of: Callable[[ObjectId], int]
) -> Iterator[str]:
    """Check the multi-pack-index of a folder against the packs that it names, and its bitmap."""
    try:
        table = read_multi_pack_index(directory, repository.object_format)
    except (CorruptShortcut, RepositoryError) as error:
        yield str(error)
        return
    if table is None:
        return
    packs = {
        Path(pack.name).stem: pack
        for pack in repository.copies.packs()
        if Path(pack.name).parent == directory
    }
    try:
        table.check_file()
        yield from (f"{table.path}: {name} is not here" for name in table.names if name not in packs)
        for oid, place in table.places():
            name = table.names[place.pack_number]
            pack = packs.get(name)
            if pack is not None and place.offset not in pack.offsets_of(oid):
                yield f"{table.path}: object {oid.hex()} does not lie there in {name}"
        if (bitmap := open_midx_bitmap(table, directory)) is not None:
            yield from _check_bitmap(repository, type_of, bitmap, f"{table.path}: its bitmap")
    except (CorruptShortcut, RepositoryError) as error:
        yield str(error)
    finally:
        table.close()


def _check_bitmap(
    repository: Repository,
    type_of: Callable[[ObjectId], int],
    bitmap: PackBitmap | MidxBitmap,
    where: str,
) -> Iterator[str]:
    """Check the types, and that each set holds its commit, its tree and parents, and all that these do."""
    for type_ in ObjectType:
        for oid in bitmap.oids(bitmap.of_type(type_)):
            if type_of(oid) not in (0, type_):
                yield f"{where}: {oid.hex()} is not a {type_.name.lower()}"
    for oid in bitmap.commits():
        try:
            links = commit_links(repository.read(oid).data, repository.object_format, oid)
        except (CorruptData, LimitExceeded):
            continue
        bits = bitmap.reached_from(oid) or 0
        places = [bitmap.bit_of(held) for held in (oid, links.tree, *links.parents)]
        below = [bitmap.reached_from(parent) or 0 for parent in links.parents]
        if any(place < 0 or not bits >> place & 1 for place in places) or any(held & ~bits for held in below):
            yield f"{where}: the set of commit {oid.hex()} lacks what the commit reaches"


def _check_graph(repository: Repository, graph: CommitGraph) -> Iterator[str]:
    graph.check_files()
    where = graph.paths[-1]
    for oid, tree, node in graph.rows():
        try:
            type_, data = repository.read(oid)
        except MissingObject:
            yield f"{where}: commit {oid.hex()} is not here"
            continue
        except CorruptData:
            continue  # the check of the object reports it
        if type_ is not ObjectType.COMMIT:
            yield f"{where}: {oid.hex()} is not a commit but a {type_.name.lower()}"
            continue
        links = commit_links(data, repository.object_format, oid)
        if links.tree != tree:
            yield f"{where}: commit {oid.hex()} has another tree"
        if links.parents != node.parents:
            yield f"{where}: commit {oid.hex()} has other parents"
        if links.date & _DATE_BITS != node.date and 0 <= links.date <= _DATE_BITS:
            yield f"{where}: commit {oid.hex()} has another date"
        parents = [graph.node(parent) for parent in node.parents]
        if any(parent is not None and parent.generation >= node.generation for parent in parents):
            yield f"{where}: the generation of commit {oid.hex()} is not above that of each parent"
