"""Which ref names a repository can hold as files: git's rules allow longer ones than a disk does.

    <folder>/logs/refs/heads/topic.lock     in all, within the system's longest path
                                  -----     added while the ref is written
                       -----              each part within the longest file name

git writes a ref of any depth that the path allows, so existing ones may be deep. We refuse to make a new one
with more than REF_PARTS_MAX parts, since some program that walks the folders will recurse.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from packcore.refs import encode_ref_name

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["REF_PARTS_MAX", "RefNameLimits", "ref_name_fault"]

REF_PARTS_MAX = 128
"""Most parts of a new ref's name."""
_NAME_BYTES_MAX = 255
_PATH_BYTES_MAX = 4096
_LOCK = b".lock"
_LOGS = b"logs/"


def ref_name_fault(name: str, folder: Path) -> str | None:
    """Return why a ref of this name can't be made in a repository's folder; None if it can."""
    return RefNameLimits.of(folder).fault(encode_ref_name(name))


class RefNameLimits(NamedTuple):
    """What a folder's disk allows: found once, for many names."""

    part_bytes: int
    name_bytes: int

    @classmethod
    def of(cls, folder: Path) -> RefNameLimits:
        """Get the limits from the system."""
        name_bytes_max = _system_limit(folder, "PC_NAME_MAX", _NAME_BYTES_MAX)
        around = len(os.fsencode(os.path.abspath(folder))) + len(b"/" + _LOGS + _LOCK + b"\0")  # noqa: PTH100
        return cls(name_bytes_max, _system_limit(folder, "PC_PATH_MAX", _PATH_BYTES_MAX) - around)

    def fault(self, name: bytes) -> str | None:
        """Return why a ref of this name can't be made; None if it can."""
        if len(name) <= min(REF_PARTS_MAX, self.part_bytes - len(_LOCK), self.name_bytes):
            return None  # neither the whole nor any part is too long
        parts = name.split(b"/")
        if len(parts) > REF_PARTS_MAX:
            return f"its name has more than {REF_PARTS_MAX} parts"
        if max(*map(len, parts[:-1]), len(parts[-1] + _LOCK)) > self.part_bytes:
            return "a part of its name is too long for a file"
        return "its name is too long for a path" if len(name) > self.name_bytes else None


def _system_limit(folder: Path, name: str, default: int) -> int:
    try:
        limit = os.pathconf(folder, name)
    except (AttributeError, OSError, ValueError):  # the system doesn't report it
        return default
    return limit if limit > 0 else default
