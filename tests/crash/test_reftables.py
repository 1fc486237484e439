"""A change of refs in reftables, struck at each call that changes a file: all of it is there, or nothing."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from packcore.errors import PackcoreError
from packcore.objects import ObjectType
from packcore.store.ref_change import RefChange
from packcore.store.repository import Repository
from tests.crash.disk import KILLED, Disk, Fault
from tests.processes import fork
from tests.reftables import commit_data, reftable_repository

if TYPE_CHECKING:
    from pathlib import Path

    from packcore.ids import ObjectId


pytestmark = pytest.mark.e2e

ALIAS, MAIN, NEW, TAG = "refs/heads/alias", "refs/heads/main", "refs/heads/new", "refs/tags/v1"
_REFUSED = 3
"""The change was reported as failed, and may be there all the same if only a sync of a folder failed."""


def change(path: Path, other: ObjectId) -> None:
    """Move, make and delete a ref in one transaction; all tables are joined by it."""
    with Repository.open(path) as repository:
        zero, now = repository.object_format.zero, repository.refs().known[MAIN].oid
        repository.log_ref_changes(lambda: b"A <a@b> 1112911993 +0000", b"push")
        repository.change_refs(
            [RefChange(MAIN, now, other), RefChange(NEW, now, zero), RefChange("refs/heads/x", zero, other)]
        )


def struck(path: Path, other: ObjectId, fault: Fault) -> tuple[int, bool]:
    """Make the change in a child with a failing disk; return its exit code, and whether it was struck."""
    child = fork()
    if not child:
        code = 1
        try:
            disk = Disk(str(path), fault)
            disk.install()
            try:
                change(path, other)
                code = 0 if len(disk.calls) >= fault.at else 2
            except PackcoreError:
                code = _REFUSED
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code, code != 2


def tips(path: Path) -> dict[str, ObjectId]:
    with Repository.open(path) as repository:
        return {name: ref.oid for name, ref in repository.refs().known.items()}


@pytest.mark.parametrize("kind", ["kill", "torn", "io", "short", "full"])
def test_a_transaction_is_whole_or_not_there(kind: str, tmp_path: Path):
    template = reftable_repository(tmp_path / "template.git")
    with Repository.open(template) as repository:
        other = repository.write_loose(ObjectType.COMMIT, commit_data(b"other"))
    before = tips(template)
    after = {ALIAS: other, MAIN: other, "refs/heads/x": other, TAG: before[TAG]}
    seen = set()
    for at in range(1, 200):
        path = tmp_path / f"{kind}{at}.git"
        shutil.copytree(template, path)
        code, was_struck = struck(path, other, Fault(kind, at))
        now = tips(path)
        assert now in (before, after), at
        assert now == after or code in (KILLED, _REFUSED), at
        seen.add(code)
        assert not list(path.rglob("*.lock")), at
        if now == before:
            change(path, other)
        assert tips(path) == after, at
        shutil.rmtree(path)
        if not was_struck:
            break
    assert seen > {2}
