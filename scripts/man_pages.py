"""The manual pages, made of the commands: man/packcore.1 and one page for each command.

`python -m scripts.man_pages` compares them with the commands; with `--write` they are made again (`make
docs-update`). They are kept in the repository, so that building a wheel needs none of the program's packages,
and gives the same whatever release of click is there: the texts are the commands', the layout is from here.
"""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.app import _SECTIONS, app
from cli.command import Command, Option
from scripts.reference_pages import commands

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FOLDER", "pages"]

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "man"
_FORM_FEED = "\b"


def pages() -> dict[str, str]:
    """Return every page by its file name."""
    found = {"packcore.1": "".join(f"{line}\n" for line in _overview())}
    for name, command in commands().items():
        name = f"packcore {name}"
        found[f"{name.replace(' ', '-')}.1"] = "".join(f"{line}\n" for line in _page(name, command))
    return found


def _overview() -> Iterator[str]:
    yield from _head("packcore", "git packs, and git repositories synced between servers")
    synopsis = (".SH SYNOPSIS", ".B packcore", r".I COMMAND", "[options]", ".SH DESCRIPTION")
    yield from (*synopsis, *_paragraphs(app))
    known = dict(commands())
    for title, names in _SECTIONS.items():
        yield f".SH {_escaped(title.upper())}"
        for name in names:
            title_line = rf"\fBpackcore\-{_escaped(name)}\fR(1)"
            yield from (".TP", title_line, _escaped(_short(known[name])))
    yield from (
        ".SH EXIT STATUS",
        "0 done; 1 failed, or some ref was blocked or refused; 2 wrong usage; 3 bad data; 4 a remote or the",
        "network failed; 5 authentication failed; 130 interrupted.",
        ".SH ENVIRONMENT",
        r"Each option is read from \fBPACKCORE_\fINAME\fR, too.",
    )


def _page(name: str, command: click.Command) -> Iterator[str]:
    yield from _head(name.replace(" ", "-"), _short(command).rstrip("."))
    arguments = [each.metavar or str(each.name).upper() for each in command.params if not _is_option(each)]
    synopsis = " ".join(arguments) if not isinstance(command, click.Group) else "COMMAND"
    yield from (".SH SYNOPSIS", rf"\fB{_escaped(name)}\fR [options] \fI{_escaped(synopsis)}\fR")
    yield from (".SH DESCRIPTION", *_paragraphs(command))
    sections: dict[str, list[click.Option]] = {}
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            sections.setdefault(getattr(parameter, "section", "General"), []).append(parameter)
    yield ".SH OPTIONS"
    for title, options in sections.items():
        yield f".SS {_escaped(title)}"
        for option in options:
            yield from _option(option)
    if isinstance(command, Command) and command.examples.strip():
        yield from (".SH EXAMPLES", ".nf", *map(_escaped, _unindented(command.examples)), ".fi")
    yield from (".SH SEE ALSO", r"\fBpackcore\fR(1)")


def _is_option(parameter: click.Parameter) -> bool:
    return isinstance(parameter, click.Option)


def _head(name: str, what: str) -> Iterator[str]:
    yield f'.TH {_escaped(name.upper())} 1 "" packcore "packcore manual"'
    yield from (".SH NAME", rf"{_escaped(name)} \- {_escaped(what[:1].lower() + what[1:])}")


def _option(option: click.Option) -> Iterator[str]:
    names = ", ".join(rf"\fB{_escaped(each)}\fR" for each in (*option.opts, *option.secondary_opts))
    value = "" if option.is_flag else rf" \fI{_escaped(option.metavar or option.type.name.upper())}\fR"
    if isinstance(option, Option) and option.bare is not None:
        value = f"[={value[1:]}]"
    text = option.help or ""
    if isinstance(option, Option) and option.twin_of and not text:
        text = f"As {option.twin_of}."
    yield from (".TP", names + value, _escaped(text) or r"\&")


def _short(command: click.Command) -> str:
    return command.short_help or (command.help or "").strip().partition("\n")[0]


def _paragraphs(command: click.Command) -> Iterator[str]:
    for number, text in enumerate(inspect.cleandoc(command.help or "").split("\n\n")):
        if number:
            yield ".PP"
        yield _escaped(" ".join(text.replace(_FORM_FEED, "").split()))


def _unindented(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


def _escaped(text: str) -> str:
    """Return text for roff: no escape, no request, and dashes that can be copied."""
    text = text.replace("\\", r"\e").replace("-", r"\-").replace("…", "...").replace("'", r"\(aq")
    text = "".join(char if ord(char) < 128 else rf"\[u{ord(char):04X}]" for char in text)
    return re.sub(r"^([.'])", r"\\&\1", text)


def main(arguments: list[str]) -> int:
    """Compare, or write with --write; return the exit code."""
    made = pages()
    there = {path.name: path.read_text() for path in FOLDER.glob("*.1")}
    if "--write" not in arguments:
        other = sorted(name for name in made.keys() | there.keys() if made.get(name) != there.get(name))
        print("\n".join(f"man/{name} is not as the commands are; run make docs-update" for name in other))
        return 1 if other else 0
    FOLDER.mkdir(exist_ok=True)
    for name in there.keys() - made.keys():
        (FOLDER / name).unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
