"""`--metrics FILE`: what Prometheus reads of a run, however it ended."""

from __future__ import annotations

import re
import shutil
import time

import pytest

from cli.render.metrics import Metrics, RunLabels
from tests.cli.prometheus import Exposition, parse
from tests.support import history, init_repository, make_repository
from tests.transport.fleet.fleets import fleet
from transport.syncing.outcome.result import Outcome

_SUCCESS = "packcore_run_last_success_timestamp_seconds"


@pytest.fixture
def pair(tmp_path):
    source = make_repository(tmp_path / "source.git", history(commits=3, tag="v1"))
    return source, init_repository(tmp_path / "target.git")


@pytest.fixture
def file(tmp_path):
    return tmp_path / "packcore.prom"


def read(file) -> Exposition:
    return parse(file.read_text())


@pytest.mark.parametrize("command", ["sync", "replicate", "bootstrap"])
def test_a_run_tells_when_it_ended_how_long_it_took_and_what_came_of_it(packcore, pair, file, command):
    before = time.time()
    assert packcore(command, "--metrics", file, *pair).exit_code == 0
    found = read(file)
    run = {"command": command, "source": str(pair[0]), "target": str(pair[1])}
    assert before - 1 <= found.value("packcore_run_timestamp_seconds", **run) <= time.time() + 1
    assert found.value(_SUCCESS, **run) == found.value("packcore_run_timestamp_seconds", **run)
    assert 0 < found.value("packcore_run_duration_seconds", **run) < 60
    assert found.value("packcore_run_exit_code", **run) == 0
    assert found.value("packcore_run_refs", **run, outcome="pushed") == 1
    assert found.value("packcore_run_objects", **run) > 5
    assert found.value("packcore_run_pack_bytes", **run) > 100


def test_every_outcome_is_a_series_even_at_zero(packcore, pair, file):
    packcore("sync", "--metrics", file, *pair)
    names = {dict(labels)["outcome"] for labels in read(file).samples["packcore_run_refs"]}
    assert names == {outcome.value for outcome in Outcome}


def test_traffic_is_told_with_stats(packcore, pair, file):
    packcore("sync", "--stats", "--metrics", file, *pair)
    found = read(file)
    assert found.value("packcore_run_requests", side="target") >= 1
    assert found.value("packcore_run_received_bytes", side="source") > 100
    assert found.value("packcore_run_sent_bytes", side="target") > 100


def test_a_fetch_has_metrics_too(packcore, pair, file, tmp_path):
    assert packcore("fetch", "--metrics", file, "--into", tmp_path / "into.git", pair[0]).exit_code == 0
    found = read(file)
    assert found.value("packcore_run_exit_code", command="fetch", source=str(pair[0])) == 0
    assert found.value("packcore_run_refs", command="fetch", outcome="pushed") == 1
    assert found.value("packcore_run_objects", command="fetch") > 5


def test_a_run_that_fails_is_told_with_its_exit_code(packcore, tmp_path, pair, file):
    done = packcore("sync", "--metrics", file, pair[0], "http://127.0.0.1:1/x.git")
    found = read(file)
    assert done.exit_code == 4
    assert found.value("packcore_run_exit_code") == done.exit_code
    assert found.values(_SUCCESS) == []


def test_a_blocked_ref_is_exit_code_1_and_counted(packcore, pair, file, tmp_path):
    other = make_repository(tmp_path / "other.git", history(commits=2, seed=7))
    assert packcore("sync", "--metrics", file, pair[0], other).exit_code == 1
    found = read(file)
    assert found.value("packcore_run_exit_code") == 1
    assert found.value("packcore_run_refs", outcome="blocked") == 1


def test_after_a_failure_the_file_still_tells_when_a_run_last_succeeded(packcore, pair, file):
    packcore("sync", "--metrics", file, *pair)
    succeeded = read(file).value(_SUCCESS)
    shutil.rmtree(pair[0])
    for _ in range(2):
        assert packcore("sync", "--metrics", file, *pair).exit_code
    found = read(file)
    assert found.value(_SUCCESS) == succeeded < found.value("packcore_run_timestamp_seconds")


def test_success_of_another_pair_is_not_taken_for_this_ones(packcore, pair, file, tmp_path):
    packcore("sync", "--metrics", file, *pair)
    packcore("sync", "--metrics", file, tmp_path / "absent.git", pair[1])
    assert read(file).values(_SUCCESS) == []


@pytest.mark.parametrize("older", [b"", b"\xff\0 no metrics\n" * 100, _SUCCESS.encode() + b"{} x\n"], ids=len)
def test_an_older_file_of_any_content_is_replaced(packcore, pair, file, older):
    file.write_bytes(older)
    packcore("sync", "--metrics", file, *pair)
    assert read(file).value("packcore_run_exit_code") == 0


def test_a_file_that_cant_be_written_is_told_before_anything_is_done(packcore, pair, tmp_path):
    done = packcore("sync", "--metrics", tmp_path / "no" / "x.prom", *pair)
    assert done.exit_code == 1
    assert "there is no folder" in done.stderr
    assert "refs/heads" not in packcore("ls-refs", pair[1]).stdout


def test_nothing_is_left_beside_the_file(packcore, pair, file):
    packcore("sync", "--metrics", file, *pair)
    assert {path.name for path in file.parent.iterdir() if path.is_file()} == {file.name}


def test_a_dry_run_writes_no_metrics_and_says_so(packcore, pair, file):
    file.write_text("of yesterday")
    done = packcore("sync", "--dry-run", "--metrics", file, *pair)
    assert done.stderr == "nothing is done in a dry run, so no metrics are written\n"
    assert file.read_text() == "of yesterday"


def test_no_secret_is_in_it(packcore, pair, file):
    url = "http://me:hunter2@127.0.0.1:1/hunter3/x.git?key=hunter4"
    packcore("sync", "--metrics", file, "--target-token", "hunter3", pair[0], url)
    read(file)
    assert "hunter" not in file.read_text()


def test_each_pair_of_a_manifest_has_its_series_and_the_manifest_its_own(packcore, file, tmp_path):
    pairs = fleet(tmp_path, 3)
    manifest = tmp_path / "fleet.toml"
    manifest.write_text(
        "".join(
            f'[[pair]]\nname = "{pair.name}"\nsource = "{pair.source}"\ntarget = "{pair.target}"\n'
            for pair in pairs
        )
    )
    shutil.rmtree(pairs[1].source)
    run = ("sync", "--manifest", manifest, "--executor", "threads", "--metrics", file)
    assert packcore(*run).exit_code == 1
    found = read(file)
    codes = [found.value("packcore_run_exit_code", pair=pair.name) for pair in pairs]
    assert codes == [0, 1, 0]
    assert found.value("packcore_run_refs", pair="r0", outcome="pushed") == 1
    assert found.values("packcore_run_refs", pair="r1") == []
    assert found.value("packcore_manifest_exit_code", manifest="fleet.toml") == 1
    assert found.value("packcore_manifest_pairs", status="done") == 2
    assert found.value("packcore_manifest_pairs", status="failed") == 1


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", "a{b}c", "\N{SNOWMAN}", "a\udc80b", "a,b=c", ""])
def test_any_name_is_read_back_as_it_was(name):
    metrics = Metrics(lambda text: text)
    metrics.run(RunLabels("sync", "s", "t", name), 1.0, 2.0, 0)
    (labels,) = parse(metrics.text()).samples["packcore_run_exit_code"]
    assert dict(labels).get("pair", "") == re.sub("\udc80", "?", name)
