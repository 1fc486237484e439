"""Errors of talking to a remote. Each names the side at fault, has an exit code, and contains no secret."""

from __future__ import annotations

from typing import Any

from packcore.errors import PackcoreError
from transport.spelling import spelled_hint, spelled_message

__all__ = [
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
    "error_object",
]


def error_object(error: PackcoreError) -> dict[str, Any]:
    """Return the `error` object of `--json`."""
    return {
        "kind": type(error).__name__,
        "message": spelled_message(error) or type(error).__name__,
        "hint": spelled_hint(error),
        "side": error.side or None,
        "exitCode": error.exit_code,
    }


class TransportError(PackcoreError):
    """Something between us and a remote failed."""

    exit_code = 4


class InvalidEndpoint(TransportError):
    """The text of an endpoint can't be parsed, or its scheme is not supported."""

    exit_code = 2


class InvalidOption(TransportError):
    """A transport option has a value that can't be used."""

    exit_code = 2


class RemoteProtocolError(TransportError):
    """The remote sent bytes that break the protocol."""


class TruncatedAnswer(RemoteProtocolError):
    """The remote's answer ended before the protocol allows it to."""


class AnswerTooLarge(RemoteProtocolError):
    """The remote's answer has more of something than allowed; `limit` names the limit."""

    def __init__(
        self, message: str, *, limit: str, hint: str | None = None, named: bool = False, option: str = ""
    ) -> None:
        hint = hint or f"the bound is {limit}; no honest server is known to reach it"
        super().__init__(message, hint=hint, option=option)
        self.limit = limit
        self.named = named
        """Whether the message already names the remote."""

    def of(self, start: str) -> AnswerTooLarge:
        """Return the same error with `start`, which names the answer, before it, unless it has a name."""
        if self.named:
            return self
        return AnswerTooLarge(
            f"{start}{self}", limit=self.limit, hint=self.hint, named=True, option=self.option
        )


class LocalProtocolError(TransportError):
    """We would have broken the protocol: a mistake of the caller, found before any byte was sent."""

    exit_code = 1


class RemoteError(TransportError):
    """The remote itself reported an error (ERR line, side-band 3, unpack failure); its text is made safe."""


class NetworkError(TransportError):
    """No connection, a lost one, or silence past the idle timeout."""


class RemoteStalled(NetworkError):
    """The remote kept the connection busy without making progress, past the stall timeout.

    Unlike other network errors, this is never retried in the same run, neither with a smaller body nor by
    `retries`, because each retry would wait for the whole timeout.
    """


class HttpStatusError(TransportError):
    """An HTTP answer that is not a success; `status` is its number, `url` has no secrets."""

    def __init__(
        self, message: str, *, status: int, url: str, hint: str | None = None, option: str = ""
    ) -> None:
        super().__init__(message, hint=hint, option=option)
        self.status = status
        self.url = url


class AuthenticationRequired(TransportError):
    """The remote requires credentials, or refused the ones it got."""

    exit_code = 5


class UnsupportedByRemote(TransportError):
    """The remote lacks a capability that the request needs."""

    exit_code = 1


class InvalidRequest(TransportError):
    """The request of the caller contradicts itself or can't be parsed; found before any traffic."""

    exit_code = 2


class NoRefsMatched(TransportError):
    """The source has no ref within the requested scope, so there is nothing to sync."""

    exit_code = 1


class PruneLimitReached(TransportError):
    """Pruning would delete more refs of the target than allowed; nothing was pushed. `refs` names them."""

    exit_code = 1

    def __init__(
        self, message: str, *, refs: tuple[str, ...], hint: str | None = None, option: str = ""
    ) -> None:
        super().__init__(message, hint=hint, option=option)
        self.refs = refs


class TimeLimitReached(TransportError):
    """A run was stopped from outside, because it took too long or because everything is stopping."""

    exit_code = 1


class ObjectFormatMismatch(TransportError):
    """One side uses sha1 and the other sha256, so no ref of one can exist on the other."""

    exit_code = 1


class RefRejected(TransportError):
    """The target refused one ref; `reason` is the server's text, made safe."""

    exit_code = 1

    def __init__(self, ref: str, reason: str, *, hint: str | None = None) -> None:
        super().__init__(f"{ref}: {reason}", hint=hint)
        self.ref = ref
        self.reason = reason


class TargetRefMoved(RefRejected):
    """The ref of the target has changed since the run started. Nothing was overwritten; run again."""
