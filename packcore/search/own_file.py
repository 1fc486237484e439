"""A strategy of a user's own, in a file that is named where a strategy's name is: `FILE.py:CLASS`.

The file is run, like any program that its user starts. Nothing looks for such files by itself. A strategy
that travels to another process takes the name of its file along, and is read there again.
"""

from __future__ import annotations

import copyreg
import re
import sys
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from inspect import getmembers, isclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from packcore.errors import PluginError

if TYPE_CHECKING:
    from packcore.search.strategy import Strategy

__all__ = ["OWN_FILE", "REQUIRED", "strategy_of_file"]

REQUIRED = ("name", "description", "cites", "parameters", "reuses_deltas", "choose", "make_delta")
"""What each strategy has."""
OWN_FILE = re.compile(r"(?P<path>.+\.py):(?P<name>[^\W\d]\w*)\Z")


@cache
def strategy_of_file(path: str, name: str) -> type[Strategy]:
    """Return the class of that name.

    Raises PluginError if the file can't be run, or has no such strategy.
    """
    if not Path(path).is_file():
        raise PluginError(f"there is no file {path}")
    module_name = "packcore_own_" + re.sub(r"\W", "_", path)
    spec = spec_from_file_location(module_name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[module_name] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise PluginError(f"{path} can't be run: {type(error).__name__}: {error}") from error
    found = getattr(module, name, None)
    if not isclass(found):
        own = [each for each, kind in getmembers(module, isclass) if kind.__module__ == module_name]
        raise PluginError(f"{path} has no class {name}", hint=f"it has {', '.join(own) or 'none'}")
    missing = [attribute for attribute in REQUIRED if not hasattr(found, attribute)]
    if missing:
        raise PluginError(
            f"{path}: {name} has no {missing[0]!r}",
            hint="packcore.EngineStrategy has all but its names, parameters and choose",
        )
    copyreg.pickle(found, lambda strategy: (_revived, (path, name, strategy.__dict__)))
    return cast("type[Strategy]", found)


def _revived(path: str, name: str, fields: dict[str, Any]) -> Strategy:
    kind = strategy_of_file(path, name)
    strategy: Strategy = kind.__new__(kind)
    strategy.__dict__.update(fields)
    return strategy
