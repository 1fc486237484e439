"""Rules of the workflows and the container file; `make workflows` has zizmor look for more."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from scripts.release_check import contradictions
from tests.support import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
every_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
MAKEFILE = (ROOT / "Makefile").read_text()


def jobs_of(path: Any) -> dict[str, Any]:
    jobs: dict[str, Any] = yaml.safe_load(path.read_text())["jobs"]
    return jobs


def steps_of(path: Any) -> list[dict[str, Any]]:
    return [step for job in jobs_of(path).values() for step in job["steps"]]


@every_workflow
def test_every_action_is_pinned_to_a_commit_and_says_its_version(path: Any) -> None:
    used = [line for line in path.read_text().splitlines() if "uses:" in line]
    assert used
    assert [
        line for line in used if not re.search(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line)
    ] == []


def test_one_action_has_one_commit_everywhere() -> None:
    pins = {tuple(step["uses"].split("@")) for path in WORKFLOWS for step in steps_of(path) if "uses" in step}
    assert len(pins) == len({action for action, _ in pins})


@every_workflow
def test_nothing_is_permitted_by_default_and_each_job_asks_for_what_it_needs(path: Any) -> None:
    assert yaml.safe_load(path.read_text())["permissions"] == {}
    allowed: list[dict[str, str]] = [{"contents": "read"}, {"id-token": "write"}]
    assert [job["permissions"] for job in jobs_of(path).values() if job["permissions"] not in allowed] == []


def test_only_the_job_that_publishes_has_an_identity_and_it_runs_no_code_of_this_repository() -> None:
    with_identity = {
        (path.name, name): job
        for path in WORKFLOWS
        for name, job in jobs_of(path).items()
        if "id-token" in job["permissions"]
    }
    ((where, job),) = with_identity.items()
    assert where == ("release.yml", "publish")
    assert not [step for step in job["steps"] if "run" in step or "checkout" in step["uses"]]
    assert "password" not in str(job)
    assert set(job["needs"]) == {"build", "reproduce"}


@every_workflow
def test_a_checkout_leaves_no_token_behind(path: Any) -> None:
    checkouts = [step for step in steps_of(path) if "actions/checkout@" in step.get("uses", "")]
    assert [step for step in checkouts if step["with"]["persist-credentials"] is not False] == []


@every_workflow
def test_every_make_target_that_a_workflow_runs_exists(path: Any) -> None:
    words = [
        word
        for step in steps_of(path)
        if step.get("run", "").startswith("make ")
        for word in step["run"].split()[1:]
        if "=" not in word
    ]
    assert words
    assert [word for word in words if not re.search(rf"^{word}:", MAKEFILE, re.MULTILINE)] == []


@every_workflow
def test_a_pip_that_a_workflow_runs_asks_for_hashes_or_installs_this_folder(path: Any) -> None:
    runs = [step["run"] for step in steps_of(path) if "pip install" in step.get("run", "")]
    assert [
        run
        for run in runs
        if "--require-hashes" not in run and "--no-build-isolation --no-deps -e ." not in run
    ] == []


def test_the_container_runs_as_a_user_without_rights_and_installs_from_the_locks() -> None:
    text = (ROOT / "Containerfile").read_text()
    last = text.rsplit("\nFROM ", 1)[1]
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", last, re.MULTILINE)
    installs = re.findall(r"pip install ([^\n&]*)", text)
    assert len(installs) == 3
    assert [
        words for words in installs if "--require-hashes" not in words and "--no-index" not in words
    ] == []


def test_the_container_is_built_from_files_that_are_there() -> None:
    kept = [line[1:] for line in (ROOT / ".containerignore").read_text().splitlines() if line.startswith("!")]
    assert [name for name in kept if not (ROOT / name).exists()] == []


FITTING = {
    "version": "1.2.3",
    "tag": "v1.2.3",
    "repository": "https://forge.example/o/packcore",
    "published_at": "https://forge.example/o/packcore",
    "changelog": "# Changelog\n\n## 1.2.3 - 2026-11-29\n",
    "citation": "title: x\nversion: 1.2.3\n",
}


def test_a_release_that_says_the_same_everywhere_has_no_contradiction() -> None:
    assert list(contradictions(**FITTING)) == []


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("tag", "v1.2.4", "the tag is v1.2.4"),
        ("changelog", "# Changelog\n\n## Unreleased\n", "CHANGELOG.md has no heading"),
        ("citation", "version: 1.2.2\n", "CITATION.cff"),
        ("published_at", "https://elsewhere.example/o/packcore", "this is https://elsewhere.example"),
        ("repository", "", "tool.packcore.repository = ''"),
    ],
)
def test_a_contradiction_is_named(field: str, value: str, named: str) -> None:
    (line,) = contradictions(**{**FITTING, field: value})
    assert named in line
