"""The name that we give in the protocol's `agent` capability: `packcore/<version>`.

Servers take printable ASCII without spaces. (HTTP's User-Agent is another name, of `schemes.http`.)
"""

from __future__ import annotations

from packcore._version import __version__

__all__ = ["agent"]


def agent() -> str:
    """Return the value of the `agent` capability."""
    return f"packcore/{__version__}"
