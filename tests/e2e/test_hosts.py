"""`packcore sync` with hosts as they are: what they lack, refuse, cut and leave out, from our own server.

Each behaviour is one word of `packcore serve --simulate`; what has to come of it is written beside it.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.e2e.places import noise
from tests.e2e.slow_strategy import install
from tests.support import fast_import, fsck, git, history, init_repository, ls_remote, make_repository
from tests.transport.server.serving import serving
from transport.server.faults import Simulation
from transport.server.htpasswd import Passwords

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.command import Outcome, Workplace

pytestmark = pytest.mark.e2e

LARGE_BYTES = 1_500_000


@dataclass(frozen=True, slots=True)
class Host:
    """A repository behind a server that goes wrong, another that goes right, and the server's log."""

    url: str
    path: Path
    other: Path
    lines: list[str]

    def statuses(self) -> list[str]:
        """Return method, service and status of each request that was answered."""
        words = [line.split() for line in self.lines if '"' in line]
        return [f"{word[2][1:]} {word[3].rpartition('git-')[2]} {word[5]}" for word in words]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a repository whose pack is sent in chunks: two branches and a tag."""
    made = make_repository(tmp_path / "source.git", history(commits=6, tag="v1"))
    git("branch", "topic", "main~2", cwd=made)
    fast_import(made, noise(LARGE_BYTES, branch="noise"))
    return made


@contextmanager
def host(tmp_path: Path, faults: str, **settings: object) -> Iterator[Host]:
    """Serve an empty repository with these faults."""
    root = tmp_path / "served"
    path = init_repository(root / "x.git")
    lines: list[str] = []
    with serving(root, simulation=Simulation.parse(faults), log=lines.append, **settings) as server:
        yield Host(f"{server.url}/x.git", path, tmp_path / "other.git", lines)


def failed(outcome: Outcome, code: int, *words: str) -> None:
    """Assert that a run failed with this code, in these words, and without a traceback."""
    assert outcome.code == code, outcome
    for word in words:
        assert word in outcome.stdout + outcome.stderr, outcome
    assert "Traceback" not in outcome.stderr


# -- pushes ---------------------------------------------------------------------------------------


def test_a_small_body_travels_with_its_length(workplace: Workplace, source: Path, tmp_path: Path) -> None:
    with host(tmp_path, "no-chunked") as target:
        workplace.must("sync", source, target.url, "--branch", "main")
        assert target.statuses() == ["GET receive-pack 200", "POST receive-pack 200"]


@pytest.mark.fault(24)
def test_chunks_that_are_refused_are_sent_again_with_a_length(
    workplace: Workplace, source: Path, tmp_path: Path
) -> None:
    with host(tmp_path, "no-chunked") as target:
        workplace.must("sync", source, target.url, "--tags")
        assert ls_remote(target.path) == ls_remote(source)
        assert fsck(target.path) == []
        assert sorted(target.statuses()) == [
            *("GET receive-pack 200", "POST receive-pack 200", "POST receive-pack 200"),
            "POST receive-pack 411",
        ]


@pytest.mark.fault(22)
@pytest.mark.parametrize("mode", [(), ("--materialize",)], ids=["relay", "materialize"])
def test_what_does_not_fit_through_a_limit_is_told_and_no_branch_is_wrong(
    workplace: Workplace, source: Path, tmp_path: Path, mode: tuple[str, ...]
) -> None:
    with host(tmp_path, "body-limit=1M") as target:
        outcome = workplace.run("sync", source, target.url, "--branch", "noise", *mode)
        failed(outcome, 1, "413", "the body is longer than 1048576 bytes", "one object can't be cut")
        assert not any(name.startswith("refs/heads/") for name in ls_remote(target.path))
        workplace.must("sync", source, target.url, "--branch", "main")


@pytest.mark.fault(22)
@pytest.mark.parametrize("mode", [(), ("--materialize",)], ids=["relay", "materialize"])
def test_what_fits_in_parts_goes_in_parts(
    workplace: Workplace, source: Path, tmp_path: Path, mode: tuple[str, ...]
) -> None:
    fast_import(source, noise(400_000, commits=5, branch="noise"))
    with host(tmp_path, "body-limit=1M") as target:
        workplace.must("sync", source, target.url, "--tags", *mode)
        assert ls_remote(target.path) == ls_remote(source)
        assert fsck(target.path) == []


@pytest.mark.fault(43)
def test_a_search_for_deltas_that_outlasts_the_edge_does_not_hurt(
    workplace: Workplace, source: Path, tmp_path: Path
) -> None:
    slow = install(tmp_path / "plugin", seconds=1.5)
    workplace.import_path.append(slow.folder)
    with host(tmp_path, "idle-cut=0.7s") as target:
        workplace.must("sync", source, target.url, "--strategy", "slow", "--no-reuse-delta")
        assert set(ls_remote(target.path)) == {"refs/heads/main", "refs/heads/noise", "refs/heads/topic"}


@pytest.mark.fault(40)
def test_what_a_target_lacks_is_done_without(workplace: Workplace, source: Path, tmp_path: Path) -> None:
    with host(tmp_path, "no-sideband,no-ofs-delta,no-atomic,no-delete,no-thin") as target:
        workplace.must("sync", source, target.url, "--tags")
        assert ls_remote(target.path) == ls_remote(source)
        assert fsck(target.path) == []
        git("branch", "-D", "topic", cwd=source)
        pruned = workplace.run("sync", source, target.url, "--tags", "--prune")
        failed(pruned, 1, "the target can't delete refs")
        failed(workplace.run("sync", source, target.url, "--map", "main:new", "--atomic"), 1, "atomic")


@pytest.mark.fault(38)
def test_a_ref_that_the_report_leaves_out_is_looked_up(
    workplace: Workplace, source: Path, tmp_path: Path
) -> None:
    with host(tmp_path, "omit-ref") as target:
        outcome = workplace.run("sync", source, target.url, "--json")
        failed(outcome, 1, "remote failed to report status", "listed again, it shows the new tip")
        assert json.loads(outcome.stdout)["pushed"] == 2
        again = workplace.must("sync", source, target.url, "--json")
        assert json.loads(again.stdout)["skipped"] == 3


@pytest.mark.fault(23, 39)
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("drop-report", "closed the connection without an answer"),
        ("late-status=504", "push less at once"),
        ("late-status=408", "push less at once"),
        ("late-status=524", "push less at once"),
    ],
)
def test_after_an_answer_that_never_came_the_target_is_listed_and_told(
    workplace: Workplace, source: Path, tmp_path: Path, fault: str, words: str
) -> None:
    with host(tmp_path, fault) as target:
        outcome = workplace.run("sync", source, target.url)
        failed(outcome, 4, words, "listed again, it shows the new tip")
        workplace.must("sync", source, target.url)


@pytest.mark.fault(25)
def test_a_connection_that_is_cut_within_the_push_changes_nothing(
    workplace: Workplace, source: Path, tmp_path: Path
) -> None:
    with host(tmp_path, "cut-after=500k") as target:
        failed(workplace.run("sync", source, target.url), 4, "listed again, the ref is as it was")
        assert ls_remote(target.path) == {}
        assert not workplace.left_behind()


def test_a_push_of_more_refs_than_the_host_takes_goes_in_several(
    workplace: Workplace, source: Path, tmp_path: Path
) -> None:
    with host(tmp_path, "refs-limit=2") as target:
        workplace.must("sync", source, target.url, "--tags")
        assert "POST receive-pack 500" in target.statuses()
        assert ls_remote(target.path) == ls_remote(source)


@pytest.mark.fault(12)
def test_a_page_to_sign_in_is_an_authentication_failure(
    workplace: Workplace, source: Path, tmp_path: Path
) -> None:
    passwords = tmp_path / "users"
    passwords.write_text("me:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n")  # password
    with host(tmp_path, "sign-in", passwords=Passwords.read(passwords)) as target:
        failed(workplace.run("sync", source, target.url), 5, "wants credentials")
        workplace.must("sync", source, target.url, "--target-username", "me", "--target-token", "password")


@pytest.mark.fault(20, 21)
def test_a_host_that_is_busy_at_first_is_asked_again_where_retries_are_allowed(
    workplace: Workplace, source: Path, tmp_path: Path
) -> None:
    with host(tmp_path, "status=503:1") as target:
        failed(workplace.run("sync", source, target.url), 4, "503", "retry after 1")
    with host(tmp_path / "more", "status=429:1") as target:
        workplace.must("sync", source, target.url, "--retries", "2")


# -- fetches --------------------------------------------------------------------------------------


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Return an empty repository on this disk."""
    return init_repository(tmp_path / "target.git")


