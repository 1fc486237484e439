"""Progress, streams and who reads what: plain lines, the live display, a remote's words."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import threading

import pytest

from cli.console import Console, Verbosity
from cli.progress_lines import LineProgress
from tests.support import ROOT
from transport.wire.sideband import RemoteLine

ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


class Lines(list[str]):
    """Where a display's lines go."""

    def __call__(self, line: str) -> None:
        self.append(re.sub(r" in \d.*", " in …", line))


def test_each_finished_phase_leaves_one_line_in_order():
    told = Lines()
    progress = LineProgress(told)
    with progress.phase("source: receiving pack", unit="bytes") as phase:
        phase.advance(3 << 20)
    with progress.phase("indexing", unit="objects", total=2) as phase:
        phase.advance(2)
        phase.note(deltas=1)
    assert told == ["source: received 3.0 MiB in …", "indexed 2 objects, 1 delta in …"]


def test_a_phase_that_fails_leaves_no_line():
    told = Lines()
    progress = LineProgress(told)
    with pytest.raises(OSError, match="lost"), progress.phase("target: writing pack", unit="bytes"):
        raise OSError("lost")
    with progress.phase("indexing", unit="objects"):
        pass
    assert told == ["indexed 0 objects in …"]


def test_a_phase_within_another_leaves_its_line_to_the_outer_one():
    told = Lines()
    progress = LineProgress(told)
    with (
        progress.phase("source: receiving pack", unit="bytes") as outer,
        progress.phase("receiving objects", unit="objects"),
    ):
        outer.advance(10)
    assert told == ["source: received 10 bytes in …"]


def test_a_remotes_lines_carry_their_side_and_passing_ones_are_left_out():
    told = Lines()
    progress = LineProgress(told)
    progress.message("target", RemoteLine("Resolving deltas:  50% (1/2)", transient=True))
    progress.message("target", RemoteLine("Resolving deltas: 100% (2/2), done."))
    progress.message("target", RemoteLine("hook: welcome"))
    progress.message("source", RemoteLine("   "))
    assert told == ["target: Resolving deltas: 100% (2/2), done.", "target: hook: welcome"]


def test_without_a_display_only_what_is_no_counter_is_told(capsys):
    with Console().progress() as progress:
        progress.message("target", RemoteLine("Resolving deltas: 100% (2/2), done."))
        progress.message("target", RemoteLine("GL-HOOK-ERR: not allowed"))
        with progress.phase("indexing", unit="objects") as phase:
            phase.advance()
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "target: GL-HOOK-ERR: not allowed\n")


def test_quiet_silences_all_but_errors(capsys):
    console = Console(Verbosity(quiet=True, progress=True))
    with console.progress() as progress:
        progress.message("target", RemoteLine("hook: welcome"))
        with progress.phase("indexing", unit="objects"):
            pass
    console.show("result")
    console.tell("remark")
    console.detail("detail")
    console.tell_error("wrong")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "wrong\n")


def test_progress_without_a_terminal_is_plain_lines(capsys):
    with Console(Verbosity(progress=True)).progress() as progress, progress.phase("indexing", unit="objects"):
        pass
    assert re.fullmatch(r"indexed 0 objects in \d+\.\ds\n", capsys.readouterr().err)


def test_details_are_for_verbose_only_and_go_to_stderr(capsys):
    Console().detail("not asked for")
    Console(Verbosity(verbose=True)).detail("asked for")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "asked for\n")


