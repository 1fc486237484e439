"""The name that we give to servers: `packcore/<version>`, or `git/packcore-<version>` in HTTP's header.

Servers accept only printable ASCII without spaces in an agent, and some take only clients whose
User-Agent starts with `git/`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version

__all__ = ["agent", "user_agent"]


@lru_cache(maxsize=1)
def _version() -> str:
    try:
        return re.sub(r"[^0-9A-Za-z.+-]", "-", version("packcore"))
    except PackageNotFoundError:  # run from a checkout that isn't installed
        return "0"


def agent() -> str:
    """Return the value of the `agent` capability."""
    return f"packcore/{_version()}"


def user_agent() -> str:
    """Return the value of the User-Agent header."""
    return f"git/packcore-{_version()}"
