"""The last door: what leaves has no secret and no control character, and JSON stays what it was."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import warnings

import pytest

from cli.streams import Output
from tests.support import ROOT
from transport.secrets import Secrets


@pytest.fixture
def output() -> Output:
    known = Secrets()
    known.add("hunter2")
    return Output(lambda: known)


def test_text_on_either_stream_is_masked_and_made_visible(output, capsys):
    output.out("to \x1b[2Jhunter2\u202e")
    output.err("a\thunter2\x07")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("to ^[[2J***\\u202e\n", "a\t***^G\n")


def test_lines_keep_their_order_where_both_streams_lead_to_one_file(tmp_path):
    code = "from cli.streams import Output; o = Output(); o.out('a'); o.err('b'); o.out('c'); o.err('d')"
    with (tmp_path / "log").open("wb") as log:
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=log, stderr=log, check=True)
    assert (tmp_path / "log").read_text().split() == ["a", "b", "c", "d"]


def test_a_secret_found_after_the_first_line_is_masked_from_then_on(output, capsys):
    output.out("later-one")
    output.secrets.add("later-one")
    output.out("later-one")
    assert capsys.readouterr().out == "later-one\n***\n"


def test_drawings_keep_colours_and_nothing_else(output):
    drawn = output.styled("\x1b[1;31mhunter2\x1b[0m \x1b[2J \x1b]0;title\x07")
    assert drawn == "\x1b[1;31m***\x1b[0m ^[[2J ^[]0;title^G"


@pytest.mark.parametrize("value", ["\x1b[2J", "\x7f", "\u202e", "caf\udce9", '"\\'])
def test_json_keeps_its_meaning_and_has_no_control_character(output, value):
    text = output.json({"a": [value, 1.5, None, True]})
    assert json.loads(text) == {"a": [value, 1.5, None, True]}
    assert all(" " <= char <= "~" for char in text)


def test_json_has_secrets_masked_in_keys_and_values(output):
    assert json.loads(output.json({"hunter2": ["x hunter2"], "n": 2})) == {"***": ["x ***"], "n": 2}


def test_exact_lines_pass_byte_for_byte_but_for_secrets(output, capfdbinary):
    output.exact([b"refs/heads/\xff\x1b", b"hunter2", b""])
    assert capfdbinary.readouterr().out == b"refs/heads/\xff\x1b\n***\n\n"


def test_errors_of_threads_and_warnings_leave_through_it_too(output, capsys):
    def fail() -> None:
        raise ValueError("hunter2\x1b")

    with output.catching_strays():
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            # Entering has put the standard function back in its place: ours is asked for by name.
            output_function = warnings.showwarning
            output_function("of hunter2", UserWarning, "x.py", 1)
    said = capsys.readouterr().err
    assert "ValueError: ***^[" in said
    assert "packcore: warning: UserWarning: of ***" in said
    assert "hunter2" not in said
