"""The faults that our server has on purpose, when asked to: as words, and as a value.

    packcore serve DIR --allow-push --simulate idle-cut=3s,no-chunked,body-limit=1M

`FAULTS` is the list; the command's help is made from it. What they do is in `server.simulation`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from transport.errors import InvalidOption
from transport.safe_text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FAULTS", "Fault", "Simulation"]


class Fault(NamedTuple):
    """One fault that can be asked for."""

    name: str
    value: str
    """What stands behind its `=`: "" for nothing."""
    text: str


FAULTS = (
    Fault("idle-cut", "SECONDS", "cut who falls silent for so long within a request's body"),
    Fault("no-chunked", "", "refuse chunked bodies with 411"),
    Fault("body-limit", "SIZE", "refuse longer bodies with 413, when that much has come"),
    Fault("cut-after", "SIZE", "cut the connection after so much of a body, either way"),
    Fault("slow", "SIZE", "pass on so many bytes a second, either way"),
    Fault("status", "CODE[:N]", "answer with this status (the first N requests only)"),
    Fault("sign-in", "", "send who has no credentials to a page to sign in, not 401"),
    Fault("no-v2", "", "speak protocol v0 and v1 only"),
    Fault("service-line", "", "put `# service` before v2's capabilities, too"),
    Fault("no-sideband", "", "offer no side-band"),
    Fault("no-ofs-delta", "", "offer no ofs-delta"),
    Fault("no-atomic", "", "offer no atomic pushes"),
    Fault("no-delete", "", "offer no deletion of refs"),
    Fault("no-thin", "", "want no thin packs"),
    Fault("refs-limit", "N", "refuse pushes of more refs with 500"),
    Fault("drop-report", "", "take the push, then cut the connection without a report"),
    Fault("late-status", "CODE", "take the push, then answer with this status"),
    Fault("omit-ref", "", "leave the last ref out of the report"),
)

_WITHHELD = {
    "no-sideband": ("side-band", "side-band-64k"),
    "no-ofs-delta": ("ofs-delta",),
    "no-atomic": ("atomic",),
    "no-delete": ("delete-refs",),
}
_SIZE = re.compile(r"([0-9]{1,12})([kmg]?)\Z", re.IGNORECASE)
_SECONDS = re.compile(r"([0-9]{1,5}(?:\.[0-9]{1,3})?)s?\Z")
_STATUS = re.compile(r"([3-5][0-9]{2})(?::([0-9]{1,6}))?\Z")


@dataclass(frozen=True, slots=True)
class Simulation:
    """What goes wrong. The fields are named after `FAULTS`; None or False: it doesn't."""

    names: frozenset[str] = frozenset()
    idle_cut_seconds: float | None = None
    body_bytes_max: int | None = None
    cut_after_bytes: int | None = None
    bytes_per_second: int | None = None
    status: int | None = None
    status_requests: int | None = None
    """How many requests get `status`; None: all."""
    updates_max: int | None = None
    late_status: int | None = None

    @classmethod
    def parse(cls, text: str) -> Simulation:
        """Read a list such as `idle-cut=3s,no-chunked`. Raises InvalidOption, naming what can be asked for.

        >>> Simulation.parse("body-limit=1M,no-v2").body_bytes_max
        1048576
        """
        known = {fault.name: fault for fault in FAULTS}
        values: dict[str, str] = {}
        for word in filter(None, (part.strip() for part in text.split(","))):
            name, equals, value = word.partition("=")
            fault = known.get(name)
            if fault is None:
                raise InvalidOption(
                    f"no fault is called {one_line(name, limit=60)!r}",
                    hint=f"there are {', '.join(sorted(known))}",
                )
            if bool(equals) != bool(fault.value):
                usage = f"{name}={fault.value}" if fault.value else name
                raise InvalidOption(f"the fault {name} is written {usage}")
            values[name] = value
        status, late = (_matched(_STATUS, name, values) for name in ("status", "late-status"))
        if late and late[2]:
            raise InvalidOption("the fault late-status is written late-status=CODE")
        return cls(
            names=frozenset(values),
            idle_cut_seconds=_seconds("idle-cut", values),
            body_bytes_max=_size("body-limit", values),
            cut_after_bytes=_size("cut-after", values),
            bytes_per_second=_size("slow", values),
            status=int(status[1]) if status else None,
            status_requests=int(status[2]) if status and status[2] else None,
            updates_max=_size("refs-limit", values),
            late_status=int(late[1]) if late else None,
        )

    @property
    def version_max(self) -> int:
        """The highest protocol version that is spoken."""
        return 1 if "no-v2" in self.names else 2

    def withholds(self, capability: str) -> bool:
        """Tell whether a capability is not offered."""
        return any(capability in _WITHHELD.get(name, ()) for name in self.names)


def _matched(pattern: re.Pattern[str], name: str, values: Mapping[str, str]) -> re.Match[str] | None:
    if name not in values:
        return None
    match = pattern.match(values[name])
    if match is None:
        raise InvalidOption(f"the fault {name} can't be {one_line(values[name], limit=60)!r}")
    return match


def _size(name: str, values: Mapping[str, str]) -> int | None:
    match = _matched(_SIZE, name, values)
    size = int(match[1]) << {"": 0, "k": 10, "m": 20, "g": 30}[match[2].lower()] if match else None
    if size == 0 and name == "slow":
        raise InvalidOption("the fault slow can't be 0")
    return size


def _seconds(name: str, values: Mapping[str, str]) -> float | None:
    match = _matched(_SECONDS, name, values)
    return max(float(match[1]), 0.001) if match else None
