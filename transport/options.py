"""How to talk to one side: credentials, trust, timeouts. One frozen value, passed to `open_transport`.

The library never reads the environment itself: `environment` is empty unless the caller passes one (the
command line passes os.environ). Proxies, NETRC, HOME and SSL_CERT_FILE come from it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from transport.errors import InvalidOption
from transport.secrets import Secrets
from transport.wire.limits import REFS_MAX, WireLimits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["POST_BUFFER_BYTES", "STALL_SECONDS", "TransportOptions"]

POST_BUFFER_BYTES = 1024 * 1024
"""Bodies up to this size are sent with Content-Length. git's http.postBuffer has the same size."""

STALL_SECONDS = 1800.0
"""Half an hour. A server that counts and compresses the objects of a very large repository, or checks a push,
may send nothing but keep-alives for many minutes. Progress that advances extends the time."""

_HEADER_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z"
_HEADER_VALUE = r"[\t\x20-\x7e\x80-\xff]*\Z"
_LINE_BREAKERS = r"[\r\n\0]"
# We set framing and routing: a second value for one of these would make the request ambiguous.
_OWN_HEADERS = {"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer"}


@dataclass(frozen=True, slots=True)
class TransportOptions:
    """The options of one side. Raises InvalidOption for values that could break a header.

    Its repr shows no secrets.
    """

    token: str | None = field(default=None, repr=False)
    """The password or token for basic authentication; sent from the first request on."""
    username: str | None = field(default=None, repr=False)
    """The user for basic authentication; "git" if there is only a token."""
    bearer_token: str | None = field(default=None, repr=False)
    """Sent as `Authorization: Bearer ...` instead of basic authentication."""
    insecure_skip_tls_verify: bool = False
    ca_bundle: str | None = None
    """A PEM file of the certificates to trust instead of the system's (like git's http.sslCAInfo)."""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Further headers for each request; only sent to the scheme, host and port that the user typed."""
    follow_redirects: bool = True
    """Whether to follow redirects of `info/refs`, like git's http.followRedirects=initial; others never
    are."""
    connect_timeout: float = 30.0
    """Seconds for each address to accept, and for a proxy or TLS handshake after it."""
    idle_timeout: float = 120.0
    """Give up on a request after this many seconds without a byte in either direction."""
    stall_timeout: float = STALL_SECONDS
    """Give up on an answer after this many seconds of waiting without payload, whatever bytes arrive."""
    max_refs: int = REFS_MAX
    """The most lines in a list of refs; the limits for its bytes and memory grow with it."""
    retries: int = 0
    """How often to request `info/refs` again after a network error or a 429."""
    allow_insecure_auth: bool = False
    """Whether to send credentials over plain http to a host that isn't this machine."""
    side: str = ""
    """"source" or "target", for messages; empty if there is only one side."""
    given_by: Mapping[str, str] = field(default_factory=dict)
    """By field (`token`, `headers` …), for messages: the option or variable that the value came from."""
    credential_words: str = ""
    """How the user gives credentials, for hints; empty for the options of the command line."""
    may_ask: bool = False
    """Somebody sits at this program as at git: `git credential` and ssh may ask on the terminal, and the
    configuration of the repository that one stands in counts."""
    post_buffer: int = POST_BUFFER_BYTES
    """Bodies up to this many bytes are buffered first and sent with Content-Length; larger ones chunked."""
    trace: Callable[[str], None] | None = field(default=None, repr=False)
    """Called with one line for each event of a request, with secrets redacted."""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: Secrets = field(default_factory=Secrets, repr=False, compare=False)
    """What errors, traces and recordings of this side must not show; grows as credentials are found."""

    def __post_init__(self) -> None:
        for name in ("token", "username", "bearer_token"):
            value = getattr(self, name)
            if value is not None and re.search(_LINE_BREAKERS, value):
                raise InvalidOption(f"{self.origin_of(name)} can't hold a line break or NUL")
        if self.bearer_token is not None and not re.fullmatch(r"[\x20-\x7e]+", self.bearer_token):
            raise InvalidOption(f"{self.origin_of('bearer_token')} must be printable ASCII")
        if self.username is not None and ":" in self.username:
            raise InvalidOption(f"{self.origin_of('username')}: a user name can't hold ':'")
        for name, value in self.headers:
            if not re.match(_HEADER_NAME, name):
                raise InvalidOption("a header's name holds characters that HTTP doesn't allow")
            if not re.match(_HEADER_VALUE, value):
                raise InvalidOption(f"the value of header {name} holds characters that HTTP doesn't allow")
            if name.lower() in _OWN_HEADERS:
                raise InvalidOption(f"header {name} is set by the transport itself")
        for name in ("connect_timeout", "idle_timeout", "stall_timeout"):
            if not getattr(self, name) > 0:
                raise InvalidOption(f"{name.replace('_', ' ')} must be above zero")
        if self.retries < 0 or self.post_buffer < 0:
            raise InvalidOption("retries and post buffer can't be below zero")
        if self.max_refs < 1:
            raise InvalidOption("max refs must be above zero")
        self._add_secrets()

    def _add_secrets(self) -> None:
        for secret in (self.token, self.bearer_token):
            self.secrets.add(secret or "")
        self.secrets.add_user(self.username or "")
        for name, value in self.headers:
            self.secrets.add_header(name, value)

    @property
    def wire_limits(self) -> WireLimits:
        """Limits on what the remote may make us store."""
        return WireLimits.of_refs(self.max_refs)

    def origin_of(self, name: str) -> str:
        """Return the name of a value for messages: its option or variable, else the field."""
        return self.given_by.get(name) or f"the {name.replace('_', ' ')} given"
