"""Lead through the chapters: show the text, ask, check the answer, show the bytes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import click

from cli.tour.chapters import CHAPTERS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cli.tour.chapters import Chapter, Question
    from cli.tour.workshop import Workshop

__all__ = ["Guide", "Stopped", "is_right"]

_TRIES = 3
_STOP = ("q", "quit", "exit")
_GIVE_UP = ("?", "help", "hint")


class Stopped(Exception):
    """The learner stopped in this chapter (its number, from 1)."""

    def __init__(self, chapter: int) -> None:
        super().__init__(chapter)
        self.chapter = chapter


class Score(NamedTuple):
    """How the learner did."""

    right: int
    asked: int


def is_right(given: str, answer: str) -> bool:
    """Compare answers as people write them: case, blanks, commas and a leading 0x don't matter.

    >>> is_right(" 0x00 00 00 06", "00000006"), is_right("32,768", "32768"), is_right("6", "00000006")
    (True, True, False)
    """
    return re.sub(r"[\s,_']", "", given.lower()).removeprefix("0x") == answer


class Guide:
    """Walks through chapters. `ask` returns the learner's line, or None at the end of input."""

    def __init__(
        self, shop: Workshop, say: Callable[[str], None], ask: Callable[[str], str | None] | None
    ) -> None:
        self._shop = shop
        self._say = say
        self._ask = ask
        """None means that the guide answers the questions itself."""

    def walk(self, chapters: Sequence[Chapter] = CHAPTERS, *, first: int = 1) -> Score:
        """Lead through the chapters, starting with number `first`. Raises Stopped if the learner stops."""
        right = 0
        asked = 0
        for number, chapter in enumerate(chapters, 1):
            if number < first:
                continue
            self._say("")
            self._say(click.style(f"{number}/{len(chapters)}  {chapter.title}", bold=True, fg="cyan"))
            self._say("")
            for line in chapter.tell(self._shop):
                self._say(line)
            self._say("")
            asked += 1
            right += self._put(chapter.question, number)
            self._say("")
            for line in chapter.show(self._shop):
                self._say(line)
        return Score(right, asked)

    def _put(self, question: Question, number: int) -> bool:
        """Ask until the answer is right or was given away; return whether the learner knew it."""
        answer = question.answer(self._shop)
        if self._ask is None:
            self._say(f"{question.text} {click.style(answer, bold=True)}")
            self._say(question.why)
            return True
        for _ in range(_TRIES):
            given = self._ask(f"{question.text} (? for a hint, q to stop)")
            if given is None or given.strip().lower() in _STOP:
                raise Stopped(number)
            if given.strip().lower() in _GIVE_UP:
                self._say(f"Hint: {question.hint}.")
                continue
            if is_right(given, answer):
                self._say(f"{click.style('Right.', fg='green', bold=True)} {question.why}")
                return True
            self._say(f"{click.style('Not quite.', fg='yellow', bold=True)} Hint: {question.hint}.")
        self._say(f"It is {click.style(answer, bold=True)}. {question.why}")
        return False
