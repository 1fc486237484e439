"""What a user sees of an exception."""

from __future__ import annotations

import pytest

from cli import exits
from cli.streams import Output
from packcore import errors
from transport import errors as transport_errors
from transport.secrets import Secrets


def told(error: BaseException, capsys, *, secrets=(), debug=False) -> tuple[int, str]:
    def fail() -> int:
        raise error

    known = Secrets()
    for secret in secrets:
        known.add(secret)
    code = exits.guard(fail, output=Output(lambda: known), debug=lambda: debug)
    return code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.PackcoreError("x"), 1),
        (errors.CorruptPack("x", offset=12), 3),
        (errors.MissingObject("ab" * 20), 3),
        (errors.LimitExceeded("x", limit="depth"), 1),
        (errors.UnknownRevision("x"), 1),
        (transport_errors.NetworkError("x"), 4),
        (transport_errors.RemoteProtocolError("x"), 4),
        (transport_errors.HttpStatusError("x", status=500, url="http://h"), 4),
        (transport_errors.AuthenticationRequired("x"), 5),
        (transport_errors.InvalidRequest("x"), 2),
        (FileNotFoundError(2, "No such file or directory", "a.pack"), 1),
        (MemoryError(), 1),
        (KeyboardInterrupt(), 130),
        (ValueError("x"), 1),
    ],
)
def test_each_error_has_the_exit_code_of_its_class(error, code, capsys):
    assert told(error, capsys)[0] == code


def test_the_second_line_is_the_errors_hint(capsys):
    _, words = told(errors.PackcoreError("it broke", hint="mend it"), capsys)
    assert words == "packcore: error: it broke\nhint: mend it\n"


def test_a_message_is_one_line_whatever_it_quotes(capsys):
    _, words = told(errors.PackcoreError("a\nb\x1b[31m\r\tc"), capsys)
    assert words == "packcore: error: a b\\x1b[31m c\n"


def test_success_and_codes_pass_through():
    assert exits.guard(lambda: None, debug=lambda: False) == 0
    assert exits.guard(lambda: 3, debug=lambda: False) == 3


def test_a_broken_pipe_is_silent(capsys, monkeypatch):
    monkeypatch.setattr(Output, "discard", lambda _: None)
    assert told(BrokenPipeError(32, "Broken pipe"), capsys) == (1, "")


@pytest.mark.parametrize("debug", [False, True])
def test_no_secret_is_shown_in_messages_or_tracebacks(capsys, debug):
    error = RuntimeError("token hunter2 for https://joe:pw@host/x")
    _, words = told(error, capsys, secrets=("hunter2",), debug=debug)
    assert "hunter2" not in words
    assert "joe" not in words
    assert "pw@" not in words
    assert "https://***@host/x" in words


def test_an_errors_cause_and_notes_are_masked_in_its_traceback(capsys):
    error = RuntimeError("it broke")
    error.__cause__ = ValueError("hunter2 was refused")
    error.add_note("hunter2 was sent")
    _, words = told(error, capsys, secrets=("hunter2",), debug=True)
    assert "ValueError: *** was refused" in words
    assert "*** was sent" in words
    assert "hunter2" not in words
