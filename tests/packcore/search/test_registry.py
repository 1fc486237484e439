"""Strategies are found by their files and entry points; duplicates and broken ones are errors."""

import sys
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest

from packcore.errors import PluginError
from packcore.search import registry
from packcore.search.strategies.none import NoDeltas


class Foreign(NoDeltas):
    name = "foreign"


@pytest.fixture
def offered(monkeypatch):
    """Let other distributions offer these entry points."""

    def offer(*values):
        points = [EntryPoint("x", value, registry.ENTRY_POINT_GROUP) for value in values]
        monkeypatch.setattr(registry, "entry_points", lambda group: points)

    registry.strategies.cache_clear()
    yield offer
    registry.strategies.cache_clear()


def test_the_strategies_of_the_folder_are_found_by_name():
    assert {"chunk-window", "none", "reuse"} <= set(registry.strategies())
    assert registry.get_strategy("none") is NoDeltas


def test_an_entry_point_of_another_distribution_is_found(offered, monkeypatch):
    foreign = ModuleType("foreign_strategies")
    monkeypatch.setattr(foreign, "Foreign", Foreign, raising=False)
    monkeypatch.setitem(sys.modules, "foreign_strategies", foreign)
    offered("foreign_strategies:Foreign")
    assert registry.get_strategy("foreign") is Foreign


def test_a_second_strategy_of_one_name_is_an_error(offered):
    offered("packcore.search.strategies.none:NoDeltas")
    with pytest.raises(PluginError, match="two delta strategies are named 'none'"):
        registry.strategies()


@pytest.mark.parametrize("value", ["no.such.module:Thing", "packcore.errors:NoSuchName"])
def test_a_plug_in_that_cannot_be_loaded_is_an_error(offered, value):
    offered(value)
    with pytest.raises(PluginError, match="can't be loaded"):
        registry.strategies()


def test_a_plug_in_that_is_no_strategy_is_an_error(offered):
    offered("packcore.limits:Limits")
    with pytest.raises(PluginError, match="has no 'name'"):
        registry.strategies()


def test_an_error_for_an_unknown_name_lists_all_names():
    with pytest.raises(PluginError) as caught:
        registry.get_strategy("fastest")
    assert "chunk-window" in (caught.value.hint or "")
