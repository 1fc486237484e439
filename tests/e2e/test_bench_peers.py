"""`packcore bench` against each program that it knows, as it is installed here."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support import history, make_repository, require

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("peer", ["git", "dulwich", "pygit2"])
def test_a_peers_pack_is_made_checked_and_measured(peer: str, tmp_path: Path) -> None:
    require("git")
    if peer != "git":
        pytest.importorskip(peer, reason=f"{peer} is not in this column of the matrix")
    repository = make_repository(tmp_path / "x.git", history(commits=12, tag="v1"), repack=True)
    command = [sys.executable, "-m", "cli", "bench", str(repository), "--json", "-", "--against", peer]
    done = subprocess.run(
        [*command, "--strategy", "chunk-window"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads(done.stdout)["repositories"][0]["rows"]
    assert [(row["name"], row["ok"]) for row in rows] == [(peer, True), ("chunk-window", True)]
    assert {row["checkedBy"] for row in rows} == {"packcore, git index-pack --strict"}
