"""Repositories that someone names: synced whole and anew, checked, and measured.

    PACKCORE_E2E_REPOSITORIES=/path/one.git:/path/two.git .venv/bin/pytest tests/e2e/test_by_hand.py

Public repositories are no part of this one, so nothing is named by default.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.figures import note_pack
from tests.support import fsck, git, ls_remote

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.command import Workplace
    from tests.e2e.nginx import GitHttpServer
    from tests.e2e.places import Place

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1500)]

NAMED = [path for path in os.environ.get("PACKCORE_E2E_REPOSITORIES", "").split(os.pathsep) if path]


@pytest.mark.parametrize("options", [(), ("--no-reuse-delta",)], ids=["reusing", "anew"])
@pytest.mark.parametrize("way", ["http", "local"])
@pytest.mark.parametrize("repository", NAMED, ids=[Path(path).name for path in NAMED])
def test_a_named_repository_is_synced_whole(
    workplace: Workplace,
    server: GitHttpServer,
    place: Place,
    figures: Callable[[str, object], None],
    repository: str,
    way: str,
    options: tuple[str, ...],
) -> None:
    source = server.root / place.path("source.git")
    source.parent.mkdir(parents=True, exist_ok=True)
    source.symlink_to(Path(repository).resolve())
    target = server.create(place.path("target.git"))
    endpoint = server.url(place.path("source.git")) if way == "http" else source
    sides = (endpoint, server.url(place.path("target.git"), "edge"))
    outcome = workplace.must("sync", *sides, "--all-refs", "--materialize", "--json", "-v", *options)
    note_pack(figures, json.loads(outcome.stdout)["pack"])
    figures("peak memory:", f"{outcome.peak_bytes / 1e6:.0f} MB")
    assert ls_remote(target) == ls_remote(source)
    assert set(fsck(target)) <= set(fsck(source))
    git("rev-list", "--objects", "--all", "--quiet", cwd=target)
