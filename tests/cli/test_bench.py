"""`packcore bench`: what is measured, what is checked, and how it is shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from cli.bench import child, runner
from cli.bench.values import Comparison, Contender, PackFacts, Row, Settings, TypeFacts
from cli.render.bench_html import page
from cli.render.bench_table import comparison_lines, type_lines
from packcore.limits import Limits
from tests.support import ROOT, git, history, make_repository, require

VOID = {"meta", "br", "hr", "img", "input", "link", "wbr"}


class Page(HTMLParser):
    """What a page is made of; its elements must close as they open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def facts(pack_bytes: int, *, delta_bytes: int = 10, note: str = "") -> PackFacts:
    return PackFacts(
        pack_bytes,
        "ab" * 20,
        {
            "commit": TypeFacts(2, 0, 200, 0),
            "tree": TypeFacts(2, 1, 90, 5),
            "blob": TypeFacts(3, 2, pack_bytes - 337 - delta_bytes, delta_bytes),
            "tag": TypeFacts(0, 0, 0, 0),
        },
        {0: 4, 1: 2, 2: 1},
        "packcore",
        note,
    )


def measured(cpu: float) -> dict[str, float | None]:
    return {"select_seconds": 1.0, "write_seconds": None, "cpu_seconds": cpu, "peak_bytes": 1 << 20}


