"""Find the newest commit whose message matches: `x^{/text}` starts at x, `:/text` at every ref and HEAD.

    ^{/fix}      a POSIX extended regular expression, anywhere in the message
    ^{/}         any message, so x itself
    ^{/!-fix}    a message that does not match
    ^{/!!fix}    "!fix", literally; anything else after ! is reserved

Commits are tried by date, newest first, as in git. A `.` matches line feeds too; `^` and `$` are the start
and end of the message. Specified in gitrevisions(7) and regex(7). Equivalence classes ([=a=]) are left out.
"""

from __future__ import annotations

import re
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from packcore.errors import UnknownRevision
from packcore.objects import commit_links

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packcore.ids import ObjectId
    from packcore.store.repository import Repository

__all__ = ["find_by_message"]

_CLASSES = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": " \\t",
    "cntrl": "\\x00-\\x1f\\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": "!-/:-@\\[-`{-~",
    "space": "\\s",
    "upper": "A-Z",
    "xdigit": "0-9a-fA-F",
}
_GNU_ESCAPES = {r"\<": r"\b(?=\w)", r"\>": r"\b(?<=\w)", r"\`": r"\A", r"\'": r"\Z", "$": r"\Z"}
_TOKEN = re.compile(r"\[\^?\]?(?:\[:[a-z]+:\]|[^\]])*\]|\\.|.", re.DOTALL)
_CLASS = re.compile(r"\[:([a-z]+):\]")


def find_by_message(repository: Repository, tips: Iterable[ObjectId], text: str) -> ObjectId | None:
    """Return the newest commit reachable from `tips` (commits) whose message matches `text`, or None.

    Raises UnknownRevision for text that is not a valid expression, CorruptObject and MissingObject.
    """
    negative = text.startswith("!-")
    if text.startswith("!"):
        if text[1:2] not in ("-", "!"):
            raise UnknownRevision(f"{text[:40]!r}: after ! only - and ! have a meaning")
        text = text[2:] if negative else text[1:]
    pattern = _compiled(text)
    for oid in _newest_first(repository, tips):
        _, blank_line, message = repository.read(oid).data.partition(b"\n\n")
        if bool(blank_line and pattern.search(message)) != negative:
            return oid
    return None


def _compiled(text: str) -> re.Pattern[bytes]:
    translated = "".join(_translated(token) for token in _TOKEN.findall(text))
    try:
        return re.compile(translated.encode("utf-8", "surrogateescape"), re.DOTALL)
    except (re.error, OverflowError, RecursionError) as error:
        raise UnknownRevision(f"{text[:40]!r} is not a regular expression: {error}") from None


def _translated(token: str) -> str:
    """Return a piece of a POSIX expression in Python's syntax."""
    if token.startswith("[") and len(token) > 1:
        # Within POSIX brackets, backslashes and brackets are literal.
        start = 2 if token.startswith("[^") else 1
        parts = _CLASS.split(token[start:-1])
        quoted = [part.replace("\\", r"\\").replace("[", r"\[").replace("]", r"\]") for part in parts]
        quoted[1::2] = [_CLASSES.get(name, "") for name in parts[1::2]]
        return f"{token[:start]}{''.join(quoted)}]"
    return _GNU_ESCAPES.get(token, token)


def _newest_first(repository: Repository, tips: Iterable[ObjectId]) -> Iterator[ObjectId]:
    """Yield commits by date; of equal dates, the one that was found first comes first."""
    shallow = repository.shallow()
    seen: set[ObjectId] = set()
    waiting: list[tuple[int, int, ObjectId, tuple[ObjectId, ...]]] = []

    def add(oid: ObjectId) -> None:
        if oid not in seen:
            seen.add(oid)
            links = commit_links(repository.read(oid).data, repository.object_format, oid)
            heappush(waiting, (-links.date, len(seen), oid, tuple(links.parents)))

    for tip in tips:
        add(tip)
    while waiting:
        _, _, oid, parents = heappop(waiting)
        yield oid
        for parent in () if oid in shallow else parents:
            add(parent)
