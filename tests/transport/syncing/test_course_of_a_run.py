"""The phases of a materialized sync, its figures, and what an interruption leaves."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.support import fast_import, git, history, ls_remote

if TYPE_CHECKING:
    from collections.abc import Iterator

ALL = {"all_refs": True}


class Recorder:
    """Remembers which phases began, and which of them ended well."""

    def __init__(self, fail_in: str | None = None) -> None:
        self.begun: list[str] = []
        self.complete: list[str] = []
        self.messages: list[tuple[str, str]] = []
        self._fail_in = fail_in

    @contextmanager
    def phase(self, name: str, *, unit: str, total: int | None = None) -> Iterator[Recorder]:
        self.begun.append(name)
        if name == self._fail_in:
            raise KeyboardInterrupt
        yield self
        self.complete.append(name)

    def message(self, origin: str, text: str) -> None:
        self.messages.append((origin, text))

    def advance(self, count: int = 1) -> None: ...

    def total(self, count: int) -> None: ...

    def note(self, **counts: int) -> None: ...


PHASES = ["source: receiving pack", "indexing", "selecting deltas", "target: writing pack"]


def test_the_phases_come_in_the_documented_order(sides):
    fast_import(sides.source, history(commits=5))
    recorder = Recorder()
    sides.sync(progress=recorder)
    assert [name for name in recorder.begun if name in PHASES] == PHASES
    assert [name for name in recorder.complete if name in PHASES] == PHASES


class Counts(Recorder):
    """Remembers how much was counted in each phase of one name, and of how much."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.counts: list[int] = []
        self.totals: list[int | None] = []
        self._name = name

    @contextmanager
    def phase(self, name: str, *, unit: str, total: int | None = None) -> Iterator[Recorder]:
        if name != self._name:
            yield Recorder()
            return
        self.totals.append(total)
        self.counts.append(0)
        yield self

    def advance(self, count: int = 1) -> None:
        self.counts[-1] += count


@pytest.mark.parametrize("limit", [None, 3000], ids=["at once", "in batches"])
def test_the_objects_of_an_own_pack_are_counted_against_their_number(sides, limit):
    fast_import(sides.source, history(commits=20, files=4))
    written = Counts("target: writing objects")
    result = sides.sync(progress=written, target_max_pack_bytes=limit)
    assert written.counts == written.totals
    assert sum(written.counts) == result.pack.objects
    assert (len(written.counts) > 1) == (limit is not None)


@pytest.mark.parametrize("phase", PHASES)
def test_an_interrupted_run_leaves_nothing_behind_and_the_next_one_completes(sides, tmp_path, phase):
    fast_import(sides.source, history(commits=5))
    spool_directory = tmp_path / "spool"
    spool_directory.mkdir()
    with pytest.raises(KeyboardInterrupt):
        sides.sync(progress=Recorder(fail_in=phase), spool_directory=spool_directory)
    assert list(spool_directory.iterdir()) == []
    assert ls_remote(sides.target) == {}
    sides.sync(spool_directory=spool_directory)
    sides.check()
    assert list(spool_directory.iterdir()) == []


def test_the_figures_of_a_run_are_in_its_json(sides):
    fast_import(sides.source, history(commits=5))
    result = sides.sync(collect_stats=True, measure_memory=True)
    shown = result.to_json()
    assert shown["stats"]["enabled"]
    assert shown["stats"]["items"]["target git-receive-pack"]["commands"] == 1
    assert shown["stats"]["items"]["source git-upload-pack"]["wants"] == 1
    assert shown["measurement"]["enabled"]
    assert shown["pack"]["bytes"] > 0
    assert shown["plans"][0] == {
        "branch": "main",
        "sourceRef": "refs/heads/main",
        "targetRef": "refs/heads/main",
        "sourceHash": git("rev-parse", "main", cwd=sides.source),
        "targetHash": "",
        "kind": "branch",
        "action": "create",
        "reason": result.refs[0].reason,
        "outcome": "pushed",
    }
