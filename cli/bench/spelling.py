"""A strategy with its parameters in one word, for the command line.

chunk-window                    without parameters
git-window:names=0:go_git=1     a parameter after each colon
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.errors import PluginError
from packcore.search.registry import get_strategy

if TYPE_CHECKING:
    from packcore.search.strategy import Strategy

__all__ = ["spelt_strategy"]


def spelt_strategy(word: str) -> Strategy:
    """Return the strategy for a name, or FILE.py:CLASS, followed by integer parameters.

    Raises PluginError for an unknown strategy or parameter, or a value that is not a number.

    >>> spelt_strategy("git-window:names=0:window=50").values["window"]
    50
    """
    name, *settings = word.split(":")
    if name.endswith(".py") and settings:
        name = f"{name}:{settings.pop(0)}"
    strategy = get_strategy(name)
    parameters: dict[str, int] = {}
    for setting in settings:
        key, _, value = setting.partition("=")
        if not (value.isascii() and value.isdigit() and len(value) <= 18):
            raise PluginError(
                f"{word!r}: {setting!r} is not a parameter with a number",
                hint="write them as name=number after a colon: git-window:names=0",
            )
        parameters[key] = int(value)
    return strategy(**parameters)
