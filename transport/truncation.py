"""Add to errors about an answer which remote sent it and which answer it was: parsers know neither."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from transport.errors import (
    AnswerTooLarge,
    RemoteError,
    RemoteProtocolError,
    TransportError,
    TruncatedAnswer,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from transport.base import Transport

__all__ = ["naming_blocks", "naming_the_answer", "naming_what_is_too_large"]

_NOT_OUR_REF = "not our ref"
"""What git's server says about a wanted id that it doesn't have."""


@contextmanager
def naming_the_answer(transport: Transport, what: str) -> Iterator[None]:
    """Name the remote in a RemoteProtocolError or RemoteError that is raised in the block.

    `what` describes the expected answer.
    """
    try:
        with naming_what_is_too_large(transport, what):
            yield
    except RemoteError as error:
        lost = _NOT_OUR_REF in str(error)
        hint = "it lists this id and doesn't have the object; run `git fsck` there" if lost else error.hint
        raise _named(error, _placed(transport, error), hint) from None
    except TruncatedAnswer as error:
        hint = "a server that stops there often can't read its own repository: run `git fsck` on it"
        raise _named(error, f"{transport.url}: {what} is cut off: {error}", hint) from None
    except RemoteProtocolError as error:
        if type(error) is not RemoteProtocolError:
            raise
        raise _named(error, _placed(transport, error), error.hint) from None


@contextmanager
def naming_what_is_too_large(transport: Transport, what: str) -> Iterator[None]:
    """Name the remote in an AnswerTooLarge that is raised in the block."""
    try:
        yield
    except AnswerTooLarge as error:
        named = error.of(f"{transport.url}: {what} holds ")
        named.side = error.side
        raise named from None


def _placed(transport: Transport, error: TransportError) -> str:
    """Return an error's message with the remote's URL, once."""
    return str(error) if transport.url in str(error) else f"{transport.url}: {error}"


def _named(error: TransportError, message: str, hint: str | None) -> TransportError:
    named = type(error)(message, hint=hint, option=error.option)
    named.side = error.side
    return named


def naming_blocks(transport: Transport, what: str, blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the blocks, and name the remote in the errors that `naming_the_answer` handles."""
    with naming_the_answer(transport, what):
        yield from blocks
