"""Where a repository is: the text a user typed, parsed once, and never shown with its secrets.

    https://user:secret@host:8443/team/x.git     scheme host port path, user and password aside
    ssh://git@host:22/x.git   git@host:x.git     the second is the scp form; both are scheme "ssh"
    git://host/x.git
    file:///srv/x.git   /srv/x.git   ./x.git     scheme "file": a repository on this disk
    other://anything                             whole in `typed`, for the git-remote-other that reads it

Of ssh and git the path is decoded, and an ssh host keeps its case, since ~/.ssh/config may name it so.

`str(endpoint)` and its repr leave out the password, the user of an HTTP URL (tokens are put there) and
what stands behind a `?`. A URL whose decoded parts hold CR, LF or NUL is refused: such a URL could slip
a second line into a header or a credential helper's input (CVE-2020-5260, CVE-2024-52006).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

from transport.errors import InvalidEndpoint

__all__ = ["DEFAULT_PORTS", "Endpoint", "Origin"]

DEFAULT_PORTS = {"http": 80, "https": 443, "ssh": 22, "git": 9418}

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_SCP = re.compile(
    r"(?:(?P<user>[^@/:]+)@)?(?P<host>\[[0-9A-Fa-f:.%]+\]|[^/:\[\]@]+):(?!//)(?P<path>.+)", re.DOTALL
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ALIASES = {"git+ssh": "ssh", "ssh+git": "ssh"}
_PATH_SAFE = "/%:=&?~+!$,;'@()*[]"
_NETLOC_HOST = re.compile(r"(?:[^@]*@)*(?:\[(?P<v6>[^]]*)\]|(?P<name>[^:]*))")
# A ProxyCommand or Match exec of the user's ssh configuration may hand these to a shell (CVE-2023-51385).
_SHELL_WORD = re.compile(r"[\s'\"`$\\;&<>|(){}]")


class Origin(NamedTuple):
    """What credentials are bound to: they never cross to another one."""

    scheme: str
    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Tell whether the host can only be this machine."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False


@dataclass(frozen=True, slots=True, repr=False)
class Endpoint:
    """One end of a sync, parsed. `path` of an HTTP URL is percent-encoded as it travels, a query included."""

    scheme: str
    host: str
    path: str
    port: int | None = None
    user: str | None = field(default=None)
    password: str | None = field(default=None)
    typed: str = field(default="", compare=False)
    """Of a scheme that nothing here speaks: the text as it was typed."""

    @classmethod
    def parse(cls, text: str) -> Endpoint:
        """Parse what a user typed. Raises InvalidEndpoint, without quoting a secret."""
        if not text:
            raise InvalidEndpoint("an endpoint can't be empty")
        if _CONTROL.search(text):
            raise InvalidEndpoint("an endpoint can't hold control characters")
        url = _URL.match(text)
        if url:
            return _parse_url(text, _ALIASES.get(url.group(1).lower(), url.group(1).lower()))
        scp = _SCP.fullmatch(text)
        # `C:\x` and `C:/x` are paths, and so is anything whose first colon comes after a slash.
        if scp and (scp["user"] or len(scp["host"]) > 1 or scp["path"][0] not in "/\\"):
            return _checked(cls("ssh", scp["host"].strip("[]"), scp["path"], user=scp["user"]))
        return cls("file", "", text)

    @property
    def is_http(self) -> bool:
        """Tell whether this is http or https."""
        return self.scheme in ("http", "https")

    @property
    def effective_port(self) -> int:
        """The port to connect to: the URL's, or the scheme's own (0 where it has none)."""
        return self.port if self.port is not None else DEFAULT_PORTS.get(self.scheme, 0)

    @property
    def origin(self) -> Origin:
        """Scheme, host and port."""
        return Origin(self.scheme, self.host, self.effective_port)

    @property
    def authority(self) -> str:
        """`host[:port]` as a Host header has it: no default port, IPv6 in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = self.port is None or self.port == DEFAULT_PORTS.get(self.scheme)
        return host if default else f"{host}:{self.port}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be shown anywhere."""
        return tuple(part for part in (self.password, self.user if self.is_http else None) if part)

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
        return f"{self.scheme}://{user}{self.authority}{slash}{path}{'?...' if query else ''}"

    def __repr__(self) -> str:
        return f"Endpoint({str(self)!r})"


def _parse_url(text: str, scheme: str) -> Endpoint:
    if scheme == "file":
        path = unquote(text[len("file://") :])
        if not path.startswith("/"):
            host, slash, rest = path.partition("/")
            if host.lower() != "localhost" or not slash:
                raise InvalidEndpoint(
                    "a file:// URL needs an absolute path", hint="write file:///path/to/repo"
                )
            path = "/" + rest
        return _checked(Endpoint("file", "", path))
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
        netloc_host = _NETLOC_HOST.match(parts.netloc)
    except ValueError:
        # The exception quotes the netloc, which may hold a password.
        raise InvalidEndpoint("can't make sense of the host or port of the URL") from None
    if not host and scheme in DEFAULT_PORTS:
        raise InvalidEndpoint(f"the {scheme}:// URL names no host")
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    if scheme in ("http", "https"):
        path = quote(path, safe=_PATH_SAFE)
        host = _ascii_host(host)
    elif scheme in DEFAULT_PORTS:
        # As git reads it: a query or fragment is part of the path.
        path = unquote(text.split("://", 1)[1].partition("/")[2], errors="surrogateescape")
        if not path:
            raise InvalidEndpoint(f"the {scheme}:// URL names no path")
        path = f"/{path}"
        if scheme == "ssh" and netloc_host:
            host = netloc_host["v6"] or netloc_host["name"] or host
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password is not None else None
    typed = "" if scheme in DEFAULT_PORTS else text
    return _checked(Endpoint(scheme, host, path, port, user, password, typed))


def _ascii_host(host: str) -> str:
    try:
        host = host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        raise InvalidEndpoint("the URL's host is not a valid domain name") from None
    if re.search(r"[\s/?#@<>\\^`{|}%]", host.partition("%")[0] if ":" in host else host):
        raise InvalidEndpoint("the URL's host is not a valid domain name")
    return host


def _checked(endpoint: Endpoint) -> Endpoint:
    for part in (endpoint.host, unquote(endpoint.path), endpoint.user or "", endpoint.password or ""):
        if _CONTROL.search(part):
            raise InvalidEndpoint("the URL's decoded parts can't hold control characters")
    if endpoint.scheme == "ssh":
        for part in (endpoint.host, endpoint.user or "", endpoint.path):
            if part.startswith("-"):  # it would reach ssh as an option (CVE-2017-1000117)
                raise InvalidEndpoint("no part of an ssh URL may begin with '-'")
        if _SHELL_WORD.search(endpoint.host) or _SHELL_WORD.search(endpoint.user or ""):
            raise InvalidEndpoint("the host or user of an ssh URL can't hold blanks, quotes or shell signs")
    return endpoint
