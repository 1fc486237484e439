"""What every connection of our HTTP server goes by."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packcore.limits import Limits
from packcore.store.packed_file import RefViews
from transport.server.budget import RequestLimits
from transport.server.counts import ServerCounts
from transport.server.faults import Simulation
from transport.server.namespaces import NO_NAMESPACE, Namespace
from transport.server.pack_cache import PackCache

if TYPE_CHECKING:
    from collections.abc import Callable

    from transport.server.hooks import HookSettings
    from transport.server.htpasswd import Passwords
    from transport.server.served import ServedRepositories

__all__ = ["ServerSettings"]


def _silent(_: str) -> None:
    """Take a line of the log and drop it."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """The settings of one server."""

    repositories: ServedRepositories
    allow_push: bool | None = False
    """None: as a repository's `http.receivepack` says; where it says nothing, for users who signed in."""
    static_files: bool = False
    """Whether files are served to clients of the dumb protocol where `http.getanyfile` says nothing."""
    unpack_limit: int = 0
    """Pushes of fewer objects are unpacked where a repository's settings say nothing."""
    namespace: Namespace = NO_NAMESPACE
    """The ref namespace that is served, unless a WSGI server names another one for a request."""
    hooks: HookSettings | None = None
    """How the repositories' hooks are run; None: none is."""
    passwords: Passwords | None = None
    """Who may come in; None: everybody."""
    log: Callable[[str], None] = _silent
    """Takes one line for each request: client, user, request line, status, bytes sent, seconds."""
    tell: Callable[[str], None] | None = None
    """Takes one line for each fault of a request or a repository; None: the log does."""
    simulation: Simulation = field(default_factory=Simulation)
    """Faults on purpose."""
    limits: Limits = field(default_factory=Limits)
    connections: int = 64
    connections_per_client: int | None = None
    """Of those, for one address (see `server.clients`); None: three quarters."""
    head_seconds: float = 30
    """From one request to the end of the next one's head."""
    idle_seconds: float = 120
    """Without a byte, either way."""
    request_seconds: float = 6 * 3600
    """For a whole request's body."""
    linger_seconds: float = 30
    """For reading on after an answer that came before the request's end."""
    keepalive_seconds: float = 5
    """Between two signs of life while a pack is selected or checked."""
    request_limits: RequestLimits = field(default_factory=RequestLimits)
    """What one request may cost before it is answered."""
    counts: ServerCounts = field(default_factory=ServerCounts)
    """What was answered, received and sent."""
    views: RefViews = field(default_factory=lambda: RefViews(time.time_ns))
    """What was read of packed-refs for earlier requests."""
    packs: PackCache | None = field(default_factory=PackCache)
    """Packs that were made for earlier requests; None: none is kept."""
