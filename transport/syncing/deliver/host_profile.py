"""What a host accepts, learned in a run and remembered in a small file for the next.

    {"https://git.example.com": {"bodyBytesMax": 1048576, "chunked": false, "refUpdatesMax": 5000}}

The limit of a body is approached from both sides. `bodyBytesTaken` is the largest body taken since one was
refused, `bodyBytesRefused` the smallest one refused, and the limit moves between them:

    a body is refused, none was taken      half of it
    a body of half the limit or more       the middle of both, while they are an eighth apart and more
    is taken
    a body above a taken one is refused    the middle again; after GROWTH_TRIES of these, what was taken

The file is JSON, one entry for each scheme, host and port, and holds no path, user or secret. It is only
written if the user names it (`--host-profile FILE`). It only saves attempts: if the file is lost, the same is
learned again. Its limits never exceed what the user gives, and are not taken as exact: what a host still
refuses is made smaller again.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from packcore.errors import RepositoryError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["HostProfile", "TargetLimits", "host_of", "load_profile", "save_profile"]

GROWTH_TRIES = 2
"""Refused bodies that one run accepts to find a larger limit: each of them is wasted."""
GROWTH_BYTES_MIN = 64 * 1024
"""Smaller limits don't grow: the gain would be too small."""
_NEAR = 8
"""Growing ends when the refused size exceeds the taken one by at most a fraction: one over this."""

_FILE_BYTES_MAX = 1024 * 1024


@dataclass(slots=True)
class HostProfile:
    """What one host accepts; changes while a run learns. None means no known limit."""

    body_bytes_max: int | None = None
    """Size of a request's body that should be accepted, after larger ones were refused."""
    ref_updates_max: int | None = None
    """Commands in one request."""
    chunked: bool = True
    """Whether it takes bodies of unknown length."""
    body_bytes_taken: int | None = None
    """The largest body taken since one was refused."""
    body_bytes_refused: int | None = None
    """The smallest body refused."""


@dataclass(slots=True)
class TargetLimits:
    """The limits that a run keeps: its user's, and what it learned or remembers about the host."""

    profile: HostProfile = field(default_factory=HostProfile)
    body_bytes_given: int | None = None
    ref_updates_given: int | None = None
    growth_tries_left: int = GROWTH_TRIES
    body_bytes_refused: int | None = None
    """The smallest body of this run that the target itself called too large."""

    @property
    def body_bytes_max(self) -> int | None:
        """Most bytes in a request's body."""
        return _smaller(self.profile.body_bytes_max, self.body_bytes_given)

    @property
    def ref_updates_max(self) -> int | None:
        """Most commands in a request."""
        return _smaller(self.profile.ref_updates_max, self.ref_updates_given)

    @property
    def hopeless_bytes(self) -> int:
        """A body of this size is never tried, even for an object that can't be cut."""
        given = None if self.body_bytes_given is None else self.body_bytes_given + 1
        return _smaller(given, self.body_bytes_refused) or sys.maxsize

    def refuse_body(self, size: int, *, surely: bool = True) -> int:
        """Learn that a body of `size` bytes was too large; return the new, smaller limit.

        `surely` is False after a lost connection, which may have had another reason.
        """
        if surely:
            self.body_bytes_refused = _smaller(size, self.body_bytes_refused)
        profile = self.profile
        profile.body_bytes_refused = min(size, profile.body_bytes_refused or size)
        if profile.body_bytes_taken is not None and profile.body_bytes_taken >= size:
            profile.body_bytes_taken = None  # it takes less than before
        limit = size // 2
        if profile.body_bytes_taken is not None:
            self.growth_tries_left -= 1
            limit = self._grown(profile.body_bytes_taken, profile.body_bytes_refused)
        profile.body_bytes_max = min(limit, profile.body_bytes_max or limit)
        return self.body_bytes_max or profile.body_bytes_max

    def take_body(self, size: int) -> bool:
        """Learn that a body of `size` bytes was taken; return whether larger ones may be tried now."""
        profile, before = self.profile, self.body_bytes_max
        refused, limit = profile.body_bytes_refused, profile.body_bytes_max
        if refused is None or limit is None or before is None or size >= refused:
            return False
        taken = profile.body_bytes_taken = max(size, profile.body_bytes_taken or 0)
        if limit >= GROWTH_BYTES_MIN and 2 * size >= limit:
            profile.body_bytes_max = max(limit, self._grown(taken, refused))
        return (self.body_bytes_max or 0) > before

    def _grown(self, taken: int, refused: int) -> int:
        is_near = refused - taken <= taken // _NEAR
        return taken if is_near or self.growth_tries_left <= 0 else (taken + refused) // 2

    def refuse_updates(self, count: int) -> None:
        """Learn that at most `count` commands are taken."""
        self.profile.ref_updates_max = min(count, self.profile.ref_updates_max or count)