def test_names_that_no_encoding_carries_do_not_end_a_run(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    Console().show(["caf\udce9 é"])
    stream.flush()
    assert stream.buffer.getvalue() == b"caf\\xe9 \\xe9\n"


DISPLAY = """
import sys, time
from cli.console import Console, Verbosity
from transport.wire.sideband import RemoteLine
console = Console(Verbosity(verbose=True))
with console.progress() as progress:
    with progress.phase("source: receiving pack", unit="bytes") as phase:
        for number in range(40):
            phase.advance(100_000)
            progress.message("source", RemoteLine(f"Counting objects: {number}", transient=True))
            time.sleep(0.01)
        progress.message("source", RemoteLine("Counting objects: 40, done."))
    console.detail("a detail")
    with progress.phase("selecting deltas", unit="objects", total=1000) as phase:
        for number in range(40):
            phase.advance(25)
            time.sleep(0.01)
        for number in range(200_000 if sys.argv[1] == "many" else 0):
            phase.advance(0)
        phase.note(deltas=700)
    with progress.phase("target: writing pack", unit="bytes") as phase:
        phase.advance(5_000_000)
        progress.message("target", RemoteLine("remote hook says hello"))
        if sys.argv[1] == "fail":
            raise KeyboardInterrupt
console.show("the result")
"""


def on_terminal(*arguments: str, env: dict[str, str] | None = None, columns: int = 120) -> bytes:
    """Run the display above on a terminal and return what the terminal got."""
    pty = pytest.importorskip("pty")
    master, slave = pty.openpty()
    environment = {"PATH": os.environ["PATH"], "TERM": "xterm", "COLUMNS": str(columns), **(env or {})}
    with subprocess.Popen(
        [sys.executable, "-c", DISPLAY, *arguments], cwd=ROOT, stdout=slave, stderr=slave, env=environment
    ):
        os.close(slave)
        seen = bytearray()
        while True:
            try:
                block = os.read(master, 65536)
            except OSError:
                break
            if not block:
                break
            seen += block
    os.close(master)
    return bytes(seen)


def screen(seen: bytes) -> list[str]:
    """Return the lines that a terminal shows in the end: a small part of what terminals can do."""
    lines, row = [""], 0
    for token in re.findall(rb"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", seen):
        if token == b"\n":
            row += 1
            if row == len(lines):
                lines.append("")
        elif token == b"\r" or (token.startswith(b"\x1b") and token.endswith((b"m", b"h", b"l"))):
            continue
        elif token.endswith(b"A") and token.startswith(b"\x1b"):
            row -= int(token[2:-1] or 1)
        elif token.startswith(b"\x1b") and token.endswith(b"K"):
            lines[row] = ""
        else:
            # Every line is drawn from its start here: rich returns the carriage before it draws.
            lines[row] = token.decode() if lines[row] == "" else lines[row] + token.decode()
    return [line.rstrip() for line in lines if line.strip()]


def test_on_a_terminal_the_live_line_moves_and_only_permanent_lines_stay():
    seen = on_terminal("succeed")
    assert b"selecting deltas" in seen
    assert re.search(rb"\d+/1,000 objects", seen)
    shown = [re.sub(r" in \d.*", " in …", line) for line in screen(seen)]
    assert shown == [
        "source: Counting objects: 40, done.",
        "source: received 3.8 MiB in …",
        "a detail",
        "selected 1,000 objects, 700 deltas in …",
        "target: remote hook says hello",
        "target: wrote 4.8 MiB in …",
        "the result",
    ]


def test_after_an_error_the_unfinished_phase_leaves_nothing():
    shown = screen(on_terminal("fail"))
    assert not any("wrote" in line or "writing" in line for line in shown)
    assert any(line.startswith("selected 1,000 objects") for line in shown)
    assert b"\x1b[?25h" in on_terminal("fail"), "the cursor is shown again"


def test_no_color_is_honoured():
    colours = re.compile(rb"\x1b\[(?:[0-9;]*;)?(?:3[0-7]|38|9[0-7])[0-9;]*m")
    assert colours.search(on_terminal("succeed", env={"TERM": "xterm-256color"}))
    assert not colours.search(on_terminal("succeed", env={"TERM": "xterm-256color", "NO_COLOR": "1"}))


def test_a_dumb_terminal_gets_no_escape_sequence():
    assert not ESCAPES.search(on_terminal("succeed", env={"TERM": "dumb"}))


def test_a_narrow_terminal_keeps_the_live_line_in_one_row():
    seen = on_terminal("succeed", columns=40)
    drawn = ESCAPES.sub(b"", seen.replace(b"\r", b"\n")).decode().splitlines()
    assert all(len(line) <= 40 for line in drawn if "/1,000" in line)


def test_the_display_is_drawn_far_less_often_than_counts_arrive():
    assert on_terminal("many").count(b"selecting deltas") < 1000


def test_lines_of_several_threads_are_not_mixed(capsys):
    console = Console()

    def tell(letter: str) -> None:
        for _ in range(50):
            console.tell(letter * 40)

    threads = [threading.Thread(target=tell, args=(letter,)) for letter in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 150
    assert all(len(set(line)) == 1 and len(line) == 40 for line in lines)
