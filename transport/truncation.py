"""Says whose answer was cut off, and which: a parser of bytes knows neither."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from transport.errors import TruncatedAnswer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from transport.base import Transport

__all__ = ["naming_blocks", "naming_the_answer"]


@contextmanager
def naming_the_answer(transport: Transport, what: str) -> Iterator[None]:
    """Name the remote in a TruncatedAnswer that is raised in the block; `what` is what it was to send."""
    try:
        yield
    except TruncatedAnswer as error:
        raise TruncatedAnswer(
            f"{transport.url}: {what} is cut off: {error}",
            hint="a server that stops in mid-answer often can't read its own repository; see its log, or run "
            "`git fsck` there",
        ) from None


def naming_blocks(transport: Transport, what: str, blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the blocks; a TruncatedAnswer on the way names the remote."""
    with naming_the_answer(transport, what):
        yield from blocks
