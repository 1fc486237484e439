"""Logs as JSON: one object a line, whatever is in it, and the phases of a run."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

import transport
from packcore.logs import log
from tests.support import ROOT, history, init_repository, make_repository
from transport.json_logs import JsonFormatter, LoggedProgress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What both loggers have written, as objects."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    loggers = [logging.getLogger(name) for name in ("packcore", "transport")]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    for logger in loggers:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)


def test_a_message_has_its_time_level_logger_and_origin(lines):
    log("blocked", "refs/heads/main")
    (line,) = lines()
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "WARNING",
        "logger": "transport",
        "message": "blocked: refs/heads/main",
        "origin": "blocked",
    }


@pytest.mark.parametrize("text", ['"}\n{"', "a\x1b[0m\x85\u2028b", "\N{SNOWMAN}", "\udc80", "%s %d"])
def test_no_text_can_end_the_line_or_forge_another(text):
    record = logging.LogRecord("x", logging.INFO, "f", 1, "%s", (text,), None)
    line = JsonFormatter().format(record)
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["message"] == text


def test_an_exception_is_part_of_its_record():
    try:
        raise ValueError("wrong")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "f", 1, "failed", (), sys.exc_info())
    line = JsonFormatter().format(record)
    assert "\n" not in line
    assert "ValueError: wrong" in json.loads(line)["exception"]


def test_a_field_never_replaces_what_every_line_has():
    record = logging.LogRecord("x", logging.INFO, "f", 1, "true", (), None)
    record.packcore = {"message": "false", "more": 1}
    told = json.loads(JsonFormatter().format(record))
    assert (told["message"], told["more"]) == ("true", 1)


def test_the_phases_of_a_sync_are_logged_with_their_counts(lines, tmp_path):
    source = make_repository(tmp_path / "source.git", history(commits=3))
    target = init_repository(tmp_path / "target.git")
    result = transport.sync(
        str(source), str(target), progress=LoggedProgress(), selection=transport.SelectionOptions()
    )
    assert result.exit_code == 0
    ended = [line for line in lines() if "seconds" in line]
    assert ended
    assert all(line["complete"] and line["level"] == "INFO" for line in ended)
    assert {line["phase"] for line in ended} == {
        line["phase"] for line in lines() if line["message"].endswith(": begun")
    }
    assert sum(line["done"] for line in ended) > 0


def test_a_phase_that_breaks_off_is_a_warning(lines):
    with suppress(ValueError), LoggedProgress().phase("sending", unit="bytes") as phase:
        phase.advance(5)
        phase.total(9)
        phase.note(deltas=2)
        raise ValueError("cut")
    *_, last = lines()
    assert (last["level"], last["message"], last["complete"]) == ("WARNING", "sending: broken off", False)
    assert (last["done"], last["total"], last["deltas"]) == (5, 9, 2)


def test_a_sync_without_it_loads_nothing_of_it():
    code = "import sys, transport.syncing; print('transport.json_logs' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "False\n"
