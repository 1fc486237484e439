"""What packcore needs of POSIX: nothing to be imported, and nothing to work on repositories of this disk.

tests/without_posix.py takes away what Windows lacks, and has files behave as there.
"""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support import ROOT, git, git_environment, history, make_repository

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="plays another system, on Linux"),
    pytest.mark.e2e,
]


def run(*arguments: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run packcore as if on such a system."""
    return subprocess.run(
        [sys.executable, "-m", "tests.without_posix", *map(str, arguments)],
        cwd=cwd,
        env={**git_environment(), "PYTHONPATH": str(ROOT)},
        text=True,
        check=False,
        capture_output=True,
        stdin=subprocess.DEVNULL,
    )


def done(*arguments: str | Path, cwd: Path) -> str:
    """Run it, and have it succeed."""
    result = run(*arguments, cwd=cwd)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture
def stage(tmp_path: Path) -> Path:
    """Return a folder with a source of some commits, in a pack, and an empty target."""
    make_repository(tmp_path / "source.git", history(commits=6))
    git("init", "-q", "--bare", "-b", "main", tmp_path / "target.git")
    return tmp_path


def left_over(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if "packcore-tmp" in path.name or path.suffix == ".lock"]


def test_every_module_can_be_imported() -> None:
    assert run("--import-everything").stdout == ""


@pytest.mark.parametrize("options", [(), ("--materialize",)])
def test_a_path_is_synced_to_a_path_and_nothing_is_left_over(stage: Path, options: tuple[str, ...]) -> None:
    done("sync", "./source.git", "./target.git", *options, cwd=stage)
    tips = {git("rev-parse", "refs/heads/main", cwd=stage / name) for name in ("source.git", "target.git")}
    assert len(tips) == 1
    git("fsck", "--strict", cwd=stage / "target.git")
    assert left_over(stage) == []


def test_a_second_sync_adds_to_what_is_there(stage: Path) -> None:
    done("sync", "./source.git", "./target.git", cwd=stage)
    tip = git("rev-parse", "refs/heads/main", cwd=stage / "source.git").strip()
    git("update-ref", "refs/heads/more", tip, cwd=stage / "source.git")
    assert "1 ref pushed" in done("sync", "./source.git", "./target.git", cwd=stage)
    assert git("rev-parse", "refs/heads/more", cwd=stage / "target.git").strip() == tip


def test_a_repack_replaces_the_packs(stage: Path) -> None:
    done("sync", "./source.git", "./target.git", cwd=stage)
    done("repack", "target.git", cwd=stage)
    done("repack", "target.git", "--no-reuse-delta", "--window", "1", cwd=stage)
    assert len(list((stage / "target.git/objects/pack").glob("*.pack"))) == 1
    git("fsck", "--strict", cwd=stage / "target.git")
    assert left_over(stage) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("fsck", "source.git"),
        ("pack-objects", "source.git", "--all", "-o", "all.pack"),
        ("report", "source.git", "-o", "all.html"),
        ("fetch", "./source.git", "--into", "copy.git"),
        ("tour", "--auto"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_command_works(stage: Path, arguments: tuple[str, ...]) -> None:
    done("repack", "source.git", cwd=stage)
    done(*arguments, cwd=stage)
    assert left_over(stage) == []


def test_a_lock_of_another_process_is_respected(stage: Path) -> None:
    (stage / "target.git/refs/heads").mkdir(parents=True, exist_ok=True)
    (stage / "target.git/refs/heads/main.lock").write_bytes(b"")
    result = run("sync", "./source.git", "./target.git", cwd=stage)
    assert result.returncode == 1
    assert "locked" in result.stdout + result.stderr


def test_the_modules_of_posix_are_lacking_in_this_play() -> None:
    """Else the tests above would show nothing; so for the next one."""
    program = "from tests.without_posix import take_away; take_away(); import fcntl"
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, text=True, check=False, capture_output=True
    )
    assert re.search(r"^ModuleNotFoundError: .*'fcntl'", result.stderr, re.MULTILINE)


def test_a_file_that_is_open_can_be_neither_removed_nor_replaced_in_this_play(tmp_path: Path) -> None:
    program = (
        "from tests.without_posix import take_away; take_away(); import os, sys\n"
        "file = open(sys.argv[1], 'wb')\n"
        "for call, more in ((os.unlink, ()), (os.replace, (sys.argv[1] + 'x',))):\n"
        "    try: call(sys.argv[1], *more)\n"
        "    except PermissionError: print('refused')\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "file"],
        cwd=ROOT,
        text=True,
        check=True,
        capture_output=True,
    )
    assert result.stdout == "refused\n" * 2
