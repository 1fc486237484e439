"""The relay against real servers: sources that pause or die, and a big repository in little memory."""

from __future__ import annotations

import json
import random
import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e.figures import note_pack, note_peak
from tests.e2e.nginx import EDGE_PATIENCE_SECONDS
from tests.e2e.places import noise
from tests.e2e.recorder import Recorder
from tests.e2e.servers import wait_until
from tests.support import fast_import, fsck, git, init_repository, ls_remote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.command import Workplace
    from tests.e2e.nginx import GitHttpServer
    from tests.e2e.places import Pair, Place

pytestmark = pytest.mark.e2e

MEBIBYTE = 1 << 20
PAUSE_SECONDS = 5.0
assert PAUSE_SECONDS > EDGE_PATIENCE_SECONDS + 1


@pytest.fixture
def big_pair(pair: Pair) -> Pair:
    """Return a pair whose source takes longer to send than the spool waits for before it opens."""
    fast_import(pair.source, noise(16_000_000))
    return pair


@pytest.mark.parametrize("pause_at", [MEBIBYTE, 7 * MEBIBYTE], ids=["before-opening", "in-mid-body"])
def test_a_source_that_pauses_longer_than_the_edge_waits_is_relayed_all_the_same(
    workplace: Workplace, big_pair: Pair, pause_at: int, figures: Callable[[str, object], None]
) -> None:
    server = big_pair.server
    target = server.url(big_pair.target_name, "edge")
    with (
        Recorder(server.ports["plain"], hold_response=("git-upload-pack", pause_at)) as relay,
        workplace.start("sync", relay.url(big_pair.source_name), target, "--all-refs", "--json") as running,
    ):
        assert relay.held.wait(60)
        time.sleep(PAUSE_SECONDS)
        relay.release()
        outcome = running.result(seconds=60)
    assert outcome.code == 0, outcome
    big_pair.assert_equal()
    found = json.loads(outcome.stdout)
    assert (found["relay"], found["relayMode"]) == (True, "bootstrap")
    pushes = [line.status for line in server.requests(big_pair.target_name, "edge") if line.method == "POST"]
    assert set(pushes) == {200}, "no request was cut off"
    figures("longest gap in the body:", f"{found['pack']['longestGapSeconds']:.2f} s")


@pytest.mark.parametrize("end", ["source-dies", "ctrl-c"])
def test_a_relay_that_ends_in_mid_pack_never_completes_the_targets_body(
    workplace: Workplace, big_pair: Pair, end: str
) -> None:
    plain = big_pair.server.ports["plain"]
    with (
        Recorder(plain, hold_response=("git-upload-pack", 7 * MEBIBYTE)) as source,
        Recorder(plain) as target,
        workplace.start(
            "sync", source.url(big_pair.source_name), target.url(big_pair.target_name), "--all-refs"
        ) as running,
    ):
        wait_until(lambda: bool(_body_arrivals(target)), "the push to begin", seconds=60)
        if end == "ctrl-c":
            running.interrupt()
        else:
            source.cut()
        outcome = running.result(seconds=60)
        assert not target.matching("POST")[-1].parsed()[0].complete
    assert outcome.code == (130 if end == "ctrl-c" else 4), outcome
    assert len(outcome.error_lines) == 1, outcome
    assert "Traceback" not in outcome.stderr, outcome
    assert not workplace.left_behind()
    assert ls_remote(big_pair.target) == {}
    assert fsck(big_pair.target) == []
    workplace.must("sync", big_pair.source_url, big_pair.target_url, "--all-refs")
    big_pair.assert_equal()


def test_replicate_and_its_plan(workplace: Workplace, pair: Pair) -> None:
    sides = (pair.source_url, pair.target_url, "--all-refs")
    workplace.must("replicate", *sides)
    pair.assert_equal()
    git("update-ref", "refs/heads/main", "refs/heads/main~3", cwd=pair.source)
    git("branch", "gone", "main", cwd=pair.target)
    planned = json.loads(workplace.must("plan", "--mode", "replicate", *sides, "--prune", "--json").stdout)
    assert (planned["operationMode"], planned["relayMode"]) == ("replicate", "replicate")
    actions = {plan["branch"]: plan["action"] for plan in planned["plans"]}
    assert (actions["main"], actions["gone"]) == ("update", "delete")
    assert workplace.run("sync", *sides).code == 1, "a sync would not overwrite"
    outcome = workplace.must("replicate", *sides, "--prune")
    assert "relayed (replicate)" in outcome.stdout
    pair.assert_equal()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_big_repository_is_relayed_in_little_memory_and_while_it_comes(
    workplace: Workplace,
    server: GitHttpServer,
    place: Place,
    figures: Callable[[str, object], None],
) -> None:
    source = init_repository(server.root / place.path("source.git"))
    git("config", "core.compression", "1", cwd=source)
    fast_import(source, _many_files())
    target = server.create(place.path("target.git"))
    with (
        Recorder(server.ports["plain"], hold_response=("git-upload-pack", 100 * MEBIBYTE)) as relay,
        Recorder(server.ports["edge"]) as capture,
        workplace.start(
            "sync", relay.url(place.path("source.git")), capture.url(place.path("target.git")), "--json"
        ) as running,
    ):
        assert relay.held.wait(120)
        wait_until(lambda: bool(_body_arrivals(capture)), "the push to begin", seconds=60)
        relay.release()
        outcome = running.result(seconds=600)
    assert outcome.code == 0, outcome
    found = json.loads(outcome.stdout)
    assert found["relayMode"] == "bootstrap"
    assert found["pack"]["bytes"] > 200_000_000
    note_pack(figures, found["pack"])
    note_peak(figures, outcome, megabytes_max=80)
    assert ls_remote(target) == ls_remote(source)
    assert fsck(target) == []
    assert not workplace.left_behind()


def _body_arrivals(capture: Recorder) -> list[float]:
    """Return when bytes of a push's pack came: more than the small bodies that probe."""
    return [
        when
        for exchange in capture.matching("POST")
        for when, total in list(exchange.arrivals)
        if total > 100_000
    ]


def _many_files() -> Iterator[bytes]:
    """Yield a history of 200 commits: a megabyte of noise in each, and a hundred small texts."""
    chance = random.Random(7)
    for number in range(210):
        yield b"commit refs/heads/main\ncommitter C <c@example.com> %d +0000\ndata 0\n" % (
            1112911993 + number
        )
        yield b"M 100644 inline noise/%d.bin\ndata %d\n" % (number, MEBIBYTE)
        yield chance.randbytes(MEBIBYTE)
        for place in range(100):
            text = b"%d %d\n" % (number, place) * 20
            yield b"\nM 100644 inline texts/%d/%d.txt\ndata %d\n%s" % (number % 10, place, len(text), text)
        yield b"\n"
    yield b"done\n"
