"""The text of a remote is made safe for a terminal."""

from __future__ import annotations

import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transport import safe_text
from transport.safe_text import one_line, sanitise


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (b"plain\ttext\nand more", "plain\ttext\nand more"),
        (b"\x1b]0;title\x07", "^[]0;title^G"),
        (b"a\r\nb\rc", "a\nb^Mc"),
        ("über\u202egnp.exe", "über\\u202egnp.exe"),
        (b"\xff\xfe", "\\xff\\xfe"),
        ("\x9b31m", "\\x9b31m"),
        ("a\udc80b", "a\\x80b"),
        ("\U000e0041", "\\U000e0041"),
        (b"\x7f", "^?"),
    ],
)
def test_control_characters_are_made_visible(text: bytes | str, shown: str) -> None:
    assert sanitise(text) == shown


@given(st.one_of(st.binary(), st.text()))
def test_whatever_comes_is_printable_lines(text: bytes | str) -> None:
    shown = sanitise(text)
    assert not any(ord(character) < 0x20 and character not in "\n\t" for character in shown)
    shown.encode("utf-8")
    assert "\n" not in one_line(text)


def test_long_text_is_cut() -> None:
    assert sanitise("x" * 100, limit=10) == "x" * 10 + " [cut]"
    assert one_line("y " * 1000, limit=9) == "y y y y y [cut]"


def test_no_character_that_is_made_visible_counts_as_printable():
    unsafe = [char for char in map(chr, range(sys.maxunicode + 1)) if re.match(safe_text._UNSAFE, char)]
    assert len(unsafe) > 2000
    assert not any(map(str.isprintable, unsafe))
