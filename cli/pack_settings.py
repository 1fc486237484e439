"""Settings of git that say how `pack-objects` packs, where an option doesn't.

    pack.compression, else core.compression    --compression; -1 means the usual level
    pack.depth  pack.window                    --depth  --window
    pack.windowMemory                          --window-memory; 0 means the usual limit

Specified in git-config.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from packcore.store.config import GitConfig
    from transport.selection import SelectionOptions

__all__ = ["with_settings"]

_DEPTH_MAX, _WINDOW_MAX = 4095, 10_000


def with_settings(selection: SelectionOptions, config: GitConfig) -> SelectionOptions:
    """Return how to pack, as the options of this run and then the settings say. Raises RepositoryError."""
    levels = [config.get_number(f"{section}.compression", -1, 9) for section in ("pack", "core")]
    found = {
        "compression": next((level for level in levels if level is not None), None),
        "depth": _at_most(config, "depth", _DEPTH_MAX),
        "window": _at_most(config, "window", _WINDOW_MAX),
        "window_memory": config.get_size("pack.windowMemory"),
    }
    limits = {
        name: number
        for name, number in found.items()
        if number is not None and number >= 0 and not _is_given(name)
    }
    changed = replace(selection, limits=replace(selection.limits, **limits))
    return changed.without_search() if limits.get("window") == 0 and not _is_given("strategy") else changed


def _at_most(config: GitConfig, name: str, most: int) -> int | None:
    number = config.get_number(f"pack.{name}", -(10**9), 10**9)
    return None if number is None else min(max(number, 0), most)


def _is_given(name: str) -> bool:
    """Whether an option of this run says it, be it on the command line or in packcore's own settings."""
    return click.get_current_context().get_parameter_source(name) is not ParameterSource.DEFAULT
