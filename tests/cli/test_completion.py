"""What a shell completes, asked as a shell asks, and the script that makes it ask."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from scripts.man_pages import FOLDER, main, pages
from tests.support import ROOT, git, history, make_repository


@pytest.fixture
def complete(process):
    """Complete a line, as bash asks for it; the last word is the incomplete one."""

    def run(line: str) -> list[str]:
        words = ["packcore", *line.split(" ")]
        question = {
            "_PACKCORE_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(words),
            "COMP_CWORD": str(len(words) - 1),
        }
        done = process(env={**os.environ, **question})
        assert done.stderr == b""
        return [row.partition(",")[2] for row in done.stdout.decode().splitlines() if row]

    return run


@pytest.fixture
def source(tmp_path):
    made = make_repository(tmp_path / "x.git", history(commits=1))
    for name in ("refs/heads/release/1", "refs/heads/release/2", "refs/tags/v1"):
        git("update-ref", name, "refs/heads/main", cwd=made)
    return made


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("sy", ["sync"]),
        ("help pla", ["plan", "plans"]),
        ("help plans ", ["diff", "show"]),
        ("help mani", ["manifest"]),
        ("help manifest target-tok", ["target-token", "target-token-env"]),
        ("sync --dry", ["--dry-run"]),
        ("completion ", ["bash", "zsh", "fish"]),
        ("pack-objects --strategy git", ["git-window"]),
    ],
)
def test_words_of_the_program_are_completed(complete, line, expected):
    assert complete(line) == expected


def test_refs_of_the_source_are_completed(complete, source):
    assert complete(f"sync {source} y.git --branch rel") == ["release/1", "release/2"]
    assert complete(f"sync {source} y.git --branch main,rel") == ["main,release/1", "main,release/2"]
    assert complete(f"plan {source} y.git --ref !refs/t") == ["!refs/tags/v1"]
    assert complete(f"fetch {source} --ref release/1") == ["refs/heads/release/1"]


def test_a_source_that_is_not_there_completes_to_nothing_and_without_a_word(complete, tmp_path):
    assert complete(f"sync {tmp_path}/none.git y.git --branch m") == []
    assert complete("sync --branch m") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(packcore, shell):
    result = packcore("completion", shell)
    assert result.exit_code == 0
    assert f"_PACKCORE_COMPLETE={shell}_complete" in result.stdout


@pytest.mark.posix
def test_bash_completes_with_the_script(packcore, tmp_path):
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash here")
    program = tmp_path / "packcore"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cli "$@"\n')
    program.chmod(0o755)
    script = packcore("completion", "bash").stdout
    asking = (
        f"{script}\ncd {ROOT}; COMP_WORDS=(packcore boo); COMP_CWORD=1\n"
        f'_packcore_completion {program}; echo "${{COMPREPLY[@]}}"'
    )
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run([bash, "-c", asking], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == "bootstrap"


def test_the_manual_pages_are_as_the_commands_are(capsys):
    assert main([]) == 0, capsys.readouterr().out


def test_every_manual_page_is_one_that_man_takes(tmp_path):
    groff = shutil.which("groff")
    if groff is None:
        pytest.skip("no groff here")
    for name in pages():
        path = FOLDER / name
        done = subprocess.run(
            [groff, "-man", "-ww", "-z", "-Tutf8", path], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, ""), name
