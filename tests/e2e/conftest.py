"""Fixtures of the end-to-end room: servers for the whole session, a place on them for each test."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

import pytest

from tests.e2e.command import Workplace
from tests.e2e.nginx import GitHttpServer
from tests.e2e.places import Pair, Place

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

collect_ignore = ["in_webassembly.py"]
"""Runs in Pyodide alone."""

_NUMBERS = itertools.count(1)
_SERVERS: list[GitHttpServer] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the servers' logs beneath a failure: their words are half of what there is to know."""
    report = yield
    if report.failed:
        report.sections.extend(("server logs", server.logs()) for server in _SERVERS)
    return report


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHttpServer]:
    """One nginx, edge and git http-backend for all tests of this process."""
    yield from _running(tmp_path_factory.mktemp("nginx"))


@pytest.fixture
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHttpServer]:
    """A server that the test may kill."""
    yield from _running(tmp_path_factory.mktemp("own"))


def _running(folder: Path) -> Iterator[GitHttpServer]:
    with GitHttpServer(folder) as running:
        _SERVERS.append(running)
        try:
            yield running
        finally:
            _SERVERS.remove(running)


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Place:
    """Return names on the server that no other test uses."""
    words = re.sub(r"[^A-Za-z0-9_]+", "-", request.node.name).strip("-")[:60]
    return Place(f"{next(_NUMBERS)}-{words}")


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    """Return where the test's packcore runs, with a TMPDIR of its own."""
    return Workplace(tmp_path / "workplace")


@pytest.fixture
def pair(server: GitHttpServer, place: Place) -> Pair:
    """Return a source with a history and an empty target, both on the server."""
    return Pair.make(server, place)
