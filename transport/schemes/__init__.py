"""The ways to reach a remote: one module (or package) of this folder per way, found by a scan.

A scheme module has two names, and nothing else needs editing when one is added:

    SCHEMES: tuple[str, ...]                                       the URL schemes it speaks ("http", "https")
    open_scheme(endpoint: Endpoint, options: TransportOptions) -> Transport

Two modules that claim one scheme are an error, never a matter of import order. A module that has the name of
its scheme is loaded alone (`http` speaks https too). Modules without the two names are parts that schemes
share: `lasting` and `links` (conversations on one connection), `early`, `patience`, `bundle` (`file` hands
bundle files to it), and `helper`, which takes every scheme that no module claims.

GIT_ALLOW_PROTOCOL (a list of schemes) and GIT_PROTOCOL_FROM_USER=0 restrict what may be opened, as in git.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING

from transport.endpoint import DEFAULT_PORTS, Endpoint
from transport.errors import InvalidEndpoint
from transport.options import TransportOptions
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
    for name in _modules():
        claimed, opener = _load(name)
        for scheme in claimed:
            if scheme in owners:
                raise RuntimeError(f"scheme {scheme!r} is claimed by {owners[scheme]} and by {name}")
            owners[scheme] = name
            found[scheme] = opener
    return found


def _modules() -> list[str]:
    return sorted(info.name for info in pkgutil.iter_modules(__path__))


def _load(name: str) -> tuple[tuple[str, ...], Opener]:
    module = importlib.import_module(f"{__name__}.{name}")
    return getattr(module, "SCHEMES", ()), getattr(module, "open_scheme", _open_helper)


def _opener(scheme: str) -> Opener:
    for name in {scheme, scheme.removesuffix("s")}.intersection(_modules()):
        claimed, opener = _load(name)
        if scheme in claimed:
            return opener
    return schemes().get(scheme, _open_helper)


def _open_helper(endpoint: Endpoint, options: TransportOptions) -> Transport:
    from transport.schemes.helper import open_helper

    return open_helper(endpoint, options)


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
    transport = _opener(endpoint.scheme)(endpoint, options)
    return SidedTransport(transport, options.side) if options.side else transport


def _check_allowed(scheme: str, environment: Mapping[str, str]) -> None:
    """Heed git's gate, see git(1): a list of protocols, and whether a user stands behind the URL."""
    allowed = environment.get("GIT_ALLOW_PROTOCOL")
    if allowed is not None:
        if scheme not in allowed.split(":"):
            raise InvalidEndpoint(f"GIT_ALLOW_PROTOCOL does not name {scheme}")
    elif scheme not in DEFAULT_PORTS and environment.get("GIT_PROTOCOL_FROM_USER") in ("0", "false"):
        raise InvalidEndpoint(f"{scheme} is not opened where GIT_PROTOCOL_FROM_USER is 0")
