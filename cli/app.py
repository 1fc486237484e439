"""The `packcore` executable: a group whose commands are the files of `cli/commands`, loaded on demand.

packcore --help        lists every file's short help       (no rich, no engine, no TLS is loaded)
packcore sync …        loads `cli/commands/sync.py`, which loads the rest inside its function
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, NoReturn

import click

import cli.commands
from cli import exits
from cli.command import DEBUG_KEY, READ_CONFIG, TWO_SIDED, Group, config_option, debug_option
from cli.config_place import default_place
from cli.given_secrets import given_secrets
from cli.streams import OUTPUT_KEY, Output
from cli.values import is_true

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cli.config import Config

__all__ = ["Packcore", "app"]

_SECTIONS = {
    "Syncing": (
        "sync",
        "plan",
        "bootstrap",
        "replicate",
        "probe",
        "doctor",
        "fetch",
        "ls-refs",
        "convert-sha256",
    ),
    "At your own repository": ("init", "clone", "push"),
    "Serving": ("serve", "upload-pack", "receive-pack", "http-backend"),
    "Packing": (
        "pack-objects",
        "index-pack",
        "unpack-objects",
        "repack",
        "verify-pack",
        "show-index",
        "plans",
    ),
    "Comparing": ("bench", "strategies"),
    "Learning": ("explain", "report", "delta", "tour"),
    "Looking inside": ("cat-file", "rev-list", "fsck"),
    "This program": ("help", "completion"),
}
"""How `packcore --help` groups commands. A command not named here is listed last, under "More"."""

_JSON_ELSEWHERE = ("pack-objects", "bench")
"""Commands whose --json doesn't go to stdout: one has its pack there, the other takes a file's name."""


class Packcore(Group):
    """The root: finds commands by file name, and ends every run through `exits.guard`."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names of all files in `cli/commands`, as commands."""
        found = iter_modules(cli.commands.__path__)
        return sorted(module.name.replace("_", "-") for module in found if not module.name.startswith("_"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one command's file; None if no command has that name."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module = cmd_name.replace("-", "_")
        command = import_module(f"cli.commands.{module}").run
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or fail and suggest similar names."""
        name = args[0]
        if not name.startswith("-") and name not in (names := self.list_commands(ctx)):
            from cli.nearest import did_you_mean, elsewhere, nearest

            ctx.fail(f"no such command: {name}{did_you_mean(elsewhere(name) or nearest(name, names))}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands in groups, each with its one line."""
        left = dict.fromkeys(self.list_commands(ctx))
        sections = {title: [name for name in names if name in left] for title, names in _SECTIONS.items()}
        for names in sections.values():
            for name in names:
                del left[name]
        sections["More"] = list(left)
        widest = max(map(len, self.list_commands(ctx)))
        for title, names in sections.items():
            commands = [(name, self.get_command(ctx, name)) for name in names]
            rows = [
                (name.ljust(widest), command.get_short_help_str(68)) for name, command in commands if command
            ]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def main(  # type: ignore[override]
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> int:
        """Run and return the exit code; with `standalone_mode`, end the process with it."""
        arguments = list(sys.argv[1:] if args is None else args)
        program = prog_name or "packcore"
        self._complete(program, complete_var)
        state: dict[str, Any] = {READ_CONFIG: _read_config}
        output = Output(lambda: given_secrets(arguments, os.environ))
        output.owes_json = _wants_json(arguments)

        def run() -> int | None:
            with self.make_context(program, list(arguments), obj=state, **extra) as ctx, _terminable():
                ctx.meta[OUTPUT_KEY] = output
                code: int | None = self.invoke(ctx)
            return code

        code = exits.guard(
            run,
            output=output,
            debug=lambda: state.get(DEBUG_KEY, "--debug" in arguments),
            two_sided=lambda: bool(state.get(TWO_SIDED)),
        )
        if standalone_mode:
            sys.exit(code)
        return code

    def _complete(self, program: str, variable: str | None) -> None:
        """Answer a shell's completion request, if the shell started us."""
        variable = variable or f"_{program.replace('-', '_').upper()}_COMPLETE"
        if instruction := os.environ.get(variable):
            from click.shell_completion import shell_complete

            sys.exit(shell_complete(self, {}, program, variable, instruction))


def _read_config(path: str | None) -> Config | None:
    """Read a configuration file, by default the user's; None if there is no file."""
    path = path or default_place(os.environ)
    if path is None:
        return None
    from cli.config import Config
    from cli.manifest import known_keys, option_of

    return Config.read(path, option_of, [key for key, _ in known_keys()])


def _wants_json(arguments: Sequence[str]) -> bool:
    """Return whether --json requires an object on stdout even if the command line can't be parsed."""
    if arguments[:1] and arguments[0] in _JSON_ELSEWHERE:
        return False
    return "--json" in arguments or is_true(os.environ.get("PACKCORE_JSON"))


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM end a run as Ctrl-C does: temporary files go, one line is printed, exit code 130."""

    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:  # not in the main thread: the embedding program handles signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from packcore import __version__

        Output.of_run().out(f"packcore {__version__}")
        ctx.exit()


@click.command(
    cls=Packcore,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="`packcore help COMMAND` shows more. Options can also be set by PACKCORE_<NAME> variables.",
)
@config_option
@debug_option
@click.option(
    "-V",
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version.",
)
def app() -> None:
    """Sync git repositories between servers, and make, read and check git packs."""