def _smaller(one: int | None, other: int | None) -> int | None:
    return min((value for value in (one, other) if value is not None), default=None)


def host_of(url: str) -> str:
    """Return scheme, host and port of a transport's URL; "" if it names no host.

    >>> host_of("https://git.example.com:8443/a/b.git"), host_of("/srv/x.git")
    ('https://git.example.com:8443', '')
    """
    try:
        parts = urlsplit(url)
        name, port = parts.hostname, parts.port
    except ValueError:  # the address of a helper, which need not look like a URL
        return ""
    if not name:
        return ""
    host = f"[{name}]" if ":" in name else name
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")


def load_profile(path: Path, host: str) -> HostProfile:
    """Read what is remembered about a host; an empty profile without a file or an entry.

    Raises RepositoryError for a file that can't be read or isn't a profile.
    """
    from packcore.store.temporaries import sweep

    sweep(path.parent)
    entry = _read(path).get(host, {})
    try:
        return HostProfile(
            _positive(entry.get("bodyBytesMax")),
            _positive(entry.get("refUpdatesMax")),
            bool(entry.get("chunked", True)),
            _positive(entry.get("bodyBytesTaken")),
            _positive(entry.get("bodyBytesRefused")),
        )
    except (AttributeError, ValueError):
        raise _no_profile(path) from None


def save_profile(path: Path, host: str, profile: HostProfile) -> None:
    """Save a host's limits beside those of others; the file appears whole or not at all.

    Two runs that end at the same moment may lose one's entry. Raises RepositoryError.
    """
    if not host:
        return
    from packcore.store.temporaries import sync_folder, write_whole

    known = _read(path)
    entry: dict[str, Any] = {
        "bodyBytesMax": profile.body_bytes_max,
        "bodyBytesTaken": profile.body_bytes_taken,
        "bodyBytesRefused": profile.body_bytes_refused,
        "refUpdatesMax": profile.ref_updates_max,
    }
    entry = {name: value for name, value in entry.items() if value is not None}
    if not profile.chunked:
        entry["chunked"] = False
    if known.get(host, {}) == entry:
        return
    import json

    known[host] = entry
    text = json.dumps({name: value for name, value in known.items() if value}, indent=2, sort_keys=True)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, [f"{text}\n".encode()], 0o600)
        sync_folder(path.parent)
    except OSError as error:
        raise RepositoryError(f"{path}: the host profile can't be written: {error.strerror}") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(_FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise RepositoryError(f"{path}: the host profile can't be read: {error.strerror}") from None
    import json

    try:
        known = json.loads(data) if len(data) <= _FILE_BYTES_MAX else None
    except (ValueError, RecursionError):
        known = None
    if not isinstance(known, dict) or not all(isinstance(entry, dict) for entry in known.values()):
        raise _no_profile(path)
    return known


def _positive(value: object) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError
    return value


def _no_profile(path: Path) -> RepositoryError:
    return RepositoryError(f"{path}: not a host profile", hint="remove it, or name another file")
