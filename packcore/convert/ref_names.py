r"""Refs whose name holds an object's id: renamed with the object.

    refs/replace/<id>                        what git reads in place of an object
    refs/keep-around/<id>, refs/bisect/good-<id>, …    whatever a host or a tool keeps in the same way

Branches, tags, remote-tracking branches and notes keep their names: people chose those.

>>> ids = {b"\1" * 20: b"\2" * 32}
>>> new_name("refs/bisect/good-" + "01" * 20, ids)[:20]
'refs/bisect/good-020'
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packcore.ids import ObjectId

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

__all__ = ["NOTES_PREFIX", "REPLACE_PREFIX", "new_name", "replaces_nothing"]

_ID = re.compile(r"(?<![0-9A-Za-z])[0-9a-fA-F]{40}(?![0-9A-Za-z])")
NOTES_PREFIX = "refs/notes/"
REPLACE_PREFIX = "refs/replace/"
_CHOSEN = ("refs/heads/", "refs/tags/", "refs/remotes/", NOTES_PREFIX)


def new_name(name: str, ids: Mapping[ObjectId, ObjectId]) -> str:
    """Return a ref's name with the ids in it renamed; those of no object in `ids` stay."""
    if name.startswith(_CHOSEN):
        return name

    def renamed(match: re.Match[str]) -> str:
        new = ids.get(ObjectId(bytes.fromhex(match[0])))
        return match[0] if new is None else new.hex()

    return _ID.sub(renamed, name)


def replaces_nothing(name: str, known: Container[ObjectId]) -> bool:
    """Whether this is a replace ref of an object that isn't known."""
    replaced = name.removeprefix(REPLACE_PREFIX)
    is_one = name.startswith(REPLACE_PREFIX) and _ID.fullmatch(replaced) is not None
    return is_one and ObjectId(bytes.fromhex(replaced)) not in known
