"""The ways to reach a remote: one module (or package) of this folder for each, found by a scan.

A scheme module defines two names, and nothing else needs editing to add one:

    SCHEMES: tuple[str, ...]                                       its URL schemes ("http", "https")
    open_scheme(endpoint: Endpoint, options: TransportOptions) -> Transport

Two modules that claim one scheme are an error; import order never decides. If a module has the name of a
scheme, only that one is loaded (`http` handles https too). Modules without the two names are shared parts:
`lasting` and `links` (conversations on one connection), `early`, `patience`, `bundle` (which handles bundle
files for `file`), and `helper`, which handles every scheme that no module claims.

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
    """Return every supported scheme with the function that opens it."""
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


@cache
def _modules() -> tuple[str, ...]:
    return tuple(sorted(info.name for info in pkgutil.iter_modules(__path__)))


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
    """Return the transport for an endpoint, without connecting yet.

    Raises InvalidEndpoint for text that can't be parsed, for schemes that neither this package nor a helper
    on PATH supports, and for those that the environment forbids. Raises InvalidOption for unusable options.
    """
    if isinstance(endpoint, str):
        endpoint = Endpoint.parse(endpoint)
    options = options or TransportOptions()
    options.secrets.add_url(endpoint.user, endpoint.password)
    _check_allowed(endpoint.scheme, options.environment)
    transport = _opener(endpoint.scheme)(endpoint, options)
    return SidedTransport(transport, options.side) if options.side else transport


def _check_allowed(scheme: str, environment: Mapping[str, str]) -> None:
    """Apply git's restrictions (see git(1)): a list of protocols, and whether the URL comes from the user."""
    allowed = environment.get("GIT_ALLOW_PROTOCOL")
    if allowed is not None:
        if scheme not in allowed.split(":"):
            raise InvalidEndpoint(f"GIT_ALLOW_PROTOCOL does not name {scheme}")
    elif scheme not in DEFAULT_PORTS and environment.get("GIT_PROTOCOL_FROM_USER") in ("0", "false"):
        raise InvalidEndpoint(f"{scheme} is not allowed if GIT_PROTOCOL_FROM_USER is 0")
