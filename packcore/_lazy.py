"""Packages that offer names of their modules, and load a module when a name of it is first asked for.

    packcore.select          the function `select` of `packcore.search.select`
    transport.sync           the function `sync` of the package `transport.sync`

A function may have the name of a module beside it. When Python loads a submodule, it binds it in its package;
for an offered name that binding is refused, so that `transport.sync(...)` always means the function. Use
`from transport.sync import ...` for the other names of the package.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["offer"]


class _LazyPackage(ModuleType):
    """A package with offered names: `_offered` maps a name to the module that holds it."""

    _offered: Mapping[str, str]

    def __getattr__(self, name: str) -> Any:
        home = self._offered.get(name)
        if home is None:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        value = getattr(import_module(home), name)
        self.__dict__[name] = value
        return value

    def __setattr__(self, name: str, value: object) -> None:
        if isinstance(value, ModuleType) and name in self._offered:
            return
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*self.__dict__, *self._offered})


def offer(package: str, names: Mapping[str, tuple[str, ...]]) -> None:
    """Let a package offer names; `names` lists them by the module that holds them."""
    module = sys.modules[package]
    module.__dict__["_offered"] = {name: home for home, held in names.items() for name in held}
    module.__class__ = _LazyPackage
