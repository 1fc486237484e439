"""Strategies of a user's own, named by their file and class."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest

from packcore.errors import PluginError
from packcore.search.registry import get_strategy, strategies
from packcore.search.select import select
from packcore.walk import list_objects
from tests.pack_stores import make_history
from tests.support import ROOT

EXAMPLE = ROOT / "docs/examples/own_strategy.py"


def test_a_class_of_a_file_is_a_strategy_like_any_other():
    store, tip = make_history(commits=20)
    plan = select(store, list_objects(store, [tip]), strategy=f"{EXAMPLE}:LastOfPath")
    assert plan.strategy == "last-of-path"
    assert plan.delta_count > 0


def test_no_such_file_is_listed_among_the_strategies():
    get_strategy(f"{EXAMPLE}:LastOfPath")
    assert "last-of-path" not in strategies()


def test_it_travels_to_a_process_that_has_not_read_its_file():
    strategy = get_strategy(f"{EXAMPLE}:LastOfPath")(percent=20)
    script = "import pickle, sys; found = pickle.load(sys.stdin.buffer); print(found.name, found.values)"
    command = [sys.executable, "-c", script]
    told = subprocess.run(command, input=pickle.dumps(strategy), cwd=ROOT, capture_output=True, check=True)
    assert told.stdout == b"last-of-path {'percent': 20}\n"


@pytest.mark.parametrize(
    ("text", "name", "words", "hint"),
    [
        ("class A: ...", "B", "has no class B", "it has A"),
        ("x = 1", "x", "has no class x", "it has none"),
        ("class A:\n    name = 'a'", "A", "A has no 'description'", "EngineStrategy"),
        ("1 / 0", "A", "can't be run: ZeroDivisionError: division by zero", None),
        ("class A(", "A", "can't be run: SyntaxError", None),
    ],
)
def test_what_is_wrong_with_a_file_is_told(tmp_path, text, name, words, hint):
    file = tmp_path / "mine.py"
    file.write_text(text)
    with pytest.raises(PluginError) as caught:
        get_strategy(f"{file}:{name}")
    assert str(caught.value).startswith(str(file))
    assert words in str(caught.value)
    assert caught.value.hint is None if hint is None else hint in (caught.value.hint or "")


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(PluginError, match="there is no file"):
        get_strategy(f"{tmp_path}/none.py:A")


def test_a_file_without_a_class_is_answered_by_how_to_name_one():
    with pytest.raises(PluginError) as caught:
        get_strategy("mine.py")
    assert (caught.value.hint or "").endswith("one of your own is named by FILE.py:CLASS")
