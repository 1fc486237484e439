r"""Settings from outside a repository, where git finds them (git-config, "FILES", "ENVIRONMENT").

    files   GIT_CONFIG_SYSTEM or /etc/gitconfig, unless GIT_CONFIG_NOSYSTEM
            GIT_CONFIG_GLOBAL, or else $XDG_CONFIG_HOME/git/config and ~/.gitconfig
    given   GIT_CONFIG_COUNT, GIT_CONFIG_KEY_0, GIT_CONFIG_VALUE_0, …
            GIT_CONFIG_PARAMETERS, which `git -c` sets:  'core.bare=true'     before git 2.31
                                                         'core.bare'='true'   since; 'core.bare'= has no value

The last one counts most. This is for the commands that take git's place. A server or a sync has settings of
its own. Left out: includes.

>>> environment = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_PARAMETERS": r"'a.b'='it'\''s' 'c.d=1'"}
>>> outer_config(environment).given.get("a.b")
"it's"
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from packcore.errors import RepositoryError
from packcore.store.config import GitConfig, OuterConfig, bool_of, folded_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["outer_config", "outer_files"]

_PARAMETERS, _COUNT = "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT"
_QUOTED = re.compile(r"'([^']*)'((?:\\['!]'[^']*')*)")
"""One word, quoted for a shell; `'` and `!` stand outside of the quotes, behind a backslash."""
_KEY = re.compile(r"[A-Za-z0-9-]+\.(?:[^\n]*\.)?[A-Za-z][A-Za-z0-9-]*")


def outer_config(environment: Mapping[str, str]) -> OuterConfig:
    """Return the settings from outside. Raises RepositoryError for what git can't read either."""
    files = [GitConfig.read(path) for path in _system_file(environment)]
    # As with git, a file that this user may not read sets nothing: HOME may still be that of another user.
    files += [GitConfig.read(path) for path in _user_files(environment) if os.access(path, os.R_OK)]
    given = GitConfig([*_counted(environment), *_parameters(environment.get(_PARAMETERS, ""))])
    return OuterConfig(GitConfig([]).followed_by(*files), given)


def outer_files(environment: Mapping[str, str]) -> list[Path]:
    """Return git's config files outside of repositories, which may not exist; the last one counts most."""
    return [*_system_file(environment), *_user_files(environment)]


def _system_file(environment: Mapping[str, str]) -> list[Path]:
    if bool_of("GIT_CONFIG_NOSYSTEM", environment.get("GIT_CONFIG_NOSYSTEM", "")):
        return []
    return _paths(environment.get("GIT_CONFIG_SYSTEM", "/etc/gitconfig"))


def _user_files(environment: Mapping[str, str]) -> list[Path]:
    chosen = environment.get("GIT_CONFIG_GLOBAL")
    if chosen is not None:
        return _paths(chosen)
    home = environment.get("HOME")
    base = environment.get("XDG_CONFIG_HOME") or (home and f"{home}/.config")
    return _paths(base and f"{base}/git/config", home and f"{home}/.gitconfig")


def _paths(*names: str | None) -> list[Path]:
    return [Path(name) for name in names if name]


def _counted(environment: Mapping[str, str]) -> Iterator[tuple[str, str | None]]:
    count = environment.get(_COUNT, "").strip() or "0"
    if not re.fullmatch("[0-9]{1,9}", count):
        raise RepositoryError(f"{_COUNT} is no number of settings: {count[:40]!r}")
    for number in range(int(count)):
        names = [f"GIT_CONFIG_{kind}_{number}" for kind in ("KEY", "VALUE")]
        for name in names:
            if name not in environment:
                raise RepositoryError(f"{_COUNT} is {count}, but {name} isn't set")
        key, value = (environment[name] for name in names)
        yield _checked_key(key, names[0]), value


def _parameters(text: str) -> Iterator[tuple[str, str | None]]:
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        key, at = _quoted_word(text, at)
        value: str | None = None
        if text[at : at + 1] != "=":
            key, equals, rest = key.partition("=")
            value = rest if equals else None
            key = key.strip()
        else:
            at += 1
            if at < len(text) and not text[at].isspace():
                value, at = _quoted_word(text, at)
        if at < len(text) and not text[at].isspace():
            raise _bogus()
        yield _checked_key(key, _PARAMETERS), value


def _quoted_word(text: str, at: int) -> tuple[str, int]:
    """Return a quoted word and the place after it."""
    found = _QUOTED.match(text, at)
    if found is None:
        raise _bogus()
    return found[1] + re.sub(r"\\(['!])'([^']*)'", r"\1\2", found[2]), found.end()


def _bogus() -> RepositoryError:
    return RepositoryError(f"{_PARAMETERS}: its quoting can't be read", hint="`git -c` sets it")


def _checked_key(key: str, where: str) -> str:
    if not _KEY.fullmatch(key):
        raise RepositoryError(f"{where}: {key[:80]!r} is no name of a setting")
    return folded_key(key)
