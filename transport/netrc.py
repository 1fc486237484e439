r"""Parse the netrc file as curl (and so git) does; text in, entries out.

    machine HOST  login NAME  password WORD     on one line or several; keywords in any case
    default       login NAME  password WORD     matches every host; the first match in the file counts
    macdef NAME …                               a macro: skipped up to the next empty line
    # …                                         a comment, allowed where a word could begin

    word      ends at a blank; a backslash in it is a backslash
    "word"    may contain blanks; \n \r \t are control characters, any other \c is c

An entry is complete with its login and password. What follows up to the next machine is ignored, and so are
unknown words (`account x`). A login without a password has an empty one.

>>> entries = parse_netrc("machine h login me password a\\b\ndefault login any password x")
>>> find_entry(entries, "H", user=None, with_default=True).password
'a\\b'
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from transport.errors import InvalidOption

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["NetrcEntry", "find_entry", "parse_netrc"]

_BLANKS = " \t\v\f\r"
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


@dataclass(frozen=True, slots=True)
class NetrcEntry:
    """One `machine` or `default` entry. Fields that it doesn't set are None."""

    line: int
    """The line where it begins, from 1."""
    machine: str | None = None
    """None for `default`."""
    login: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    def matches(self, host: str, *, with_default: bool) -> bool:
        """Return whether the entry is for this host."""
        return with_default if self.machine is None else self.machine.lower() == host.lower()


def find_entry(
    entries: Sequence[NetrcEntry], host: str, *, user: str | None, with_default: bool
) -> NetrcEntry | None:
    """Return the first entry for a host that has a password, else the first that has a login.

    With a `user`, only entries for that login match; an entry without a login matches any user.
    """
    found = [
        entry
        for entry in entries
        if entry.matches(host, with_default=with_default)
        and (not user or entry.login is None or entry.login == user)
    ]
    for entry in found:
        if entry.password is not None:
            return entry
    return next((replace(entry, password="") for entry in found if entry.login is not None), None)


def parse_netrc(text: str) -> list[NetrcEntry]:
    """Return the entries of a file. Raises InvalidOption for an unclosed quote, without showing any word."""
    words = _words(text)
    entries: list[NetrcEntry] = []
    for line, word in words:
        keyword = word.lower()
        if keyword == "default":
            entries.append(NetrcEntry(line))
        elif keyword == "machine":
            entries.append(NetrcEntry(line, machine=_value(words)))
        elif keyword in ("login", "password"):
            value = _value(words)
            entry = entries[-1] if entries else None
            if entry is not None and (entry.login is None or entry.password is None):
                is_login = keyword == "login"
                entries[-1] = replace(entry, login=value) if is_login else replace(entry, password=value)
    return entries


def _value(words: Iterator[tuple[int, str]]) -> str | None:
    return next(words, (0, None))[1]


def _words(text: str) -> Iterator[tuple[int, str]]:
    """Yield each word with its line number; macros are skipped completely."""
    in_macro = expects_value = False
    # Not splitlines(), which recognizes more line ends than curl does.
    for number, line in enumerate(text.split("\n"), 1):
        if in_macro:
            in_macro = bool(line.rstrip("\r"))
            continue
        for word in _words_of_line(line, number):
            if word.lower() == "macdef" and not expects_value:
                in_macro = True
                break
            expects_value = word.lower() in ("machine", "login", "password") and not expects_value
            yield number, word


def _words_of_line(line: str, number: int) -> Iterator[str]:
    at = 0
    while True:
        while at < len(line) and line[at] in _BLANKS:
            at += 1
        if at == len(line) or line[at] == "#":
            return
        word, at = _quoted_word(line, at + 1, number) if line[at] == '"' else _plain_word(line, at)
        yield word


def _plain_word(line: str, start: int) -> tuple[str, int]:
    end = start
    while end < len(line) and line[end] not in _BLANKS:
        end += 1
    return line[start:end], end


def _quoted_word(line: str, at: int, number: int) -> tuple[str, int]:
    """Read up to the closing quote; return the word and its end."""
    word = ""
    while at < len(line) and line[at] != '"':
        if line[at] == "\\" and at + 1 < len(line):
            at += 1
            word += _ESCAPES.get(line[at], line[at])
        else:
            word += line[at]
        at += 1
    if at == len(line):
        raise InvalidOption(f"line {number}: a quote is not closed")
    return word, at + 1
