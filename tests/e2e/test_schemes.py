"""Syncs from each kind of place to each: http, this disk, git://, ssh, and a remote helper.

What one way must do alone is in `tests/contracts/test_transport.py`; here two of them meet in one command.
"""

from __future__ import annotations

import itertools
import json
import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.contracts.ways import write_bridge
from tests.e2e.lasting_servers import GitDaemon, Sshd
from tests.support import fast_import, fsck, history, init_repository, ls_remote
from tests.transport.server.serving import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.e2e.command import Workplace

pytestmark = pytest.mark.e2e

SCHEMES = ("http", "file", "git", "ssh", "bridge")
PAIRS = list(itertools.combinations_with_replacement(SCHEMES, 2))


class Places:
    """One folder of repositories, reached in five ways."""

    def __init__(self, root: Path, stack: ExitStack) -> None:
        self.root = root
        self.sshd = stack.enter_context(Sshd(root))
        daemon = stack.enter_context(GitDaemon(root))
        http = stack.enter_context(serving(root))
        bridge = write_bridge(root / "helpers", "stateless-connect", "connect")
        self.environment = {**self.sshd.environment(), "PATH": bridge["PATH"]}
        self.urls: dict[str, Callable[[str], str]] = {
            "http": lambda name: f"{http.url}/{name}",
            "file": lambda name: f"file://{root / name}",
            "git": daemon.url,
            "ssh": self.sshd.url,
            "bridge": lambda name: f"bridge://{root / name}",
        }


@pytest.fixture(scope="module")
def places(tmp_path_factory) -> Iterator[Places]:
    root = tmp_path_factory.mktemp("places")
    with ExitStack() as stack:
        made = Places(root, stack)
        fast_import(init_repository(root / "source.git"), history(tag="v1"))
        yield made


@pytest.fixture
def command(workplace: Workplace, places: Places) -> Workplace:
    workplace.environment |= places.environment
    return workplace


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=["-".join(pair) for pair in PAIRS])
def test_a_sync_between_two_schemes_brings_everything(places, command, source, target):
    name = f"{source}-{target}.git"
    init_repository(places.root / name)
    outcome = command.must(
        "sync", "--tags", "--json", places.urls[source]("source.git"), places.urls[target](name)
    )
    assert json.loads(outcome.stdout)["pushed"] == 2
    assert ls_remote(places.root / name) == ls_remote(places.root / "source.git")
    assert fsck(places.root / name) == []


def test_a_key_that_is_not_known_ends_with_the_code_for_authentication(places, command):
    command.environment |= places.sshd.environment(key="stranger")
    outcome = command.run("ls-refs", places.urls["ssh"]("source.git"))
    assert outcome.code == 5
    assert "Permission denied" in outcome.error_lines[0]
    assert "ssh-agent" in outcome.stderr


def test_a_host_that_is_not_known_ends_with_a_hint(places, command):
    command.environment |= places.sshd.environment(known_hosts="nothing")
    outcome = command.run("ls-refs", places.urls["ssh"]("source.git"))
    assert outcome.code == 4
    assert "hint: connect once by hand" in outcome.stderr


@pytest.mark.parametrize("scheme", ["git", "ssh", "bridge"])
def test_a_repository_that_is_not_there_ends_in_one_line(places, command, scheme):
    outcome = command.run("ls-refs", places.urls[scheme]("nowhere.git"))
    assert outcome.code == 4
    assert len(outcome.error_lines) == 1
    assert "Traceback" not in outcome.stderr


def test_a_scheme_without_a_helper_is_wrong_usage_and_names_the_program(command):
    outcome = command.run("ls-refs", "nosuch://h/x.git")
    assert outcome.code == 2
    assert "git-remote-nosuch" in outcome.stderr


def test_gits_own_http_helper_carries_a_fetch_and_refuses_a_push(places, command):
    folder = places.root / "curl"
    folder.mkdir()
    program = folder / "git-remote-web"
    program.write_text('#!/bin/sh\nexec git remote-http "$1" "http://${2#web://}"\n')
    program.chmod(0o755)
    command.environment["PATH"] = f"{folder}{os.pathsep}{command.environment['PATH']}"
    url = places.urls["http"]("source.git").replace("http:", "web:")
    copy = places.root / "web.git"
    command.must("fetch", "--tags", "--into", copy, url)
    assert ls_remote(copy) == ls_remote(places.root / "source.git")
    outcome = command.run("sync", places.urls["file"]("source.git"), url)
    assert outcome.code == 1
    assert "can't be pushed through" in outcome.stderr
