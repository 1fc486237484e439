"""Errors of talking to a remote. Each names the guilty side, carries an exit code, and holds no secret."""

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
    """The text of an endpoint can't be parsed, or names a scheme that nothing here speaks."""

    exit_code = 2


class InvalidOption(TransportError):
    """A transport option has a value that can't be used."""

    exit_code = 2


class RemoteProtocolError(TransportError):
    """The remote sent bytes that break the protocol."""


class TruncatedAnswer(RemoteProtocolError):
    """The remote's answer ended where the protocol has more to come."""


class AnswerTooLarge(RemoteProtocolError):
    """The remote's answer holds more of something than one may; `limit` names the bound."""

    def __init__(
        self, message: str, *, limit: str, hint: str | None = None, named: bool = False, option: str = ""
    ) -> None:
        hint = hint or f"the bound is {limit}; no honest server is known to reach it"
        super().__init__(message, hint=hint, option=option)
        self.limit = limit
        self.named = named
        """Whether the message says whose answer it is."""

    def of(self, start: str) -> AnswerTooLarge:
        """Return the same error with a start of its sentence that names the answer, unless it is named."""
        if self.named:
            return self
        return AnswerTooLarge(
            f"{start}{self}", limit=self.limit, hint=self.hint, named=True, option=self.option
        )


class LocalProtocolError(TransportError):
    """We were about to break the protocol: a caller's mistake, found before a byte was sent."""

    exit_code = 1


class RemoteError(TransportError):
    """The remote itself reported an error (ERR line, side-band 3, unpack failure); its words, made safe."""


class NetworkError(TransportError):
    """No connection, a lost one, or silence past the idle timeout."""


class RemoteStalled(NetworkError):
    """The remote kept the connection busy without getting on, past the stall timeout.

    Unlike other network errors this is never tried again in the same run, neither in a smaller body nor by
    `retries`: each time the whole timeout would be waited for.
    """


class HttpStatusError(TransportError):
    """An HTTP answer other than success; `status` is its number, `url` is without secrets."""

    def __init__(
        self, message: str, *, status: int, url: str, hint: str | None = None, option: str = ""
    ) -> None:
        super().__init__(message, hint=hint, option=option)
        self.status = status
        self.url = url


class AuthenticationRequired(TransportError):
    """The remote wants credentials, or refuses those it got."""

    exit_code = 5


class UnsupportedByRemote(TransportError):
    """The remote lacks a capability that the request needs."""

    exit_code = 1


class InvalidRequest(TransportError):
    """What the caller asks for contradicts itself or can't be read; found before any traffic."""

    exit_code = 2


class NoRefsMatched(TransportError):
    """The source has no ref within the scope that was asked for, so there is nothing to decide upon."""

    exit_code = 1


class PruneLimitReached(TransportError):
    """Pruning would delete more of the target's refs than it may; nothing was pushed. `refs` names them."""

    exit_code = 1

    def __init__(
        self, message: str, *, refs: tuple[str, ...], hint: str | None = None, option: str = ""
    ) -> None:
        super().__init__(message, hint=hint, option=option)
        self.refs = refs


class TimeLimitReached(TransportError):
    """A run was stopped from outside, since it took longer than it may, or since all is to stop."""

    exit_code = 1


class ObjectFormatMismatch(TransportError):
    """One side names its objects by sha1, the other by sha256: no ref of one can exist on the other."""

    exit_code = 1


class RefRejected(TransportError):
    """The target refused one ref; `reason` in the server's words, made safe."""

    exit_code = 1

    def __init__(self, ref: str, reason: str, *, hint: str | None = None) -> None:
        super().__init__(f"{ref}: {reason}", hint=hint)
        self.ref = ref
        self.reason = reason


class TargetRefMoved(RefRejected):
    """The target's ref is no longer what it was when the run started. Nothing was overwritten; run again."""
