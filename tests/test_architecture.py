"""The rules of the house that a program can check, each a test whose failure says which file breaks it.

import-linter (in `make lint`) holds the layers; here is what it can't say: which single file owns the
HTTP socket, who may print or read the environment, and how long a file may grow.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import TYPE_CHECKING

import pytest

from tests.support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PACKAGES = ("packcore", "transport", "cli")

LINES_MAX = 400
LONGER_FILES: dict[str, str] = {}
"""Files that may be longer than LINES_MAX, each with its reason."""

SOCKET_MODULES = {
    *("http.client", "http.server", "ssl", "socket", "select", "selectors", "socketserver", "urllib.request")
}
SOCKET_FILES = re.compile(r"transport/(schemes/(http/)?\w+|server/(http|http_connection|pipes))\.py")
"""Schemes are the only place that opens connections, the one of HTTP the only one that knows http.client;
our own server is the only one that listens. The services on pipes wait for their input."""
SERVER_FILES = {"transport/server/http.py"}

TERMINAL_MODULES = {"click", "rich", "getpass", "readline", "curses", "termios", "tty", "argparse"}
ENVIRONMENT_NAMES = {"os.environ", "os.environb", "os.getenv", "os.putenv"}
EXIT_NAMES = {"sys.exit", "os._exit", "sys.argv", "sys.stdout", "sys.stderr", "sys.stdin"}
ENVIRONMENT_ALLOWED = {
    "transport/server/wsgi.py": "a WSGI server looks up `application`, and can hand it nothing else",
}
"""Files outside cli that may read the environment, each with its reason."""


def modules() -> list[Path]:
    """Return all modules of the three packages."""
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def name_of(path: Path) -> str:
    """Return a path as it is written in messages."""
    return path.relative_to(ROOT).as_posix()


@cache
def parsed(path: Path) -> ast.Module:
    """Return a module's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


@cache
def nodes_of(path: Path) -> list[ast.AST]:
    """Return all nodes of a module's syntax tree."""
    return list(ast.walk(parsed(path)))


@cache
def imported(path: Path) -> set[str]:
    """Return the absolute names that a module imports, at any depth of its code, packages included.

    `from http import client` counts as http.client; what stands under TYPE_CHECKING counts too.
    """
    found: set[str] = set()
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def imports_any(path: Path, names: set[str]) -> set[str]:
    """Return which of the modules, or what lies in them, the file imports."""
    return {
        name for name in imported(path) for taboo in names if name == taboo or name.startswith(f"{taboo}.")
    }


@cache
def dotted_names(path: Path) -> set[str]:
    """Return every `name.attribute` that the module's code speaks of."""
    return {
        f"{node.value.id}.{node.attr}"
        for node in nodes_of(path)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }


def outside_cli() -> list[Path]:
    """Return the modules of the libraries."""
    return [path for path in modules() if not name_of(path).startswith("cli/")]


def test_packcore_imports_neither_transport_nor_cli_and_transport_imports_no_cli() -> None:
    above = {"packcore": {"transport", "cli"}, "transport": {"cli"}, "cli": set[str]()}
    wrong = {
        name_of(path): found
        for path in modules()
        if (found := imports_any(path, above[name_of(path).split("/")[0]]))
    }
    assert not wrong


def test_no_files_import_one_another_in_a_circle() -> None:
    """Imports for types count, too: who reads one file of a circle has to read them all."""
    files = {name_of(path)[: -len(".py")].replace("/", "."): path for path in modules()}
    files = {name.removesuffix(".__init__"): path for name, path in files.items()}
    left = {name: {held(found, files) for found in imported(path)} - {name} for name, path in files.items()}
    while free := [name for name, needed in left.items() if not needed & left.keys()]:
        for name in free:
            del left[name]
    assert not left, "these lie in a circle, or lead into one"


def held(name: str, files: dict[str, Path]) -> str:
    """Return the module that an imported name is, or is in; "" for other packages' names."""
    while name and name not in files:
        name = name.rpartition(".")[0]
    return name


def test_only_schemes_open_connections() -> None:
    wrong = {
        name_of(path): found
        for path in modules()
        if not SOCKET_FILES.fullmatch(name_of(path))
        if (found := imports_any(path, SOCKET_MODULES))
    }
    assert not wrong


def test_of_the_transport_only_schemes_hooks_and_checks_of_signatures_start_programs() -> None:
    wrong = [
        name_of(path)
        for path in modules()
        if name_of(path).startswith("transport/")
        if not name_of(path).startswith("transport/schemes/") and imports_any(path, {"subprocess"})
    ]
    assert sorted(wrong) == ["transport/server/hook_process.py", "transport/server/signatures.py"]


def test_only_the_http_scheme_knows_http_client_and_tls() -> None:
    wrong = [
        name_of(path)
        for path in modules()
        if imports_any(path, {"http.client", "ssl"})
        and not name_of(path).startswith("transport/schemes/http")
    ]
    assert not wrong


def test_only_our_server_listens() -> None:
    listening = {"http.server", "socketserver"}
    assert {name_of(path) for path in modules() if imports_any(path, listening)} == SERVER_FILES


