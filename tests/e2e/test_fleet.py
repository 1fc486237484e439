"""A fleet of 200 repositories through our own server, three of them broken, as an operator runs it."""

from __future__ import annotations

import json
import re
import shutil
import textwrap
from typing import TYPE_CHECKING

import pytest

from tests.e2e.servers import wait_until
from tests.e2e.test_serve import packcore_serve
from tests.support import ROOT, history, init_repository, ls_remote, make_repository

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.command import Workplace

pytestmark = pytest.mark.e2e

COUNT = 200
CORRUPT, ABSENT, REFUSING = 17, 90, 150


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return sources and empty targets: one source is damaged, one is not there, one target refuses."""
    root = tmp_path / "served"
    root.mkdir()
    seed = make_repository(root / "seed.git", history(commits=6, files=4, tag="v1"), repack=True)
    empty = init_repository(root / "empty.git")
    for number in range(COUNT):
        shutil.copytree(seed, root / f"source{number}.git")
        shutil.copytree(empty, root / f"target{number}.git")
    (pack,) = (root / f"source{CORRUPT}.git" / "objects" / "pack").glob("*.pack")
    pack.chmod(0o644)
    with pack.open("r+b") as file:
        file.seek(400)
        file.write(b"damaged!")
    shutil.rmtree(root / f"source{ABSENT}.git")
    shutil.rmtree(root / f"target{REFUSING}.git" / "refs")
    (root / f"target{REFUSING}.git" / "refs").write_text("in the way of every ref\n")
    return root


@pytest.fixture
def manifest(root: Path, tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "fleet.toml"
    with packcore_serve(root, "--allow-push") as url:
        pairs = [
            f'[[pair]]\nname = "r{number}"\nsource = "{url}/source{number}.git"\n'
            f'target = "{url}/target{number}.git"\n'
            for number in range(COUNT)
        ]
        path.write_text("[defaults]\ntags = true\ntime-limit = 60\n" + "".join(pairs))
        yield path


@pytest.mark.parametrize("executor", ["threads:2", "processes:2"])
def test_197_of_200_are_done_and_three_reported(
    workplace: Workplace, manifest: Path, root: Path, tmp_path: Path, executor: str, figures
) -> None:
    receipt = tmp_path / "receipt.json"
    options = ("--executor", executor, "--json", "--receipt", receipt)
    outcome = workplace.run("sync", "--manifest", manifest, *options)
    assert outcome.code == 1, outcome
    *lines, last = map(json.loads, outcome.stdout.splitlines())
    broken = {f"r{number}" for number in (CORRUPT, ABSENT, REFUSING)}
    assert {line["name"] for line in lines if line["status"] != "done"} == broken
    assert (len(lines), last["summary"]["done"]) == (COUNT, COUNT - 3)
    assert all(name in outcome.stderr for name in broken)
    assert "Traceback" not in outcome.stderr
    assert not workplace.left_behind()
    assert json.loads(receipt.read_text())["summary"]["done"] == COUNT - 3
    source = ls_remote(root / "seed.git")
    for number in (0, COUNT // 2, COUNT - 1):
        assert ls_remote(root / f"target{number}.git") == source
    peak, seconds = last["summary"]["peakRssBytes"], last["summary"]["elapsedSeconds"]
    figures(f"{COUNT} repositories, {executor}", f"{seconds:.1f} s, peak memory {peak / 1e6:.0f} MB")


@pytest.mark.parametrize("executor", ["threads:2", "processes:2"])
def test_ctrl_c_ends_the_fleet_and_leaves_nothing_half_written(
    workplace: Workplace, manifest: Path, root: Path, tmp_path: Path, executor: str
) -> None:
    receipt = tmp_path / "receipt.json"

    def begun() -> bool:
        return any((root / "target5.git" / "refs" / "heads").iterdir())

    with workplace.start(
        "sync", "--manifest", manifest, "--executor", executor, "--receipt", receipt
    ) as running:
        wait_until(begun, "the first pairs to be done", seconds=60)
        running.interrupt()
        outcome = running.result(seconds=60)
    assert outcome.code == 130, outcome
    assert outcome.stderr == "packcore: error: interrupted\n"
    assert not workplace.left_behind()
    found = json.loads(receipt.read_text())
    assert found["summary"] == {"interrupted": True}
    assert 0 < len(found["pairs"]) < COUNT


def test_the_manifest_of_the_documentation_runs(workplace: Workplace, tmp_path: Path) -> None:
    found = re.search(r"```toml\n(.*?)```", (ROOT / "docs/fleets.md").read_text(), re.DOTALL)
    assert found
    sources = make_repository(tmp_path / "source.git", history(tag="v1"))
    shown = textwrap.dedent(found[1]).replace("https://example.com", str(tmp_path / "here"))
    shown = shown.replace("https://backup.example.org", str(tmp_path / "there"))
    for number, side in enumerate(("here", "there")):
        for path in re.findall(rf'{tmp_path / side}(/[^"]+)"', shown):
            (tmp_path / side).mkdir(exist_ok=True)
            if number:
                init_repository(tmp_path / f"{side}{path}")
            else:
                shutil.copytree(sources, tmp_path / f"{side}{path}")
    (workplace.folder / "fleet.toml").write_text(shown)
    workplace.environment["BACKUP_TOKEN"] = "a token"
    outcome = workplace.run("sync", "--manifest", "fleet.toml", "--executor", "threads", "--verify")
    assert outcome.code == 0, outcome
