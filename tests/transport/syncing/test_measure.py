"""What a run says of its own memory."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support import ROOT

_ASKED = "from transport.syncing.measure import peak_rss_bytes; print(peak_rss_bytes())"


@pytest.mark.skipif(sys.platform != "linux", reason="the system's own count has this fault on Linux")
def test_the_peak_is_the_process_own_and_not_that_of_a_large_parent():
    parent = f"""
import subprocess, sys
held = bytearray(200_000_000)
held[::4096] = bytes(len(held[::4096]))
subprocess.run([sys.executable, "-c", {_ASKED!r}], check=True)
"""
    told = subprocess.run([sys.executable, "-c", parent], check=True, capture_output=True, cwd=ROOT).stdout
    assert 1_000_000 < int(told) < 150_000_000
