"""The engine in WebAssembly (Pyodide): no threads, processes, locks, hard links or compiled packages.

Needs Node.js and the npm package `pyodide`, which `npm install --no-save pyodide` puts into the checkout.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT, find_program, git, git_environment, history, make_repository

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def node() -> str:
    """Return the path of a Node.js that finds Pyodide."""
    program = find_program("node")
    if program is None:
        pytest.skip("needs Node.js (Debian package nodejs)")
    looked = subprocess.run(
        [program, "-e", "require.resolve('pyodide')"], cwd=ROOT, check=False, capture_output=True
    )
    if looked.returncode:
        pytest.skip("needs Pyodide: npm install --no-save pyodide")
    return program


def test_a_wheel_packs_indexes_and_keeps_a_repository(node, tmp_path):
    make_repository(tmp_path / "x.git", history(commits=60))
    options = ("--quiet", "--no-deps", "--wheel-dir", tmp_path)
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, ROOT], check=True, env=git_environment())
    wheel = next(tmp_path.glob("packcore-*.whl"))
    done = subprocess.run(
        [node, HERE / "pyodide.js", wheel, HERE / "in_webassembly.py", tmp_path],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    git("index-pack", "--strict", "-o", tmp_path / "git.idx", tmp_path / "x.pack")
    assert (tmp_path / "git.idx").read_bytes() == (tmp_path / "x.idx").read_bytes()
    git("fsck", "--strict", cwd=tmp_path / "y.git")
    assert git("show-ref", cwd=tmp_path / "y.git") == git("show-ref", "main", cwd=tmp_path / "x.git")
