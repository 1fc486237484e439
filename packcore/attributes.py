r"""What .gitattributes files say of a path (gitattributes).

    *.txt   text eol=crlf       a pattern, and attributes: set, or with a value
    *.bin   -text !diff         unset; unspecified, as if no line had said anything
    [attr]odd -text -diff       a macro: `odd` stands for these; `binary` is built in
    "a b"   text                a pattern in quotes may hold blanks

    info/attributes  >  .gitattributes beside the file  >  those of the folders above it
    within a file, a later line counts more

>>> files = {b".gitattributes": b"*.c eol=lf\n*.png binary\n"}
>>> attributes = Attributes(files.get)
>>> attributes.of(b"src/a.c")["eol"], attributes.of(b"x.png")["text"]
('lf', False)

A pattern is one of gitignore, without `!`. The files that a user or a system has for all repositories are
left out on purpose.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import InvalidFilter
from packcore.sparse_patterns import SparsePatterns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["FILE_NAME", "Attributes", "State"]

State = bool | str | None
"""Set, unset, a value; None is unspecified."""
FILE_NAME = b".gitattributes"

_FILE_BYTES_MAX = 100 << 20
_LINE_BYTES_MAX = 2048
"""git's limits: what is beyond them is ignored."""
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(rb"\\([0-3][0-7]{2}|.)", re.DOTALL)
_ESCAPES = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_NAME = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*\Z")


class _Line(NamedTuple):
    pattern: SparsePatterns
    states: list[tuple[str, State]]


class Attributes:
    """The attributes of a tree's paths."""

    def __init__(self, read: Callable[[bytes], bytes | None], info: bytes = b"") -> None:
        """`read` returns what a file of the tree holds, None if there is none; `info` is info/attributes."""
        self._read = read
        self._macros: dict[str, list[tuple[str, State]]] = {
            "binary": [("diff", False), ("merge", False), ("text", False)]
        }
        self._folders: dict[bytes, list[_Line]] = {}
        root = self._lines_of(b"")
        self._info = list(self._parsed(info, may_define=True))
        self._folders[b""] = root

    def of(self, path: bytes) -> Mapping[str, State]:
        """Return what is said of a path; unspecified attributes are not part of it."""
        names = path.split(b"/")
        found: dict[str, State] = {}
        self._take(self._info, names, found)
        for depth in range(len(names) - 1, -1, -1):
            self._take(self._lines_of(b"/".join(names[:depth])), names[depth:], found)
        return {name: state for name, state in found.items() if state is not None}

    def _take(self, lines: Sequence[_Line], names: Sequence[bytes], found: dict[str, State]) -> None:
        """Add what the lines of one file say, the last one first, and only what nothing has said so far."""
        for line in reversed(lines):
            if line.pattern.verdict(names, is_folder=False):
                self._fill(line.states, found)

    def _fill(self, states: Sequence[tuple[str, State]], found: dict[str, State]) -> None:
        waiting = list(states)
        while waiting:
            name, state = waiting.pop()
            if name not in found:
                found[name] = state
                waiting += self._macros.get(name, []) if state is True else []

    def _lines_of(self, folder: bytes) -> list[_Line]:
        if folder not in self._folders:
            data = self._read(folder + b"/" + FILE_NAME if folder else FILE_NAME)
            self._folders[folder] = list(self._parsed(data or b"", may_define=not folder))
        return self._folders[folder]

    def _parsed(self, data: bytes, *, may_define: bool) -> Iterator[_Line]:
        """Yield the lines of a file; note the macros that it defines. What git ignores is ignored."""
        for line in data.split(b"\n") if len(data) < _FILE_BYTES_MAX else ():
            text = line.strip(b" \t\r")
            if not text or text.startswith(b"#") or len(line) >= _LINE_BYTES_MAX:
                continue
            pattern, words = _split(text)
            states = [state for word in words if (state := _state(word)) is not None]
            if pattern.startswith(b"[attr]"):
                if may_define and _NAME.match(name := pattern[6:].decode("utf-8", "replace")):
                    self._macros[name] = states
            elif not pattern.startswith(b"!"):
                try:
                    yield _Line(SparsePatterns.parse(pattern), states)
                except InvalidFilter:
                    continue


def _split(text: bytes) -> tuple[bytes, list[str]]:
    """Return the pattern of a line, and the words after it."""
    quoted = _QUOTED.match(text)
    if quoted is not None:
        pattern, rest = _ESCAPED.sub(_unescape, quoted[1]), text[quoted.end() :]
    else:
        pattern, _, rest = text.replace(b"\t", b" ").partition(b" ")
    return pattern, rest.decode("utf-8", "replace").split()


def _unescape(found: re.Match[bytes]) -> bytes:
    sign = found[1]
    return bytes([int(sign, 8)]) if len(sign) == 3 else _ESCAPES.get(sign, sign)


def _state(word: str) -> tuple[str, State] | None:
    name, equals, value = word.partition("=")
    state: State = value if equals else True
    if not equals and name[:1] in ("-", "!"):
        name, state = name[1:], False if name[0] == "-" else None
    return (name, state) if _NAME.match(name) else None
