"""Refs as people name them: globs, exact names, and exclusions.

    refs/heads/release/*     every branch below release/; * stands for any characters, slashes too
    release/*                the same: a name that doesn't begin with refs/ is a branch's
    refs/tags/v?.[0-9]*      ? is one character, [0-9] one of these
    refs/heads/main          that ref alone
    !refs/heads/tmp/*        none of these, whatever else names them

A ref is in scope if a pattern fits it and none with an exclamation mark does; the order doesn't matter. An
excluded exact name excludes that ref alone; a prefix excludes every ref that begins with it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fnmatch import translate
from typing import NamedTuple

from packcore.refs import is_valid_ref_name
from transport.errors import InvalidRequest

__all__ = ["RefPattern", "RefPatterns"]

_WILD = r"[*?\[]"
_HEADS, _REFS = "refs/heads/", "refs/"
_LENGTH_MAX = 4096
_STARS_MAX = 16


@dataclass(frozen=True, slots=True)
class RefPattern:
    """One pattern, without its exclamation mark."""

    text: str
    is_exact: bool
    prefix: str
    """Every ref that fits begins with this."""
    _fits: re.Pattern[str] = field(compare=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> RefPattern:
        """Read a glob or a name. Raises InvalidRequest."""
        full = text if text.startswith(_REFS) else _HEADS + text
        wild = re.search(_WILD, full)
        example = re.sub(r"\*+|\?|\[[^]]*\]?", "x", full).removesuffix("/")
        if not text or len(full) > _LENGTH_MAX or not is_valid_ref_name(example):
            raise InvalidRequest(
                f"no pattern of refs: {text[:80]!r}",
                hint="write it as refs/heads/release/*, release/*, or !refs/heads/tmp/* to leave refs out",
            )
        if full.count("*") > _STARS_MAX:
            raise InvalidRequest(f"a pattern of refs with more than {_STARS_MAX} stars: {text[:80]!r}")
        prefix = full if wild is None else full[: wild.start()]
        return cls(full, wild is None, prefix, re.compile(translate(full)))

    def fits(self, name: str) -> bool:
        """Return whether a ref's full name fits."""
        return name == self.text if self.is_exact else self._fits.match(name) is not None


class RefPatterns(NamedTuple):
    """All patterns of a scope."""

    wanted: tuple[RefPattern, ...] = ()
    unwanted: tuple[RefPattern, ...] = ()

    @classmethod
    def parse(cls, texts: tuple[str, ...]) -> RefPatterns:
        """Read patterns; `!` marks those that exclude. Raises InvalidRequest."""
        return cls(
            tuple(RefPattern.parse(text) for text in texts if not text.startswith("!")),
            tuple(RefPattern.parse(text[1:]) for text in texts if text.startswith("!")),
        )

    @property
    def exact(self) -> frozenset[str]:
        """The refs that are wanted by their names."""
        return frozenset(pattern.text for pattern in self.wanted if pattern.is_exact)

    def wants(self, name: str) -> bool:
        """Return whether a pattern asks for a ref."""
        return any(pattern.fits(name) for pattern in self.wanted)

    def takes_out(self, name: str) -> bool:
        """Return whether a pattern excludes a ref."""
        return any(pattern.fits(name) for pattern in self.unwanted)

    def may_want_below(self, folder: str) -> bool:
        """Return whether a pattern may ask for a ref below a folder (`refs/heads/`)."""
        return any(
            pattern.prefix.startswith(folder) or folder.startswith(pattern.prefix) for pattern in self.wanted
        )
