"""Talk to remotes: the wire formats, the transports that carry them, and syncs built on both.

    import transport

    result = transport.sync("https://a/x.git", "https://b/x.git", scope=transport.Scope(tags=True))

This is the public API. Modules are loaded when one of their names is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore._lazy import offer

if TYPE_CHECKING:
    from transport.endpoint import Endpoint
    from transport.errors import (
        AnswerTooLarge,
        AuthenticationRequired,
        HttpStatusError,
        InvalidEndpoint,
        InvalidOption,
        InvalidRequest,
        LocalProtocolError,
        NetworkError,
        NoRefsMatched,
        ObjectFormatMismatch,
        PruneLimitReached,
        RefRejected,
        RemoteError,
        RemoteProtocolError,
        RemoteStalled,
        TargetRefMoved,
        TimeLimitReached,
        TransportError,
        TruncatedAnswer,
        UnsupportedByRemote,
    )
    from transport.fetch import fetch_pack
    from transport.listing import list_refs
    from transport.options import TransportOptions
    from transport.schemes import open_transport
    from transport.selection import SelectionOptions
    from transport.send_pack import push
    from transport.syncing import sync
    from transport.syncing.outcome.result import Outcome, RefResult, SyncResult
    from transport.syncing.request import Policy, RefMapping, Scope, SyncRequest

__all__ = [
    "AnswerTooLarge",
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
    "PruneLimitReached",
    "RefMapping",
    "RefRejected",
    "RefResult",
    "RemoteError",
    "RemoteProtocolError",
    "RemoteStalled",
    "Scope",
    "SelectionOptions",
    "SyncRequest",
    "SyncResult",
    "TargetRefMoved",
    "TimeLimitReached",
    "TransportError",
    "TransportOptions",
    "TruncatedAnswer",
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
            "AnswerTooLarge",
            "AuthenticationRequired",
            "HttpStatusError",
            "InvalidEndpoint",
            "InvalidOption",
            "InvalidRequest",
            "LocalProtocolError",
            "NetworkError",
            "NoRefsMatched",
            "ObjectFormatMismatch",
            "PruneLimitReached",
            "RefRejected",
            "RemoteError",
            "RemoteProtocolError",
            "RemoteStalled",
            "TargetRefMoved",
            "TimeLimitReached",
            "TransportError",
            "TruncatedAnswer",
            "UnsupportedByRemote",
        ),
        "transport.fetch": ("fetch_pack",),
        "transport.listing": ("list_refs",),
        "transport.options": ("TransportOptions",),
        "transport.send_pack": ("push",),
        "transport.schemes": ("open_transport",),
        "transport.syncing": ("sync",),
        "transport.selection": ("SelectionOptions",),
        "transport.syncing.request": ("Policy", "RefMapping", "Scope", "SyncRequest"),
        "transport.syncing.outcome.result": ("Outcome", "RefResult", "SyncResult"),
    },
)
