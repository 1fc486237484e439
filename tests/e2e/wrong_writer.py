"""The mistake that this project was born from, kept so that the tests are seen to catch it.

A push whose body generator does the delta selection: the connection is open and the request's head is
sent, the first lines of the body too, and then nothing comes while the writer thinks. An impatient edge
takes the silence for a dead client.

    POST head · commands · (selecting ...) · pack

Nothing else may import this module.
"""

from __future__ import annotations

import http.client
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Verdict", "push_while_selecting"]

_BLOCK_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the push ended: the answer's status and words, or why there was none."""

    status: int | None
    words: str

    @property
    def accepted(self) -> bool:
        """Tell whether the server reported the ref as updated."""
        return self.status == 200 and "unpack ok" in self.words and "ok refs/" in self.words


def push_while_selecting(url: str, ref: str, oid: str, pack: bytes, *, select_seconds: float) -> Verdict:
    """Create `ref` at `oid` by a chunked POST that pauses for `select_seconds` inside its body."""

    def body() -> Iterator[bytes]:
        update = f"{'0' * len(oid)} {oid} {ref}\0report-status agent=git/wrong-writer".encode()
        yield b"%04x%s0000" % (len(update) + 4, update)
        time.sleep(select_seconds)  # the wrong place to select deltas
        for start in range(0, len(pack), _BLOCK_BYTES):
            yield pack[start : start + _BLOCK_BYTES]

    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    try:
        connection.request(
            "POST",
            f"{parts.path}/git-receive-pack",
            body=body(),
            headers={"Content-Type": "application/x-git-receive-pack-request"},
            encode_chunked=True,
        )
        answer = connection.getresponse()
        return Verdict(answer.status, answer.read().decode(errors="replace"))
    except (OSError, http.client.HTTPException) as error:
        return Verdict(None, repr(error))
    finally:
        connection.close()
