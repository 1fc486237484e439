"""Small fleets on this disk, for the tests of this folder."""

from __future__ import annotations

import shutil
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any

from tests.support import history, init_repository, make_repository
from transport.fleet import SyncPair

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["AtOnce", "fleet", "outcomes"]


class AtOnce(Executor):
    """An executor that nobody here wrote for: it runs each call when it is submitted."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def fleet(folder: Path, count: int, **settings: Any) -> list[SyncPair]:
    """Make so many pairs of a small source and an empty target."""
    source = make_repository(folder / "source.git", history(commits=3, files=2))
    empty = init_repository(folder / "empty.git")
    for number in range(count):
        shutil.copytree(source, folder / f"source{number}.git")
        shutil.copytree(empty, folder / f"target{number}.git")
    return [
        SyncPair(
            f"r{number}",
            str(folder / f"source{number}.git"),
            str(folder / f"target{number}.git"),
            **settings,
        )
        for number in range(count)
    ]


def outcomes(result: Any) -> dict[str, str]:
    """Return each pair's status."""
    return {outcome.name: outcome.status.value for outcome in result.outcomes}
