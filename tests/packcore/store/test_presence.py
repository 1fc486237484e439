"""Asking whether very many objects are here."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from packcore.ids import SHA1, ObjectId
from packcore.store.repository import Repository
from tests.support import git, history, make_repository

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

ABSENT = [ObjectId(bytes([first]) * 19 + bytes([last])) for first in range(256) for last in range(8)]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = make_repository(tmp_path_factory.mktemp("presence") / "x.git", history(commits=20), repack=True)
    git("commit-tree", "-m", "loose", "main^{tree}", cwd=made)
    return made


def ids(path: Path) -> list[ObjectId]:
    listed = git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)", cwd=path)
    return [SHA1.from_hex(line) for line in listed.split()]


def calls_of(monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str) -> list[str]:
    """Return a list that grows by what a function is asked."""
    calls: list[str] = []
    real = getattr(module, name)

    def called(path: str) -> object:
        calls.append(path)
        return real(path)

    monkeypatch.setattr(module, name, called)
    return calls


def test_it_answers_as_the_repository_does(path):
    with Repository.open(path) as repository:
        presence = repository.presence()
        for oid in [*ids(path), *ABSENT]:
            assert (oid in presence) == (oid in repository)
        assert repository.object_format.hash_object(b"tree", b"") in presence
        assert "main" not in presence
        assert b"" not in presence


def test_it_knows_what_alternates_hold(path, tmp_path):
    git("clone", "-q", "--bare", "--shared", str(path), str(tmp_path / "borrower.git"))
    with Repository.open(tmp_path / "borrower.git") as repository:
        presence = repository.presence()
        assert all(oid in presence for oid in ids(path))


def test_a_folder_of_loose_objects_is_listed_once_and_no_absent_file_is_looked_for(path, monkeypatch):
    listed, looked_for = calls_of(monkeypatch, os, "listdir"), calls_of(monkeypatch, os.path, "isfile")
    with Repository.open(path) as repository:
        presence = repository.presence()
        listed.clear()
        looked_for.clear()
        for _ in range(3):
            assert not any(oid in presence for oid in ABSENT)
    assert len(listed) == 256
    assert not looked_for


def test_a_file_that_vanished_since_is_not_here(tmp_path):
    path = make_repository(tmp_path / "x.git", history(commits=1))
    main = SHA1.from_hex(git("rev-parse", "main", cwd=path))
    with Repository.open(path) as repository:
        presence = repository.presence()
        assert main in presence
        (path / "objects" / main.hex()[:2] / main.hex()[2:]).unlink()
        assert main not in presence
