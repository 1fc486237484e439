"""The wheel: what is in it, and that it works where no checkout is."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.support import ROOT, git, git_environment, history, make_repository

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel and return its path."""
    folder = tmp_path_factory.mktemp("wheel")
    _run(
        sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT, cwd=folder
    )
    return next(folder.glob("packcore-*.whl"))


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
    assert {top for top in tops if not top.endswith(".dist-info")} == {"packcore", "transport", "cli"}
    assert len(tops) == 4


def test_it_carries_types_and_licence_and_no_bytecode(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {"packcore/py.typed", "transport/py.typed", "cli/py.typed"} <= set(names)
    assert [name for name in names if name.endswith("LICENSE")]
    assert not [name for name in names if name.endswith(".pyc") or "/tests/" in name]


def test_every_module_of_the_checkout_is_in_it(wheel: Path) -> None:
    tracked = git("ls-files", "packcore", "transport", "cli", cwd=ROOT).splitlines()
    with zipfile.ZipFile(wheel) as archive:
        assert set(tracked) <= set(archive.namelist())


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
