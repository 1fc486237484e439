"""Credentials: what they are, where they come from, and where they may go.

    1. options (token, username, bearer token), or user and password in the URL   sent from the first request
    2. nothing
    3. after a 401: each CredentialSource in turn, netrc first                     asked for one origin only

A credential belongs to one origin: scheme, host and port. It is sent over https, over plain http to this
machine itself, or where the user allowed it; through a proxy plain http is never "to this machine".
No class here shows its secret in a repr, and no error quotes one.
"""

from __future__ import annotations

import netrc
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from transport.errors import AuthenticationRequired, InvalidOption

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from transport.endpoint import Endpoint, Origin
    from transport.options import TransportOptions

__all__ = [
    "DEFAULT_USERNAME",
    "Credential",
    "CredentialSource",
    "NetrcSource",
    "authentication_error",
    "given_credential",
    "may_send_credentials",
]

DEFAULT_USERNAME = "git"
"""For a token without a user name: hosts that look at the token alone want any name but an empty one."""


@dataclass(frozen=True, slots=True)
class Credential:
    """User and password, or (with `username` None) a bearer token."""

    username: str | None = field(repr=False)
    secret: str = field(repr=False)
    source: str
    """Where it came from, for messages: "options", "the URL", "netrc"."""

    def header_value(self) -> str:
        """Return the value of the Authorization (or Proxy-Authorization) header."""
        if self.username is None:
            return f"Bearer {self.secret}"
        return "Basic " + b64encode(f"{self.username}:{self.secret}".encode()).decode("ascii")


class CredentialSource(Protocol):
    """Somewhere credentials can be asked for after a 401; `git credential` is another one of these."""

    def fill(self, endpoint: Endpoint, *, challenges: Sequence[str], redirected: bool) -> Credential | None:
        """Return a credential for the endpoint's origin, or None.

        `challenges` are the WWW-Authenticate headers; `redirected` tells that the user didn't type this
        origin.
        """

    def approve(self, endpoint: Endpoint, credential: Credential) -> None:
        """Hear that the server took the credential."""

    def reject(self, endpoint: Endpoint, credential: Credential) -> None:
        """Hear that the server refused the credential."""


def given_credential(endpoint: Endpoint, options: TransportOptions) -> Credential | None:
    """Return the credential that is sent outright: the options', else the URL's, else None."""
    if options.bearer_token:
        return Credential(None, options.bearer_token, "options")
    if options.token:
        return Credential(options.username or endpoint.user or DEFAULT_USERNAME, options.token, "options")
    return url_credential(endpoint)


def url_credential(endpoint: Endpoint) -> Credential | None:
    """Return user and password of a URL that has both."""
    if endpoint.user is None or endpoint.password is None:
        return None
    return Credential(endpoint.user, endpoint.password, "the URL")


def may_send_credentials(origin: Origin, options: TransportOptions, *, through_proxy: bool) -> bool:
    """Tell whether credentials may go to an origin at all: not in the clear, unless allowed."""
    if origin.scheme == "https" or options.allow_insecure_auth:
        return True
    return origin.is_loopback and not through_proxy


def authentication_error(
    url: str, *, refused: Credential | None, insecure: bool, said: str = ""
) -> AuthenticationRequired:
    """Return the error for a 401 that nothing could settle; `said` is the server's text, made safe."""
    remote = f"; remote: {said}" if said else ""
    if refused is not None:
        return AuthenticationRequired(
            f"authentication failed for {url}: it refused the credentials from {refused.source}{remote}"
        )
    if insecure:
        return AuthenticationRequired(
            f"{url} wants credentials, which are not sent over plain http",
            hint="use https, or say --allow-insecure-auth",
        )
    return AuthenticationRequired(
        f"{url} wants credentials{remote}",
        hint="give a token or user name by option or environment, or in a netrc file",
    )


class NetrcSource:
    """The netrc file: the one that NETRC names, else ~/.netrc (or ~/_netrc) of HOME."""

    def __init__(self, environment: Mapping[str, str], *, username: str | None = None) -> None:
        self._environment = environment
        self._username = username

    def _path(self) -> Path | None:
        named = self._environment.get("NETRC")
        if named:
            return Path(named)
        home = self._environment.get("HOME") or self._environment.get("USERPROFILE")
        if not home:
            return None
        paths = (Path(home, name) for name in (".netrc", "_netrc"))
        return next((path for path in paths if path.is_file()), None)

    def fill(
        self,
        endpoint: Endpoint,
        *,
        challenges: Sequence[str],  # noqa: ARG002
        redirected: bool,
    ) -> Credential | None:
        """Return the entry for the host; the `default` entry only for a host that the user typed.

        Raises InvalidOption for a file that can't be read or parsed.
        """
        path = self._path()
        if path is None:
            return None
        try:
            hosts = netrc.netrc(str(path)).hosts
        except FileNotFoundError:
            return None
        except netrc.NetrcParseError as error:
            # Its message may quote the very token that it stumbled over.
            raise InvalidOption(f"{path}, line {error.lineno}: not a netrc file") from None
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidOption(f"can't read {path}: {type(error).__name__}") from None
        entry = hosts.get(endpoint.host) or (None if redirected else hosts.get("default"))
        if entry is None or not entry[2]:
            return None
        username = endpoint.user or self._username
        if username and entry[0] and entry[0] != username:
            return None
        if any(character in f"{entry[0]}{entry[2]}" for character in "\r\n\0"):
            raise InvalidOption(f"{path}: a user or password can't hold a line break or NUL")
        return Credential(entry[0] or username or "", entry[2], "netrc")

    def approve(self, endpoint: Endpoint, credential: Credential) -> None:
        """Nothing to note: the file is the user's own."""

    def reject(self, endpoint: Endpoint, credential: Credential) -> None:
        """Nothing to forget: the file is the user's own."""
