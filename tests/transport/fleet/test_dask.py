"""Pairs on a dask cluster: a real one, on this machine, reached by its address."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import ls_remote, missing_is_failure
from tests.transport.fleet.fleets import fleet, outcomes
from transport.errors import NetworkError
from transport.fleet import open_executor, sync_fleet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# The library's own: sockets that its event loop leaves to the collector, and names it will rename.
pytestmark = [pytest.mark.e2e, pytest.mark.filterwarnings("default")]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    if missing_is_failure():
        import distributed
    else:
        distributed = pytest.importorskip("distributed", reason="needs packcore[dask]")
    make_cluster: Any = distributed.LocalCluster
    with make_cluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    ) as cluster:
        yield cluster.scheduler_address


def test_pairs_run_on_the_workers_of_a_cluster(address: str, tmp_path: Path) -> None:
    pairs = fleet(tmp_path, 5, time_limit=60)
    shutil.rmtree(pairs[3].source)
    with open_executor(f"dask:{address}") as executor:
        result = sync_fleet(pairs, executor)
    assert outcomes(result) == {"r0": "done", "r1": "done", "r2": "done", "r3": "failed", "r4": "done"}
    assert ls_remote(pairs[4].target) == ls_remote(pairs[4].source)
    assert all(outcome.worker for outcome in result.outcomes)


def test_a_cluster_that_doesnt_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed", reason="needs packcore[dask]")
    monkeypatch.setattr(sys.modules["transport.fleet.executors"], "_CONNECT_SECONDS", 1)
    with pytest.raises(NetworkError, match="no dask scheduler"), open_executor("dask:tcp://127.0.0.1:1"):
        pass
