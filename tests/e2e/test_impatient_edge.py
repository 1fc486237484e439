"""The failure that this project was born from: an edge that cuts off a push which pauses to think.

In front of git stands an nginx that allows three seconds between two reads of a request's body. Whoever
selects deltas inside the body is cut off; packcore selects first, and then writes without a pause.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.e2e import slow_strategy
from tests.e2e.figures import note_gaps, note_pack
from tests.e2e.nginx import EDGE_PATIENCE_SECONDS
from tests.e2e.places import noise
from tests.e2e.recorder import Recorder
from tests.e2e.wrong_writer import push_while_selecting
from tests.support import fast_import, fsck, git, git_bytes, ls_remote

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.e2e.command import Workplace
    from tests.e2e.nginx import GitHttpServer
    from tests.e2e.places import Pair

pytestmark = pytest.mark.e2e

LONGER_THAN_THE_EDGE_WAITS = EDGE_PATIENCE_SECONDS + 1.5


@pytest.mark.parametrize(("select_seconds", "accepted"), [(0, True), (LONGER_THAN_THE_EDGE_WAITS, False)])
def test_a_writer_that_selects_inside_the_body_is_cut_off(
    pair: Pair, server: GitHttpServer, select_seconds: float, accepted: bool
) -> None:
    tip = git("rev-parse", "main", cwd=pair.source)
    pack = git_bytes("pack-objects", "--revs", "--stdout", "-q", cwd=pair.source, stdin=b"main\n")
    verdict = push_while_selecting(
        server.url(pair.target_name, "edge"), "refs/heads/main", tip, pack, select_seconds=select_seconds
    )
    assert verdict.accepted == accepted, verdict
    assert ls_remote(pair.target) == ({"refs/heads/main": tip} if accepted else {})


@pytest.mark.fault(43)
def test_a_sync_whose_selection_takes_longer_than_the_edge_waits_succeeds(
    workplace: Workplace, pair: Pair, server: GitHttpServer, tmp_path: Path
) -> None:
    slow = slow_strategy.install(tmp_path / "plugin", LONGER_THAN_THE_EDGE_WAITS)
    workplace.import_path.append(slow.folder)
    sides = (server.url(pair.source_name, "edge"), server.url(pair.target_name, "edge"))
    workplace.must("sync", *sides, "--all-refs", "--no-reuse-delta", "--strategy", "slow")
    pair.assert_equal()


@pytest.mark.fault(43)
def test_a_capture_of_the_post_shows_a_finished_pack_on_a_new_connection(
    workplace: Workplace,
    pair: Pair,
    server: GitHttpServer,
    tmp_path: Path,
    figures: Callable[[str, object], None],
) -> None:
    fast_import(pair.source, noise(6_000_000))
    slow = slow_strategy.install(tmp_path / "plugin", LONGER_THAN_THE_EDGE_WAITS)
    workplace.import_path.append(slow.folder)
    workplace.environment["PACKCORE_HTTP_TRACE"] = "1"
    with Recorder(server.ports["edge"]) as capture:
        target = capture.url(pair.target_name)
        outcome = workplace.must(
            "sync", pair.source_url, target, "--all-refs", "--no-reuse-delta", "--strategy", "slow", "--json"
        )
    pair.assert_equal()
    *probes, post = capture.matching("POST")
    assert [request.body for probe in probes for request in probe.parsed()] == [b"0000"] * len(probes)
    assert all(len(exchange.parsed()) == 1 for exchange in capture.exchanges), "one request a connection"
    assert post.parsed()[0].chunked
    assert post.parsed()[0].complete
    assert max(post.parsed()[0].chunk_bytes) <= 65536
    assert post.opened > slow.ended(), "no connection before the selection is finished"
    assert {exchange.closed_first_by for exchange in capture.exchanges} == {"client"}
    note_pack(figures, json.loads(outcome.stdout)["pack"])
    note_gaps(figures, post)
    assert "longest gap" in outcome.stderr


def test_small_packs_too_wait_until_they_are_finished(
    workplace: Workplace, pair: Pair, server: GitHttpServer, tmp_path: Path
) -> None:
    slow = slow_strategy.install(tmp_path / "plugin", 0.5)
    workplace.import_path.append(slow.folder)
    with Recorder(server.ports["plain"]) as capture:
        workplace.must(
            "sync", pair.source_url, capture.url(pair.target_name), "--no-reuse-delta", "--strategy", "slow"
        )
    posts = capture.matching("POST")
    assert [exchange.opened > slow.ended() for exchange in posts] == [True]
    assert fsck(pair.target) == []
