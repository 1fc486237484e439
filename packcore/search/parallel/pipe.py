"""The messages on the pipe between the main process and its search workers.

    to a worker       pickle of ("edges", (candidates, limits)) or ("search", Task)
    from a worker     H                       ready
                      C count(4) pickle       choices, numbered as in the task
                      E a,b,weight,… (q)      edges of the version graph
                      D                       the request is done
                      X pickle                the request failed with this error

Only processes that we started have an end of the pipe, so pickle is safe here. Errors travel as class,
message and fields, because an exception whose constructor needs more than a message can't be unpickled.
"""

from __future__ import annotations

import pickle
from array import array
from typing import TYPE_CHECKING

from packcore.processes import READY, error_of_bytes, error_to_bytes
from packcore.search.strategy import Choice

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from packcore.search.parallel.task import VersionEdges

__all__ = [
    "CHOICES",
    "DONE",
    "EDGES",
    "FAILED",
    "READY",
    "choice_count",
    "decode_choices",
    "decode_edges",
    "decode_error",
    "encode_choices",
    "encode_edges",
    "encode_error",
]

CHOICES, EDGES, DONE, FAILED = b"C", b"E", b"D", b"X"

_COUNT_BYTES = 4


def encode_choices(choices: Sequence[Choice]) -> bytes:
    """Return the message for some choices."""
    rows = [tuple(choice) for choice in choices]
    return CHOICES + len(rows).to_bytes(_COUNT_BYTES, "big") + pickle.dumps(rows, pickle.HIGHEST_PROTOCOL)


def choice_count(message: bytes) -> int:
    """Return the number of choices in a message, without decoding them."""
    return int.from_bytes(message[1 : 1 + _COUNT_BYTES], "big")


def decode_choices(message: bytes) -> list[Choice]:
    """Return the choices in a message."""
    return [Choice(*row) for row in pickle.loads(message[1 + _COUNT_BYTES :])]  # noqa: S301 - our own


def encode_edges(edges: Iterable[tuple[int, int, int]]) -> bytes:
    """Return the message for a version graph."""
    return EDGES + array("q", [number for edge in edges for number in edge]).tobytes()


def decode_edges(message: bytes) -> VersionEdges:
    """Return the edges in a message."""
    numbers = array("q")
    numbers.frombytes(message[1:])
    return list(zip(numbers[0::3], numbers[1::3], numbers[2::3], strict=True))


def encode_error(error: BaseException) -> bytes:
    """Return the message for an error."""
    return FAILED + error_to_bytes(error)


def decode_error(message: bytes) -> BaseException:
    """Return the error in a message, as it was raised."""
    return error_of_bytes(message[1:])
