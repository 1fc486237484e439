"""The options that an error names, spelled as on the command line: with dashes.

    option="prune_limit"         prune_limit sets how many   ->  --prune-limit sets how many
    option='optimize="x"'        optimize="x" selects        ->  --optimize x selects
    option="jobs window_memory"  fewer jobs, or a smaller window_memory, each with its dashes

The library's errors speak of fields and arguments, since its users have no command line.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packcore.errors import PackcoreError

__all__ = ["spelled_hint", "spelled_message"]

_SPELLINGS = {
    "branches": "--branch",
    "ca_bundle": "--source-ca-bundle or --target-ca-bundle",
    "exclude_ref_prefixes": "--exclude-ref-prefix",
    "origin_notes=False": "--no-origin-notes",
}
"""Spellings that don't follow from the name."""


def spelled_hint(error: PackcoreError) -> str | None:
    """Return an error's hint for the command line, or None."""
    return error.hint and _spelled(error.hint, error.option.split())


def spelled_message(error: PackcoreError) -> str:
    """Return an error's message for the command line.

    In a message only a name with an underscore is an option; others are plain words, as in "atomic pushes".
    """
    return _spelled(str(error), [option for option in error.option.split() if "_" in option])


def _spelled(text: str, options: Sequence[str]) -> str:
    for option in options:
        text = re.sub(rf"(?<![\w-]){re.escape(option)}(?!\w)", _flag(option), text)
    return text


def _flag(option: str) -> str:
    if option in _SPELLINGS:
        return _SPELLINGS[option]
    name, _, value = option.partition("=")
    return " ".join(filter(None, ("--" + name.replace("_", "-"), value.strip('"'))))
