"""The name that we send in the protocol's `agent` capability: `packcore/<version>`.

Servers accept printable ASCII without spaces. (The User-Agent of HTTP is different: see `schemes.http`.)
"""

from __future__ import annotations

from packcore._version import __version__

__all__ = ["agent"]


def agent() -> str:
    """Return the value of the `agent` capability."""
    return f"packcore/{__version__}"
