"""What counts as a secret, in which forms it is found, and how little else is covered."""

from __future__ import annotations

import html
import json
import pickle
import re
import shlex
import traceback
from base64 import b64encode, urlsafe_b64encode
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcore.errors import PackcoreError
from transport.auth import Keyring
from transport.endpoint import Endpoint
from transport.options import TransportOptions
from transport.safe_text import one_line, sanitise
from transport.secrets import Secrets
from transport.syncing.outcome.result import RefResult

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from transport.auth import Credential

FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "percent": lambda word: quote(word, safe=""),
    "percent with slashes": quote,
    "percent in lower case": lambda word: re.sub("%..", lambda code: code[0].lower(), quote(word)),
    "percent for a form": quote_plus,
    "percent for every byte": lambda word: "".join(f"%{byte:02x}" for byte in word.encode()),
    "percent twice": lambda word: quote(quote(word, safe=""), safe=""),
    "JSON": lambda word: json.dumps(word)[1:-1],
    "JSON with its slashes escaped": lambda word: json.dumps(word, ensure_ascii=False)[1:-1].replace(
        "/", "\\/"
    ),
    "Python": lambda word: repr(word)[1:-1],
    "HTML": html.escape,
    "percent of HTML": lambda word: quote(html.escape(word)),
    "a shell's": lambda word: shlex.quote(word)[1:-1] if shlex.quote(word) != word else word,
    "git's shell's": lambda word: word.replace("'", "'\\''"),
    "Latin-1 of UTF-8": lambda word: word.encode().decode("latin-1"),
    "made visible": sanitise,
    "base64": lambda word: b64encode(word.encode()).decode(),
    "base64 without padding": lambda word: b64encode(word.encode()).decode().rstrip("="),
    "base64 for URLs": lambda word: urlsafe_b64encode(word.encode()).decode(),
    "base64 for URLs in a URL": lambda word: quote(b64encode(word.encode()).decode(), safe=""),
    "hex": lambda word: word.encode().hex(),
    "hex in upper case": lambda word: word.encode().hex().upper(),
}

WORDS = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x2FFF, exclude_categories=["Cs", "Zl", "Zp"]), min_size=8
).filter(lambda word: word == " ".join(word.split()) and len(set(word)) > 3)


@pytest.mark.parametrize("form", FORMS)
@given(word=WORDS)
def test_every_form_of_a_secret_is_masked(form, word):
    secrets = Secrets()
    secrets.add(word)
    written = FORMS[form](word)
    masked = secrets.mask(f"(a) {written} (b)")
    assert masked.startswith("(a) ")
    assert masked.endswith(" (b)")
    assert written not in masked
    assert "***" in masked


@given(user=st.text(st.characters(codec="ascii", exclude_characters=":"), max_size=9), word=WORDS)
def test_the_value_of_an_authorization_header_is_masked_whole(user, word):
    secrets = Secrets()
    secrets.add_basic(user, word)
    value = b64encode(f"{user}:{word}".encode()).decode()
    assert secrets.mask(f"Authorization: Basic {value}") == "Authorization: Basic ***"


def test_base64_of_a_longer_text_loses_what_depends_on_the_secret_alone():
    secrets = Secrets()
    secrets.add("hunter2hunter2")
    for before in ("", "x", "xy", "joe:"):
        coded = b64encode(f"{before}hunter2hunter2{before}".encode()).decode()
        assert len(secrets.mask(coded).replace("***", "")) <= len(coded) - 16


def test_half_a_secret_before_a_cut_is_masked():
    secrets = Secrets()
    secrets.add("a-long-secret-indeed")
    for limit in range(8, 30):
        shown = secrets.mask(one_line("text a-long-secret-indeed and more of it, more", limit=limit))
        assert "a-lon" not in shown


