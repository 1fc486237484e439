"""Fixtures of the end-to-end room: servers for the whole session, a place on them for each test."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.e2e.nginx import GitHttpServer

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

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


@dataclass(frozen=True, slots=True)
class Place:
    """A test's own part of the server: `path("x.git")` below the server's root."""

    name: str

    def path(self, repository: str) -> str:
        """Return the repository's path as the server's URLs have it."""
        return f"{self.name}/{repository}"


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Place:
    """Return names on the server that no other test uses."""
    return Place(re.sub(r"[^A-Za-z0-9_]+", "-", request.node.name).strip("-")[:80])
