"""Where a repository is: the text that a user typed, parsed once, and never shown with its secrets.

    https://user:secret@host:8443/team/x.git     scheme host port path, user and password separate
    ssh://git@host:22/x.git   git@host:x.git     the second is the scp form; both are scheme "ssh"
    [git@host:22]:x.git       git@[::1]:x.git    scp forms with a port, and with an IPv6 address
    git://host/x.git
    file:///srv/x.git   /srv/x.git   ./x.git     scheme "file": a repository on this disk
    other://anything    other::anything          whole in `typed`, for the git-remote-other that reads it
    packcore::…                                  the same as without: that is how git is told to call us

As in git, a colon before the first slash means the scp form, whatever files exist on the disk: `./a:b` is a
path. For ssh and git, the path is decoded, and an ssh host keeps its case, because ~/.ssh/config may match it
that way. Dot segments in the path of an HTTP URL are resolved, as curl does.

`str(endpoint)` and its repr leave out the password, the user of an HTTP URL (which may be a token) and
everything after a `?`. A URL whose decoded parts contain CR, LF or NUL is refused, because it could inject a
second line into a header or the input of a credential helper (CVE-2020-5260, CVE-2024-52006).
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import quote

from transport.errors import InvalidEndpoint
from transport.secrets import looks_like_token
from transport.url_parts import (
    decoded,
    end_of_brackets,
    http_place,
    opaque_place,
    ssh_place,
    without_dot_segments,
)

__all__ = ["DEFAULT_PORTS", "Endpoint", "Origin", "shown"]

DEFAULT_PORTS = {"http": 80, "https": 443, "ssh": 22, "git": 9418}

OUR_PREFIX = "packcore::"
"""How git is told to run `git-remote-packcore`. Here it is spoken without that."""

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_HELPER = re.compile(r"([A-Za-z0-9][A-Za-z0-9+.-]*)::")
_NETLOC = re.compile(r"[^/?#]*")
_DRIVE = re.compile(r"[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NO_CHARACTER = re.compile("[\ud800-\udc7f\udd00-\udfff]")
"""Lone surrogates, except those that stand for undecodable bytes (surrogateescape)."""
_ALIASES = {"git+ssh": "ssh", "ssh+git": "ssh"}
_PATH_SAFE = "/%:=&?~+!$,;'@()*[]"
# A ProxyCommand or Match exec of the user's ssh configuration may hand these to a shell (CVE-2023-51385).
_SHELL_WORD = re.compile(r"[\s'\"`$\\;&<>|(){}]")


class Origin(NamedTuple):
    """What credentials are bound to: they are never sent to another origin."""

    scheme: str
    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether the host can only be this machine."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False


@dataclass(frozen=True, slots=True, repr=False)
class Endpoint:
    """One end of a sync, parsed. The `path` of an HTTP URL is percent-encoded, and includes the query."""

    scheme: str
    host: str
    path: str
    port: int | None = None
    user: str | None = field(default=None)
    password: str | None = field(default=None)
    typed: str = field(default="", compare=False)
    """For a scheme that needs a helper: what the helper gets."""

    @classmethod
    def parse(cls, text: str) -> Endpoint:
        """Parse what a user typed. Raises InvalidEndpoint, without quoting a secret."""
        text = text.removeprefix(OUR_PREFIX)
        if not text:
            raise InvalidEndpoint("an endpoint can't be empty")
        if _CONTROL.search(text):
            raise InvalidEndpoint("an endpoint can't contain control characters")
        if _NO_CHARACTER.search(text):
            raise InvalidEndpoint("an endpoint can't contain surrogates, which are not characters")
        if helper := _HELPER.match(text):
            return _parse_helper(helper[1].lower(), text[helper.end() :])
        if url := _URL.match(text):
            return _parse_url(_ALIASES.get(url[1].lower(), url[1].lower()), text, text[url.end() :])
        colon, slash = text.find(":"), text.find("/")
        is_path = colon < 0 or 0 <= slash < colon or (os.name == "nt" and _DRIVE.match(text))
        return cls("file", "", text) if is_path else _parse_scp(text)

    @property
    def is_http(self) -> bool:
        """Whether this is http or https."""
        return self.scheme in ("http", "https")

    @property
    def effective_port(self) -> int:
        """The port to connect to: from the URL, or the default of the scheme (0 if it has none)."""
        return self.port if self.port is not None else DEFAULT_PORTS.get(self.scheme, 0)

    @property
    def origin(self) -> Origin:
        """Scheme, host and port."""
        return Origin(self.scheme, self.host, self.effective_port)

    @property
    def authority(self) -> str:
        """`host[:port]` for a Host header: no default port, IPv6 in brackets, no zone id."""
        return self._with_port(self.host_alone)

    @property
    def url_authority(self) -> str:
        """`host[:port]` for a URL: the same, with the zone id."""
        return self._with_port(self.host.replace("%", "%25"))

    @property
    def host_alone(self) -> str:
        """The host without its zone id, which has a meaning only on this machine."""
        return self.host.partition("%")[0] if ":" in self.host else self.host

    def _with_port(self, host: str) -> str:
        host = f"[{host}]" if ":" in host and self.scheme in DEFAULT_PORTS else host
        default = self.port is None or self.port == DEFAULT_PORTS.get(self.scheme)
        return host if default else f"{host}:{self.port}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown: the password, and a user that is a token rather than a name."""
        user = self.user if self.user and looks_like_token(self.user) else None
        return tuple(part for part in (self.password, user) if part)

    def with_path(self, path: str) -> Endpoint:
        """Return the same endpoint with another path."""
        return replace(self, path=path)

    def with_user(self, user: str | None) -> Endpoint:
        """Return the same endpoint with this user and no password."""
        return replace(self, user=user, password=None)

    def without_user(self) -> Endpoint:
        """Return the same endpoint without user and password."""
        return replace(self, user=None, password=None)

    def __str__(self) -> str:
        if self.scheme == "file":
            return self.path
        path, query = self.path, ""
        if self.scheme not in ("ssh", "git"):
            path, query, _ = self.path.partition("?")
        user = f"{self.user}@" if self.user and self.scheme == "ssh" else ""
        slash = "" if not path or path.startswith("/") else "/"
        return f"{self.scheme}://{user}{self.url_authority}{slash}{path}{'?...' if query else ''}"

    def __repr__(self) -> str:
        return f"Endpoint({str(self)!r})"


