"""What is kept of an answer that comes while the request is still being sent."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support import ROOT

FULL = """
import resource
from transport.errors import TransportError
from transport.schemes.early import EarlyAnswer
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
answer = EarlyAnswer("https://example.com/x.git")
try:
    for _ in range(8):
        answer.keep(bytes(1 << 20))
except TransportError as error:
    print(type(error).__name__, error, error.hint, sep="\\n")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits on file sizes")
def test_a_full_disk_names_the_folder_and_what_to_set(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FULL],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    kind, words, hint = done.stdout.splitlines()
    assert kind == "TransportError"
    assert words == f"can't write a temporary file in {tmp_path}: File too large"
    assert hint == "set TMPDIR to another folder"
