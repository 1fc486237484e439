"""`--json` prints one object whatever happens: the result, or what went wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support import history, init_repository, make_repository
from tests.transport.server.serving import serving
from transport.server.faults import Simulation

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def torn(tmp_path: Path) -> Path:
    """Return a repository whose packed-refs ends in the middle of a line."""
    made = make_repository(tmp_path / "torn.git", history(commits=2))
    (made / "packed-refs").write_text("# pack-refs with: peeled fully-peeled sorted \n0123")
    return made


@pytest.mark.parametrize(
    "command", [("sync",), ("replicate",), ("plan",), ("bootstrap",), ("sync", "--materialize")]
)
def test_a_run_that_fails_before_its_plan_prints_the_error_object(packcore, torn, tmp_path, command):
    target = init_repository(tmp_path / "target.git")
    result = packcore(*command, "--json", torn, target)
    found = json.loads(result.stdout)
    assert list(found) == ["error"]
    assert found["error"]["kind"] == "RemoteError"
    assert "packed-refs: line 2 is neither a ref nor a peeled id" in found["error"]["message"]
    assert found["error"]["side"] == "source"
    assert found["error"]["exitCode"] == result.exit_code == 4
    assert result.stderr.startswith("packcore: error: ")


def test_the_side_is_that_of_the_remote_that_failed(packcore, torn, tmp_path):
    source = make_repository(tmp_path / "source.git", history(commits=2))
    found = json.loads(packcore("sync", "--json", source, torn).stdout)
    assert found["error"]["side"] == "target"


@pytest.mark.parametrize("words", [(), ("--target-max-pack-bytes", "1k")], ids=["at once", "in batches"])
def test_what_the_target_can_not_do_is_said_of_the_target_even_while_the_source_sends(
    packcore, tmp_path, words
):
    source = make_repository(tmp_path / "source.git", history(commits=20))
    target = init_repository(tmp_path / "root" / "target.git")
    with serving(target.parent, allow_push=True, simulation=Simulation.parse("no-atomic")) as server:
        url = f"http://127.0.0.1:{server.port}/target.git"
        found = json.loads(packcore("sync", "--json", "--atomic", *words, source, url).stdout)["error"]
    assert (found["kind"], found["side"]) == ("UnsupportedByRemote", "target")


@pytest.mark.parametrize("command", [("ls-refs",), ("probe",), ("fetch",)])
def test_commands_with_one_remote_do_too(packcore, torn, command):
    result = packcore(*command, "--json", torn)
    assert json.loads(result.stdout)["error"]["exitCode"] == result.exit_code == 4


def test_wrong_usage_is_told_in_json_with_the_hint(packcore):
    result = packcore("sync", "--json", "only-one-argument")
    found = json.loads(result.stdout)["error"]
    assert (found["kind"], found["message"], found["side"]) == ("UsageError", "missing argument TARGET", None)
    assert found["hint"].endswith("sync --help`")
    assert found["exitCode"] == result.exit_code == 2


def test_a_result_is_still_the_only_object(packcore, tmp_path):
    source = make_repository(tmp_path / "source.git", history(commits=2))
    target = init_repository(tmp_path / "target.git")
    assert json.loads(packcore("sync", "--json", source, target).stdout)["error"] is None
