"""A service on standard input and output, as `git`, ssh and test suites start it.

    (nothing)                  the advertisement, then one conversation that lasts
    http-backend-info-refs     the advertisement alone, without git-http-backend's service line
    stateless-rpc              one request and its answer, without an advertisement

The version is GIT_PROTOCOL's, as over HTTP it is Git-Protocol's. Specified in git-upload-pack,
git-receive-pack and gitprotocol-common. What has been answered is sent before the service waits for input.
"""

from __future__ import annotations

import os
import select
import threading
from typing import TYPE_CHECKING, Literal

from transport.errors import NetworkError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from packcore.errors import PackcoreError
    from transport.server.receive_pack import ReceivePack
    from transport.server.upload_pack import UploadPack

__all__ = ["PipeMode", "named_version", "read_blocks", "serve_pipes"]

PipeMode = Literal["lasting", "advertise", "stateless"]

_BLOCK_BYTES = 64 * 1024
_GATHER_BYTES = 16 * 1024


def named_version(text: str) -> int:
    """Return the highest protocol version that GIT_PROTOCOL or Git-Protocol names, of those that we speak.

    >>> named_version("version=1"), named_version("version=2:key"), named_version("version=9")
    (1, 2, 0)
    """
    words = [word.removeprefix("version=") for word in text.split(":") if word.startswith("version=")]
    return max((int(word) for word in words if word in ("0", "1", "2")), default=0)


def read_blocks(descriptor: int, *, seconds: float | None = None) -> Iterator[bytes]:
    """Yield what comes in, as it comes. Raises NetworkError when nothing came for so long."""
    while True:
        if seconds is not None and not select.select([descriptor], [], [], seconds)[0]:
            raise NetworkError(f"the client sent nothing for {seconds:g} seconds")
        block = os.read(descriptor, _BLOCK_BYTES)
        if not block:
            return
        yield block


def serve_pipes(
    service: UploadPack | ReceivePack,
    incoming: Iterable[bytes],
    write: Callable[[bytes], None],
    *,
    version: int,
    mode: PipeMode = "lasting",
) -> PackcoreError | None:
    """Serve one client; return the fault that ended it, which the client was told.

    `write` sends at once. Raises what `incoming` and `write` raise.
    """
    sender = _Sender(write)
    if mode != "stateless":
        lasting = mode == "lasting"
        for block in service.advertise(version, over_http=False, lasting=lasting):
            sender.add(block)
        sender.send()
    if mode == "advertise":
        return None
    conversation = service.converse(sender.sending_before(incoming), version, lasting=mode == "lasting")
    while True:
        try:
            sender.add(next(conversation))
        except StopIteration as end:
            sender.send()
            fault: PackcoreError | None = end.value
            return fault


class _Sender:
    """Gathers small blocks. A push's input is read by a thread of its own."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._waiting = bytearray()
        self._lock = threading.Lock()

    def add(self, block: bytes) -> None:
        """Take a block; an empty one says that the others must not wait."""
        with self._lock:
            self._waiting += block
            is_due = not block or len(self._waiting) >= _GATHER_BYTES
        if is_due:
            self.send()

    def send(self) -> None:
        """Send what has been gathered."""
        with self._lock:
            if self._waiting:
                self._write(bytes(self._waiting))
                self._waiting.clear()

    def sending_before(self, incoming: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the blocks that come in, and send before each wait."""
        blocks = iter(incoming)
        while True:
            self.send()
            block = next(blocks, None)
            if block is None:
                return
            yield block