@contextmanager
def serving_source(source: Path, faults: str) -> Iterator[str]:
    """Serve the source with these faults; yield its URL."""
    root = source.parent / "root"
    root.mkdir()
    source.rename(root / "source.git")
    with serving(root, simulation=Simulation.parse(faults)) as server:
        yield f"{server.url}/source.git"
    (root / "source.git").rename(source)


@pytest.mark.fault(29, 40)
@pytest.mark.parametrize(
    ("faults", "protocol"),
    [
        ("service-line", "v2"),
        ("no-v2", "v1"),
        ("no-v2,no-sideband,no-ofs-delta", "v1"),
        ("slow=4M", "v2"),
    ],
)
def test_a_source_is_read_whatever_it_lacks(
    workplace: Workplace, source: Path, target: Path, faults: str, protocol: str
) -> None:
    with serving_source(source, faults) as url:
        asked = () if protocol == "v2" else ("--protocol", protocol)
        done = workplace.must("sync", url, target, "--tags", "--json", *asked)
        assert json.loads(done.stdout)["protocol"] == protocol
    assert ls_remote(target) == ls_remote(source)
    assert fsck(target) == []


@pytest.mark.fault(25, 36)
def test_a_source_that_is_cut_within_its_pack_leaves_nothing(
    workplace: Workplace, source: Path, target: Path
) -> None:
    with serving_source(source, "cut-after=500k") as url:
        failed(workplace.run("sync", url, target), 4)
    assert ls_remote(target) == {}
    assert not workplace.left_behind()
