"""Reads columns.toml: what a column is, what a suite is, and which of them a command line names."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeVar

__all__ = ["HERE", "Column", "MatrixError", "Suite", "Table", "load"]

HERE = Path(__file__).resolve().parent
_DEPENDENCIES = ("locked", "lowest", "newest")
_TYPES = {"str": (str, "a text"), "tuple[str, ...]": (list, "a list"), "dict[str, str]": (dict, "a table")}
_Entry = TypeVar("_Entry", "Column", "Suite")


class MatrixError(Exception):
    """The table, or what the command line asks of it, is wrong."""


@dataclass(frozen=True, slots=True)
class Column:
    """One set of git, Python and dependencies."""

    name: str
    about: str
    debian: str = ""
    python: str = ""
    packages: tuple[str, ...] = ()
    setup: str = ""
    dependencies: str = "locked"
    without: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    leave_out: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.dependencies not in _DEPENDENCIES:
            raise MatrixError(f"column {self.name}: dependencies are one of {', '.join(_DEPENDENCIES)}")
        if not self.debian and not self.python:
            raise MatrixError(f"column {self.name}: names neither a debian nor a python")
        if not self.debian and (self.packages or self.setup):
            raise MatrixError(f"column {self.name}: packages and setup need a debian to go to")


@dataclass(frozen=True, slots=True)
class Suite:
    """One part of the tests: arguments of pytest, or a script."""

    name: str
    about: str
    pytest: tuple[str, ...] = ()
    script: str = ""

    def __post_init__(self) -> None:
        if bool(self.pytest) == bool(self.script):
            raise MatrixError(f"suite {self.name}: give either pytest or script")


@dataclass(frozen=True, slots=True)
class Table:
    """All columns and suites in their order, and the names of sets of them."""

    columns: dict[str, Column]
    suites: dict[str, Suite]
    sets: dict[str, tuple[str, ...]]
    suite_sets: dict[str, tuple[str, ...]]

    def pick_columns(self, asked: str = "") -> list[Column]:
        """Return the columns that a list of names, patterns and sets asks for, in the table's order."""
        return [self.columns[name] for name in _pick("column", asked, self.columns, self.sets)]

    def pick_suites(self, asked: str = "") -> list[Suite]:
        """Return the suites that a list of names, patterns and sets asks for, in the table's order."""
        return [self.suites[name] for name in _pick("suite", asked, self.suites, self.suite_sets)]


def load(path: Path = HERE / "columns.toml") -> Table:
    """Read the table. MatrixError if an entry has a key that nothing reads, or names what isn't there."""
    try:
        text = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as problem:
        raise MatrixError(f"{path}: {problem}") from problem
    columns = {name: _build(Column, name, entry) for name, entry in text.get("columns", {}).items()}
    for column in columns.values():
        column.leave_out.update(text.get("debian", {}).get(column.debian, {}).get("leave_out", {}))
    suites = {name: _build(Suite, name, entry) for name, entry in text.get("suites", {}).items()}
    sets = {name: tuple(members) for name, members in text.get("sets", {}).items()}
    suite_sets = {name: tuple(members) for name, members in text.get("suite_sets", {}).items()}
    table = Table(columns, suites, sets, suite_sets)
    for name in sets:
        table.pick_columns(name)
    for name in suite_sets:
        table.pick_suites(name)
    return table


def _build(kind: type[_Entry], name: str, entry: dict[str, Any]) -> _Entry:
    known = {each.name for each in fields(kind)} - {"name"}
    if unknown := sorted(entry.keys() - known):
        raise MatrixError(f"{kind.__name__.lower()} {name}: unknown key {', '.join(unknown)}")
    if "about" not in entry:
        raise MatrixError(f"{kind.__name__.lower()} {name}: says nothing about itself")
    values: dict[str, Any] = {}
    for each in fields(kind):
        if each.name in entry:
            type_, called = _TYPES[str(each.type)]
            if not isinstance(entry[each.name], type_):
                raise MatrixError(f"{kind.__name__.lower()} {name}: {each.name} is not {called}")
            values[each.name] = tuple(entry[each.name]) if type_ is list else entry[each.name]
    return kind(name=name, **values)


def _pick(kind: str, asked: str, known: dict[str, Any], sets: dict[str, tuple[str, ...]]) -> list[str]:
    words = asked.replace(",", " ").split() or ["*"]
    words = [member for word in words for member in sets.get(word, (word,))]
    for word in words:
        if not any(fnmatchcase(name, word) for name in known):
            raise MatrixError(f"no {kind} {word}; there are {', '.join([*known, *sets])}")
    return [name for name in known if any(fnmatchcase(name, word) for word in words)]
