"""A call of one of git's commands, in the words of packcore's command of that name.

git looks for the repository from the folder it runs in; packcore is given its path. git always runs hooks;
packcore only with --hooks. Everything else is passed on unchanged. What packcore does not offer is named.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Globals", "Known", "Translated", "known_options", "settings_given", "split_globals", "translate"]

_REPOSITORY_FIRST = {"cat-file", "fsck", "pack-objects", "rev-list", "unpack-objects"}
_REPOSITORY_OPTION = {"index-pack", "verify-pack"}
_ALWAYS = {"receive-pack": ["--hooks"], "http-backend": ["--hooks"]}
_PARAMETERS = "GIT_CONFIG_PARAMETERS"
_NUMBER = re.compile(r"-[0-9]+\Z")
"""Of commands that count: the same as --max-count."""
_GLOBALS_WITH_VALUE = {"-C", "-c", "--git-dir", "--work-tree", "--namespace", "--config-env"}


@dataclass(slots=True)
class Globals:
    """What stands before git's command."""

    folder: str = "."
    namespace: str | None = None
    others: list[str] = field(default_factory=list)
    """All but -C."""


@dataclass(frozen=True, slots=True)
class Known:
    """One option that packcore's command offers."""

    takes_value: bool
    value_is_optional: bool = False


@dataclass(frozen=True, slots=True)
class Translated:
    """Arguments for packcore, and the options among git's that it doesn't offer."""

    arguments: list[str]
    not_offered: list[str]


def split_globals(words: Sequence[str]) -> tuple[Globals, list[str]]:
    """Split git's arguments before the command's name."""
    found = Globals()
    place = 0
    while place < len(words) and words[place].startswith("-"):
        width = 2 if words[place] in _GLOBALS_WITH_VALUE else 1
        option, value = words[place], words[place + width - 1]
        if option == "-C":
            found.folder = value if value.startswith("/") else f"{found.folder}/{value}"
        else:
            found.others += words[place : place + width]
            if option.startswith("--namespace"):
                found.namespace = value.removeprefix("--namespace=")
        place += width
    return found, list(words[place:])


def settings_given(words: Sequence[str], environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variable in which git passes the settings of `-c` and `--config-env` on (git, git-config).

    >>> settings_given(["-c", "core.bare=no", "-c", "a.b"], {})
    {'GIT_CONFIG_PARAMETERS': "'core.bare'='no' 'a.b'="}
    """
    found = [environment[_PARAMETERS]] if environment.get(_PARAMETERS) else []
    for option, value in pairwise(words):
        key, equals, text = value.rpartition("=") if option == "--config-env" else value.partition("=")
        if option == "--config-env":
            text = environment[text]
        if option in ("-c", "--config-env"):
            found.append(f"{_quoted(key)}={_quoted(text) if equals else ''}")
    return {_PARAMETERS: " ".join(found)} if found else {}


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def known_options(command: click.Command) -> dict[str, Known]:
    """Return each option of a command, by each of its names."""
    return {
        name: Known(
            takes_value=not (parameter.is_flag or parameter.count),
            value_is_optional=bool(getattr(parameter, "_flag_needs_value", False)),
        )
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for name in (*parameter.opts, *parameter.secondary_opts)
    }


def translate(
    command: str, words: Sequence[str], known: Mapping[str, Known], repository: str | None
) -> Translated:
    """Return packcore's arguments for `git COMMAND WORDS`."""
    out: list[str] = [command, *_ALWAYS.get(command, [])]
    if command in _REPOSITORY_FIRST:
        out.append(repository or ".")
    elif command in _REPOSITORY_OPTION and repository and "--repo" in known:
        out += ["--repo", repository]
    return Translated(out + list(words), _not_offered(words, known))


def _not_offered(words: Sequence[str], known: Mapping[str, Known]) -> list[str]:
    missing: list[str] = []
    is_value = False
    for word in words:
        if is_value:
            is_value = False
            continue
        if word in ("--", "--end-of-options"):
            break
        if _NUMBER.match(word) and "--max-count" in known:
            continue
        if not word.startswith("-") or word == "-":
            continue
        name, equals, _ = word.partition("=")
        if name in known:
            is_value = known[name].takes_value and not known[name].value_is_optional and not equals
        elif name.startswith("--") or not _is_cluster(word, known):
            missing.append(name)
    return missing


def _is_cluster(word: str, known: Mapping[str, Known]) -> bool:
    """Tell whether a word is made of short options: `-st`, `-n5`."""
    for letter in word[1:]:
        if f"-{letter}" not in known:
            return False
        if known[f"-{letter}"].takes_value:
            return True
    return True
