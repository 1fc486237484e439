"""Credentials: what they are, where they come from, and where they may go.

    1. options (token, username, bearer token), or user and password in the URL   sent from the first request
    2. nothing
    3. after a 401: each CredentialSource in turn, netrc, git credential           asked for one origin only
    4. if none had an answer: the user of the URL, with an empty password          may be a token

A credential belongs to one origin: scheme, host and port. It is sent over https, over plain http to this
machine itself, or where the user allowed it; plain http through a proxy is never "to this machine". No class
here shows its secret in a repr, and no error quotes one.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from transport.errors import AuthenticationRequired, InvalidOption
from transport.http_rules.statuses import credential_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from transport.endpoint import Endpoint, Origin
    from transport.options import TransportOptions

__all__ = [
    "DEFAULT_USERNAME",
    "Credential",
    "CredentialSource",
    "Keyring",
    "NetrcSource",
    "given_credential",
    "may_send_credentials",
    "url_credential",
]

DEFAULT_USERNAME = "git"
"""For a token without a user name: hosts that check only the token accept any name but an empty one."""


@dataclass(frozen=True, slots=True)
class Credential:
    """A user name and password, or (if `username` is None) a bearer token."""

    username: str | None = field(repr=False)
    secret: str = field(repr=False)
    source: str
    """Where it came from, for messages: "--source-token", "the URL", "netrc (FILE, line 3)"."""

    def header_value(self) -> str:
        """Return the value of the Authorization (or Proxy-Authorization) header."""
        if self.username is None:
            return f"Bearer {self.secret}"
        return "Basic " + b64encode(
            f"{self.username}:{self.secret}".encode("utf-8", "surrogateescape")
        ).decode("ascii")


class CredentialSource(Protocol):
    """A source of credentials after a 401, such as netrc or `git credential`."""

    def fill(self, endpoint: Endpoint, *, challenges: Sequence[str], redirected: bool) -> Credential | None:
        """Return a credential for the endpoint's origin, or None.

        If the endpoint has a user, the credential must be for that user. `challenges` are the
        WWW-Authenticate headers. `redirected` means that the user didn't type this origin.
        """

    def approve(self, endpoint: Endpoint, credential: Credential) -> None:
        """Take note that the server accepted the credential."""

    def reject(self, endpoint: Endpoint, credential: Credential) -> None:
        """Take note that the server refused the credential."""


def given_credential(endpoint: Endpoint, options: TransportOptions) -> Credential | None:
    """Return the credential to send from the first request: from the options, else the URL, else None."""
    if options.bearer_token:
        return Credential(None, options.bearer_token, options.origin_of("bearer_token"))
    if options.token:
        user = options.username or endpoint.user or DEFAULT_USERNAME
        return Credential(user, options.token, options.origin_of("token"))
    return url_credential(endpoint)


def url_credential(endpoint: Endpoint) -> Credential | None:
    """Return the user and password of a URL that has both; either may be empty."""
    if endpoint.user is None or endpoint.password is None:
        return None
    return Credential(endpoint.user, endpoint.password, "the URL")


def may_send_credentials(origin: Origin, options: TransportOptions, *, through_proxy: bool) -> bool:
    """Return whether credentials may be sent to an origin at all: not in clear text, unless allowed."""
    if origin.scheme == "https" or options.allow_insecure_auth:
        return True
    return origin.is_loopback and not through_proxy


class NetrcSource:
    """The netrc file: the one that NETRC names, else ~/.netrc (or ~/_netrc) in HOME."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

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
        from transport.netrc import find_entry, parse_netrc

        path = self._path()
        if path is None:
            return None
        try:
            entries = parse_netrc(path.read_bytes().decode("utf-8", "surrogateescape"))
        except FileNotFoundError:
            return None
        except InvalidOption as error:
            raise InvalidOption(f"netrc ({path}): {error}") from None
        except OSError as error:
            raise InvalidOption(f"can't read {path}: {type(error).__name__}") from None
        entry = find_entry(entries, endpoint.host_alone, user=endpoint.user, with_default=not redirected)
        if entry is None:
            return None
        user = endpoint.user if entry.login is None else entry.login
        return Credential(user or "", entry.password or "", f"netrc ({path}, line {entry.line})")

    def approve(self, endpoint: Endpoint, credential: Credential) -> None:
        """Do nothing: the file belongs to the user."""

    def reject(self, endpoint: Endpoint, credential: Credential) -> None:
        """Do nothing: the file belongs to the user."""


class _Held(NamedTuple):
    """A credential in use, its source, and the endpoint that it was requested for."""

    credential: Credential
    source: CredentialSource | None
    asked: Endpoint


