"""Whether the URL of a setting, as in `http.<url>.extraHeader`, matches a remote's: the rules of git-config.

    scheme     the same
    host       the same; a part that is `*` matches any one part
    port       the same; left out, the scheme's own
    path       the same, or a folder above it
    user       the same, if the setting names one

Of several that match, the one with the longer host counts, then the one with the longer path, then the one
that names the user. `https://*.example.com` has a shorter host than `https://git.example.com`.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

from transport.url_parts import without_dot_segments

__all__ = ["match_rank"]

_PORTS = {"http": 80, "https": 443}


class _Url(NamedTuple):
    scheme: str
    user: str | None
    host: str
    port: int | None
    path: str
    """Ends with a slash."""


def match_rank(pattern: str, url: str) -> tuple[int, int, int] | None:
    """Return how well a pattern matches a URL, the greater the better; None if it doesn't.

    >>> match_rank("https://example.com", "https://me@example.com/x.git")
    (11, 1, 0)
    >>> match_rank("https://example.com/y", "https://example.com/x.git") is None
    True
    """
    setting, remote = _parsed(pattern), _parsed(url)
    if setting is None or remote is None:
        return None
    if (setting.scheme, setting.port) != (remote.scheme, remote.port):
        return None
    host_rank = _host_rank(setting.host, remote.host)
    if host_rank is None or not remote.path.startswith(setting.path):
        return None
    if setting.user is not None and setting.user != remote.user:
        return None
    return host_rank, len(setting.path), int(setting.user is not None)


def _host_rank(pattern: str, host: str) -> int | None:
    """Return the length of the pattern without its stars, if it matches."""
    parts, names = pattern.split("."), host.split(".")
    if len(parts) != len(names) or any(
        part not in ("*", name) for part, name in zip(parts, names, strict=True)
    ):
        return None
    return len(pattern) - pattern.count("*")


def _parsed(text: str) -> _Url | None:
    try:
        parts = urlsplit(text)
        port, host, user = parts.port, parts.hostname, parts.username
    except ValueError:
        return None
    if not parts.scheme or not host:
        return None
    path = quote(unquote(parts.path, errors="surrogateescape"), safe="/~", errors="surrogateescape")
    path = without_dot_segments(path) or "/"
    return _Url(
        parts.scheme.lower(),
        None if user is None else unquote(user),
        host.lower(),
        port if port is not None else _PORTS.get(parts.scheme.lower()),
        path if path.endswith("/") else f"{path}/",
    )
