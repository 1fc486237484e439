"""What `git config` says that matters here, and what follows for a transport and for a push.

    http.extraHeader http.proxy http.sslVerify http.sslCAInfo http.sslCAPath http.followRedirects
    http.<url>.…  the same for URLs that match (`transport.remote_helper.url_match`)   remote.<name>.proxy
    core.sshCommand ssh.variant
    packcore.strategy .jobs .selectBudget .maxPackBytes .maxRefUpdates .retries .idleTimeout

Git's variables count as in git: GIT_SSL_NO_VERIFY, GIT_SSL_CAINFO, GIT_SSL_CAPATH, GIT_SSH_COMMAND.
A client certificate is asked for in vain: packcore has none, and says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from transport.errors import InvalidOption
from transport.remote_helper.url_match import match_rank

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["GitSettings", "parse_config", "settings_for"]

_TRUE, _FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0", ""}
_UNSPOKEN = ("sslcert", "sslkey", "cookiefile", "proxysslcert")
_SIZE = re.compile(r"([0-9]{1,15})([kmg]?)\Z", re.IGNORECASE)
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


@dataclass(slots=True)
class GitSettings:
    """What the user's configuration says, for one URL. None: nothing."""

    headers: tuple[tuple[str, str], ...] = ()
    ssl_verify: bool = True
    ca_info: str | None = None
    ca_path: str | None = None
    follow_redirects: bool = True
    environment: dict[str, str] = field(default_factory=dict)
    """Variables that say the same to a transport: proxies, the ssh to run."""
    unspoken: tuple[str, ...] = ()
    """Settings that packcore can't heed."""
    strategy: str | None = None
    jobs: int | None = None
    select_budget_seconds: float | None = None
    pack_bytes_max: int | None = None
    ref_updates_max: int | None = None
    retries: int | None = None
    idle_timeout_seconds: float | None = None


def parse_config(listed: bytes) -> list[tuple[str, str | None]]:
    r"""Read what `git config -z --list` prints: keys and values, a key without a value as None.

    >>> parse_config(b"core.bare\ntrue\0http.sslverify\0")
    [('core.bare', 'true'), ('http.sslverify', None)]
    """
    found: list[tuple[str, str | None]] = []
    for entry in listed.decode("utf-8", "surrogateescape").split("\0"):
        key, separator, value = entry.partition("\n")
        if key:
            found.append((key, value if separator else None))
    return found


def settings_for(
    config: Iterable[tuple[str, str | None]], url: str, remote: str, environment: Mapping[str, str]
) -> GitSettings:
    """Return the settings that hold for a URL, of a remote that may have a name.

    Raises InvalidOption for a value that can't be used.
    """
    entries = list(config)
    http = _http_settings(entries, url)
    plain = dict(entries)
    settings = GitSettings(
        headers=_headers(http.get("extraheader", [])),
        ssl_verify=_truth("http.sslVerify", _last(http, "sslverify"), default=True),
        ca_info=environment.get("GIT_SSL_CAINFO") or _last_text(http, "sslcainfo"),
        ca_path=environment.get("GIT_SSL_CAPATH") or _last_text(http, "sslcapath"),
        follow_redirects=_follows(_last_text(http, "followredirects")),
        unspoken=tuple(f"http.{name}" for name in _UNSPOKEN if _last_text(http, name)),
        strategy=plain.get("packcore.strategy"),
        jobs=_whole(plain, "packcore.jobs"),
        select_budget_seconds=_seconds(plain, "packcore.selectbudget"),
        pack_bytes_max=_whole(plain, "packcore.maxpackbytes"),
        ref_updates_max=_whole(plain, "packcore.maxrefupdates"),
        retries=_whole(plain, "packcore.retries"),
        idle_timeout_seconds=_seconds(plain, "packcore.idletimeout"),
    )
    if "GIT_SSL_NO_VERIFY" in environment:
        settings.ssl_verify = False
    proxy = plain.get(f"remote.{remote}.proxy", _last_text(http, "proxy"))
    if proxy is not None:
        settings.environment |= {"http_proxy": proxy, "https_proxy": proxy}
    for variable, key in (("GIT_SSH_COMMAND", "core.sshcommand"), ("GIT_SSH_VARIANT", "ssh.variant")):
        value = plain.get(key)
        if value and variable not in environment:
            settings.environment[variable] = value
    if settings.ca_path and not settings.ca_info:
        settings.environment["SSL_CERT_DIR"] = settings.ca_path
    return settings


def _http_settings(entries: Iterable[tuple[str, str | None]], url: str) -> dict[str, list[str | None]]:
    """Return the values of each `http.…` key that hold for a URL, in their order."""
    best: dict[str, tuple[int, int, int]] = {}
    found: dict[str, list[str | None]] = {}
    for key, value in entries:
        section, _, rest = key.partition(".")
        if section != "http" or not rest:
            continue
        pattern, _, name = rest.rpartition(".")
        rank = match_rank(pattern, url) if pattern else (0, 0, 0)
        if rank is None or rank < best.get(name, (0, 0, 0)):
            continue
        best[name] = rank
        found.setdefault(name, []).append(value)
    return found


def _headers(values: Iterable[str | None]) -> tuple[tuple[str, str], ...]:
    headers: list[tuple[str, str]] = []
    for value in values:
        if not value:
            headers.clear()  # as in git: an empty one takes back those before it
            continue
        name, colon, content = value.partition(":")
        if not colon:
            raise InvalidOption("http.extraHeader holds a header without a colon")
        headers.append((name.strip(), content.strip()))
    return tuple(headers)


def _follows(value: str | None) -> bool:
    return value in (None, "initial") or _truth("http.followRedirects", value, default=True)


def _last(found: Mapping[str, list[str | None]], name: str) -> str | None:
    """Return the value that counts; a key without a value is true."""
    values = found.get(name)
    if not values:
        return None
    return "true" if values[-1] is None else values[-1]


def _last_text(found: Mapping[str, list[str | None]], name: str) -> str | None:
    values = found.get(name)
    return values[-1] if values else None


def _truth(key: str, value: str | None, *, default: bool) -> bool:
    if value is None:
        return default
    word = value.lower()
    if word not in _TRUE | _FALSE:
        raise InvalidOption(f"{key} is neither true nor false")
    return word in _TRUE


def _whole(plain: Mapping[str, str | None], key: str) -> int | None:
    value = plain.get(key)
    if value is None:
        return None
    match = _SIZE.match(value)
    if match is None:
        raise InvalidOption(f"{key} is no whole number", hint="write 500, 64k, 100m or 2g")
    return int(match[1]) * _UNITS[match[2].lower()]


def _seconds(plain: Mapping[str, str | None], key: str) -> float | None:
    value = plain.get(key)
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise InvalidOption(f"{key} is no number of seconds above zero")
    return seconds