def shown(typed: str) -> str:
    """Return an endpoint without secrets, fit to be shown. Raises InvalidEndpoint."""
    return str(Endpoint.parse(typed))


def _parse_url(scheme: str, text: str, rest: str) -> Endpoint:
    if scheme == "file":
        return _parse_file(decoded(rest))
    if scheme in ("ssh", "git"):
        return _parse_ssh_or_git(scheme, decoded(rest))
    netloc = _NETLOC.match(rest)
    assert netloc is not None
    path, question, query = rest[netloc.end() :].partition("#")[0].partition("?")
    if scheme not in DEFAULT_PORTS:
        place = opaque_place(netloc[0])
        return _checked(Endpoint(scheme, path=path + question + query, typed=text, **place._asdict()))
    try:
        host, port, user, password = http_place(netloc[0])
    except InvalidEndpoint as error:
        if "@" in rest[netloc.end() :]:
            error.hint = "in a user or password, write / as %2F, ? as %3F, # as %23 and @ as %40"
        raise
    if not host:
        raise InvalidEndpoint(f"the {scheme}:// URL names no host")
    path = without_dot_segments(_quoted(path)) or ("/" if question else "")
    return _checked(Endpoint(scheme, host, path + question + _quoted(query), port, user, password))


def _quoted(text: str) -> str:
    return quote(text, safe=_PATH_SAFE, errors="surrogateescape")


def _parse_file(path: str) -> Endpoint:
    if not path.startswith("/"):
        host, slash, rest = path.partition("/")
        if host.lower() != "localhost" or not slash:
            raise InvalidEndpoint("a file:// URL needs an absolute path", hint="write file:///path/to/repo")
        path = "/" + rest
    return _checked(Endpoint("file", "", path))


def _parse_ssh_or_git(scheme: str, rest: str) -> Endpoint:
    """Parse as git does: decoded as a whole, and a query or fragment is part of the path."""
    slash = rest.find("/", end_of_brackets(rest))
    if slash < 0 or slash == len(rest) - 1:
        raise InvalidEndpoint(f"the {scheme}:// URL names no {'path' if rest else 'host'}")
    host, port, user, password = ssh_place(rest[:slash])
    if not host:
        raise InvalidEndpoint(f"the {scheme}:// URL names no host")
    host = host if scheme == "ssh" else host.lower()
    return _checked(Endpoint(scheme, host, rest[slash:], port, user, password))


def _parse_scp(text: str) -> Endpoint:
    colon = text.find(":", end_of_brackets(text))
    if colon < 0 or colon == len(text) - 1:
        raise InvalidEndpoint(
            "an endpoint of the form host:path names no path", hint="a path on this disk is written ./a:b"
        )
    host, port, user, password = ssh_place(text[:colon])
    if not host:
        raise InvalidEndpoint(
            "an endpoint of the form host:path names no host", hint="a path on this disk is written ./a:b"
        )
    return _checked(Endpoint("ssh", host, text[colon + 1 :], port, user, password))


def _parse_helper(scheme: str, address: str) -> Endpoint:
    """Parse git's `helper::address`: the address goes to git-remote-<helper> as it is."""
    if scheme in DEFAULT_PORTS or scheme in _ALIASES or scheme == "file":
        raise InvalidEndpoint(
            f"{scheme}:: asks for a helper, but {scheme} works here without one",
            hint="write the URL alone",
        )
    if address.startswith("-"):
        raise InvalidEndpoint(f"the address behind {scheme}:: may not begin with '-'")
    place = opaque_place("")
    url = _URL.match(address)
    path = address.rpartition("@")[2]
    if url is not None:
        netloc = _NETLOC.match(address, url.end())
        assert netloc is not None
        place, path = opaque_place(netloc[0]), address[netloc.end() :]
    return _checked(Endpoint(scheme, path=path, typed=address, **place._asdict()))


def _checked(endpoint: Endpoint) -> Endpoint:
    for part in (endpoint.host, decoded(endpoint.path), endpoint.user or "", endpoint.password or ""):
        if _CONTROL.search(part):
            raise InvalidEndpoint("the URL's decoded parts can't contain control characters")
    if endpoint.scheme == "ssh":
        for part in (endpoint.host, endpoint.user or "", endpoint.path):
            if part.startswith("-"):  # ssh would take it for an option (CVE-2017-1000117)
                raise InvalidEndpoint("no part of an ssh URL may begin with '-'")
        if _SHELL_WORD.search(endpoint.host) or _SHELL_WORD.search(endpoint.user or ""):
            raise InvalidEndpoint("the host or user of an ssh URL can't hold blanks, quotes or shell signs")
    return endpoint