@pytest.mark.parametrize("secret", ["u", "ab", "abc"])
def test_a_secret_of_up_to_three_characters_eats_no_ordinary_words(secret):
    secrets = Secrets()
    secrets.add_basic("u", secret)
    text = "authentication abc failed; about u, ab: b=abc"
    assert secrets.mask(text) == text
    assert secrets.mask(f"Authorization: Bearer {secret}") == "Authorization: Bearer ***"
    assert secrets.mask(f"u:{secret}@host") == "***@host"
    value = b64encode(f"u:{secret}".encode()).decode()
    assert secrets.mask(f"Authorization: Basic {value}") == "Authorization: Basic ***"


def test_a_user_name_is_not_a_secret():
    secrets = Secrets()
    secrets.add_basic("u", "hunter2hunter2")
    secrets.add_user("octocat-of-the-team")
    assert secrets.mask("authentication of octocat-of-the-team") == "authentication of octocat-of-the-team"


def test_a_token_in_the_place_of_a_user_name_is_one():
    secrets = Secrets()
    secrets.add_url("ghp_16C7e42F292c6912E7710c838347Ae178B4a", None)
    assert secrets.mask("for ghp_16C7e42F292c6912E7710c838347Ae178B4a") == "for ***"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://me:pw@h/x", "http://***@h/x"),
        ("https://tok@h/x", "https://***@h/x"),
        ("ssh://git@h/x", "ssh://git@h/x"),
        ("ssh://git:pw@h/x", "ssh://git:***@h/x"),
        ("see http://h/a@b", "see http://h/a@b"),
    ],
)
def test_user_and_password_of_any_url_are_masked(text, shown):
    assert Secrets().mask(text) == shown


@pytest.mark.parametrize(
    ("name", "value", "text", "shown"),
    [
        ("Authorization", "Bearer abcdefgh", "abcdefgh", "***"),
        ("Authorization", "Basic bWU6aHVudGVyMg==", "me and hunter2", "me and ***"),
        ("Cookie", "a=first1; b=second2", "first1 second2", "*** ***"),
        ("X-Feature", "true", "untrue, true", "untrue, ***"),
        ("X-Trace", "1", "10 of 1; X-Trace: 1", "10 of 1; X-Trace: ***"),
    ],
)
def test_of_a_header_the_credentials_are_masked(name, value, text, shown):
    secrets = Secrets()
    secrets.add_header(name, value)
    assert secrets.mask(text) == shown


def test_recorded_bytes_keep_their_number():
    secrets = Secrets()
    secrets.add("hunter2")
    assert secrets.mask_bytes(b"\x02no hunter2\xff\n") == b"\x02no *******\xff\n"


def test_errors_lose_secrets_with_their_causes_notes_and_groups():
    secrets = Secrets()
    secrets.add("hunter2")
    cause = ValueError("hunter2 in the cause")
    error = PackcoreError("hunter2", hint="say hunter2")
    error.__cause__ = ExceptionGroup("of hunter2", [cause])
    error.add_note("note hunter2")
    secrets.mask_error(error)
    assert "hunter2" not in repr((error, error.hint, error.__cause__, cause, error.__notes__))
    assert "hunter2" not in "".join(traceback.format_exception(error))
    assert (str(error), error.hint) == ("***", "say ***")


def test_what_holds_no_secret_is_the_same_object():
    secrets = Secrets()
    secrets.add("hunter2")
    for value in ("x", ["x", 1], {"a": [1, None]}, TransportOptions(username="me")):
        assert secrets.masked(value) is value


def test_a_named_tuple_stays_one():
    secrets = Secrets()
    secrets.add("hunter2")
    told = secrets.masked(RefResult(None, None, "hunter2 said"))  # type: ignore[arg-type]
    assert told == RefResult(None, None, "*** said")  # type: ignore[arg-type]


def test_a_parent_gets_the_secrets_of_a_child_but_not_the_reverse():
    parent = Secrets()
    child, other = Secrets(parent), Secrets(parent)
    child.add("hunter2")
    assert parent.mask("hunter2") == child.mask("hunter2") == "***"
    assert other.mask("hunter2") == "hunter2"


