"""CPU time and peak memory of this process and of those it started.

    CPU       user time of the whole process, including the start of the interpreter, as `time` shows it
    memory    the largest resident set; the kernel counts touched pages of mapped files, including packs

If the system doesn't provide them (no `resource` module), CPU comes from `time.process_time`, and memory is
unknown.
"""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path
from typing import Any

resource: Any
try:
    import resource
except ImportError:  # Windows
    resource = None

__all__ = ["children_cpu_seconds", "children_peak_bytes", "own_cpu_seconds", "own_peak_bytes"]

_STATUS = Path("/proc/self/status")
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes of one unit of `ru_maxrss`."""


def own_cpu_seconds() -> float:
    """Return the user CPU time of this process and of the helpers it has waited for."""
    if resource is None:
        return time.process_time()
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_utime) + children_cpu_seconds()


def children_cpu_seconds() -> float:
    """Return the user CPU time of the processes that this one started and waited for."""
    return 0.0 if resource is None else resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime


def own_peak_bytes() -> int | None:
    """Return the peak memory of this process since its program started."""
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text(encoding="ascii"))
    except OSError:
        found = None
    if found:
        return int(found[1]) * 1024
    return None if resource is None else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT


def children_peak_bytes() -> int | None:
    """Return the peak memory of the largest child process; at least our own memory at its start."""
    return None if resource is None else resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * _RSS_UNIT
