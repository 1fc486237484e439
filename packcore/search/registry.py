"""Find strategies by name: files in a folder of the engine, and entry points of other distributions.

    packcore/search/strategies/<file>.py     one class with a `name`    found by scanning the folder
    entry point group packcore.strategies    a class with a `name`      found by importlib.metadata
    FILE.py:CLASS                            a class of any file        only if it is asked for (`own_file`)

Two plug-ins of one name are an error, and so is one that can't be imported: nothing is skipped silently.
`get_strategy` returns a built-in strategy without looking at other distributions, because that takes half as
long as everything else that a short command imports. `strategies` looks at all of them.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from packcore.errors import PluginError
from packcore.search import strategies as strategies_package

if TYPE_CHECKING:
    from collections.abc import Iterable
    from importlib.metadata import EntryPoints

    from packcore.search.strategy import Strategy

__all__ = ["ENTRY_POINT_GROUP", "get_strategy", "strategies"]

ENTRY_POINT_GROUP = "packcore.strategies"


@cache
def strategies() -> dict[str, type[Strategy]]:
    """Return all strategies, sorted by name. Raises PluginError for a duplicate or a broken one."""
    found: dict[str, type[Strategy]] = {}
    for origin, strategy in (*_in_folder(), *_in_entry_points()):
        name = strategy.name
        if name in found:
            raise PluginError(f"two delta strategies are named {name!r}; the second is {origin}")
        found[name] = strategy
    return dict(sorted(found.items()))


def get_strategy(name: str) -> type[Strategy]:
    """Return the strategy of that name, or of `FILE.py:CLASS`.

    Raises PluginError, which lists all names, if there is none, or what is wrong with the file.
    """
    if ".py:" in name:
        from packcore.search.own_file import OWN_FILE, strategy_of_file

        if (of_file := OWN_FILE.match(name)) is not None:
            return strategy_of_file(of_file["path"], of_file["name"])
    own = _own(name)
    if own is not None:
        return own
    known = strategies()
    if name not in known:
        hint = f"there are: {', '.join(known)}"
        if ".py" in name:
            hint += "; one of your own is named by FILE.py:CLASS"
        raise PluginError(f"no delta strategy is called {name!r}", hint=hint)
    return known[name]


def entry_points(*, group: str) -> EntryPoints:
    """Return the entry points of installed distributions; imports `importlib.metadata` only when called."""
    return importlib.import_module("importlib.metadata").entry_points(group=group)  # type: ignore[no-any-return]


@cache
def _own(name: str) -> type[Strategy] | None:
    """Return the built-in strategy of that name, or None if there is none in a file of the same name."""
    file_name = name.replace("-", "_")
    if file_name not in _files():
        return None
    strategy = _in_file(f"{strategies_package.__name__}.{file_name}")
    return strategy if strategy.name == name else None


def _files() -> list[str]:
    return [module_info.name for module_info in pkgutil.iter_modules(strategies_package.__path__)]


def _in_folder() -> Iterable[tuple[str, type[Strategy]]]:
    for file_name in _files():
        module_name = f"{strategies_package.__name__}.{file_name}"
        yield module_name, _in_file(module_name)


def _in_file(module_name: str) -> type[Strategy]:
    module = importlib.import_module(module_name)
    classes = [
        value for _, value in inspect.getmembers(module, inspect.isclass) if _is_own(value, module_name)
    ]
    if len(classes) != 1:
        raise PluginError(f"{module_name} must hold exactly one strategy class, not {len(classes)}")
    return cast("type[Strategy]", classes[0])


def _is_own(value: type[Any], module_name: str) -> bool:
    return value.__module__ == module_name and isinstance(getattr(value, "name", None), str)


def _in_entry_points() -> Iterable[tuple[str, type[Strategy]]]:
    from packcore.search.own_file import REQUIRED

    for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: (point.name, point.value)):
        try:
            strategy = point.load()
        except Exception as error:
            raise PluginError(f"the strategy plug-in {point.value} can't be loaded: {error}") from error
        missing = [attribute for attribute in REQUIRED if not hasattr(strategy, attribute)]
        if missing:
            raise PluginError(f"the strategy plug-in {point.value} has no {missing[0]!r}")
        yield point.value, strategy
