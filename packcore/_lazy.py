"""Packages that export names of their modules, and load a module when one of its names is first used.

    packcore.select          the function `select` of `packcore.search.select`
    transport.sync           the function `sync` of `transport.syncing`

No direct submodule may have the same name as an export, because Python sets a submodule as an attribute of
its package when it loads it. A test checks this.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["offer"]


def offer(package: str, names: Mapping[str, tuple[str, ...]]) -> None:
    """Make a package export names (PEP 562); `names` lists them by the module that defines them."""
    namespace = sys.modules[package].__dict__
    homes = {name: home for home, held in names.items() for name in held}

    def load(name: str) -> Any:
        home = homes.get(name)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = namespace[name] = getattr(import_module(home), name)
        return value

    def names_of_package() -> list[str]:
        return sorted({*namespace, *homes})

    namespace["__getattr__"] = load
    namespace["__dir__"] = names_of_package
