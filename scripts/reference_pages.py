"""The generated parts of the reference: Markdown made from the click tree and the error classes.

A page of docs/ says `<!-- generated: commands -->`, and docs/conf.py puts in what `GENERATED` makes.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from pkgutil import walk_packages
from typing import TYPE_CHECKING

import click

import packcore
import transport
from cli import exits
from cli.app import app
from packcore.errors import PackcoreError
from packcore.search.registry import strategies
from scripts.conformance import render as peers_suites
from scripts.conformance import results as peers_results
from scripts.matrix.columns import load
from scripts.matrix.render import markdown
from scripts.matrix.results import read_record
from scripts.stall_picture import stall_picture
from transport.server.faults import FAULTS
from transport.syncing.deliver.routes import NEXT, Route

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["GENERATED", "commands", "error_classes", "options_of", "variables"]

_EXIT_WORDS = {
    0: "done",
    1: "the operation failed, or some ref was blocked or refused",
    2: "wrong usage",
    3: "bad data: a corrupt pack, an object that does not parse",
    4: "a remote or the network failed",
    5: "authentication failed",
    130: "interrupted",
}


@cache
def commands() -> dict[str, click.Command]:
    """Return every command by the words that users type, groups before their commands."""
    found: dict[str, click.Command] = {}
    root = click.Context(app, info_name="packcore")

    def visit(name: str, command: click.Command, context: click.Context) -> None:
        found[name] = command
        if isinstance(command, click.Group):
            inner = click.Context(command, info_name=name, parent=context)
            for child in command.list_commands(inner):
                if (below := command.get_command(inner, child)) is not None:
                    visit(f"{name} {child}", below, inner)

    for name in app.list_commands(root):
        if (command := app.get_command(root, name)) is not None:
            visit(name, command, root)
    return found


def options_of(command: click.Command) -> list[click.Option]:
    """Return a command's options, hidden ones included."""
    return [parameter for parameter in command.params if isinstance(parameter, click.Option)]


def variables() -> dict[str, tuple[list[str], set[str]]]:
    """Return each variable that an option reads: the option's names, and the commands that have it."""
    found: dict[str, tuple[list[str], set[str]]] = {}
    for name, command in commands().items():
        for option in options_of(command):
            if option.hidden:
                continue
            read = [option.envvar] if isinstance(option.envvar, str) else list(option.envvar or ())
            for variable in read:
                names = [word for word in option.opts if word.startswith("--")]
                found.setdefault(variable, (names, set()))[1].add(name)
    return dict(sorted(found.items()))


def error_classes() -> list[type[PackcoreError]]:
    """Return every error class, of the engine and of the transport, parents before children."""
    for package in (packcore, transport):
        for module in walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):  # which runs when it is imported
                import_module(module.name)
    found: list[type[PackcoreError]] = []

    def visit(kind: type[PackcoreError]) -> None:
        found.append(kind)
        for child in sorted(kind.__subclasses__(), key=lambda child: child.__name__):
            if child.__module__.split(".")[0] in ("packcore", "transport"):
                visit(child)

    visit(PackcoreError)
    return found


def _commands_page() -> str:
    return "\n".join(line for name, command in commands().items() for line in _command(name, command))


def _command(name: str, command: click.Command) -> Iterator[str]:
    """Yield one command's help page, as the terminal shows it."""
    context = click.Context(command, info_name=f"packcore {name}", terminal_width=96, max_content_width=96)
    context.help_option_names = ["-h", "--help"]
    yield f"## {name}\n"
    yield "```text"
    yield command.get_help(context)
    yield "```\n"


def _exit_codes() -> str:
    rows = ["| code | meaning | errors of the library that end with it |", "|---|---|---|"]
    for code, words in _EXIT_WORDS.items():
        kinds = [f"`{kind.__name__}`" for kind in error_classes() if kind.exit_code == code]
        rows.append(f"| {code} | {words} | {', '.join(kinds)} |")
    return "\n".join(rows)


def _errors() -> str:
    rows = ["| error | exit code | is a | what it tells |", "|---|---|---|---|"]
    for kind in error_classes():
        first = " ".join((kind.__doc__ or "").split("\n\n")[0].split()).replace("|", "\\|")
        parent = kind.__bases__[0].__name__
        name = f"[`{kind.__module__.split('.')[0]}.{kind.__name__}`](errors.md#{kind.__name__.lower()})"
        rows.append(f"| {name} | {kind.exit_code} | `{parent}` | {first} |")
    return "\n".join(rows)


def _environment() -> str:
    rows = ["| variable | option | commands |", "|---|---|---|"]
    everywhere = len(commands())
    for variable, (names, where) in variables().items():
        listed = "all" if len(where) > everywhere * 0.8 else ", ".join(sorted(where))
        rows.append(f"| `{variable}` | `{' / '.join(names)}` | {listed} |")
    return "\n".join(rows)


def _strategies() -> str:
    rows = ["| strategy | what it does | parameters |", "|---|---|---|"]
    for name, kind in strategies().items():
        knobs = ", ".join(f"`{knob.name}={knob.default}`" for knob in kind.parameters)
        rows.append(f"| `{name}` | {kind.description} | {knobs} |")
    return "\n".join(rows)


def _faults() -> str:
    rows = ["| fault | what goes wrong |", "|---|---|"]
    names = (f"{fault.name}={fault.value}" if fault.value else fault.name for fault in FAULTS)
    rows += [f"| `{name}` | {fault.text} |" for name, fault in zip(names, FAULTS, strict=True)]
    return "\n".join(rows)


def _works_with() -> str:
    table = load()
    return markdown(
        read_record(), {name: column.about for name, column in table.columns.items()}, [*table.suites]
    )


def _conformance() -> str:
    return peers_suites.markdown(peers_results.read_record())


def _routes() -> str:
    rows = ["| route | stops because | then |", "|---|---|---|"]
    ends = [route for route in Route if not any(taken is route for taken, _ in NEXT)]
    rows += [f"| {taken.value} | {turn.value} | {then.value} |" for (taken, turn), then in NEXT.items()]
    rows += [f"| {route.value} |  | the run ends |" for route in ends]
    return "\n".join(rows)


GENERATED: dict[str, Callable[[], str]] = {
    "commands": _commands_page,
    "exit-codes": _exit_codes,
    "errors": _errors,
    "environment": _environment,
    "strategies": _strategies,
    "faults": _faults,
    "stall-picture": stall_picture,
    "works-with": _works_with,
    "conformance": _conformance,
    "routes": _routes,
}
"""What a page may ask for, by name."""

assert set(_EXIT_WORDS) >= {exits.OK, exits.FAILED, exits.USAGE, exits.INTERRUPTED}

if __name__ == "__main__":
    print("\n\n".join(GENERATED[name]() for name in sys.argv[1:] or GENERATED))
