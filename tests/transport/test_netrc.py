"""The netrc file as curl reads it; tests/e2e/test_endpoints_of_git.py asks curl itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transport.errors import InvalidOption
from transport.netrc import find_entry, parse_netrc


def found(text: str, user: str | None = None, *, with_default: bool = True) -> tuple[str | None, str | None]:
    entry = find_entry(parse_netrc(text), "h", user=user, with_default=with_default)
    return (None, None) if entry is None else (entry.login, entry.password)


@pytest.mark.parametrize(
    ("word", "password"),
    [
        (r"a\b", r"a\b"),
        (r'"a\b"', "ab"),
        (r'"a\\b"', r"a\b"),
        (r'"a\"b"', 'a"b'),
        (r'"a\tb\n"', "a\tb\n"),
        ('"a b"', "a b"),
        ('a"b', 'a"b'),
        ('a"b c"', 'a"b'),
        ("'a b'", "'a"),
        ('"ab"cd', "ab"),
        ("a#b", "a#b"),
        ("pw\vq", "pw"),
        ("pü", "pü"),
        ('""', ""),
        ("#b", ""),
        ("pw # c", "pw"),
        ("# c\n  pw", "pw"),
    ],
)
def test_a_word_is_plain_or_quoted(word: str, password: str) -> None:
    assert found(f"machine h login me password {word}") == ("me", password)


@pytest.mark.parametrize(
    "text",
    [
        "machine h\nlogin\nme\npassword\npw\n",
        "machine h\r\nlogin me\r\npassword pw\r\n",
        "MACHINE H LOGIN me PASSWORD pw",
        "# c\nmachine h # c\nlogin me # c\npassword pw",
        '"machine" "h" "login" "me" "password" "pw"',
        "machine h account x login me password pw",
        "machine h password pw login me",
        "login x password y machine h login me password pw",
        "macdef init\nmachine h login x password y\n\nmachine h login me password pw",
        "macdef init\r\nmachine h login x password y\r\n\r\nmachine h login me password pw",
        "machine other macdef m\nmachine h login x password y\n\nmachine h login me password pw",
        "machine h login me password pw password other",
        "machine h login me password pw login other",
        "machine other login x password y\ndefault login me password pw",
        "machine h login me password pw\ndefault login x password y",
        "default login me password pw\nmachine h login x password y",
        "machine h login me password pw\nmachine h login x password y",
        "machine h login x\nmachine h login me password pw",
    ],
)
def test_the_first_complete_entry_counts_however_it_is_written(text: str) -> None:
    assert found(text) == ("me", "pw")


@pytest.mark.parametrize(
    ("text", "user", "expected"),
    [
        ("machine h login a password 1\nmachine h login b password 2", "b", ("b", "2")),
        ("machine h login a password 1\nmachine h login b password 2", "a", ("a", "1")),
        ("machine h login a password 1\nmachine h login b password 2", "c", (None, None)),
        ("machine h password 1", "c", (None, "1")),
        ("machine h login a password 1\ndefault login b password 2", "b", ("b", "2")),
        ("machine h login a", "a", ("a", "")),
        ("machine h login a", None, ("a", "")),
        ("machine h password 1", None, (None, "1")),
        ("machine h", None, (None, None)),
        ("machine h.example login a password 1", None, (None, None)),
        ("machine h:80 login a password 1", None, (None, None)),
        ("macdef init\nmachine h login x password y\n", None, (None, None)),
        ("", None, (None, None)),
    ],
)
def test_of_several_logins_the_wanted_one_is_found(text, user, expected) -> None:
    assert found(text, user) == expected


def test_the_default_entry_can_be_left_out() -> None:
    assert found("default login a password 1", with_default=False) == (None, None)


def test_login_may_be_called_as_a_keyword() -> None:
    assert found("machine h login macdef password machine") == ("macdef", "machine")


@pytest.mark.parametrize("text", ['machine h password "hush', 'x\nmachine "h\nlogin "hush', '"hush\\"'])
def test_an_open_quote_is_named_by_its_line_and_not_quoted(text: str) -> None:
    with pytest.raises(InvalidOption, match=r"line \d: a quote is not closed") as caught:
        parse_netrc(text)
    assert "hush" not in str(caught.value)


def test_an_entry_does_not_show_its_words() -> None:
    assert "hush" not in repr(parse_netrc("machine h login hush password hush"))


@given(st.text(alphabet=' \t\r\n"\\#ahmachine login password default macdef', max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        entries = parse_netrc(text)
    except InvalidOption:
        return
    find_entry(entries, "h", user=None, with_default=True)
