"""Clients of other kinds do with `packcore serve` whatever they can do with git http-backend."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.clients.kinds import NotOffered, all_clients
from tests.e2e.clients.operations import OPERATIONS
from tests.e2e.clients.table import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.clients.kinds import Client

pytestmark = pytest.mark.e2e

KINDS = ("git, v0", "git, v1", "git, v2", "JGit", "libgit2", "dulwich", "isomorphic-git", "go-git")
QUICK = ("clone", "shallow", "deepen", "incremental", "push", "tags")
"""Of the kinds that no other test knows. The rest is slow: `make clients` prints all of it."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("clients")) as running:
        yield running


@pytest.fixture(scope="module")
def clients(tmp_path_factory) -> dict[str, Client]:
    found = {client.name: client for client in all_clients(tmp_path_factory.mktemp("kinds"))}
    assert tuple(found) == KINDS
    return found


@pytest.mark.parametrize(
    ("kind", "operation"),
    [
        pytest.param(
            kind,
            operation,
            marks=() if operation in QUICK and not kind.startswith("git") else pytest.mark.slow,
        )
        for kind in KINDS
        for operation in OPERATIONS
    ],
)
def test_a_client_is_served_as_git_serves_it(stage, clients, kind, operation):
    client = clients[kind]
    if client.missing is not None:
        pytest.skip(f"{kind} {client.missing}")
    try:
        fault = stage.do(client, operation, "packcore")
    except NotOffered:
        pytest.skip(f"{kind} has no such thing")
    if fault is not None:
        assert stage.do(client, operation, "http-backend") is not None, fault
        pytest.skip(f"{kind} fails with git http-backend, too: {fault}")
