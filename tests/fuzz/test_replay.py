"""Seeds, the kept corpus and all that ever broke a reader, replayed under the law and a limit of steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packcore.errors import PackcoreError
from tests.fuzz.corpus import CORPUS, REPRODUCERS, kept
from tests.fuzz.minimise import KEPT_BYTES_MAX
from tests.fuzz.steps import TooManySteps, count_steps, steps_max
from tests.fuzz.target import Target, all_targets, obey

if TYPE_CHECKING:
    from pathlib import Path

TARGETS = all_targets()


@pytest.fixture(params=sorted(TARGETS))
def one(request: pytest.FixtureRequest) -> Target:
    return TARGETS[request.param]


def replay(one: Target, data: bytes) -> None:
    count_steps(lambda: obey(one, data), steps_max(len(data)))


def test_every_seed_is_accepted(one: Target) -> None:
    seeds = list(one.seeds())
    assert seeds
    for seed in seeds:
        one.run(seed)


def test_a_seed_taken_apart_by_its_shape_goes_together_as_something_that_is_accepted(one: Target) -> None:
    if one.shape is None:
        return
    for seed in one.seeds():
        try:
            pieces = one.shape.split(seed)
        except (ValueError, OSError):
            continue  # a seed of another kind, which is mutated as it is
        assert obey(one, one.shape.join(pieces))


def test_seeds_and_the_kept_corpus_obey_the_law(one: Target) -> None:
    for seed in one.seeds():
        replay(one, seed)
    for path in kept(CORPUS, one.name):
        replay(one, path.read_bytes())


@pytest.mark.parametrize(
    "path", sorted(REPRODUCERS.glob("*/*")), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_what_once_broke_a_reader_obeys_the_law(path: Path) -> None:
    replay(TARGETS[path.parent.name], path.read_bytes())


def test_the_kept_corpus_is_small(one: Target) -> None:
    assert sum(path.stat().st_size for path in kept(CORPUS, one.name)) <= KEPT_BYTES_MAX


def test_every_kept_file_belongs_to_a_target() -> None:
    folders = {path.name for folder in (CORPUS, REPRODUCERS) for path in folder.glob("*")}
    assert folders <= set(TARGETS)


def made(run: object, *also: type[Exception]) -> Target:
    return Target("made", run, lambda: [b""], None, (), also, 10)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "error", [KeyError, OverflowError, RecursionError, MemoryError, AssertionError, OSError]
)
def test_any_other_error_breaks_the_law(error: type[Exception]) -> None:
    def run(data: bytes) -> None:
        raise error

    with pytest.raises(error):
        replay(made(run), b"")


def test_a_refusal_in_our_own_words_does_not() -> None:
    def run(data: bytes) -> None:
        raise PackcoreError("no")

    assert obey(made(run), b"") is False


def test_a_reader_that_goes_on_and_on_breaks_the_law() -> None:
    def run(data: bytes) -> None:
        while True:
            pass

    with pytest.raises(TooManySteps):
        replay(made(run), b"")
