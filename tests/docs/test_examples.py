"""The documentation tells the truth: what its examples print, what it names, which scripts it offers."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest

from cli.app import app
from packcore.deflate import DEFLATE_LIBRARY
from scripts.docs_examples import ROOT, blocks_of, pages, run_page, without_times
from scripts.reference_pages import commands
from tests.support import require

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_RUN = [
    page
    for page in pages()
    if blocks_of(page.read_text(), "console", "pycon")
    and page.name != "errors.md"  # test_errors_page.py runs it
]
_COMMAND = re.compile(r"^(?:    |\$ )(packcore [a-zA-Z].*)$", re.MULTILINE)


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.e2e
@pytest.mark.skipif(
    not DEFLATE_LIBRARY.startswith("zlib-ng"), reason="the pages show bytes that zlib-ng makes"
)
@pytest.mark.parametrize("page", _RUN, ids=_name)
def test_each_example_of_a_page_prints_what_the_page_says(page: Path) -> None:
    require("git", "bash")
    assert run_page(page).difference() == ""


def test_times_and_rates_may_differ_and_nothing_else() -> None:
    assert without_times("19 objects in 0.12 s  at 3 MB/s") == without_times("19 objects in 12 s at 40 MB/s")
    assert without_times("19 objects in 0.12 s") != without_times("20 objects in 0.12 s")


def _typed() -> Iterator[tuple[str, str]]:
    """Yield every command line of packcore that stands in a page, with the page's name."""
    for page in pages():
        text = page.read_text().replace("\\\n", " ")
        plain = "".join(
            f"    {line}\n" for block in blocks_of(text, "sh") for line in block.body.splitlines()
        )
        for line in _COMMAND.findall(text + plain):
            yield _name(page), line


def _words(line: str) -> list[str]:
    """Return the words of one command: no comment, and nothing behind a pipe or a redirection."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|;&<>")
    lexer.whitespace_split = True
    words = []
    for word in lexer:
        if word[0] in "|;&<>":
            break
        words.append(word)
    return words[1:]


@pytest.mark.parametrize(("page", "line"), sorted(set(_typed())))
def test_each_command_that_a_page_names_exists_with_its_options(page: str, line: str) -> None:
    words = [word for word in _words(line) if word not in ("…", "...")]
    name, arguments = (words[0], words[1:])
    if name not in commands() and name.isupper():
        pytest.skip("stands for any command")
    if f"{name} {arguments[0] if arguments else ''}" in commands():
        name, arguments = f"{name} {arguments[0]}", arguments[1:]
    known = {word for option in commands()[name].params for word in (*option.opts, *option.secondary_opts)}
    known |= {"--help", "-h"}
    if f"{line}\npackcore: error: No such option" in (ROOT / page).read_text():
        return  # it shows what comes of a slip
    options_end = arguments.index("--") if "--" in arguments else len(arguments)
    for word in arguments[:options_end]:
        if word.startswith("-") and word != "-":
            assert word.partition("=")[0] in known, f"{page}: {line}"


def test_the_newcomers_two_commands_are_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text()
    assert re.search(r"pip install \.\n +packcore report path/to/clone -o pack\.html", text)


_SCRIPTS = {
    "heart.py": ("sample.git", "main", "out.pack"),
    "own_strategy.py": ("sample.git",),
    "serverless_sync.py": ("sample.git", "mirror.git", "96"),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the sample repository and an empty one."""
    folder = tmp_path_factory.mktemp("examples")
    _run(folder, "sample_repository.py", "sample.git")
    subprocess.run(
        [sys.executable, "-c", "import packcore; packcore.Repository.init('mirror.git').close()"],
        cwd=folder,
        check=True,
        env={"PYTHONPATH": str(ROOT)},
    )
    return folder


def _run(folder: Path, script: str, *arguments: str) -> str:
    command = [sys.executable, str(ROOT / "docs/examples" / script), *arguments]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)}, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.e2e
@pytest.mark.parametrize("script", _SCRIPTS)
def test_each_example_script_runs(place: Path, script: str) -> None:
    assert _run(place, script, *_SCRIPTS[script])


def test_the_heart_of_the_library_takes_about_twenty_lines() -> None:
    lines = (ROOT / "docs/examples/heart.py").read_text().splitlines()
    assert len(lines) <= 23


def test_every_command_has_its_section_in_the_reference() -> None:
    context = click.Context(app, info_name="packcore")
    assert set(app.list_commands(context)) <= set(commands())
