"""Where long drawings go: through a pager on a terminal, plain into a pipe, or into a page.

drawing = Drawing(console, pager=None, page=None)
drawing.show("x.pack", lines)           lines may hold colours; they are made as they are shown
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, NamedTuple

import click

from cli.command import group, option
from cli.params import OUTPUT
from cli.streams import is_terminal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cli.console import Console

__all__ = ["Drawing", "Place", "place_options"]


class Place(NamedTuple):
    """Where the user wants a drawing."""

    page: str | None = None
    """A file that becomes an HTML page."""
    pager: bool | None = None
    """None: where both ends are a terminal."""


place_options = group(
    "place",
    Place,
    option(
        "--html",
        "page",
        section=OUTPUT,
        type=click.Path(dir_okay=False),
        metavar="FILE",
        help="Write an HTML page.",
    ),
    option("--pager/--no-pager", default=None, section=OUTPUT, help="Default: on a terminal."),
)


class Drawing:
    """Shows lines where they are wanted."""

    def __init__(self, console: Console, place: Place) -> None:
        self._console = console
        self._place = place

    @property
    def cells(self) -> int | None:
        """The width at which lines are cut: the terminal's, or None for no cut."""
        if self._place.page is None and is_terminal():
            return shutil.get_terminal_size().columns
        return None

    def show(self, title: str, lines: Iterable[str]) -> None:
        """Print the lines or write the page. Colours are dropped for pipes, and where NO_COLOR is set."""
        if self._place.page is not None:
            self._write_page(self._place.page, title, lines)
            return
        if self._console.verbosity.quiet:
            return
        if os.environ.get("NO_COLOR"):
            lines = (click.unstyle(line) for line in lines)
        pager = self._place.pager
        if pager is None:
            pager = is_terminal(both_ends=True)
        if pager:
            # As git does: quit where it fits one screen, pass colours, leave the text on the screen.
            os.environ.setdefault("LESS", "FRX")
        self._console.output.drawn(lines, pager=pager)

    def _write_page(self, page: str, title: str, lines: Iterable[str]) -> None:
        from cli.files import AtomicFiles
        from cli.render.anatomy_html import page_of_lines

        with AtomicFiles() as files:
            files.open(page).write(page_of_lines(title, map(self._console.output.styled, lines)).encode())
        self._console.tell(f"wrote {page}")
