"""Where a column runs, and the reason if it can't run on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scripts.matrix import debian, places
from scripts.matrix.columns import Column
from scripts.matrix.debian import Debian, Unavailable, cache_folder, why_not
from scripts.matrix.places import Chroot, ThisMachine, find_interpreter, place_of

if TYPE_CHECKING:
    from pathlib import Path

_TRIXIE = Column("debian-13", "x", debian="trixie")


def _program(path: Path, script: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "home"


def test_an_interpreter_is_found_on_path(home: Path) -> None:
    assert find_interpreter("3.12") is None
    program = _program(home.parent / "bin/python3.12")
    assert find_interpreter("3.12") == str(program)


def test_pyenvs_own_interpreter_is_taken_and_not_its_shim(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shim = _program(home / ".pyenv/shims/python3.12")
    monkeypatch.setenv("PATH", str(shim.parent))
    assert find_interpreter("3.12") is None
    real = _program(home / ".pyenv/versions/3.12.1/bin/python3.12")
    assert find_interpreter("3.12") == str(real)


def test_an_interpreter_of_uv_is_found(home: Path) -> None:
    real = _program(home / ".local/share/uv/python/cpython-3.12.4-linux/bin/python3.12")
    assert find_interpreter("3.12") == str(real)


@pytest.mark.usefixtures("home")
def test_a_column_whose_python_is_nowhere_says_so() -> None:
    with pytest.raises(Unavailable, match=r"no Python 3\.12 on PATH, in pyenv or in uv"):
        place_of(Column("python-312", "x", python="3.12"))


def test_a_column_of_this_machines_debian_runs_here_and_any_other_in_a_chroot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(places, "why_not", lambda: "")
    monkeypatch.setattr(places, "_codename", lambda: "trixie")
    monkeypatch.setattr(places, "_makes_environments", lambda _: True)
    assert isinstance(place_of(_TRIXIE), ThisMachine)
    assert isinstance(place_of(_TRIXIE, chroot_always=True), Chroot)
    with_packages = Column("x", "x", debian="trixie", packages=("python3.15",))
    assert isinstance(place_of(with_packages), Chroot)
    monkeypatch.setattr(places, "_codename", lambda: "bookworm")
    assert isinstance(place_of(_TRIXIE), Chroot)


def test_a_column_runs_in_a_chroot_if_this_machines_python_makes_no_environments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "why_not", lambda: "")
    monkeypatch.setattr(places, "_codename", lambda: "trixie")
    for python in (tmp_path / "absent", _program(tmp_path / "without-venv", "exit 1")):
        assert isinstance(place_of(Column("x", "x", debian="trixie", python=str(python))), Chroot)
    python = _program(tmp_path / "complete")
    assert isinstance(place_of(Column("x", "x", debian="trixie", python=str(python))), ThisMachine)


def test_without_root_a_chroot_is_refused_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr(places, "_codename", lambda: "bookworm")
    with pytest.raises(Unavailable, match="needs root, for debootstrap and chroot"):
        place_of(_TRIXIE)


def test_a_missing_debootstrap_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("shutil.which", lambda name, **_: None if name == "debootstrap" else name)
    assert why_not() == "needs debootstrap, which this machine doesn't have"


def test_releases_are_kept_where_the_user_keeps_caches() -> None:
    assert str(cache_folder({"PACKCORE_MATRIX_CACHE": "/a"})) == "/a"
    assert str(cache_folder({"XDG_CACHE_HOME": "/b", "HOME": "/h"})) == "/b/packcore-matrix"
    assert str(cache_folder({"HOME": "/h"})) == "/h/.cache/packcore-matrix"


def test_a_release_that_cant_be_downloaded_is_tried_three_times_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(debian, "why_not", lambda: "")
    monkeypatch.setattr("time.sleep", lambda _: None)
    bin_folder = tmp_path / "bin"
    _program(bin_folder / "unshare", 'mkdir -p "${10}/etc"; exit 1')
    monkeypatch.setenv("PATH", f"{bin_folder}:/usr/bin:/bin")
    said: list[str] = []
    release = Debian("trixie", tmp_path / "cache")
    with release.locked(said.append), pytest.raises(Unavailable, match="debootstrap trixie failed 3 times"):
        release.make(tmp_path / "log", said.append)
    assert said == ["debootstrap trixie", *[f"debootstrap trixie, try {n} of 3" for n in (2, 3)]]
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["trixie.lock"]


def test_a_chroot_gets_an_environment_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PACKCORE_SOURCE_TOKEN", "secret")
    monkeypatch.setenv("PIP_INDEX_URL", "https://example.com/simple")
    place = Chroot(Debian("trixie", tmp_path), "/usr/bin/python3")
    command = place.command(["true"], "/matrix/src", {"PACKCORE_X": "1"})
    assert command[0] == "unshare"
    assert {"--mount", "--pid", "--kill-child"} < set(command)
    assert command[command.index("/usr/bin/env") + 1] == "-i"
    assert {"PIP_INDEX_URL=https://example.com/simple", "CI=true", "PACKCORE_X=1"} < set(command)
    assert not any("secret" in word for word in command)


def test_tests_on_this_machine_see_no_other_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("COLUMNS", "debian-12")
    environment = ThisMachine(tmp_path, "/usr/bin/python3").environment({"PACKCORE_X": "1"})
    assert environment["PACKCORE_X"] == "1"
    assert not {"PYTHONPATH", "COLUMNS"} & environment.keys()
