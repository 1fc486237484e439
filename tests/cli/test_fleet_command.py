"""`sync --manifest`: lines, table, receipt and exit code of many repositories of this disk."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import ls_remote
from tests.transport.fleet.fleets import fleet

if TYPE_CHECKING:
    from transport.fleet import SyncPair


@pytest.fixture
def pairs(tmp_path: Path) -> list[SyncPair]:
    return fleet(tmp_path, 3)


@pytest.fixture
def manifest(pairs: list[SyncPair], tmp_path: Path) -> Path:
    path = tmp_path / "fleet.toml"
    path.write_text(
        "[defaults]\ntags = true\n"
        + "".join(
            f'[[pair]]\nname = "{pair.name}"\nsource = "{pair.source}"\ntarget = "{pair.target}"\n'
            for pair in pairs
        )
    )
    return path


def test_each_pair_has_a_line_and_a_table_sums_up(packcore, manifest, pairs):
    done = packcore("sync", "--manifest", manifest, "--executor", "threads:2", "--verify")
    assert (done.exit_code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert sorted(line.split()[1] for line in lines[:3]) == ["r0", "r1", "r2"]
    assert all(line.startswith("done ") and "; verified " in line for line in lines[:3])
    assert lines[4].split() == ["status", "pairs", "refs", "pushed", "deleted", "sent", "longest"]
    assert lines[5].split()[:3] == ["done", "3", "3"]
    assert lines[-1].startswith("3 repositories in ")
    for pair in pairs:
        assert ls_remote(pair.target) == ls_remote(pair.source)


def test_what_is_not_done_is_told_again_at_the_end_and_is_exit_code_1(packcore, manifest, pairs):
    shutil.rmtree(pairs[1].source)
    done = packcore("sync", "--manifest", manifest, "--executor", "threads:2", "-q")
    assert (done.exit_code, done.stdout) == (1, "")
    first, second = done.stderr.splitlines()
    assert first == "packcore: error: 1 of 3 repositories is not done"
    assert second.startswith("failed      r1  ")


def test_refs_that_are_left_behind_are_named_below_their_pair(packcore, manifest, pairs):
    (Path(pairs[1].source) / "refs/heads/torn").write_bytes(b"")
    done = packcore("sync", "--manifest", manifest, "--executor", "threads:2", "-q")
    assert (done.exit_code, done.stdout) == (1, "")
    _, pair, ref = done.stderr.splitlines()
    assert pair.startswith("incomplete  r1  ")
    assert ref.split()[:2] == ["unreadable", "refs/heads/torn"]
    assert "empty" in ref


def test_json_is_a_line_for_each_pair_and_one_for_all(packcore, manifest, pairs):
    shutil.rmtree(pairs[1].source)
    done = packcore("sync", "--manifest", manifest, "--executor", "threads", "--json")
    *lines, last = map(json.loads, done.stdout.splitlines())
    assert {line["name"]: line["status"] for line in lines} == {"r0": "done", "r1": "failed", "r2": "done"}
    assert all(line["result"]["pushed"] == 1 for line in lines if line["status"] == "done")
    assert (last["summary"]["done"], last["summary"]["notDone"]) == (2, ["r1"])


def test_the_receipt_tells_of_all_pairs(packcore, manifest, pairs, tmp_path):
    shutil.rmtree(pairs[1].source)
    packcore("sync", "--manifest", manifest, "--executor", "threads", "--receipt", tmp_path / "r.json")
    found = json.loads((tmp_path / "r.json").read_text())
    assert (found["packcore"], found["summary"]["done"], found["summary"]["failed"]) == ("receipt", 2, 1)
    assert [(pair["name"], pair["exitCode"]) for pair in found["pairs"]] == [("r0", 0), ("r1", 1), ("r2", 0)]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["a", "b"], "names its own sources and targets"),
        (["--prune"], "write prune into the file"),
        (["--target-token", "x"], "write target-token into the file"),
        (["--record", "x"], "--record is for one pair"),
        (["--executor", "fibers"], "not an executor"),
    ],
)
def test_options_that_belong_elsewhere_are_refused(packcore, manifest, more, words):
    done = packcore("sync", "--manifest", manifest, *more)
    assert done.exit_code == 2
    assert words in done.stderr


def test_an_executor_without_a_manifest_is_refused(packcore):
    assert packcore("sync", "--executor", "threads", "a", "b").exit_code == 2


def test_a_secret_of_the_manifest_is_shown_nowhere(packcore, tmp_path, monkeypatch):
    monkeypatch.setenv("TOKEN", "hunter2")
    path = tmp_path / "fleet.toml"
    path.write_text(
        '[[pair]]\nname = "hunter2-site"\nsource = "http://me:hunter3@127.0.0.1:1/x"\ntarget = "/b"\n'
        'source-token-env = "TOKEN"\n'
    )
    done = packcore("sync", "--manifest", path, "--executor", "threads", "--receipt", tmp_path / "r.json")
    assert done.exit_code == 1
    for text in (done.stdout, done.stderr, (tmp_path / "r.json").read_text()):
        assert "hunter" not in text


@pytest.mark.parametrize("command", ["sync", "replicate", "bootstrap"])
def test_a_single_run_is_verified_and_has_a_receipt_and_a_record(packcore, command, pairs, tmp_path):
    receipt, record = tmp_path / "receipt.json", tmp_path / "talk.jsonl"
    options = ["--verify", "--receipt", receipt, "--record", record]
    done = packcore(command, pairs[0].source, pairs[0].target, *options)
    assert done.exit_code == 0
    assert "verified: 1 ref read back as they should be" in done.stdout
    found = json.loads(receipt.read_text())
    assert (found["asked"]["mode"], found["exitCode"]) == (command, 0)
    assert found["refs"][0]["outcome"] == "pushed"
    assert record.stat().st_size


def test_a_run_that_fails_leaves_a_receipt_too(packcore, pairs, tmp_path):
    receipt = tmp_path / "receipt.json"
    done = packcore("sync", tmp_path / "absent.git", pairs[0].target, "--receipt", receipt)
    assert done.exit_code == 1
    assert json.loads(receipt.read_text())["error"] in done.stderr


def test_a_receipt_that_cant_be_written_is_told_before_anything_is_done(packcore, pairs, tmp_path):
    done = packcore("sync", pairs[0].source, pairs[0].target, "--receipt", tmp_path / "no" / "r.json")
    assert done.exit_code == 1
    assert ls_remote(pairs[0].target) == {}
