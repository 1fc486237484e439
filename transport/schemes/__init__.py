"""The ways to reach a remote: one module (or package) of this folder per way, found by a scan.

A scheme module has two names, and nothing else needs editing when one is added:

    SCHEMES: tuple[str, ...]                                       the URL schemes it speaks ("http", "https")
    open_scheme(endpoint: Endpoint, options: TransportOptions) -> Transport

Two modules that claim one scheme are an error, never a matter of import order. Modules without the two names
are parts that schemes share: `lasting` and `links` (conversations on one connection), `early`, `bundle` (what
`local` hands bundle files to), and `helper`, to which every scheme goes that no module claims.

GIT_ALLOW_PROTOCOL (a list of schemes) and GIT_PROTOCOL_FROM_USER=0 restrict what may be opened, as in git.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING, cast

from transport.endpoint import DEFAULT_PORTS, Endpoint
from transport.errors import InvalidEndpoint
from transport.options import TransportOptions
from transport.schemes.helper import open_helper
from transport.sided import SidedTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from transport.base import Transport

    Opener = Callable[[Endpoint, TransportOptions], Transport]

__all__ = ["open_transport", "schemes"]


@cache
def schemes() -> dict[str, Opener]:
    """Return every scheme that is spoken here, with what opens it."""
    found: dict[str, Opener] = {}
    owners: dict[str, str] = {}
    for info in sorted(pkgutil.iter_modules(__path__), key=lambda info: info.name):
        module = importlib.import_module(f"{__name__}.{info.name}")
        for scheme in cast("tuple[str, ...]", getattr(module, "SCHEMES", ())):
            if scheme in owners:
                raise RuntimeError(f"scheme {scheme!r} is claimed by {owners[scheme]} and by {info.name}")
            owners[scheme] = info.name
            found[scheme] = module.open_scheme
    return found


def open_transport(endpoint: str | Endpoint, options: TransportOptions | None = None) -> Transport:
    """Return the transport for an endpoint; no connection is made yet.

    Raises InvalidEndpoint for text that can't be parsed, for schemes that neither this package nor a helper
    on PATH speaks, and for those that the environment forbids; InvalidOption for options of no use.
    """
    if isinstance(endpoint, str):
        endpoint = Endpoint.parse(endpoint)
    options = options or TransportOptions()
    options.secrets.add_url(endpoint.user, endpoint.password)
    _check_allowed(endpoint.scheme, options.environment)
    transport = schemes().get(endpoint.scheme, open_helper)(endpoint, options)
    return SidedTransport(transport, options.side) if options.side else transport


def _check_allowed(scheme: str, environment: Mapping[str, str]) -> None:
    """Heed git's gate, see git(1): a list of protocols, and whether a user stands behind the URL."""
    allowed = environment.get("GIT_ALLOW_PROTOCOL")
    if allowed is not None:
        if scheme not in allowed.split(":"):
            raise InvalidEndpoint(f"GIT_ALLOW_PROTOCOL does not name {scheme}")
    elif scheme not in DEFAULT_PORTS and environment.get("GIT_PROTOCOL_FROM_USER") in ("0", "false"):
        raise InvalidEndpoint(f"{scheme} is not opened where GIT_PROTOCOL_FROM_USER is 0")
