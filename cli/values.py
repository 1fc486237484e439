"""How words on the command line become values: sizes, patience, lists, headers.

Messages of refused words never repeat what may be a secret.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

if TYPE_CHECKING:
    _ParamType = click.ParamType[Any]  # generic since click 8.3, at type checking time
else:
    _ParamType = click.ParamType

__all__ = ["COMMA_LIST", "HEADER", "LINES", "SECONDS", "SIZE", "is_true"]

_SIZE = re.compile(r"(\d+)(?:([kmgt])(?:i?b)?|b)?\Z", re.IGNORECASE)
_SHIFT = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40}
_FALSE_WORDS = frozenset({"", "0", "false", "no", "off"})


def is_true(word: str | None) -> bool:
    """Tell whether an environment variable switches something on, as git-sync reads its trace switch."""
    return (word or "").strip().lower() not in _FALSE_WORDS


class _Size(_ParamType):
    """Bytes, as `4096`, `64m`, `1g`, `1GiB`; k, m, g and t are powers of 1024, as git's config has them."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        found = _SIZE.match(str(value).strip())
        if not found or len(found[1]) > 19:
            self.fail(f"{value!r} is no size: use a number of bytes, or 64k, 64m, 1g", param, ctx)
        return int(found[1]) << _SHIFT[(found[2] or "").lower()]


class _Seconds(_ParamType):
    """Patience: a positive number, perhaps with `s` or `m` behind it."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, int | float):
            return float(value)
        found = re.match(r"(\d+(?:\.\d+)?)(s|m)?\Z", str(value).strip().lower())
        seconds = float(found[1]) * (60 if found[2] == "m" else 1) if found else 0.0
        if not 0 < seconds < 1e7:
            self.fail(f"{value!r} is no time: use seconds, such as 30, or 5m", param, ctx)
        return seconds


class _CommaList(_ParamType):
    """`a,b` as a tuple of names; the option is repeatable on top of it."""

    name = "name[,name…]"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        names = tuple(part.strip() for part in str(value).split(",") if part.strip())
        if not names:
            self.fail("give at least one name", param, ctx)
        return names


class _Lines(_ParamType):
    """Text; in an environment variable, one value a line (values may hold blanks)."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        text = str(value)
        if "\n" in text or "\0" in text:
            self.fail("a line break or a NUL is not allowed here", param, ctx)
        return text

    def split_envvar_value(self, rv: str) -> Sequence[str]:
        return [line for line in rv.splitlines() if line.strip()]


class _Header(_Lines):
    """`Name: value` of an HTTP header. Its value may be a secret: a refused one is not repeated."""

    name = "name: value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, tuple):
            return value
        name, colon, text = str(value).partition(":")
        name, text = name.strip(), text.strip()
        if not colon or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
            self._refuse("a header is written 'Name: value'", param, ctx)
        if not all(char == "\t" or char.isprintable() for char in text):
            self._refuse(f"the value of header {name} holds a control character", param, ctx)
        return name, text

    def _refuse(self, reason: str, param: click.Parameter | None, ctx: click.Context | None) -> NoReturn:
        self.fail(reason, param, ctx)


SIZE = _Size()
SECONDS = _Seconds()
COMMA_LIST = _CommaList()
LINES = _Lines()
HEADER = _Header()
