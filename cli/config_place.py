"""Where the user's configuration file is. Apart from what reads it, since most runs have none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["default_place"]


def default_place(environment: Mapping[str, str]) -> str | None:
    """Return the user's own file, if there is one."""
    home = environment.get("XDG_CONFIG_HOME") or ""
    if not home.startswith("/"):  # the standard says to ignore it
        own = environment.get("HOME") or environment.get("USERPROFILE")
        if not own:
            return None
        home = str(Path(own) / ".config")
    path = Path(home) / "packcore" / "packcore.toml"
    return str(path) if path.is_file() else None
