"""One command of the program: help in sections, and options that every command has.

An option made by `option(...)` names the help section it belongs to, reads `PACKCORE_<NAME>` from the
environment (and further names that are given), and never shows its default when it may be a secret.
"""

from __future__ import annotations

import re
from functools import wraps
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "CONFIG_KEY",
    "DEBUG_KEY",
    "READ_CONFIG",
    "TWO_SIDED",
    "Command",
    "Group",
    "HelpSections",
    "MissingCommand",
    "Option",
    "arguments_in_order",
    "command",
    "config_option",
    "debug_option",
    "group",
    "option",
]

DEBUG_KEY = "debug"
"""Where the root context keeps that a traceback is wanted."""

TWO_SIDED = "two_sided"
"""Where the root context keeps that a run is between a source and a target."""
READ_CONFIG = "read_config"
"""Where the root context keeps what reads a configuration file, by its name or the user's own."""
CONFIG_KEY = "cli.config"
"""Where it keeps what was read."""

GENERAL = "General"
_NAME_CELLS_MAX = 34
_RANGE = r"\s*\[[^]]*x[<>]=?[^]]*\]\Z"

_NUMBER = re.compile(r"-[0-9]+\Z")
_ONLY_ARGUMENTS = "--end-of-options"
"""Up to `--`, no option follows, whatever the words look like (gitcli)."""
_IN_ORDER = "\0"
"""Begins an option that is passed on as an argument: no argument of a program can hold a NUL."""

FunctionT = TypeVar("FunctionT", bound="Callable[..., Any]")

_LAST_SECTIONS = ("Output", GENERAL)
"""Sections that close a help page, in this order; the others stand as the command first names them."""


class Option(click.Option):
    """An option that knows its help section.

    `twin_of` names an option that this one repeats for the other side (`--target-token` for
    `--source-token`): it works, and the help tells of both in one line. `bare` is the value of an option
    that is given without one: such an option takes a value only after `=`, as git's do. An option that
    counts `in_order` stays where it is among the arguments: `arguments_in_order` returns both. The one that
    `is_count` may be given as a number alone: `-3`.
    """

    def __init__(
        self,
        *args: Any,
        section: str = GENERAL,
        twin_of: str | None = None,
        bare: str | None = None,
        in_order: bool = False,
        is_count: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.section = section
        self.twin_of = twin_of
        self.bare = bare
        self.in_order = in_order
        self.is_count = is_count

    def needs_value(self, word: str) -> bool:
        """Return whether the next word is the value of this option, as it was typed."""
        return not (self.is_flag or self.count or self.bare is not None or "=" in word)

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return names and help; of an option with `bare`, the names are `--name[=VALUE]`."""
        record = super().get_help_record(ctx)
        if record is None or self.bare is None:
            return record
        return f"{', '.join(self.opts)}[={self.metavar}]", record[1]


def option(*names: str, gitsync: Sequence[str] = (), **settings: Any) -> Callable[[FunctionT], FunctionT]:
    """Declare an option that also reads `PACKCORE_<NAME>`, then each of the `gitsync` variables.

    The first long name gives the variable; `settings` are click's, and `section` and `twin_of` of `Option`.
    """
    long_names = [name for name in names if name.startswith("--")]
    if long_names:
        variable = long_names[0].split("/")[0][2:].replace("-", "_").upper()
        settings.setdefault("envvar", [f"PACKCORE_{variable}", *gitsync])
    settings.setdefault("show_default", False)
    return click.option(*names, cls=Option, **settings)


class HelpSections(click.Command):
    """Writes options in the sections that they name."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one definition list a section; twins are left to the option that they repeat."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx) if isinstance(parameter, click.Option) else None
            if record is not None and not getattr(parameter, "twin_of", None):
                sections.setdefault(getattr(parameter, "section", GENERAL), []).append(_tidied(*record))
        for title in _LAST_SECTIONS:
            if title in sections:
                sections[title] = sections.pop(title)
        for title, rows in sections.items():
            with formatter.section(title):
                formatter.write_dl(rows, col_max=_NAME_CELLS_MAX + 2)
        if isinstance(self, click.Group):
            self.format_commands(ctx, formatter)


class MissingCommand(click.UsageError):
    """A group was called without a command. The message is its help, shown on standard error."""


class Group(HelpSections, click.Group):
    """Commands below a common name."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the group's own options. Raises MissingCommand for a bare call."""
        if not args and not ctx.resilient_parsing:
            raise MissingCommand(ctx.get_help(), ctx)
        return super().parse_args(ctx, args)


def _tidied(names: str, text: str) -> tuple[str, str]:
    """Leave out what only lengthens: the off-switch of a long name, and a number's range."""
    if len(names) > _NAME_CELLS_MAX:
        names = names.partition(" / ")[0]
    return names, re.sub(_RANGE, "", text)


