"""A failing scenario, made as small as it can be while it fails in the same way.

Faults, refs, commits, options and traits are dropped one at a time, over and over, as long as that helps.
What "the same way" is: the first word of a problem (`broken`, `illegal`, `untrue`, …).
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from tests.simulation.history import Step
from tests.simulation.plan import Scenario
from tests.simulation.servers import Traits
from transport.syncing.request import Policy, Scope, SyncRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["shrink"]

_RUNS_MAX = 2000


def shrink(scenario: Scenario, kind_of: Callable[[Scenario], str | None]) -> Scenario:
    """Return the smallest scenario found of which `kind_of` says what it says of the given one."""
    wanted = kind_of(scenario)
    left = _RUNS_MAX
    changed = wanted is not None
    while changed and left > 0:
        changed = False
        for smaller in _smaller(scenario):
            left -= 1
            if kind_of(smaller) == wanted:
                scenario, changed = smaller, True
                break
            if left <= 0:
                break
    return scenario


def _smaller(scenario: Scenario) -> Iterator[Scenario]:
    for name in ("faults", "source", "target", "extra", "cut", "leftovers"):
        items = getattr(scenario, name)
        for number in range(len(items)):
            yield _with(scenario, name, items[:number] + items[number + 1 :])
    plain = Scenario(scenario.seed, (), (), ())
    for name in ("rival", "sha256", "opening_bytes", "spools", "profile"):
        if getattr(scenario, name) != getattr(plain, name):
            yield _with(scenario, name, getattr(plain, name))
    yield from _plainer(scenario, "traits", Traits())
    yield from _plainer(scenario, "request", SyncRequest())
    for name, usual in (("scope", Scope()), ("policy", Policy())):
        for request in _plainer(scenario.request, name, usual):
            yield replace(scenario, request=request)
    for number, step in enumerate(scenario.steps):
        for smaller in (Step(step.parents[:-1], step.big), Step(step.parents)):
            if smaller != step:
                yield _with(scenario, "steps", _put(scenario.steps, number, smaller))
    if scenario.steps:
        yield from _without_last_step(scenario)


def _plainer(value: Any, name: str, usual: Any) -> Iterator[Any]:
    """Yield the value with one field of its part `name` as usual."""
    part = getattr(value, name)
    for each in fields(part):
        if getattr(part, each.name) != getattr(usual, each.name):
            yield _with(value, name, replace(part, **{each.name: getattr(usual, each.name)}))


def _without_last_step(scenario: Scenario) -> Iterator[Scenario]:
    last = len(scenario.steps) - 1
    named = {int(value[1:]) for _, value in (*scenario.source, *scenario.target)}
    if last and last not in {*named, *scenario.extra, *scenario.cut, *scenario.leftovers}:
        yield replace(scenario, steps=scenario.steps[:-1])


def _put(steps: tuple[Step, ...], number: int, step: Step) -> tuple[Step, ...]:
    return (*steps[:number], step, *steps[number + 1 :])


def _with(value: Any, name: str, part: Any) -> Any:
    return replace(value, **{name: part})
