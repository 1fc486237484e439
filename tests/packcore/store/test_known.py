"""The empty tree and the empty blob, which every repository has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packcore.checks.fsck import check_repository
from packcore.errors import MissingObject
from packcore.ids import SHA1, SHA256, ObjectFormat
from packcore.objects import ObjectType
from packcore.plans.write import write_pack
from packcore.search.select import select
from packcore.store.bulk import headers_of, raws_of
from packcore.store.known import KnownObjects
from packcore.store.repository import Repository
from packcore.store.spool import SpooledPack
from packcore.walk import list_objects
from tests.support import git

if TYPE_CHECKING:
    from pathlib import Path

BOTH = [ObjectType.TREE, ObjectType.BLOB]
AUTHOR = b"author A <a@example.com> 1112911993 +0000\ncommitter A <a@example.com> 1112911993 +0000\n"


@pytest.fixture(params=[SHA1, SHA256], ids=["sha1", "sha256"])
def repository(request, tmp_path: Path):
    with Repository.init(tmp_path / "r.git", request.param) as made:
        yield made


def empty(object_format: ObjectFormat, type_: ObjectType):
    return object_format.hash_object(type_.label, b"")


def commit_of_empty_things(repository: Repository):
    """Write a commit whose tree holds the empty tree and the empty blob, which are stored nowhere."""
    tree, blob = (empty(repository.object_format, type_) for type_ in BOTH)
    root = repository.write_loose(ObjectType.TREE, b"100644 a\0" + blob + b"40000 b\0" + tree)
    return repository.write_loose(ObjectType.COMMIT, b"tree %s\n%s\nx\n" % (root.hex().encode(), AUTHOR))


@pytest.mark.parametrize("type_", BOTH)
def test_they_are_read_without_being_stored(repository: Repository, type_: ObjectType):
    oid = empty(repository.object_format, type_)
    assert oid in repository
    assert repository.header(oid) == (type_, 0)
    assert repository.read(oid) == (type_, b"")
    assert list(repository.stream(oid)) == []
    assert repository.raw(oid) is None
    assert raws_of(repository, [oid]) == [None]
    assert headers_of(repository, [oid]) == [(type_, 0)]


def test_they_are_listed_only_where_they_are_stored(repository: Repository):
    assert list(repository) == []
    oid = repository.write_loose(ObjectType.TREE, b"")
    assert list(repository) == [oid]
    assert (
        git("cat-file", "--batch-all-objects", "--batch-check", cwd=repository.path).split()[0] == oid.hex()
    )


def test_what_names_them_is_packed_with_them(repository: Repository):
    tip = commit_of_empty_things(repository)
    objects = list_objects(repository, [tip])
    assert {empty(repository.object_format, type_) for type_ in BOTH} < {found.oid for found in objects}
    pack = write_pack(select(repository, objects))
    with SpooledPack.receive(pack, object_format=repository.object_format) as spool:
        assert len(spool) == len(objects) == 4


def test_fsck_misses_neither(repository: Repository):
    repository.update_ref("refs/heads/main", commit_of_empty_things(repository))
    assert [found.text for found in check_repository(repository)] == []


def test_no_other_object_is_known():
    store = KnownObjects(SHA1)
    for ask in (store.header, store.read, store.stream):
        with pytest.raises(MissingObject):
            ask(SHA1.hash_object(b"blob", b"x"))
        with pytest.raises(MissingObject):
            ask(SHA1.hash_object(b"commit", b""))