class Command(HelpSections):
    """A command; `examples` close its help page as they are written, without refilling.

    `notes` makes a text that goes before them; it is only asked when the page is shown.
    """

    def __init__(
        self, *args: Any, examples: str = "", notes: Callable[[], str] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples
        self.notes = notes

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments as git does where click would not: see `Option`."""
        options = {name: one for one in self.get_params(ctx) if isinstance(one, Option) for name in one.opts}
        end = args.index("--") if "--" in args else len(args)
        keeps_order = any(option.in_order for option in options.values())
        words: list[str] = []
        early: list[str] | None = []  # those in order before the first argument, which stays the first
        before = iter(args[:end])
        counts = next((name for name, one in options.items() if one.is_count and name.startswith("--")), None)
        for word in before:
            if counts is not None and _NUMBER.match(word):
                word = f"{counts}={word[1:]}"
            option = options.get(word.partition("=")[0])
            value = [*islice(before, 1)] if option is not None and option.needs_value(word) else []
            if keeps_order and word == _ONLY_ARGUMENTS:
                if early is not None:
                    words += [*islice(before, 1), *early]
                    early = None
                words += [_IN_ORDER + one for one in (word, *before)]
            elif option is None:
                words.append(word)
                if early is not None and (word == "-" or not word.startswith("-")):
                    words += early
                    early = None
            elif option.in_order:
                (words if early is None else early).append(_IN_ORDER + "=".join([word, *value]))
            elif option.bare is not None and "=" not in word:
                words.append(f"{word}={option.bare}")
            else:
                words += [word, *value]
        if keeps_order and early is not None:
            return super().parse_args(ctx, words)  # which says that the first argument is missing
        dashes = ["--", f"{_IN_ORDER}--"] if keeps_order and end < len(args) else args[end : end + 1]
        return super().parse_args(ctx, [*words, *dashes, *args[end + 1 :]])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write notes and examples."""
        if self.notes is not None:
            self.epilog = self.notes()
        super().format_epilog(ctx, formatter)
        if self.examples:
            with formatter.section("Examples"):
                for line in self.examples.strip().splitlines():
                    formatter.write(
                        f"{'':>{formatter.current_indent}}{line.strip()}\n" if line.strip() else "\n"
                    )


def arguments_in_order(words: Sequence[str]) -> tuple[list[str], list[str] | None]:
    """Return a command's arguments with the options among them, and what follows `--`, None without it."""
    dashes = f"{_IN_ORDER}--"
    end = words.index(dashes) if dashes in words else len(words)
    after = list(words[end + 1 :]) if end < len(words) else None
    return [word.removeprefix(_IN_ORDER) for word in words[:end]], after


def _remember_debug(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        ctx.find_root().ensure_object(dict)[DEBUG_KEY] = True


debug_option = option(
    "--debug",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_remember_debug,
    help="Show a traceback after an error.",
)


def _take_config(ctx: click.Context, parameter: click.Parameter, path: str | None) -> None:
    """Take the user's configuration file up, once for the program, or again where a command names one."""
    root = ctx.find_root()
    read = root.ensure_object(dict).get(READ_CONFIG)
    if ctx.resilient_parsing or read is None or (path is None and ctx.parent is not None):
        return
    if path is not None and not Path(path).is_file():
        raise click.BadParameter(f"there is no file {path}", ctx, parameter)
    found = read(path)
    if found is not None:
        root.meta[CONFIG_KEY] = found
        ctx.default_map = found.defaults if ctx.parent is not None else _ForEach(found.defaults, ctx)


class _ForEach(dict[str, Any]):
    """Defaults that are the same for each command of a group."""

    def __init__(self, defaults: dict[str, Any], ctx: click.Context) -> None:
        super().__init__(defaults)
        self._own = {parameter.name for parameter in ctx.command.get_params(ctx)}

    def get(self, key: str, default: Any = None) -> Any:
        """Return the defaults of a command. The group's own options have none; click looks them up, too."""
        return default if key in self._own else dict(self)


config_option = option(
    "--config",
    is_eager=True,
    expose_value=False,
    callback=_take_config,
    metavar="FILE",
    help="Read defaults and per-host settings from FILE. Default: packcore/packcore.toml in ~/.config.",
)


def command(
    name: str, *, examples: str = "", notes: Callable[[], str] | None = None, **settings: Any
) -> Callable[[Callable[..., Any]], Command]:
    """Declare a command; every one has `-h/--help` and `--debug`."""

    def decorate(function: Callable[..., Any]) -> Command:
        context = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
        own = {"examples": examples, "notes": notes}
        make = click.command(name, cls=Command, context_settings=context, **own, **settings)
        made: Command = make(config_option(debug_option(function)))
        return made

    return decorate


def group(
    keyword: str, make: Callable[..., Any], *options: Callable[[Any], Any]
) -> Callable[[FunctionT], FunctionT]:
    """Make a decorator that adds the options, and hands the function `keyword=make(**their values)`."""

    def decorate(function: FunctionT) -> FunctionT:
        known = _names_of(options)

        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            values = {name: kwargs.pop(name) for name in known}
            kwargs[keyword] = make(**values)
            return function(*args, **kwargs)

        decorated: Any = call
        for add in reversed(options):
            decorated = add(decorated)
        return decorated  # type: ignore[no-any-return]

    return decorate


def _names_of(options: tuple[Callable[[Any], Any], ...]) -> list[str]:
    """Ask click which keyword each option will hand over."""

    def nothing() -> None:
        """Carry the options."""

    for add in reversed(options):
        add(nothing)
    parameters: list[click.Parameter] = getattr(nothing, "__click_params__", [])
    return list(dict.fromkeys(str(parameter.name) for parameter in parameters))
