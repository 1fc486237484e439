"""Every repository of libgit2-fixtures is synced, and the outcome is the one that is written down.

`fixtures_outcomes/VERSION.toml` says for each repository how a sync of all refs ends, from git's own server
(`http`) and from our reading of the folder (`local`): `ok`, the exit code and words of the error, or the
refs that the target refused. Each version of the package has repositories that others lack.
An outcome that changes fails here, for better or worse. `PACKCORE_WRITE_OUTCOMES=1` writes the file again.
"""

from __future__ import annotations

import fcntl
import os
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.fixtures import EXAMPLES, PACKAGE, copy_fixture, fixture_names, package_version
from tests.support import fsck, init_repository, ls_remote, require_path, run_git

if TYPE_CHECKING:
    from tests.e2e.command import Outcome, Workplace
    from tests.e2e.nginx import GitHttpServer
    from tests.e2e.places import Place

pytestmark = pytest.mark.e2e

OUTCOMES = Path(__file__).with_name("fixtures_outcomes") / f"{package_version()}.toml"

UNKNOWN = f"no outcomes are written down for {PACKAGE} {package_version()}"


def outcomes() -> dict[str, dict[str, str]]:
    """Return what is written down."""
    return tomllib.loads(OUTCOMES.read_text())


def test_the_package_is_installed_and_each_of_its_repositories_has_an_outcome() -> None:
    require_path(EXAMPLES / "testrepo.git", package=PACKAGE)
    if not OUTCOMES.exists():
        pytest.skip(UNKNOWN)
    assert sorted(outcomes()) == fixture_names()


@pytest.mark.skipif(not OUTCOMES.exists() and "PACKCORE_WRITE_OUTCOMES" not in os.environ, reason=UNKNOWN)
@pytest.mark.parametrize("way", ["http", "local"])
@pytest.mark.parametrize("name", fixture_names())
def test_a_fixture_is_synced_as_written_down(
    workplace: Workplace, server: GitHttpServer, place: Place, name: str, way: str
) -> None:
    source = copy_fixture(name, server.root / place.path("source.git"))
    target = init_repository(server.root / place.path("target.git"))
    endpoint = server.url(place.path("source.git")) if way == "http" else str(source)
    outcome = workplace.run("sync", endpoint, server.url(place.path("target.git")), "--all-refs")
    assert not workplace.left_behind()
    assert "Traceback" not in outcome.stderr, outcome
    said = _describe(outcome, server)
    if os.environ.get("PACKCORE_WRITE_OUTCOMES"):
        _write_down(name, way, said)
    else:
        assert said == outcomes()[name][way], outcome
    if not outcome.error_lines:
        refused = {line.split()[1] for line in _refusals(outcome)}
        assert _refs(target) == {name: oid for name, oid in _refs(source).items() if name not in refused}
        assert set(fsck(target)) <= set(fsck(source))


def _refs(repository: Path) -> dict[str, str]:
    """Return the refs that git serves whole. The zero id is how ls-remote shows a file that is no ref."""
    if run_git("ls-remote", repository).returncode:
        return {}
    # What a tag peels to is left out: git's answer depends on how the ref is stored.
    refs = ls_remote(repository).items()
    return {name: oid for name, oid in refs if oid.strip("0") and not name.endswith("^{}")}


def _refusals(outcome: Outcome) -> list[str]:
    return [line for line in outcome.stdout.splitlines() if line.startswith("refused ")]


def _describe(outcome: Outcome, server: GitHttpServer) -> str:
    if refusals := [re.sub(r" +", " ", line) for line in _refusals(outcome)]:
        return f"exit {outcome.code}: {'; '.join(refusals)}"
    if outcome.code == 0:
        return "ok"
    words = outcome.error_lines[0] if outcome.error_lines else (outcome.stderr.splitlines() or [""])[-1]
    words = words.removeprefix("packcore: error: ")
    words = re.sub(r"http://127[^ ]*/|" + re.escape(str(server.root)) + r"/[^ /]*/", "", words)
    return f"exit {outcome.code}: {words}"


def _write_down(name: str, way: str, said: str) -> None:
    with OUTCOMES.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        table = tomllib.loads(file.read())
        table.setdefault(name, {})[way] = said
        file.truncate(0)
        file.write("# How a sync of each fixture ends: see test_fixtures.py.\n")
        for known, ways in sorted(table.items()):
            file.write(f'\n["{known}"]\n')
            file.writelines(f"{key} = {_quoted(value)}\n" for key, value in sorted(ways.items()))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
