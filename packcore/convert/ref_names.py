r"""Refs whose name contains the id of an object are renamed with the object.

    refs/replace/<id>                        what git reads in place of an object
    refs/keep-around/<id>, refs/bisect/good-<id>, …    similar refs of hosts and tools

Branches, tags, remote-tracking branches and notes keep their names, because people chose them.

>>> ids = {b"\1" * 20: b"\2" * 32}
>>> new_name("refs/bisect/good-" + "01" * 20, ids)[:20]
'refs/bisect/good-020'
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packcore.ids import ObjectId
from packcore.refs import REPLACE_PREFIX

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

__all__ = ["NOTES_PREFIX", "new_name", "replaces_nothing"]

_ID = re.compile(r"(?<![0-9A-Za-z])[0-9a-fA-F]{40}(?![0-9A-Za-z])")
NOTES_PREFIX = "refs/notes/"
_CHOSEN = ("refs/heads/", "refs/tags/", "refs/remotes/", NOTES_PREFIX)


def new_name(name: str, ids: Mapping[ObjectId, ObjectId]) -> str:
    """Return the name of a ref with its ids replaced; ids that aren't in `ids` stay."""
    if name.startswith(_CHOSEN):
        return name

    def renamed(match: re.Match[str]) -> str:
        new = ids.get(ObjectId(bytes.fromhex(match[0])))
        return match[0] if new is None else new.hex()

    return _ID.sub(renamed, name)


def replaces_nothing(name: str, known: Container[ObjectId]) -> bool:
    """Return whether this is a replace ref for an object that isn't known."""
    replaced = name.removeprefix(REPLACE_PREFIX)
    is_one = name.startswith(REPLACE_PREFIX) and _ID.fullmatch(replaced) is not None
    return is_one and ObjectId(bytes.fromhex(replaced)) not in known
