"""How a process manages memory: it rarely collects cycles, and a server returns memory early.

glibc maps each large block separately and returns it when freed. But each time one is freed, glibc raises
the size that counts as large, up to 32 MiB, and it has up to eight arenas per CPU. That suits a short
command. A server whose threads answer requests of many sizes is left with free pieces in every arena: its
resident memory grows for hours while the memory in use stays the same.

Only `packcore serve` does this: it affects the whole process, and a library must not decide that.
"""

from __future__ import annotations

import gc
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["collecting_seldom", "stay_small"]

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
"""Numbers of glibc's malloc.h."""
_KIB = 1024
_SETTINGS = ((_M_MMAP_THRESHOLD, 128 * _KIB), (_M_TRIM_THRESHOLD, 128 * _KIB), (_M_ARENA_MAX, 2))


def stay_small() -> bool:
    """Give freed memory back to the system early; return whether the C library supports that.

    To be called before there are threads. Other C libraries than glibc are left alone.
    """
    if not sys.platform.startswith("linux"):
        return False
    import ctypes

    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # musl has none
        return False
    return all(mallopt(name, value) == 1 for name, value in _SETTINGS)


@contextmanager
def collecting_seldom() -> Iterator[None]:
    """Look for cycles less often than Python does by default, and not once more when the program ends.

    What a run holds is hundreds of thousands of tuples, and hardly a cycle among them: looking for them as
    often takes a fifth of the time of packing, and each hundred thousand objects still three hundredths. A
    million that nobody reaches would be 0.1 GB. The search at the end would take a tenth of a short command.
    """
    if not hasattr(gc, "freeze"):  # PyPy has no such thing, and no need
        yield
        return
    gc.set_threshold(1_000_000, 50, 50)
    try:
        yield
    finally:
        gc.freeze()
