"""Session ids, by which the logs of a client and of a server are brought together.

    session-id=20261130T055103.120934Z-R5f3c77ab-P00001f40

The capability is offered where `transfer.advertiseSID` is set, and a client that is told of it may send its
own. An id begins with that of the process that started this one, if git names it (GIT_TRACE2_PARENT_SID).
Specified in gitprotocol-capabilities and gitprotocol-v2. Unlike git's, an id says nothing about the machine.
"""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Session", "client_session", "new_session_id"]

_PRINTABLE = re.compile(rb"[!-~]{1,255}")
"""A longer one is no id: it would fill a log."""


def new_session_id(parent: str = "") -> str:
    """Return an id that no other session has."""
    seconds, nanoseconds = divmod(time.time_ns(), 10**9)
    moment = time.strftime("%Y%m%dT%H%M%S", time.gmtime(seconds))
    own = f"{moment}.{nanoseconds // 1000:06}Z-R{os.urandom(4).hex()}-P{os.getpid():08x}"
    return f"{parent}/{own}" if parent else own


@dataclass(frozen=True, slots=True)
class Session:
    """One conversation with a client, and who hears of it."""

    id: str = field(default_factory=new_session_id)
    note: Callable[[str, str], None] = lambda _key, _value: None
    """Takes what becomes known, by git's names: `client-sid`, `negotiated-version`."""

    def note_client(self, words: Iterable[bytes]) -> None:
        """Note the client's id, if it is among its capabilities."""
        for word in words:
            if word.startswith(b"session-id=") and (theirs := client_session(word)) is not None:
                self.note("client-sid", theirs)


def client_session(word: bytes) -> str | None:
    """Return the id that a capability holds; None for one that can't be an id.

    >>> client_session(b"session-id=x/y"), client_session(b"session-id=a b")
    ('x/y', None)
    """
    value = word.removeprefix(b"session-id=")
    return value.decode("ascii") if _PRINTABLE.fullmatch(value) else None
