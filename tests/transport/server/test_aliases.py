"""A symbolic ref and the ref that it comes to in one push: judged as git's receive-pack judges them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support import git, history, init_repository, make_repository, run_git
from tests.transport.server.serving import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from transport.server.http import GitHttpServer

pytestmark = pytest.mark.e2e

SPECS = {
    "the same": ["main:main", "main:master"],
    "the same, the alias first": ["main:master", "main:main"],
    "the same, through two": ["main:main", "main:twice", "main:master"],
    "not the same": ["main:main", "main~1:master"],
    "the alias alone": ["main:master"],
    "one moves, one goes": ["main:master", ":main"],
    "beside another ref": ["main:main", "main:master", "main:refs/heads/new"],
    "not the same, beside another ref": ["main:main", "main~1:master", "main:refs/heads/new"],
    "rewound": ["+main~4:main", "+main~4:master"],
    "onto an alias of nothing": ["main:nothing", "main:refs/heads/absent"],
}


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Path:
    return make_repository(tmp_path_factory.mktemp("work") / "work.git", history(commits=6))


def target(path: Path, work: Path) -> Path:
    init_repository(path)
    git("push", "-q", path, "main~2:refs/heads/main", cwd=work)
    for name, to in (("master", "main"), ("twice", "master"), ("other", "main"), ("nothing", "absent")):
        git("symbolic-ref", f"refs/heads/{name}", f"refs/heads/{to}", cwd=path)
    return path


@pytest.fixture
def ours(tmp_path, work) -> Path:
    return target(tmp_path / "served" / "x.git", work)


@pytest.fixture
def server(ours) -> Iterator[GitHttpServer]:
    with serving(ours.parent) as running:
        yield running


def verdicts(work: Path, url: str, *words: str) -> list[str]:
    """Push, and return what git's client says of each ref."""
    done = run_git("push", "--porcelain", url, *words, cwd=work)
    lines = re.findall(r"^([ +*!=-])\t\S*:(\S+)\t(.*)$", done.stdout.decode(), re.MULTILINE)
    return sorted(" ".join(line) for line in lines)


def refs(path: Path) -> str:
    return git("for-each-ref", "--format=%(refname) %(objectname) %(symref)", cwd=path)


@pytest.mark.parametrize(
    ("options", "specs"),
    # With --atomic git makes the other refs all the same; ours is atomic.
    [([], specs) for specs in SPECS]
    + [(["--atomic"], specs) for specs in SPECS if "not the same, beside" not in specs],
)
def test_they_are_judged_as_git_judges_them(tmp_path, work, ours, server, specs, options):
    theirs = target(tmp_path / "theirs.git", work)
    found = verdicts(work, f"{server.url}/x.git", *options, *SPECS[specs])
    expected = verdicts(work, str(theirs), *options, *SPECS[specs])
    assert [line.partition("(")[0] for line in found] == [line.partition("(")[0] for line in expected]
    assert refs(ours) == refs(theirs)


def test_an_atomic_push_with_different_changes_changes_nothing(work, ours, server):
    before = refs(ours)
    found = verdicts(work, f"{server.url}/x.git", "--atomic", *SPECS["not the same, beside another ref"])
    assert [line[0] for line in found] == ["!", "!", "!"]
    assert refs(ours) == before


def test_of_two_aliases_without_what_they_come_to_the_first_is_changed(work, server):
    # So does git 2.39; what git 2.55 does hangs on the names.
    found = verdicts(work, f"{server.url}/x.git", "main:master", "main:other")
    assert [line[0] for line in found] == [" ", "!"]


def test_different_changes_are_refused_in_gits_words(work, server):
    found = verdicts(work, f"{server.url}/x.git", "main:main", "main~1:master")
    assert [re.findall(r"\((.*)\)", line) for line in found] == [["inconsistent aliased update"]] * 2


def test_an_alias_has_the_verdict_of_what_it_comes_to(work, ours, server):
    git("config", "receive.denyNonFastForwards", "true", cwd=ours)
    found = verdicts(work, f"{server.url}/x.git", "+main~4:main", "+main~4:master")
    assert [line[0] for line in found] == ["!", "!"]
    assert "non-fast-forward" in found[1]


@pytest.mark.parametrize("options", [[], ["--atomic"]])
def test_a_symbolic_ref_that_is_deleted_leaves_what_it_comes_to(work, ours, server, options):
    git("config", "receive.denyDeleteCurrent", "ignore", cwd=ours)
    assert verdicts(work, f"{server.url}/x.git", *options, ":other") == ["- refs/heads/other [deleted]"]
    assert "refs/heads/main" in refs(ours)
    verdicts(work, f"{server.url}/x.git", *options, ":main", ":master")
    assert refs(ours) == ""
    assert not (ours / "refs" / "heads" / "master").exists()
