"""The names that are ours: in the protocol's `agent` capability, and of environment variables.

Servers accept printable ASCII without spaces as agent: `packcore/<version>`. (The User-Agent of HTTP is
different: see `schemes.http`.)
"""

from __future__ import annotations

from packcore._version import __version__

__all__ = ["OWN_VARIABLES", "agent"]

OWN_VARIABLES = ("PACKCORE_", "GITSYNC_")
"""What our own variables begin with. They may hold secrets, and other programs have no use for them."""


def agent() -> str:
    """Return the value of the `agent` capability."""
    return f"packcore/{__version__}"
