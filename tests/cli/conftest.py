"""The program as tests call it: within this process, or as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from cli.app import app
from tests.cli.runner import cli_runner
from tests.support import ROOT, git_environment, history, make_repository

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from click.testing import Result


@pytest.fixture(autouse=True)
def _no_settings_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("PACKCORE_", "GITSYNC_", "GIT_CONFIG")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "")


@pytest.fixture
def packcore() -> Callable[..., Result]:
    """Run the program in this process; the result has exit_code, stdout_bytes, stderr."""

    def run(
        *arguments: str | Path, stdin: bytes | None = None, env: Mapping[str, str] | None = None
    ) -> Result:
        return cli_runner().invoke(app, list(map(str, arguments)), input=stdin, env=env)

    return run


@pytest.fixture
def process() -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Run the program as a process of its own."""

    def run(
        *arguments: str | Path,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        stdout: int = subprocess.PIPE,
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-W", "error", "-m", "cli", *map(str, arguments)],
            cwd=ROOT,
            input=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            env=git_environment(env),
            check=False,
            timeout=120,
        )

    return run


@pytest.fixture(scope="session", params=["sha1", "sha256"])
def repository(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A packed repository of each object format, which no test changes."""
    path = tmp_path_factory.mktemp("cli") / f"{request.param}.git"
    return make_repository(path, history(commits=20, tag="v1"), object_format=request.param, repack=True)
