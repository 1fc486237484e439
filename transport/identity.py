r"""Who a push is logged as: the committer in the lines of a reflog.

    a path          GIT_COMMITTER_NAME and …_EMAIL, committer.* and user.* from the config files of the
                    repository, the user and the system, EMAIL, and what this machine knows about the user
    over HTTP       the name that signed in, or anonymous, at `http.` plus the address of the client

Same as in git and git http-backend (git-var, git-http-backend). `signature` removes characters from name and
mail that a reflog line can't contain.

>>> signature(Identity("A <b> U.", "a@example.com"), 1112911993, "-0700")
b'A b U. <a@example.com> 1112911993 -0700'
"""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import RepositoryError
from packcore.store.config import GitConfig
from transport.outer_config import outer_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

__all__ = ["Identity", "http_identity", "own_identity", "own_signature", "signature", "signature_now"]

_CRUD = "".join(map(chr, range(33))) + ",:;<>\"\\'"
"""Characters stripped from both ends, as in git; git 2.39 strips dots too."""
_RAW_DATE = re.compile(r"@?([0-9]{1,18}) ([+-][0-9]{4})")


class Identity(NamedTuple):
    """A name and a mail address."""

    name: str
    email: str


def signature(identity: Identity, seconds: int, zone: str) -> bytes:
    """Return `Name <mail> seconds zone`; `seconds` since 1970."""
    name, email = (re.sub(r"[<>\n\0]", "", text.strip(_CRUD)) for text in identity)
    return f"{name} <{email}> {seconds} {zone}".encode("utf-8", "surrogateescape")


def signature_now(identity: Identity) -> bytes:
    """Return the signature for the current time, in the time zone of this machine."""
    seconds = int(time.time())
    return signature(identity, seconds, time.strftime("%z", time.localtime(seconds)))


def http_identity(user: str | None, address: str) -> Identity:
    """Return who pushes over HTTP; `user` is None if no one signed in."""
    name = user or "anonymous"
    return Identity(name, f"{name}@http.{address}")


def own_signature(environment: Mapping[str, str], config: GitConfig) -> bytes:
    """Return the signature of the user of this program; GIT_COMMITTER_DATE sets its time."""
    identity = own_identity(environment, config)
    date = environment.get("GIT_COMMITTER_DATE", "").strip()
    if match := _RAW_DATE.fullmatch(date):
        return signature(identity, int(match[1]), match[2])
    with suppress(ValueError, OverflowError, OSError):
        moment = datetime.fromisoformat(date).astimezone()
        return signature(identity, int(moment.timestamp()), moment.strftime("%z"))
    return signature_now(identity)


def own_identity(environment: Mapping[str, str], config: GitConfig) -> Identity:
    """Return the user of this program; `config` is that of the repository."""
    configs = [config, *_readable(reversed(outer_files(environment)))]

    def of(variable: str, *keys: str) -> str | None:
        found = (config.get(key) for key in keys for config in configs)
        return environment.get(variable) or next(filter(None, found), None)

    name = of("GIT_COMMITTER_NAME", "committer.name", "user.name")
    email = of("GIT_COMMITTER_EMAIL", "committer.email", "user.email") or environment.get("EMAIL")
    if name is None or email is None:
        login, full_name = _user_here()
        import platform

        name, email = name or full_name or login, email or f"{login}@{platform.node() or 'localhost'}"
    return Identity(name, email)


def _readable(paths: Iterable[Path]) -> Iterator[GitConfig]:
    for path in paths:
        with suppress(RepositoryError):
            yield GitConfig.read(path)


def _user_here() -> tuple[str, str]:
    """Return the login and full name of the user that this program runs as."""
    try:
        import pwd

        entry = pwd.getpwuid(os.getuid())
    except (ImportError, KeyError):  # not POSIX, or a user without a name
        return "unknown", ""
    full_name = entry.pw_gecos.partition(",")[0].replace("&", entry.pw_name.capitalize())
    return entry.pw_name, full_name
