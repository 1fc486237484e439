"""What the command does where a foreign package has the name of one of ours."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def run(folder: Path, *, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run `python -m packcore --version` in a folder, with another one first on the path."""
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(map(str, filter(None, (path, ROOT)))))
    return subprocess.run(
        [sys.executable, "-m", "packcore", "--version"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_starts_where_all_is_ours(tmp_path):
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("packcore")


@pytest.mark.parametrize("name", ["transport", "cli"])
@pytest.mark.parametrize("kind", ["module", "package"])
def test_a_foreign_package_is_named_with_ours_and_never_loaded(tmp_path, name, kind):
    foreign, elsewhere = tmp_path / "foreign", tmp_path / "elsewhere"
    file = foreign / f"{name}.py" if kind == "module" else foreign / name / "__init__.py"
    file.parent.mkdir(parents=True)
    elsewhere.mkdir()
    file.write_text("raise RuntimeError('loaded')")
    for done in (run(foreign), run(elsewhere, path=foreign)):
        lines = done.stderr.splitlines()
        assert done.returncode == 1
        assert str(file) in lines[0]
        assert str(ROOT / name / "__init__.py") in lines[0]
        assert lines[1].startswith(f"hint: rename or uninstall the other {name}")
        assert len(lines) == 2
        assert done.stdout == ""


def test_a_package_that_was_installed_over_ours_is_named(tmp_path):
    for name in ("packcore", "cli"):
        (tmp_path / name).symlink_to(ROOT / name)
    code = (
        "import packcore._entry as entry\n"
        f"entry.__file__ = {str(tmp_path / 'packcore' / '_entry.py')!r}\n"
        "entry.main()"
    )
    (tmp_path / "transport").mkdir()
    (tmp_path / "transport" / "__init__.py").write_text("")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "transport" in done.stderr.splitlines()[0]
    assert "was replaced by another package" in done.stderr.splitlines()[0]
    assert "Traceback" not in done.stderr
