"""An executor by its name, as in a command line or a settings file.

    threads[:N]        threads of this process: the least memory; Python's own work runs on one CPU
    processes[:N]      processes of this machine: a crashed or hanging one can be ended
    dask:ADDRESS       the workers of a running dask cluster, e.g. dask:tcp://10.0.0.5:8786

N is how many pairs run at the same time; the default is one per CPU. On a cluster, pairs travel with their
credentials over the cluster's own connections (`tls://` addresses encrypt them), and the same version of
packcore must be installed there.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from transport.errors import InvalidOption, NetworkError
from transport.fleet.workers import ProcessWorkers, ThreadWorkers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor

__all__ = ["WORKERS_MAX", "open_executor"]

WORKERS_MAX = 512
_CONNECT_SECONDS = 30
_LOCAL = re.compile(r"(threads|processes)(?::(\d{1,4}))?\Z")


@contextmanager
def open_executor(name: str) -> Iterator[Executor]:
    """Open the executor of that name; leaving the block waits for what still runs on it.

    Raises InvalidOption for an unknown name or a missing library, NetworkError for a cluster that doesn't
    answer.
    """
    kind, _, rest = name.partition(":")
    if kind == "dask" and rest:
        with _dask(rest) as executor:
            yield executor
        return
    found = _LOCAL.match(name)
    count = int(found[2] or _processor_count()) if found else 0
    if found is None or not 1 <= count <= WORKERS_MAX:
        raise InvalidOption(
            f"not an executor: {name[:80]!r}",
            hint=f"threads[:N], processes[:N] with N from 1 to {WORKERS_MAX}, or dask:ADDRESS",
        )
    with (ThreadWorkers if found[1] == "threads" else ProcessWorkers)(count) as workers:
        yield workers


@contextmanager
def _dask(address: str) -> Iterator[Executor]:
    try:
        from distributed import Client
    except ImportError:
        raise InvalidOption(
            "an executor of dask needs its package `distributed`", hint="pip install 'packcore[dask]'"
        ) from None
    try:
        connect: Any = Client
        client = connect(address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise NetworkError(f"no dask scheduler answers at {address}: {error}") from None
    with client:
        # Not pure: two equal pairs are two runs. No retries: a push must not be repeated silently.
        yield client.get_executor(pure=False, retries=0)


def _processor_count() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
