"""What the library logs where no progress is given."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from packcore.progress import SILENT
from tests.support import ROOT


@pytest.mark.parametrize(
    ("origin", "logger", "level"),
    [
        ("packcore", "packcore", logging.INFO),
        ("source", "transport", logging.INFO),
        ("target", "transport", logging.INFO),
        ("blocked", "transport", logging.WARNING),
        ("unreadable", "transport", logging.WARNING),
        ("hidden", "transport", logging.WARNING),
    ],
)
def test_a_message_is_logged_by_its_origin(caplog, origin, logger, level):
    with caplog.at_level(logging.INFO):
        SILENT.message(origin, "something 100 % new")
    assert caplog.record_tuples == [(logger, level, f"{origin}: something 100 % new")]


def test_control_characters_are_made_visible(caplog):
    with caplog.at_level(logging.INFO):
        SILENT.message("source", "a\x1b[31mb\nc é")
    assert caplog.messages == ["source: a\\x1b[31mb\\nc é"]


def test_nothing_is_written_and_logging_is_not_loaded_before_the_first_message():
    code = (
        "import sys; from packcore.progress import SILENT\n"
        "assert 'logging' not in sys.modules\n"
        "SILENT.message('blocked', 'a warning')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
