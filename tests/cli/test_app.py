"""The executable: commands by folder scan, quick help, exit codes, two lines for an error."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import cli.commands
from cli import app as app_module
from tests.support import ROOT

COMMANDS = sorted(
    path.stem.replace("_", "-")
    for path in Path(cli.commands.__path__[0]).glob("*.py")
    if not path.stem.startswith("_")
)


def test_every_command_of_this_version_is_there_and_no_other():
    assert set(COMMANDS) == {
        *("sync", "plan", "bootstrap", "replicate", "probe", "fetch", "ls-refs", "strategies"),
        *("pack-objects", "index-pack", "unpack-objects", "repack", "verify-pack", "show-index", "plans"),
        *("bench", "serve", "upload-pack", "receive-pack", "http-backend"),
        *("cat-file", "rev-list", "fsck"),
        *("explain", "report", "delta", "tour", "convert-sha256"),
        *("help", "completion", "init", "clone", "push", "doctor"),
    }


def test_help_lists_every_command_once(packcore):
    result = packcore("--help")
    assert result.exit_code == 0
    listed = [line.split()[0] for line in result.stdout.splitlines() if line.startswith("  ")]
    assert all(listed.count(name) == 1 for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_within_100_columns(packcore, name):
    result = packcore(name, "--help", env={"COLUMNS": "100"})
    assert result.exit_code == 0
    assert "--debug" in result.stdout
    assert all(len(line) <= 100 for line in result.stdout.splitlines())


def test_a_new_file_in_the_folder_is_a_new_command(packcore, monkeypatch, tmp_path):
    text = "from cli.command import command\n@command('hello')\ndef run():\n    'Say hello.'\n"
    text += "    print('hi')\n"
    (tmp_path / "hello_there.py").write_text(text)
    monkeypatch.setattr(cli.commands, "__path__", [*cli.commands.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, "cli.commands.hello_there", raising=False)
    assert "hello-there" in packcore("--help").stdout
    assert packcore("hello-there").stdout == "hi\n"
    sys.modules.pop("cli.commands.hello_there", None)


def test_help_loads_neither_engine_nor_network_nor_rich():
    code = (
        "import sys; from cli.app import app; app.main(['--help'], standalone_mode=False);"
        "print([m for m in sys.modules if m.partition('.')[0] in"
        " {'rich', 'transport', 'packcore', 'ssl', 'zlib_ng', 'xxhash'}], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_python_m_packcore_is_the_command():
    command = [sys.executable, "-W", "error", "-m", "packcore", "--version"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("packcore ")
    refused = subprocess.run(
        [*command[:-1], "no-such"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert refused.returncode == 2
    assert "packcore: error: " in refused.stderr


def test_version_is_the_distributions(process):
    from packcore import __version__

    assert process("--version").stdout.decode() == f"packcore {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["frobnicate"], "no such command: frobnicate"),
        (["synk"], "did you mean sync?"),
        (["sync", "--jobs", "-1", "a", "b"], "--jobs"),
        (["sync", "--relay", "a", "b"], "No such option"),
        (["sync", "a"], "missing argument TARGET"),
        (["sync", "a", "b", "c"], "too many arguments"),
        (["plan", "--mode", "mirror", "a", "b"], "mirror"),
        (["rev-list", "x.git"], "missing argument REV"),
        (["sync", "--protocol", "v3", "a", "b"], "v3"),
        (["sync", "nosuch://host/x", "b"], "nosuch"),
        (["sync", "--strategy", "nope", "a", "b"], "nope"),
        (["sync", "--map", "a", "b", "c"], "mapping"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(packcore, arguments, words):
    result = packcore(*arguments)
    lines = result.stderr.splitlines()
    assert result.exit_code == 2, result.stderr
    assert lines[0].startswith("packcore: error: ")
    assert words in lines[0]
    assert all(line.startswith("hint: ") for line in lines[1:])
    assert len(lines) <= 2
    assert result.stdout == ""


def test_python_m_cli_is_the_program_and_its_exit_code_is_the_processs(process):
    done = process("cat-file", "/nonexistent", "HEAD")
    assert done.returncode == 1
    assert done.stderr.startswith(b"packcore: error: /nonexistent: ")
    assert done.stdout == b""


@pytest.mark.parametrize("words", [(), ("plans",)], ids=["packcore", "plans"])
def test_a_bare_call_shows_the_help_as_it_is_and_is_wrong_usage(process, words):
    done, asked = process(*words), process(*words, "--help")
    assert asked.stdout.startswith(b"Usage: packcore")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == asked.stdout


def test_interruption_is_one_line_and_exit_code_130(packcore, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("transport.syncing.sync", interrupted, raising=False)
    monkeypatch.setattr("packcore.store.repository.Repository.open", interrupted)
    result = packcore("cat-file", "x", "HEAD")
    assert (result.exit_code, result.stderr) == (130, "packcore: error: interrupted\n")


def test_an_unexpected_error_is_told_in_one_line_without_traceback(packcore, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("what\nnow")

    monkeypatch.setattr("packcore.store.repository.Repository.open", broken)
    result = packcore("cat-file", "x", "HEAD")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "packcore: error: internal error: ZeroDivisionError: what now",
        "hint: run again with --debug and report the traceback",
    ]


@pytest.mark.parametrize(
    "where", [["--debug", "cat-file", "x", "HEAD"], ["cat-file", "--debug", "x", "HEAD"]]
)
def test_debug_adds_the_traceback(packcore, where):
    result = packcore(*where)
    assert result.exit_code == 1
    assert result.stderr.startswith("Traceback (most recent call last)")
    assert result.stderr.splitlines()[-1].startswith("packcore: error: ")


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes of this kind")
def test_a_reader_that_goes_away_is_met_with_silence(repository):
    command = [sys.executable, "-W", "error", "-m", "cli", "rev-list", str(repository), "--objects", "--all"]
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        done = subprocess.run(command, cwd=ROOT, stdout=closed, stderr=subprocess.PIPE, check=False)
    assert done.stderr == b""
    assert done.returncode == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_stdout_is_an_error(repository):
    command = [sys.executable, "-W", "error", "-m", "cli", "rev-list", str(repository), "--all"]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert done.stderr == b"packcore: error: No space left on device\n"


def test_sigterm_ends_as_ctrl_c_does():
    code = (
        "import os, signal, sys; from cli.app import app; import cli.commands.cat_file as c;"
        "import packcore.store.repository as r;"
        "r.Repository.open = lambda *a, **k: os.kill(os.getpid(), signal.SIGTERM);"
        "app.main(['cat-file', 'x', 'y'])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "packcore: error: interrupted\n")


def test_every_command_stands_in_a_section_of_the_help():
    assert {name for names in app_module._SECTIONS.values() for name in names} == set(COMMANDS)
