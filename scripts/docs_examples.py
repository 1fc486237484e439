"""Runs the examples of the documentation, and compares or rewrites what the pages say comes of them.

    ```console          each line that starts with `$ ` is a command; what follows is its whole output,
    $ packcore …        and `(exit code N)` where it does not end with 0
    output
    ```
    ```pycon            a Python session; names last until the page's end
    >>> 1 + 1
    2
    ```
    ```sh               not run: the commands of packcore in it are parsed, so names and options are right

`python -m scripts.docs_examples` compares; with `--write` the pages are written anew (`make docs-update`).
A page runs in a folder of its own that holds `sample.git` and `docs`, with fixed names, dates and width.
A command that ends with ` &` runs until the page's end; where it says 8417 or 8418, a free port is used.

Times and rates differ in each run. They are left out of the comparison, and a block that differs in nothing
else is not rewritten.
"""

from __future__ import annotations

import contextlib
import difflib
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.free_port import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["ROOT", "Block", "Page", "Sandbox", "blocks_of", "pages", "run_page", "without_times"]

ROOT = Path(__file__).resolve().parent.parent
_PORT = re.compile(r"\b84[1-9]\d\b")
"""What a page calls a port: 8417, 8418 …"""
HOME = "/home/me"
"""What the page's folder is called in the text."""
COMMAND_SECONDS_MAX = 120

_FENCE = re.compile(
    r"^(?P<fence>`{3,})(?P<language>[\w-]+)\n(?P<body>.*?)^(?P=fence)\n", re.MULTILINE | re.DOTALL
)
_TIME = re.compile(
    r"(?<![\w.])\d[\d,]*(?:\.\d+)?\s?(?:s|ms|µs|us|min|MB/s|KB/s|kB/s|MiB/s|KiB/s|B/s|objects/s|/s)(?!\w)"
)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block of a page."""

    language: str
    body: str
    start: int
    """Where its body starts in the page's text."""
    line: int

    @property
    def end(self) -> int:
        """Where its body ends."""
        return self.start + len(self.body)


@dataclass(frozen=True, slots=True)
class Page:
    """A page before and after its examples ran."""

    path: Path
    text: str
    updated: str

    def difference(self) -> str:
        """Return what its examples print otherwise than it says, as a unified diff; nothing if they don't."""
        if self.updated == self.text:
            return ""
        lines = difflib.unified_diff(
            self.text.splitlines(), self.updated.splitlines(), "the page says", "it prints", lineterm="", n=1
        )
        return "\n".join(["`make docs-update` rewrites it:", *lines])


@dataclass
class Sandbox:
    """The folder in which a page's commands run, and what lasts from one to the next."""

    folder: Path
    ports: dict[str, str] = field(default_factory=dict)
    """What stands in the page -> the port that is used."""
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "__main__"})
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    """What is added to the environment."""

    def environment(self) -> dict[str, str]:
        """Return an environment in which nothing depends on the machine or its user."""
        return {
            "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}",
            "HOME": str(self.folder),
            "PYTHONPATH": str(ROOT),
            "COLUMNS": "100",
            "NO_COLOR": "1",
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_COUNT": "2",
            "GIT_CONFIG_KEY_0": "init.defaultBranch",
            "GIT_CONFIG_VALUE_0": "main",
            "GIT_CONFIG_KEY_1": "safe.directory",
            "GIT_CONFIG_VALUE_1": "*",
            **self.variables,
        }

    def run(self, command: str) -> str:
        """Run a command of a page and return what it printed, as the page shows it."""
        typed = _PORT.sub(lambda port: self.ports.setdefault(port[0], str(free_port())), command)
        if typed.endswith(" &"):
            return self._start(typed.removesuffix(" &"))
        done = subprocess.run(
            ["bash", "-c", typed],
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=COMMAND_SECONDS_MAX,
            check=False,
        )
        output = done.stdout.decode("utf-8", "backslashreplace")
        if output and not output.endswith("\n"):
            output += "\n"
        return self._shown(output) + (f"(exit code {done.returncode})\n" if done.returncode else "")

    def _start(self, command: str) -> str:
        """Start a server; its first line says that it listens."""
        process = subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.running.append(process)
        assert process.stdout is not None
        return self._shown(process.stdout.readline().decode())

    def _shown(self, output: str) -> str:
        output = output.replace(str(self.folder), HOME)
        for shown, used in self.ports.items():
            output = output.replace(used, shown)
        lines = output.splitlines()
        return "".join(f"{line.rstrip()}\n" for line in lines)

    def session(self, body: str) -> str:
        """Run a Python session and return it with what it prints now."""
        with contextlib.chdir(self.folder):
            return "".join(f"{source}{self._say(source)}" for source in _statements(body))

    def _say(self, source: str) -> str:
        code = "".join(f"{line[4:]}\n" for line in source.splitlines())
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            try:
                exec(compile(code, "<page>", "single"), self.names)
            except Exception as error:
                print("Traceback (most recent call last):\n  ...")
                print("".join(traceback.format_exception_only(error)), end="")
        return self._shown(out.getvalue())

    def close(self) -> None:
        """Stop what still runs."""
        for process in self.running:
            process.terminate()
            process.communicate(timeout=20)


