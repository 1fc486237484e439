"""Pushes in several requests to our own HTTP server, with the faults that it has on demand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support import git, init_repository
from tests.transport.server.serving import serving
from tests.transport.syncing.limited_target import temp_refs
from tests.transport.syncing.sides import Sides, big_history
from transport.options import TransportOptions
from transport.server.faults import Simulation
from transport.syncing import SyncRequest, SyncResult, sync
from transport.syncing.deliver.host_profile import host_of, load_profile

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.e2e

CHUNKED = TransportOptions(post_buffer=20_000)
"""Bodies above this are chunked, so that small tests see what large pushes see."""


@pytest.fixture
def sides(filtering: Sides) -> Sides:
    big_history(filtering.source)
    return filtering


@pytest.fixture(params=["relayed", "materialized"])
def push(request: pytest.FixtureRequest, sides: Sides) -> Callable[..., SyncResult]:
    """Return what syncs to a server with faults."""

    def run(faults: str, **asked: Any) -> SyncResult:
        asked = {"materialize": request.param == "materialized", **asked}
        with serving(sides.target.parent, simulation=Simulation.parse(faults)) as server:
            url = f"{server.url}/target.git"
            return sync(str(sides.source), url, SyncRequest(**asked), target_options=CHUNKED)

    return run


@pytest.mark.parametrize(
    ("faults", "limit"),
    [
        ("body-limit=60k", 50_000),
        ("body-limit=60k", 100_000),
        ("body-limit=60k", None),
        ("cut-after=60k", 100_000),
        ("late-status=504", 50_000),
        ("drop-report", 50_000),
        ("no-chunked", 50_000),
        ("no-atomic,no-sideband,no-ofs-delta,no-thin", 50_000),
    ],
)
def test_a_server_with_faults_gets_it_all(sides, push, faults, limit):
    result = push(faults, target_max_pack_bytes=limit)
    sides.check("refs/heads/")
    assert temp_refs(sides.target) == []
    assert result.batch_count > 1
    if faults not in ("late-status=504", "drop-report"):  # where the last answer is lost too
        assert result.exit_code == 0


def test_without_deletion_of_refs_batches_are_refused_before_anything_is_pushed(sides, push):
    with pytest.raises(Exception, match="can't delete refs"):
        push("no-delete", target_max_pack_bytes=50_000)
    assert temp_refs(sides.target) == []


def test_a_host_that_takes_no_chunks_is_not_asked_to_a_second_time(sides, tmp_path):
    profile = tmp_path / "hosts.json"
    refused: list[int] = []
    options = TransportOptions(post_buffer=20_000, trace=lambda line: refused.append("HTTP/1.1 411" in line))
    with serving(tmp_path, simulation=Simulation.parse("no-chunked")) as server:
        for name in ("one.git", "two.git"):
            init_repository(tmp_path / name)
            request = SyncRequest(host_profile=profile)
            sync(str(sides.source), f"{server.url}/{name}", request, target_options=options)
            refused.append(-1)
        assert not load_profile(profile, host_of(server.url)).chunked
    first, second = refused[: refused.index(-1)], refused[refused.index(-1) + 1 : -1]
    assert sum(first) == 1
    assert sum(second) == 0


def test_a_limit_of_refs_that_a_status_tells_is_found(sides, push):
    tip = git("rev-parse", "main", cwd=sides.source)
    for number in range(9):
        git("update-ref", f"refs/heads/b{number}", tip, cwd=sides.source)
    result = push("refs-limit=4")
    sides.check("refs/heads/")
    assert result.pushed == 10