@pytest.fixture
def comparison() -> Comparison:
    return Comparison(
        "x & <y>.git",
        "sha1",
        7,
        5000,
        7,
        Settings(Limits(), repeat=3),
        (
            Row(Contender("git", is_peer=True), facts(2000), (measured(2.0), measured(9.0), measured(3.0))),
            Row(Contender("<b>own</b>"), facts(1500), (measured(1.0),)),
            Row(Contender("oracle"), facts(1000), (measured(30.0),)),
            Row(Contender("dulwich", is_peer=True), reason="gave up after 5.0s"),
            Row(Contender("broken"), reason="it holds 3 objects", is_wrong=True),
        ),
    )


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """One real comparison, through the program, that the tests look at from several sides."""
    require("git")
    folder = tmp_path_factory.mktemp("bench")
    repository = make_repository(folder / "x.git", history(commits=12, tag="v1"), repack=True)
    command = [sys.executable, "-W", "error", "-m", "cli", "bench", str(repository), "--repeat", "2"]
    command += ["--strategy", "none,chunk-window", "--against", "git", "--depth", "7"]
    command += ["--json", str(folder / "bench.json"), "--html", str(folder / "bench.html")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads((folder / "bench.json").read_text())
    return repository, done.stdout, report, (folder / "bench.html").read_text()


@pytest.mark.e2e
def test_all_that_refs_reach_is_packed_by_each_and_peers_come_first(ran):
    repository, _, report, _ = ran
    (found,) = report["repositories"]
    assert found["objects"] == len(git("rev-list", "--objects", "--all", cwd=repository).splitlines())
    assert [row["name"] for row in found["rows"]] == ["git", "none", "chunk-window"]
    assert [row["kind"] for row in found["rows"]] == ["peer", "strategy", "strategy"]
    assert all(row["ok"] for row in found["rows"])


@pytest.mark.e2e
def test_every_pack_is_checked_by_git_too(ran):
    rows = ran[2]["repositories"][0]["rows"]
    assert {row["checkedBy"] for row in rows} == {"packcore, git index-pack --strict"}


@pytest.mark.e2e
def test_a_row_tells_sizes_chains_times_and_memory(ran):
    for row in ran[2]["repositories"][0]["rows"]:
        assert len(row["runs"]) == 2
        assert sum(facts["objects"] for facts in row["byType"].values()) == sum(row["chainLengths"].values())
        in_entries = sum(facts["wholeBytes"] + facts["deltaBytes"] for facts in row["byType"].values())
        assert row["packBytes"] == 12 + in_entries + 20
        assert row["deltas"] == sum(facts["deltas"] for facts in row["byType"].values())
        assert row["longestChain"] <= 7
        for name in ("totalSeconds", "readSeconds", "randomSeconds"):
            assert row[name] > 0
        # The system may count in ticks. No run takes more than all processors give.
        assert 0 <= row["cpuSeconds"] <= row["totalSeconds"] * (os.cpu_count() or 1) + 1
        assert row["peakBytes"] is None or row["peakBytes"] > 1 << 20


@pytest.mark.e2e
def test_the_two_phases_of_git_come_from_its_own_trace(ran):
    row = ran[2]["repositories"][0]["rows"][0]
    assert 0 < row["writeSeconds"] < row["totalSeconds"]
    assert row["selectSeconds"] > 0


@pytest.mark.e2e
def test_ratios_are_to_the_first_row(ran):
    rows = ran[2]["repositories"][0]["rows"]
    assert [row["ratio"] for row in rows] == [row["packBytes"] / rows[0]["packBytes"] for row in rows]


@pytest.mark.e2e
def test_the_table_has_a_line_for_each_and_is_aligned(ran):
    heading, *rows = ran[1].splitlines()[1:5]
    assert heading.split() == [
        *("BYTES", "RATIO", "DELTAS", "MEAN", "MAX", "SELECT", "WRITE", "CPU", "READ", "RANDOM", "MEMORY")
    ]
    assert [row.split()[0] for row in rows] == ["git", "none", "chunk-window"]
    end = heading.index("BYTES") + len("BYTES")
    assert all(row[end - 1].isdigit() and row[end] == " " for row in rows)


@pytest.mark.e2e
def test_the_page_loads_nothing_runs_nothing_and_closes_what_it_opens(ran):
    text = Page(ran[3])
    assert not text.named("script")
    assert not [
        value
        for _, attributes in text.elements
        for name, value in attributes.items()
        if name in {"src", "srcset", "action"} or (name == "href" and not (value or "").startswith("#"))
    ]
    assert "default-src 'none'" in ran[3]


@pytest.mark.e2e
def test_every_plot_has_words_and_every_wide_table_can_be_reached_by_keyboard(ran):
    text = Page(ran[3])
    plots = text.named("svg")
    assert len(plots) >= 2 + 3 + 2
    assert all(
        plot["role"] == "img" and (plot.get("aria-label") or plot.get("aria-labelledby")) for plot in plots
    )
    regions = [element for element in text.named("div") if element.get("class") == "scroll"]
    assert len(regions) == len(text.named("table"))
    assert all(region["tabindex"] == "0" and region["aria-label"] for region in regions)


def test_medians_count_and_regret_shows_where_the_oracle_ran(comparison):
    lines = list(comparison_lines(comparison))
    git_row = next(line for line in lines if line.startswith("git"))
    assert " 3.00s " in git_row
    assert "+100.0%" in git_row
    assert "REGRET" in lines[1]
    assert "dulwich: gave up after 5.0s" in lines
    assert "broken: WRONG PACK: it holds 3 objects" in lines


def test_where_the_bytes_went_is_told_by_type(comparison):
    blob = next(line for line in type_lines(comparison) if line.startswith("git") and " blob " in line)
    assert blob.split() == ["git", "blob", "3", "2", "1,653", "10"]


def test_words_from_outside_are_escaped_on_the_page(comparison):
    text = page([comparison, comparison])
    Page(text)
    assert "<b>" not in text
    assert "&lt;b&gt;own&lt;/b&gt;" in text
    assert "x &amp; &lt;y&gt;.git" in text
    assert "gave up after 5.0s" in text


def test_the_page_says_in_a_sentence_what_came_out(comparison):
    assert "oracle made the smallest pack, 1,000 bytes: 50.0% less than git" in page([comparison])


def test_a_comparison_without_any_pack_is_shown_all_the_same(comparison):
    empty = Comparison("x", "sha1", 0, 0, 0, comparison.settings, comparison.rows[3:])
    Page(page([empty]))
    assert len(list(comparison_lines(empty))) == 3


def test_a_pack_with_other_objects_than_were_listed_is_wrong(tmp_path):
    repository = make_repository(tmp_path / "x.git", history(commits=3))
    listed, pack = str(tmp_path / "list"), str(tmp_path / "x.pack")
    source = child.answer({"job": "list", "repository": str(repository), "list": listed})
    job = {
        "repository": source["repository"],
        "list": listed,
        "pack": pack,
        "object_format": "sha1",
        "jobs": 1,
    }
    child.answer({**job, "job": "strategy", "name": "none", "limits": {}})
    lines = (tmp_path / "list").read_bytes().splitlines(keepends=True)
    (tmp_path / "list").write_bytes(b"".join(lines[1:]))
    found = child.answer({**job, "job": "check"})
    assert found["wrong"]
    assert f"it holds {len(lines)} objects, {len(lines) - 1} of the {len(lines) - 1}" in found["reason"]


def test_a_list_of_objects_takes_the_place_of_all_that_refs_reach(tmp_path):
    repository = make_repository(tmp_path / "x.git", history(commits=3))
    lines = git("rev-list", "--objects", "--all", cwd=repository).splitlines()
    (tmp_path / "given").write_text("\n".join([lines[-1], lines[0], lines[-1]]) + "\n")
    job = {"job": "list", "repository": str(repository), "list": str(tmp_path / "list")}
    found = child.answer({**job, "given": str(tmp_path / "given")})
    assert found["objects"] == 2
    assert (tmp_path / "list").read_text().splitlines() == [lines[-1], lines[0].strip()]


@pytest.mark.e2e
def test_strategies_take_parameters_and_each_spelling_has_a_row(tmp_path, packcore):
    repository = make_repository(tmp_path / "x.git", history(commits=6))
    names = ["git-window", "git-window:names=0:go_git=1"]
    result = packcore("bench", repository, "--strategy", ",".join(names), "--json", "-")
    rows = json.loads(result.stdout)["repositories"][0]["rows"]
    assert [row["name"] for row in rows] == names
    assert rows[0]["checksum"] != rows[1]["checksum"]


@pytest.mark.e2e
def test_the_pack_is_the_same_for_any_number_of_jobs_and_the_report_tells_it(tmp_path, packcore):
    repository = make_repository(tmp_path / "x.git", history(commits=6))
    checksums = set()
    for jobs in (1, 2):
        options = ("--strategy", "chunk-window", "--jobs", jobs, "--json", "-")
        (found,) = json.loads(packcore("bench", repository, *options).stdout)["repositories"]
        assert found["settings"]["jobs"] == jobs
        checksums.add(found["rows"][0]["checksum"])
    assert len(checksums) == 1


def test_table_and_page_say_how_many_jobs_there_were(comparison):
    two = replace(comparison, settings=replace(comparison.settings, jobs=2))
    assert next(comparison_lines(two)).endswith("; 2 jobs in parallel")
    assert "2 processes or threads each" in page([two])
    assert "one thread" in page([comparison])


def test_an_absent_peer_has_a_row_that_says_so(monkeypatch):
    monkeypatch.setattr("cli.bench.peers.shutil.which", lambda _: None)
    monkeypatch.setitem(sys.modules, "pygit2", None)
    monkeypatch.setitem(sys.modules, "dulwich", None)
    for name in ("git", "pygit2", "dulwich"):
        assert child.answer({"job": "peer", "name": name}) == {"reason": "not installed"}


def test_a_run_that_takes_too_long_is_given_up():
    assert runner._child({"job": "peer", "name": "git"}, 0.001) == {"reason": "gave up after 0.0s"}


def test_a_run_that_dies_says_with_what():
    found = runner._child({"job": "no such"}, None)
    assert found["reason"] == "the run ended with exit code 1: KeyError: 'no such'"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["x.git", "--against", "svn"], "git, pygit2, dulwich"),
        (["x.git", "--strategy", "nope"], "no delta strategy is called 'nope'"),
        (["x.git", "--strategy", "git-window:names"], "'names' is not a parameter with a number"),
        (["x.git", "--strategy", "git-window:names=no"], "'names=no' is not a parameter with a number"),
        (["x.git", "--strategy", "git-window:name=0"], "git-window has no parameter 'name'"),
        (["x.git", "y.git", "--objects", "list"], "--objects is for one REPO"),
        ([], "REPO"),
    ],
)
def test_wrong_usage_ends_before_any_work(packcore, arguments, words):
    result = packcore("bench", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr


def test_a_repository_that_is_not_there_is_an_error(packcore, tmp_path):
    result = packcore("bench", tmp_path / "none.git")
    assert result.exit_code == 1
    assert "no git repository here" in result.stderr


def test_a_strategy_of_a_file_is_compared_with_parameters_of_its_own(packcore, tmp_path):
    own = f"{ROOT}/docs/examples/own_strategy.py:LastOfPath"
    repository = make_repository(tmp_path / "x.git", history(commits=5))
    result = packcore("bench", repository, "--strategy", f"none,{own}:percent=5")
    assert result.exit_code == 0, result.stderr
    assert f"{own}:percent=5 " in result.stdout