def test_it_travels_to_another_process_without_its_parent():
    parent = Secrets()
    parent.add("of all others")
    child = Secrets(parent)
    child.add("hunter2")
    copy = pickle.loads(pickle.dumps(child))
    assert copy.mask("hunter2 of all others") == "*** of all others"
    assert b"of all others" not in pickle.dumps(child)
    assert repr(child) == "Secrets()"


class Answering:
    """A source that always knows."""

    def __init__(self, credential: Credential) -> None:
        self._credential = credential

    def fill(self, endpoint: Endpoint, *, challenges: Sequence[str], redirected: bool) -> Credential:
        del endpoint, challenges, redirected
        return self._credential

    def approve(self, endpoint: Endpoint, credential: Credential) -> None:
        """Nothing to note."""

    def reject(self, endpoint: Endpoint, credential: Credential) -> None:
        """Nothing to forget."""


def test_a_credential_that_a_source_knows_is_masked_from_then_on():
    from transport.auth import Credential

    options = TransportOptions()
    endpoint = Endpoint.parse("https://h/x")
    keyring = Keyring(endpoint, options, [Answering(Credential("me", "hunter2", "a test"))])
    assert options.secrets.mask("hunter2") == "hunter2"
    keyring.renew(endpoint, None, challenges=(), through_proxy=False)
    assert options.secrets.mask("hunter2 bWU6aHVudGVyMg==") == "*** ***"


def test_two_runs_of_a_library_know_nothing_of_each_other():
    TransportOptions(token="hunter2")
    assert TransportOptions(token="other-one").secrets.mask("hunter2") == "hunter2"


@pytest.mark.parametrize(
    "text", ["\\", "%25", "%", "&#38;", "a-", "http://", "é", " [cut]", "hunter2-and-mor"]
)
def test_a_text_made_to_be_slow_takes_no_more_steps_than_it_has_characters(text, monkeypatch):
    """Counted where the work is done: each layer looks at each character once."""
    import transport.secret_forms as forms

    looked_at: list[int] = []
    substituted = forms._substituted

    def counting(pattern: str, meaning: Callable[[re.Match[str]], str], text: str) -> Any:
        looked_at.append(len(text))
        return substituted(pattern, meaning, text)

    monkeypatch.setattr(forms, "_substituted", counting)
    secrets = Secrets()
    secrets.add("hunter2-and-more")
    long = text * (64 * 1024 // len(text))
    secrets.mask(long)
    assert sum(looked_at) <= 4 * 2 * len(long)


def test_a_row_of_backslashes_is_walked_once():
    from transport.secret_forms import layers

    (undone,) = layers("\\" * 60_000)
    assert undone[0] == "", "one match from the first to the last: none begins at each of them"


@pytest.mark.parametrize(
    ("option", "secret"),
    [
        ("ci.variable=TOKEN=hunter2", "hunter2"),
        ("ci.variable=TOKEN=hunter2", "TOKEN=hunter2"),
        ("api-key=hunter2", "hunter2"),
        ("x=ghp_16C7e42F292c6912E7710c838347Ae178B4a", "ghp_16C7e42F292c6912E7710c838347Ae178B4a"),
        ("ghp_16C7e42F292c6912E7710c838347Ae178B4a", "ghp_16C7e42F292c6912E7710c838347Ae178B4a"),
    ],
)
def test_a_push_option_is_secret_by_its_name_or_its_look(option: str, secret: str) -> None:
    secrets = Secrets()
    secrets.add_push_option(option)
    assert secret not in secrets.mask(f"remote: got {secret}.")


@pytest.mark.parametrize("option", ["ci.skip", "merge_request.create", "merge_request.target=release-2.0"])
def test_an_ordinary_push_option_is_shown(option: str) -> None:
    secrets = Secrets()
    secrets.add_push_option(option)
    assert secrets.mask(f"{option}: refs/heads/release-2.0") == f"{option}: refs/heads/release-2.0"
