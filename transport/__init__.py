"""Talking to remotes: the wire formats, the ways to carry them, and syncs made of both.

    import transport

    result = transport.sync("https://a/x.git", "https://b/x.git", scope=transport.Scope(tags=True))

What stands here is the public API. Its modules are loaded when a name is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore._lazy import offer

if TYPE_CHECKING:
    from transport.endpoint import Endpoint
    from transport.errors import (
        AuthenticationRequired,
        HttpStatusError,
        InvalidEndpoint,
        InvalidOption,
        InvalidRequest,
        LocalProtocolError,
        NetworkError,
        NoRefsMatched,
        ObjectFormatMismatch,
        RefRejected,
        RemoteError,
        RemoteProtocolError,
        TargetRefMoved,
        TransportError,
        UnsupportedByRemote,
    )
    from transport.fetch import fetch_pack, list_refs
    from transport.options import TransportOptions
    from transport.schemes import open_transport
    from transport.selection import SelectionOptions
    from transport.send_pack import push
    from transport.syncing import sync
    from transport.syncing.outcome.result import Outcome, RefResult, SyncResult
    from transport.syncing.request import Policy, RefMapping, Scope, SyncRequest

__all__ = [
    "AuthenticationRequired",
    "Endpoint",
    "HttpStatusError",
    "InvalidEndpoint",
    "InvalidOption",
    "InvalidRequest",
    "LocalProtocolError",
    "NetworkError",
    "NoRefsMatched",
    "ObjectFormatMismatch",
    "Outcome",
    "Policy",
    "RefMapping",
    "RefRejected",
    "RefResult",
    "RemoteError",
    "RemoteProtocolError",
    "Scope",
    "SelectionOptions",
    "SyncRequest",
    "SyncResult",
    "TargetRefMoved",
    "TransportError",
    "TransportOptions",
    "UnsupportedByRemote",
    "fetch_pack",
    "list_refs",
    "open_transport",
    "push",
    "sync",
]

offer(
    __name__,
    {
        "transport.endpoint": ("Endpoint",),
        "transport.errors": (
            "AuthenticationRequired",
            "HttpStatusError",
            "InvalidEndpoint",
            "InvalidOption",
            "InvalidRequest",
            "LocalProtocolError",
            "NetworkError",
            "NoRefsMatched",
            "ObjectFormatMismatch",
            "RefRejected",
            "RemoteError",
            "RemoteProtocolError",
            "TargetRefMoved",
            "TransportError",
            "UnsupportedByRemote",
        ),
        "transport.fetch": ("fetch_pack", "list_refs"),
        "transport.options": ("TransportOptions",),
        "transport.send_pack": ("push",),
        "transport.schemes": ("open_transport",),
        "transport.syncing": ("sync",),
        "transport.selection": ("SelectionOptions",),
        "transport.syncing.request": ("Policy", "RefMapping", "Scope", "SyncRequest"),
        "transport.syncing.outcome.result": ("Outcome", "RefResult", "SyncResult"),
    },
)
