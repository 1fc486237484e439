"""The list of what servers do wrong, and that each of its points is played by some test.

A test that plays a point says so: `@pytest.mark.fault(22)`; `pytest -m fault` runs them all. Most have a
scripted server (tests/transport/http/scripted.py, tests/transport/scripted_transport.py); what a real server
shows on demand is in tests/e2e.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent

FAULTS = {
    1: "the first of two addresses refuses, or the name does not resolve",
    2: "accepts, and never answers",
    3: "answers a byte at a time",
    4: "closes before any byte",
    5: "greets in another protocol than HTTP",
    6: "too many headers, or too long ones",
    7: "interim answers before the answer, or without end",
    8: "a body that ends with the connection: whole, and a byte short",
    9: "lengths that lie, disagree, or are no lengths",
    10: "chunks: extensions, trailers, bad sizes, no last one",
    11: "compressed though nobody asked: sound, damaged, a bomb, unknown",
    12: "a page to sign in instead of a repository",
    13: "redirects on the same host, and in a loop",
    14: "a redirect to another host",
    15: "a redirect to another scheme, or to something else",
    16: "a redirect of a POST",
    17: "wants credentials, and refuses those it gets",
    18: "wants credentials for the POST alone",
    19: "wants credentials when megabytes have been sent",
    20: "refuses with a text that holds escape sequences",
    21: "too many requests, with every kind of Retry-After",
    22: "too large, told early: closed, reset, kept open, or read on",
    23: "gives up waiting for the push",
    24: "takes no chunks",
    25: "resets the connection",
    26: "talks much before it reads, or reports before it has read",
    27: "reads slowly",
    28: "is sent a body that fails half-way",
    29: "an advertisement in each shape, and out of shape",
    30: "pkt-lines that are none",
    31: "refs twice, out of place, or without end",
    32: "ref names that no disk and no terminal should see",
    33: "object ids and formats that are none",
    34: "a fetch's answer that breaks the grammar, or never comes to an end",
    35: "side-bands that do not exist, fatal words, keepalives",
    36: "a pack that is damaged in any way",
    37: "a pack that is whole, of a history that is not",
    38: "reports of a push, and what counts as one",
    39: "the connection ends after the report, or within it",
    40: "lacks capabilities",
    41: "a proxy that opens no tunnel, or wants credentials",
    42: "TLS that can not be trusted or agreed on",
    43: "cuts off who falls silent within a body, or uses a connection again",
}


@cache
def _marked() -> dict[int, list[str]]:
    """Return the tests that play each number, by the sources: a run may hold only some of them."""
    found: defaultdict[int, list[str]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        source = path.read_bytes()
        for node in ast.walk(ast.parse(source)) if b"mark.fault" in source else ():
            if isinstance(node, ast.FunctionDef):
                for decorator in node.decorator_list:
                    for number in _numbers(decorator):
                        found[number].append(f"{path.relative_to(TESTS)}::{node.name}")
    return found


def _numbers(decorator: ast.expr) -> list[int]:
    if not (isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.fault"):
        return []
    return [ast.literal_eval(argument) for argument in decorator.args]


@pytest.mark.parametrize("number", FAULTS)
def test_each_fault_of_the_list_is_played_by_a_test(number: int) -> None:
    assert _marked()[number], FAULTS[number]


def test_no_test_plays_a_fault_that_is_not_on_the_list() -> None:
    assert set(_marked()) <= set(FAULTS)
    assert list(FAULTS) == list(range(1, 44))