def test_no_http_library_but_the_standard_one_and_the_servers_parser() -> None:
    libraries = {"requests", "urllib3", "httpx", "aiohttp", "urllib.request", "git"}
    assert not {name_of(path): found for path in modules() if (found := imports_any(path, libraries))}
    assert {name_of(path) for path in modules() if imports_any(path, {"h11"})} == {
        "transport/server/http_connection.py"
    }


def test_other_git_implementations_are_known_to_the_bench_alone() -> None:
    knowing = [name_of(path) for path in modules() if imports_any(path, {"dulwich", "pygit2"})]
    assert knowing == ["cli/bench/peers.py"]


def test_the_engine_asks_no_clock_and_knows_no_foreign_program_socket_or_terminal() -> None:
    """That nothing of time, chance or processes reaches a pack is tests/packcore/test_same_bytes.py's."""
    taboo = {"time", "datetime", "subprocess", "asyncio", *TERMINAL_MODULES, *SOCKET_MODULES}
    engine = [path for path in modules() if name_of(path).startswith("packcore/")]
    assert not {name_of(path): found for path in engine if (found := imports_any(path, taboo))}


def test_only_the_cli_draws_on_the_terminal() -> None:
    assert not {
        name_of(path): found for path in outside_cli() if (found := imports_any(path, TERMINAL_MODULES))
    }


def test_only_the_cli_reads_the_environment() -> None:
    wrong = {
        name_of(path): found
        for path in outside_cli()
        if name_of(path) not in ENVIRONMENT_ALLOWED
        if (found := dotted_names(path) & ENVIRONMENT_NAMES)
    }
    assert not wrong


def test_only_the_cli_prints_or_exits() -> None:
    def speaks(path: Path) -> set[str]:
        calls = {
            node.func.id
            for node in nodes_of(path)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        return (calls & {"print", "input", "exit", "quit", "breakpoint"}) | (dotted_names(path) & EXIT_NAMES)

    assert not {name_of(path): found for path in outside_cli() if (found := speaks(path))}


def test_the_wire_formats_do_no_io() -> None:
    taboo = {"os", "pathlib", "tempfile", "subprocess", "io", *SOCKET_MODULES}
    wire = [path for path in modules() if name_of(path).startswith("transport/wire/")]
    assert not {name_of(path): found for path in wire if (found := imports_any(path, taboo))}


def test_every_module_says_what_it_is() -> None:
    assert not [name_of(path) for path in modules() if not ast.get_docstring(parsed(path))]


STREAM_NAMES = {
    *("sys.stdout", "sys.stderr", "sys.__stdout__", "sys.__stderr__", "os.write"),
    *(
        "click.echo",
        "click.secho",
        "click.echo_via_pager",
        "click.get_text_stream",
        "click.get_binary_stream",
    ),
    *("click.prompt", "click.confirm", "click.progressbar", "traceback.print_exc", "warnings.warn"),
}
STREAM_FILE = "cli/streams.py"
LOG_FILES = {"packcore/logs.py", "transport/json_logs.py"}
"""Logs for users of the library, to their handlers alone; the command line always gives a progress."""


def test_one_file_writes_to_the_standard_streams() -> None:
    wrong = {
        name_of(path): found
        for path in modules()
        if name_of(path) != STREAM_FILE
        if (found := (dotted_names(path) & STREAM_NAMES) | _printing(path))
    }
    assert not wrong


def _printing(path: Path) -> set[str]:
    """Return calls of `print`, streams imported by their own names, and loggers."""
    named = {f"sys.{name}" for name in ("stdout", "stderr")} | {"click.echo", "click.secho"}
    calls = {
        node.func.id
        for node in nodes_of(path)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    loggers = {"faulthandler"} if name_of(path) in LOG_FILES else {"logging", "faulthandler"}
    return (calls & {"print"}) | (imported(path) & named) | imports_any(path, loggers)


def test_no_file_grows_beyond_what_a_reader_holds() -> None:
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in modules()}
    long = {name: count for name, count in lengths.items() if count > LINES_MAX}
    assert not {name: count for name, count in long.items() if name not in LONGER_FILES}
    assert set(LONGER_FILES) <= set(long), "an exception that is no longer needed"


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_is_marked_as_typed(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()


def test_nothing_is_left_to_be_done_later() -> None:
    # Spelt in halves, so that this file is not its own finding.
    marks = re.compile("|".join(("TO" + "DO", "FIX" + "ME", r"\bXX" + r"X\b", "NotImplemented" + "Error")))
    wrong = {
        name_of(path): found
        for path in modules()
        if (found := marks.findall(path.read_text(encoding="utf-8")))
    }
    assert not wrong


def test_no_path_of_a_single_machine_is_written_down() -> None:
    machine = re.compile(r"(?<![\w.$])/(?:home|Users|root|work|tmp)/[\w.-]+")
    watched = [*modules(), ROOT / "Makefile", ROOT / ".ci/run", ROOT / ".ci/install", ROOT / "pyproject.toml"]
    wrong = {
        name_of(path): found
        for path in watched
        if (found := machine.findall(path.read_text(encoding="utf-8")))
    }
    assert not wrong
