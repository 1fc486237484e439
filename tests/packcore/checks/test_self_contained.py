"""Whether a pack holds all that its objects refer to, told by what is seen while it is indexed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packcore import processes
from packcore.checks import self_contained
from packcore.checks.arrivals import check_links
from packcore.checks.self_contained import PackLinks
from packcore.errors import CorruptObject, MissingObject
from packcore.ids import SHA1, SHA256, ObjectFormat
from packcore.store.repository import Repository
from packcore.store.spool import SpooledPack
from tests.support import git, git_bytes, history, init_repository, make_repository

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FORMATS = pytest.mark.parametrize("object_format", [SHA1, SHA256], ids=str)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("source") / "s.git"
    return make_repository(path, history(commits=12, files=5, tag="v1"), repack=True)


def all_ids(repository: Path) -> list[str]:
    return git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)", cwd=repository).split()


def pack_of(repository: Path, oids: Iterable[str]) -> bytes:
    stdin = "".join(f"{oid}\n" for oid in oids).encode()
    return git_bytes("pack-objects", "--stdout", "-q", cwd=repository, stdin=stdin)


def is_within(pack: bytes, object_format: ObjectFormat = SHA1, *, jobs: int = 1) -> bool:
    links = PackLinks(object_format)
    with SpooledPack.receive([pack], object_format=object_format, observe=links, jobs=jobs) as spool:
        return links.are_within(spool)


def hash_object(repository: Path, type_: str, data: bytes) -> str:
    return git("hash-object", "-t", type_, "-w", "--stdin", "--literally", cwd=repository, stdin=data)


@FORMATS
def test_the_pack_of_a_clone_holds_all_that_its_objects_refer_to(object_format, tmp_path):
    stream = history(commits=12, files=5, tag="v1")
    path = make_repository(tmp_path / "s.git", stream, object_format=object_format.name, repack=True)
    assert is_within(pack_of(path, all_ids(path)), object_format)


def test_whatever_object_is_left_out_the_answer_is_that_of_a_look_at_each_link(source: Path) -> None:
    oids = all_ids(source)
    for left_out in oids:
        pack = pack_of(source, [oid for oid in oids if oid != left_out])
        with SpooledPack.receive([pack], object_format=SHA1) as spool:
            try:
                check_links(spool)
                is_expected = True
            except MissingObject:
                is_expected = False
        assert is_within(pack) == is_expected, left_out


@pytest.mark.skipif(not processes.can_fork(), reason="processes inherit what is known by fork")
def test_the_number_of_processes_does_not_matter(source: Path) -> None:
    oids = all_ids(source)
    assert is_within(pack_of(source, oids), jobs=3)
    lost = git("rev-parse", "main~3^{tree}", cwd=source)
    assert not is_within(pack_of(source, [oid for oid in oids if oid != lost]), jobs=3)


def test_ids_that_were_noted_twice_are_dropped_without_a_change_to_the_answer(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(self_contained, "_ROOM_BYTES", 1)
    oids = all_ids(source)
    assert is_within(pack_of(source, oids))
    lost = git("rev-parse", "main~3^{tree}", cwd=source)
    assert not is_within(pack_of(source, [oid for oid in oids if oid != lost]))


@pytest.mark.parametrize(("mode", "type_"), [(b"100644", "tree"), (b"40000", "blob")])
def test_an_object_of_another_type_than_a_tree_says_is_not_what_it_refers_to(mode, type_, tmp_path):
    path = init_repository(tmp_path / "r.git")
    target = hash_object(path, type_, b"")
    tree = hash_object(path, "tree", mode + b" x\0" + bytes.fromhex(target))
    pack = pack_of(path, [target, tree])
    assert not is_within(pack)
    with SpooledPack.receive([pack], object_format=SHA1) as spool, pytest.raises(CorruptObject):
        check_links(spool)


def test_a_submodule_is_in_another_repository(tmp_path: Path) -> None:
    path = init_repository(tmp_path / "r.git")
    tree = hash_object(path, "tree", b"160000 lib\0" + bytes(range(20)))
    assert is_within(pack_of(path, [tree]))


@pytest.mark.parametrize("data", [b"100644 x\0too short", b"100644 x\0" + bytes(20)])
def test_of_a_tree_that_is_not_in_order_nothing_is_claimed(data: bytes, tmp_path: Path) -> None:
    path = init_repository(tmp_path / "r.git")
    assert not is_within(pack_of(path, [hash_object(path, "tree", data)]))


def test_a_pack_that_leans_on_objects_of_the_receiver_is_not_within_itself(source: Path) -> None:
    revisions = b"main\n^main~4\n"
    thin = git_bytes("pack-objects", "--thin", "--stdout", "--revs", "-q", cwd=source, stdin=revisions)
    links = PackLinks(SHA1)
    with (
        Repository.open(source) as bases,
        SpooledPack.receive([thin], object_format=SHA1, bases=bases, observe=links) as spool,
    ):
        assert spool.added
        assert not links.are_within(spool)
