"""What a run shows while it lasts: percent, objects, time left, the target at work, a line now and then."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from cli import heartbeat
from cli.console import Console, Verbosity
from cli.progress_lines import LineProgress, PhaseCount, WordsOnly
from cli.render.progress import counter_line, running_line
from packcore.ids import SHA1
from packcore.store.spool import SpooledPack
from tests.support import (
    ROOT,
    git_bytes,
    git_environment,
    history,
    init_repository,
    make_repository,
    write_hook,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


def silent(_: str) -> None:
    """Take a line."""


def test_the_time_that_is_left_is_told_once_some_of_the_work_is_done():
    assert running_line("objects", 30, 120, {}, 4.0).endswith("  8/s  4.0s  ETA 12.0s")
    assert running_line("bytes", 1 << 20, 4 << 20, {}, 2.0).startswith("25%  1.0 MiB of 4.0 MiB  ")
    for count, total, elapsed in [(0, 120, 9.0), (120, 120, 9.0), (30, None, 9.0), (30, 120, 0.1)]:
        assert "ETA" not in running_line("objects", count, total, {}, elapsed)


def test_a_remotes_own_counter_gets_the_time_that_is_left():
    assert counter_line("Resolving deltas:  25% (1/4)", 3.0) == "Resolving deltas:  25% (1/4)  ETA 9.0s"
    assert counter_line("Counting objects: 40", 3.0) == "Counting objects: 40"


def test_the_objects_that_a_pack_announces_are_counted_within_its_bytes(tmp_path):
    made = make_repository(tmp_path / "x.git", history(commits=60, files=20))
    pack = git_bytes("pack-objects", "--stdout", "--all", "-q", cwd=made)
    kept: list[PhaseCount] = []
    told: list[str] = []

    class Keeping(LineProgress):
        @contextmanager
        def shown(self, phase: PhaseCount) -> Iterator[None]:
            kept.append(phase)
            yield

    progress = Keeping(told.append)
    with (
        progress.phase("source: receiving pack", unit="bytes"),
        SpooledPack.receive(
            [pack], object_format=SHA1, progress=progress, counting="source: receiving objects"
        ) as spool,
    ):
        count = spool.object_count
    (objects,) = (phase for phase in kept if phase.name == "source: receiving objects")
    assert (objects.count, objects.total_count) == (count, count)
    assert [line.partition(" ")[0] for line in told] == ["source:"]


def test_the_side_and_the_repository_are_named():
    progress = WordsOnly(silent, {"source": "https://example.com/x.git", "target": "/srv/y.git"})
    assert progress.describe() == "waiting for source https://example.com/x.git and target /srv/y.git"
    with progress.phase("source: receiving pack", unit="bytes") as phase:
        phase.advance(10)
        assert progress.describe().startswith("source https://example.com/x.git: receiving pack: 10 bytes")
    with progress.phase("selecting deltas", unit="objects", total=10):
        assert progress.describe().startswith("selecting deltas: 0%  0/10 objects")


def test_after_the_last_byte_the_target_is_said_to_unpack_until_something_else_begins():
    progress = WordsOnly(silent, {"target": "/srv/y.git"})
    with progress.phase("target: writing pack", unit="bytes"):
        pass
    assert re.fullmatch(r"target /srv/y.git: unpacking: 0\.\ds", progress.describe())
    with progress.phase("indexing", unit="objects"):
        assert progress.describe().startswith("indexing: ")
    assert progress.describe().startswith("waiting for ")


@pytest.mark.parametrize("with_timer", [True, False], ids=["timer", "thread"])
def test_where_there_is_no_terminal_a_line_says_now_and_then_how_far_all_is(monkeypatch, with_timer):
    script = (
        "import sys, time; from cli import heartbeat; from cli.console import Console, Verbosity\n"
        "heartbeat.SECONDS = 0.2\n"
        f"if not {with_timer}: heartbeat._timer_is_free = lambda: False\n"
        "console = Console(Verbosity())\n"
        "with console.progress(source='https://me:hunter2secret@example.com/x.git') as progress:\n"
        "    with progress.phase('source: receiving objects', unit='objects', total=100) as phase:\n"
        "        phase.advance(25)\n"
        "        end = time.monotonic() + 1.5\n"
        "        while time.monotonic() < end: time.sleep(0.01)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    lines = done.stderr.splitlines()
    assert 2 <= len(lines) <= 8
    assert re.fullmatch(
        r"packcore: 0\.\ds  source https://example.com/x.git: receiving objects: 25%  25/100 objects  .*",
        lines[0],
    )
    assert "ETA" in lines[-1]
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize(
    "verbosity", [Verbosity(quiet=True), Verbosity(progress=False)], ids=["quiet", "off"]
)
def test_there_is_none_where_none_is_wanted(monkeypatch, capsys, verbosity):
    monkeypatch.setattr(heartbeat, "SECONDS", 0.05)
    with Console(verbosity).progress():
        time.sleep(0.3)
    assert capsys.readouterr().err == ""


def test_a_timer_that_is_in_use_is_left_alone(monkeypatch):
    signal = pytest.importorskip("signal")
    if not hasattr(signal, "setitimer"):
        pytest.skip("no timer here")
    before = signal.getitimer(signal.ITIMER_REAL)
    told = io.StringIO()
    with heartbeat.beating(lambda line: print(line, file=told), lambda: "x"):
        pass
    after = signal.getitimer(signal.ITIMER_REAL)
    assert (before[0] > 0) == (after[0] > 0)
    assert told.getvalue() == ""


def test_a_live_line_shows_the_target_at_work(tmp_path):
    pty = pytest.importorskip("pty")
    source = make_repository(tmp_path / "source.git", history(commits=3))
    target = init_repository(tmp_path / "target.git")
    write_hook(target, "pre-receive", "sleep 2")
    server = tmp_path / "ssh"
    server.write_text('#!/bin/sh\nfor word; do command=$word; done\nexec sh -c "$command"\n')
    server.chmod(0o755)
    master, slave = pty.openpty()
    environment = git_environment({"TERM": "xterm", "COLUMNS": "140", "GIT_SSH": str(server)})
    environment["GIT_SSH_VARIANT"] = "simple"
    with subprocess.Popen(
        [sys.executable, "-m", "cli", "sync", str(source), f"host:{target}"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=slave,
        env=environment,
    ) as process:
        os.close(slave)
        seen = bytearray()
        while True:
            try:
                block = os.read(master, 65536)
            except OSError:
                break
            seen += block
        assert process.wait(60) == 0
    os.close(master)
    plain = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", bytes(seen)).decode()
    assert re.search(rf"target: unpacking +1\.\ds  ssh://host/{str(target).lstrip('/')}", plain), plain
    assert "unpacked" not in plain
