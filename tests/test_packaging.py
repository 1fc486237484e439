"""The wheel: what is in it, and that it works where no checkout is."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from scripts.check_wheel import bill_of, check
from scripts.dist import DistError, both_of, build, build_from_sdist, build_twice, unpack_sdist
from tests.support import ROOT, git, git_environment, history, make_repository

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build wheel and sdist as a release does, twice and once more from the sdist; return their folder."""
    folder = tmp_path_factory.mktemp("built")
    made = build_twice(folder / "dist", folder, pythons=[])
    build_from_sdist(folder / "dist", folder, made)
    return folder / "dist"


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    """Return the path of the wheel."""
    return next(built.glob("packcore-*.whl"))


@pytest.fixture(scope="module")
def elsewhere(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into a virtual environment of its own and return that."""
    folder = tmp_path_factory.mktemp("elsewhere") / "venv"
    _run(sys.executable, "-m", "venv", folder, cwd=folder.parent)
    _run(folder / "bin/python", "-m", "pip", "install", "--quiet", wheel, cwd=folder.parent)
    return folder


def test_the_top_level_is_the_three_packages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
    own = {top for top in tops if not top.endswith((".dist-info", ".data"))}
    assert own == {"packcore", "transport", "cli"}
    assert len(tops) == 5


def test_its_data_are_the_manual_pages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        data = {name.partition(".data/")[2] for name in archive.namelist() if ".data/" in name}
    assert data == {f"data/share/man/man1/{path.name}" for path in (ROOT / "man").glob("*.1")}
    assert "data/share/man/man1/packcore.1" in data


def test_it_carries_types_and_licence_and_no_bytecode(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {"packcore/py.typed", "transport/py.typed", "cli/py.typed"} <= set(names)
    assert [name for name in names if name.endswith("LICENSE")]
    assert not [name for name in names if name.endswith(".pyc") or "/tests/" in name]


def test_every_module_of_the_checkout_is_in_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    modules = {
        path.relative_to(ROOT).as_posix()
        for package in ("packcore", "transport", "cli")
        for path in (ROOT / package).rglob("*.py")
    }
    assert modules <= packed


def test_the_sdist_holds_what_git_tracks_and_its_metadata(built: Path, tmp_path: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this is an unpacked sdist itself")
    unpack_sdist(built, tmp_path / "unpacked")
    unpacked = {
        path.relative_to(tmp_path / "unpacked").as_posix()
        for path in (tmp_path / "unpacked").rglob("*")
        if path.is_file()
    }
    tracked = git("ls-files", "-c", "-o", "--exclude-standard", cwd=ROOT).splitlines()
    assert unpacked == {*tracked, "PKG-INFO"}


def test_two_builds_are_the_same_to_the_byte(built: Path) -> None:
    """The fixture compares them; this holds that the comparison covers both files."""
    assert [name.split("-")[0] for name in both_of(built)] == ["packcore", "packcore"]


def test_another_time_gives_another_build(built: Path, tmp_path: Path) -> None:
    more = {"SOURCE_DATE_EPOCH": "1000000000"}
    build(ROOT, tmp_path, "sdist", "wheel", python=sys.executable, more=more, umask=0o022)
    assert both_of(tmp_path).keys() == both_of(built).keys()
    assert not set(both_of(tmp_path).values()) & set(both_of(built).values())


def test_a_build_that_differs_is_an_error(built: Path, tmp_path: Path) -> None:
    with pytest.raises(DistError, match="differs"):
        build_from_sdist(built, tmp_path, {next(built.glob("*.whl")).name: "0" * 64})


def test_the_bill_of_materials_in_it_is_that_of_the_lock(wheel: Path) -> None:
    assert bill_of(wheel) == json.loads((ROOT / "locks/packcore.cdx.json").read_text())


def test_installed_elsewhere_it_does_what_a_new_user_tries_first(wheel: Path) -> None:
    """What is installed is also held against the wheel's bill of materials."""
    check(wheel, sys.executable, "locked")


def test_installed_elsewhere_it_says_its_version(elsewhere: Path, tmp_path: Path) -> None:
    words = _run(elsewhere / "bin/packcore", "--version", cwd=tmp_path)
    version = _run(
        elsewhere / "bin/python",
        "-c",
        "from importlib.metadata import version; print(version('packcore'))",
        cwd=tmp_path,
    )
    assert version.strip() in words
    assert _run(elsewhere / "bin/python", "-m", "cli", "--version", cwd=tmp_path) == words


def test_installed_elsewhere_it_packs_a_repository(elsewhere: Path, tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "tiny.git", history(commits=5))
    pack = tmp_path / "tiny.pack"
    _run(elsewhere / "bin/packcore", "pack-objects", repository, "--all", "-o", pack, cwd=tmp_path)
    git("index-pack", "--strict", "--fsck-objects", "-o", tmp_path / "again.idx", pack)
    assert (tmp_path / "again.idx").read_bytes() == pack.with_suffix(".idx").read_bytes()


def _run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        env={**git_environment(), **_pip_settings()},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _pip_settings() -> dict[str, str]:
    # Where pip finds packages is the machine's business, unlike how git behaves.
    import os

    names = (
        "PIP_",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "SSL_CERT",
        "HOME",
        "http_proxy",
        "https_proxy",
        "no_proxy",
    )
    return {name: value for name, value in os.environ.items() if name.startswith(names)}
