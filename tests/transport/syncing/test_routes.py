"""The table of routes: what takes over where a route stops, and that the code and the table agree."""

from __future__ import annotations

import ast
import inspect
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from transport.syncing.decide.turns import GoOn, Turn
from transport.syncing.deliver import bootstrap, materialized, relay, routes
from transport.syncing.deliver.routes import NEXT, Route, travel

if TYPE_CHECKING:
    from collections.abc import Iterator

FUNCTIONS = {
    Route.RELAY: relay.relay,
    Route.RELAY_FROM_DISK: relay.relay_from_disk,
    Route.RELAY_IN_BATCHES: bootstrap.relay_in_batches,
    Route.MATERIALIZE: materialized.materialize,
    Route.PACK_FETCHED: materialized.pack_fetched,
}
RESULT: Any = object()


def turns_of(route: Route) -> set[Turn]:
    """Return the turns that a route's function may give."""
    function: Any = FUNCTIONS[route]
    tree = ast.parse(inspect.getsource(function))
    return {
        Turn[node.attr]
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Turn"
    }


@pytest.mark.parametrize("route", Route, ids=lambda route: route.name)
def test_the_table_has_each_turn_that_a_route_may_take_and_no_other(route):
    assert {turn for taken, turn in NEXT if taken is route} == turns_of(route)


def test_no_route_is_taken_twice_in_a_run():
    def longest(route: Route, taken: tuple[Route, ...]) -> None:
        assert route not in taken
        for (start, _), then in NEXT.items():
            if start is route:
                longest(then, (*taken, route))

    for route in Route:
        longest(route, ())


@pytest.mark.parametrize(
    ("route", "turn"), NEXT, ids=lambda value: value.name.lower() if isinstance(value, Route | Turn) else None
)
def test_a_turn_leads_on_with_what_is_here_already(route, turn, monkeypatch):
    followed: list[tuple[Route, Any, Any, Any]] = []
    open_now: list[str] = []

    @contextmanager
    def held() -> Iterator[None]:
        open_now.append("held")
        yield
        open_now.remove("held")

    run: Any = SimpleNamespace(choice="before")
    run.go_by = lambda choice: setattr(run, "choice", choice)
    end = GoOn(turn, plan="settled", choice="after", fetched="fetched", held=held())  # type: ignore[arg-type]

    def follow(now: Route, run: Any, plan: Any, fetched: Any) -> Any:
        followed.append((now, plan, fetched, run.choice))
        if len(followed) == 1:
            return end
        assert open_now == ["held"]
        return RESULT

    monkeypatch.setattr(routes, "_follow", follow)
    assert travel(run, "plan", route) is RESULT  # type: ignore[arg-type]
    assert followed == [(route, "plan", None, "before"), (NEXT[route, turn], "settled", "fetched", "after")]
    assert not open_now


def test_what_a_route_left_is_closed_when_the_next_one_fails(monkeypatch):
    closed = []

    @contextmanager
    def held() -> Iterator[None]:
        try:
            yield
        finally:
            closed.append(True)

    ends: list[Any] = [GoOn(Turn.SHALLOW, None, held=held())]  # type: ignore[arg-type]
    monkeypatch.setattr(routes, "_follow", lambda *_: ends.pop())
    run: Any = SimpleNamespace(choice=None)
    with pytest.raises(IndexError):
        travel(run, None, Route.RELAY)  # type: ignore[arg-type]
    assert closed == [True]
