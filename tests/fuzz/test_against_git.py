"""git's answer to the kept corpus: it takes the same packs with the same index, and reads the same config."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.errors import PackcoreError
from packcore.ids import SHA1
from packcore.pack.indexer import index_pack_file
from packcore.store.config import GitConfig
from tests.fuzz.corpus import CORPUS, kept
from tests.fuzz.target import all_targets, outcome
from tests.support import init_repository, run_git

if TYPE_CHECKING:
    from pathlib import Path

TARGETS = all_targets()


def inputs(*names: str) -> list[bytes]:
    seeds = [seed for name in names for seed in TARGETS[name].seeds()]
    return seeds + [path.read_bytes() for name in names for path in kept(CORPUS, name)]


def test_git_takes_the_same_packs_and_makes_the_same_index(tmp_path: Path) -> None:
    repository = init_repository(tmp_path / "r.git")
    pack, index = tmp_path / "x.pack", tmp_path / "x.idx"
    taken = 0
    for data in inputs("pack-stream", "index-pack"):
        pack.write_bytes(data)
        index.unlink(missing_ok=True)
        accepted = run_git("index-pack", pack, cwd=repository).returncode == 0
        kind, made = outcome(lambda: b"".join(index_pack_file(pack, object_format=SHA1).index_blocks()))
        assert (kind == "returned") == accepted, (
            f"git {'takes' if accepted else 'refuses'} it, and we {made!r}"
        )
        if accepted:
            assert made == index.read_bytes()
            taken += 1
    assert taken >= len(list(TARGETS["pack-stream"].seeds()))


def listed(path: Path) -> list[tuple[str, str]] | None:
    """Return what git reads, sorted by key; None if it refuses. Before 2.45 it made a blank of a tab."""
    done = run_git("config", "-z", "--list", "-f", path)
    if done.returncode:
        return None
    text = done.stdout.decode("utf-8", "surrogateescape")
    entries = (entry.partition("\n") for entry in text.split("\0")[:-1])
    found = [(key, value.replace("\t", " ") if equals else "true") for key, equals, value in entries]
    return sorted(found, key=lambda pair: pair[0])  # which keeps the order of one key's values


def ours(path: Path) -> list[tuple[str, str]] | None:
    """Return what we read, in the same form."""
    try:
        config = GitConfig.read(path)
    except PackcoreError:
        return None
    keys = config.keys()
    return [(key, value.replace("\t", " ")) for key in keys for value in config.get_all(key)]


def test_git_reads_the_same_of_each_config(tmp_path: Path) -> None:
    path = tmp_path / "config"
    for data in inputs("config"):
        path.write_bytes(data.replace(b"\0", b""))  # where git's strings end
        assert ours(path) == listed(path), data
