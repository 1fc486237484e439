"""The ways to reach a remote: one module (or package) of this folder per way, found by a scan.

A scheme module has two names, and nothing else needs editing when one is added:

    SCHEMES: tuple[str, ...]                                       the URL schemes it speaks ("http", "https")
    open_scheme(endpoint: Endpoint, options: TransportOptions) -> Transport

Two modules that claim one scheme are an error, never a matter of import order.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING, cast

from transport.endpoint import Endpoint
from transport.errors import InvalidEndpoint
from transport.options import TransportOptions

if TYPE_CHECKING:
    from collections.abc import Callable

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

    Raises InvalidEndpoint for text that can't be parsed and for schemes that nothing here speaks.
    """
    if isinstance(endpoint, str):
        endpoint = Endpoint.parse(endpoint)
    opener = schemes().get(endpoint.scheme)
    if opener is None:
        spoken = ", ".join(sorted(schemes()))
        raise InvalidEndpoint(f"no transport speaks {endpoint.scheme}://", hint=f"spoken here: {spoken}")
    return opener(endpoint, options or TransportOptions())
