"""Two syncs race for one ref: one wins, the other says so and overwrites nothing."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.e2e.command import Workplace
from tests.e2e.servers import wait_until
from tests.e2e.slow_strategy import install
from tests.support import fast_import, fsck, git, history, ls_remote, make_repository
from tests.transport.server.serving import serving

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.nginx import GitHttpServer
    from tests.e2e.places import Place

pytestmark = pytest.mark.e2e


def start(path: Path) -> Path:
    """Return a repository with the history that all have in common."""
    return make_repository(path, history(commits=4))


def racer(folder: Path, seed: int) -> Path:
    """Return a source whose main goes on, from the common start, in its own way."""
    made = start(folder / f"source{seed}.git")
    fast_import(made, history(seed=seed, commits=2, start="main^0"))
    return made


@pytest.mark.parametrize("host", ["git", "packcore"])
@pytest.mark.parametrize("force", [(), ("--force-with-lease",)])
def test_of_two_syncs_for_one_ref_one_wins_and_the_other_says_so(
    server: GitHttpServer, place: Place, tmp_path: Path, host: str, force: tuple[str, ...]
) -> None:
    target = start(server.root / place.path("target.git"))
    sources = [racer(tmp_path, seed) for seed in (1, 2)]
    with ExitStack() as stack:
        url = server.url(place.path("target.git"))
        if host == "packcore":
            url = f"{stack.enter_context(serving(target.parent)).url}/target.git"
        runs = []
        for number, source in enumerate(sources):
            slow = install(tmp_path / f"plugin{number}", seconds=60)
            workplace = Workplace(tmp_path / f"workplace{number}", import_path=[slow.folder])
            options = ("--materialize", "--strategy", "slow", "--no-reuse-delta", "--json", *force)
            running = stack.enter_context(workplace.start("sync", source, url, *options))
            runs.append((slow, running))
        # Both have seen the target's tip when either pushes.
        for slow, _ in runs:
            wait_until(slow.has_begun, "the search of both")
        for slow, _ in runs:
            slow.go()
        outcomes = [running.result() for _, running in runs]
    assert sorted(outcome.code for outcome in outcomes) == [0, 1], outcomes
    winner = next(number for number, outcome in enumerate(outcomes) if outcome.code == 0)
    loser = outcomes[1 - winner]
    assert ls_remote(target)["refs/heads/main"] == git("rev-parse", "main", cwd=sources[winner])
    assert fsck(target) == []
    assert "the target's ref moved during the run" in loser.stdout + loser.stderr, loser
    assert "nothing was overwritten" in loser.stdout + loser.stderr
    assert json.loads(loser.stdout)["pushed"] == 0