class Keyring:
    """The credentials of one transport, each bound to its origin, and the sources for more."""

    def __init__(
        self, endpoint: Endpoint, options: TransportOptions, sources: Sequence[CredentialSource] | None = None
    ) -> None:
        """Start with the given credentials; `sources` None means only netrc."""
        self._options = options
        self._typed = endpoint.origin
        self._typed_user = endpoint.user
        self._user = endpoint.user or options.username
        self._sources = (NetrcSource(options.environment),) if sources is None else tuple(sources)
        self._held: dict[Origin, _Held] = {}
        self._taken: set[Origin] = set()  # origins that have accepted their credential before
        given = given_credential(endpoint, options)
        if given is not None:
            self._hold(self._typed, _Held(given, None, endpoint))

    def _hold(self, origin: Origin, held: _Held) -> None:
        """Use a credential from here on, and mask it in everything that is shown."""
        credential, secrets = held.credential, self._options.secrets
        if credential.username is None:
            secrets.add(credential.secret)
        else:
            secrets.add_basic(credential.username, credential.secret)
        self._held[origin] = held

    def credential(self, url: Endpoint, *, through_proxy: bool) -> Credential | None:
        """Return the credential to send with a request to `url`, or None if none may be sent there."""
        held = self._held.get(url.origin)
        if held is None or not may_send_credentials(url.origin, self._options, through_proxy=through_proxy):
            return None
        return held.credential

    def renew(
        self,
        url: Endpoint,
        sent: Credential | None,
        *,
        challenges: Sequence[str],
        through_proxy: bool,
        said: str = "",
    ) -> None:
        """After a 401 to a request with `sent`, find a credential for the next request.

        Raises AuthenticationRequired if there is none; `said` is the server's text, made safe, for the error.
        """
        remote = f"; remote: {said}" if said else ""
        if self.header_is_given(url):
            raise self._refusal(
                url, f"the Authorization header of {self._options.origin_of('headers')}", remote
            )
        untried = self._sources
        failed = None
        if sent is not None:
            self._taken.discard(url.origin)
            self.refused(url, sent)
            held = self._held.pop(url.origin, None)
            failed = self._refusal(url, f"the credentials from {sent.source}", remote)
            if held is None or held.source is None:
                raise failed
            untried = self._sources[self._sources.index(held.source) + 1 :]
        if not may_send_credentials(url.origin, self._options, through_proxy=through_proxy):
            raise AuthenticationRequired(
                f"{self._named(url)} wants credentials, which are not sent over plain http",
                hint="use https, or pass allow_insecure_auth",
                option="allow_insecure_auth",
            )
        typed = url.origin == self._typed
        asking = url.with_user(self._user if typed else None)
        for source in untried:
            credential = source.fill(asking, challenges=challenges, redirected=not typed)
            if credential is not None:
                self._hold(url.origin, _Held(credential, source, asking))
                return
        if failed is None and typed and self._typed_user is not None:
            alone = Credential(self._typed_user, "", "the URL, which names a user and no password")
            self._hold(url.origin, _Held(alone, None, asking))
            return
        side = self._options.side
        raise failed or AuthenticationRequired(
            f"{self._named(url)} wants credentials{remote}",
            hint=f"give a token by {self._options.credential_words or credential_words(side)}, "
            "or store one in a netrc file or a git credential helper",
            option=f"{side}_token" if side else "token",
        )

    def header_is_given(self, url: Endpoint) -> bool:
        """Return whether the user's own headers authenticate a request to `url`."""
        own = self._options.headers if url.origin == self._typed else ()
        return any(name.lower() == "authorization" for name, _ in own)

    def origin(self, url: Endpoint, sent: Credential | None) -> str | None:
        """Return the source of the credential sent to `url`, for messages; None if none was sent."""
        if self.header_is_given(url):
            return self._options.origin_of("headers")
        return None if sent is None else sent.source

    def _named(self, url: Endpoint) -> str:
        return f"{self._options.side} {url}".lstrip()

    def _refusal(self, url: Endpoint, what: str, remote: str) -> AuthenticationRequired:
        return AuthenticationRequired(
            f"authentication failed for {self._named(url)}: it refused {what}{remote}"
        )

    def accepted(self, url: Endpoint, sent: Credential | None) -> None:
        """Tell the source of a credential, once, that the server accepted it."""
        held = self._held.get(url.origin)
        if held is not None and held.credential is sent and url.origin not in self._taken:
            self._taken.add(url.origin)
            if held.source is not None:
                held.source.approve(held.asked, held.credential)

    def refused(self, url: Endpoint, sent: Credential | None) -> None:
        """Tell the source of a credential that the server refused it, unless it worked before.

        A 403 to a credential that has worked is about permissions, and no reason to forget the credential.
        """
        held = self._held.get(url.origin)
        if held is None or held.credential is not sent or url.origin in self._taken:
            return
        if held.source is not None:
            held.source.reject(held.asked, held.credential)
