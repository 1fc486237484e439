"""`--jobs` of the commands that check packs: so many processes work, and say what one says."""

from __future__ import annotations

import shutil

import pytest

from packcore import processes
from tests.cli.repositories import object_format, only_pack

pytestmark = pytest.mark.skipif(not processes.can_fork(), reason="processes inherit the scan by fork")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the processes started."""
    started: list[int] = []
    add = processes.Pool.add

    def counted(pool: processes.Pool, *arguments: object) -> None:
        add(pool, *arguments)  # type: ignore[arg-type]
        started.append(len(pool))

    monkeypatch.setattr(processes.Pool, "add", counted)
    return started


@pytest.mark.parametrize(
    "arguments",
    [
        ("fsck", "REPO"),
        ("fsck", "REPO", "--strict", "--root", "--tags", "--unreachable", "--name-objects", "--json"),
        ("verify-pack", "-v", "PACK"),
        ("index-pack", "PACK"),
        ("index-pack", "PACK", "--strict", "--repo", "REPO", "--no-rev-index"),
        ("index-pack", "--verify-stat", "PACK"),
        ("index-pack", "--stdin", "-o", "FOLDER", "--fsck-objects", "--keep"),
        ("index-pack", "--stdin", "NEW", "--strict"),
    ],
)
def test_two_processes_say_and_write_what_one_does(packcore, repository, tmp_path, arguments, started):
    results = []
    for jobs in (1, 2):
        folder = tmp_path / "folder"
        folder.mkdir()
        pack = folder / "a.pack"
        shutil.copy(only_pack(repository), pack)
        shutil.copy(only_pack(repository).with_suffix(".idx"), folder / "a.idx")
        places = {"REPO": repository, "PACK": pack, "FOLDER": folder, "NEW": folder / "new.pack"}
        words = [places.get(word, word) for word in arguments]
        if "fsck" not in words:
            words += ["--object-format", object_format(repository)]
        found = packcore(*words, "--jobs", str(jobs), stdin=pack.read_bytes() if "--stdin" in words else b"")
        assert found.exit_code == 0, found.stderr
        files = {path.name: path.read_bytes() for path in folder.iterdir()}
        results.append((found.stdout, found.stderr, files))
        assert len(started) == (0 if jobs == 1 else 2)
        shutil.rmtree(folder)
    assert results[0] == results[1]