def _statements(body: str) -> Iterator[str]:
    """Yield each statement of a session with its prompts."""
    statement = ""
    for line in body.splitlines(keepends=True):
        if line.startswith(">>>"):
            if statement:
                yield statement
            statement = line
        elif line.startswith("...") and statement:
            statement += line
    if statement:
        yield statement


def pages() -> list[Path]:
    """Return the pages whose examples run: all of the site, and the README."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks_of(text: str, *languages: str) -> list[Block]:
    """Return a page's fenced blocks of these languages."""
    return [
        Block(match["language"], match["body"], match.start("body"), text.count("\n", 0, match.start()) + 1)
        for match in _FENCE.finditer(text)
        if match["language"] in languages
    ]


def without_times(text: str) -> str:
    """Return a block without what differs in each run: times and rates, and the blanks that align them.

    >>> without_times("selected 19 objects in 0.12 s") == without_times("selected 19 objects in 1.4 s")
    True
    """
    return " ".join(_TIME.sub("…", text).split())


def run_page(
    path: Path,
    *,
    variables: Mapping[str, str] | None = None,
    ran: Callable[[Block], None] = lambda _: None,
) -> Page:
    """Run a page's examples, and return it as it is and as it ought to be.

    `variables` are added to the environment of its commands; `ran` is called after each block.
    """
    text = path.read_text(encoding="utf-8")
    updated, copied = [], 0
    with tempfile.TemporaryDirectory(prefix="packcore-docs-") as folder:
        sandbox = _prepare(Path(folder))
        sandbox.variables.update(variables or {})
        try:
            for block in blocks_of(text, "console", "pycon"):
                now = (
                    sandbox.session(block.body)
                    if block.language == "pycon"
                    else _console(sandbox, block.body)
                )
                same = without_times(now) == without_times(block.body)
                updated += [text[copied : block.start], block.body if same else now]
                copied = block.end
                ran(block)
        finally:
            sandbox.close()
    return Page(path, text, "".join([*updated, text[copied:]]))


def _prepare(folder: Path) -> Sandbox:
    sample = folder / "sample.git"
    command = [sys.executable, str(ROOT / "docs/examples/sample_repository.py"), str(sample)]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    shutil.copytree(
        ROOT / "docs/examples", folder / "docs/examples", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copytree(ROOT / "docs/traces", folder / "docs/traces")
    return Sandbox(folder)


def _console(sandbox: Sandbox, body: str) -> str:
    """Run the commands of a block and return it with what they print now; a `\\` at the end goes on."""
    written, pending = [], ""
    for line in body.splitlines(keepends=True):
        if not (pending or line.startswith("$ ")):
            continue
        written.append(line)
        pending += line.removeprefix("$ ")
        if not pending.endswith("\\\n"):
            written.append(sandbox.run(pending.rstrip("\n")))
            pending = ""
    return "".join(written)


def main(arguments: Sequence[str]) -> int:
    """Compare or write pages; return how many differ. Arguments: `--write`, then pages (default: all)."""
    write = "--write" in arguments
    chosen = [Path(name).resolve() for name in arguments if name != "--write"] or pages()
    differing = 0
    for path in chosen:
        page = run_page(path)
        if page.updated == page.text:
            continue
        differing += 1
        if write:
            path.write_text(page.updated, encoding="utf-8")
        print(f"{path.relative_to(ROOT)}: {'written anew' if write else 'differs'}")
    return 0 if write else min(differing, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
