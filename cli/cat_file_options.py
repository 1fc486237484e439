"""The options of `packcore cat-file`, and which of them go together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import click

from cli.batch_format import DEFAULT_FORMAT
from cli.command import group, option
from cli.params import OUTPUT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["CatFileOptions", "cat_file_options"]

BATCH = "Many objects"
_MODES = {
    "type": "-t",
    "size": "-s",
    "raw": "--raw",
    "pretty": "-p",
    "exists": "-e",
    "textconv": "--textconv",
    "filters": "--filters",
}
_BATCH_MODES = ("--batch", "--batch-check", "--batch-command")


@dataclass(frozen=True, slots=True)
class CatFileOptions:
    """The values of the options, by their names."""

    type: bool
    size: bool
    raw: bool
    pretty: bool
    exists: bool
    textconv: bool
    filters: bool
    path: str | None
    allow_unknown_type: bool
    batch: str | None
    batch_check: str | None
    batch_command: str | None
    all_objects: bool
    unordered: bool
    buffer: bool | None
    nul_in: bool
    nul: bool
    follow_links: bool

    @property
    def shown(self) -> str | None:
        """What is to be shown of one object: the name of an option; None if none says it."""
        return next((name for name in _MODES if getattr(self, name)), None)

    @property
    def form(self) -> Literal["filters", "textconv"] | None:
        """How content is to be converted."""
        return "textconv" if self.textconv else "filters" if self.filters else None

    @property
    def format(self) -> str | None:
        """The format of a batch mode; None if there is none of these."""
        return next((text for text in self._formats if text is not None), None)

    @property
    def _formats(self) -> tuple[str | None, ...]:
        return self.batch, self.batch_check, self.batch_command

    def check(self, words: Sequence[str]) -> None:
        """Raise UsageError for options that don't go together, or not with these arguments."""
        modes = [switch for name, switch in _MODES.items() if getattr(self, name)]
        if self.all_objects:
            modes.append("--batch-all-objects")
        if len(modes) > 1:
            raise click.UsageError(f"option '{modes[0]}' is incompatible with {modes[1]}")
        if len(given := [text for text in self._formats if text is not None]) > 1:
            raise click.UsageError("only one of --batch, --batch-check and --batch-command can be used")
        if self.path is not None and self.form is None:
            raise click.UsageError("'--path' needs '--filters' or '--textconv'")
        if self.allow_unknown_type and not (self.type or self.size):
            raise click.UsageError("--allow-unknown-type: use with -s or -t")
        if given:
            self._check_batch(words)
        else:
            self._check_single(words)

    def _check_batch(self, words: Sequence[str]) -> None:
        if self.shown is not None and self.form is None:
            raise click.UsageError(f"'{_MODES[self.shown]}' is incompatible with a batch mode")
        if self.path is not None:
            raise click.UsageError("'--path' is incompatible with a batch mode: each line names its path")
        if words:
            raise click.UsageError("batch modes take no arguments: the names of objects come from stdin")

    def _check_single(self, words: Sequence[str]) -> None:
        for_batches = {
            "--follow-symlinks": self.follow_links,
            "--buffer": bool(self.buffer),
            "--batch-all-objects": self.all_objects,
            "--unordered": self.unordered,
            "-z": self.nul_in,
            "-Z": self.nul,
        }
        for name, is_given in for_batches.items():
            if is_given:
                raise click.UsageError(f"'{name}' requires a batch mode: {', '.join(_BATCH_MODES)}")
        if not words:
            which = f" with '{_MODES[self.shown]}'" if self.shown is not None else ""
            raise click.UsageError(f"the argument OID is required{which}")
        if len(words) > (2 if self.shown is None else 1):
            raise click.UsageError("too many arguments")


def _mode(*names: str, help_text: str) -> Callable[[Any], Any]:
    return option(*names, is_flag=True, section=OUTPUT, help=help_text, envvar=None)


def _format(name: str, help_text: str) -> Callable[[Any], Any]:
    return option(name, bare=DEFAULT_FORMAT, metavar="FORMAT", section=BATCH, help=help_text, envvar=None)


def _flag(*names: str, help_text: str) -> Callable[[Any], Any]:
    return option(*names, is_flag=True, section=BATCH, help=help_text, envvar=None)


def cat_file_options() -> Callable[[Any], Any]:
    """Add the options; the function gets `options`."""
    return group(
        "options",
        CatFileOptions,
        _mode("--type", "-t", help_text="Print its type."),
        _mode("--size", "-s", help_text="Print its size in bytes."),
        _mode("--raw", help_text="Print its bytes unchanged."),
        _mode("--pretty", "-p", help_text="Print it readably, a tree as a list (the default)."),
        _mode("--exists", "-e", help_text="Print nothing; exit code 1 if it isn't there."),
        _mode("--textconv", help_text="Print it as `git diff` would show it, as text, by its attributes."),
        _mode("--filters", help_text="Print it as a checkout would write it, by its attributes."),
        option(
            "--path",
            metavar="PATH",
            section=OUTPUT,
            help="For these two: where OID is, if it isn't named as REV:PATH.",
            envvar=None,
        ),
        _mode(
            "--allow-unknown-type",
            help_text="With -t or -s: also of a loose object whose type doesn't exist.",
        ),
        _format("--batch", "Print a line and the content of each object that stdin names."),
        _format("--batch-check", "Print a line for each."),
        _format("--batch-command", "Read `contents OID`, `info OID` and, with --buffer, `flush`."),
        _flag(
            "--batch-all-objects",
            "all_objects",
            help_text="Print all objects of the repository and of its alternates; read nothing from stdin.",
        ),
        _flag(
            "--unordered",
            help_text="Print these in the order in which they are stored, not by id: faster.",
        ),
        option(
            "--buffer/--no-buffer",
            default=None,
            section=BATCH,
            help="Don't flush the output after each answer. Default: only with --batch-all-objects.",
            envvar=None,
        ),
        _flag("-z", "nul_in", help_text="Names end with a NUL."),
        _flag("-Z", "nul", help_text="Names, and the lines of answers, end with a NUL."),
        _flag(
            "--follow-symlinks",
            "follow_links",
            help_text="Follow symbolic links within the tree of REV:PATH.",
        ),
    )
