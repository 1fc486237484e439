"""The object of `--json` leaves in one write, whatever Python's buffers: each write here is a packet."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys

import pytest

from tests.support import ROOT, git, git_environment, history, init_repository, make_repository

pytestmark = pytest.mark.skipif(not hasattr(socket, "SOCK_SEQPACKET"), reason="needs local packets")


def writes_of(*arguments: object) -> tuple[list[bytes], int]:
    """Run the program without buffers; return what each write to stdout held, and the exit code."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(60)
    environment = git_environment({"PYTHONUNBUFFERED": "1"})
    with ours, theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "cli", *map(str, arguments)],
            cwd=ROOT,
            stdout=theirs.fileno(),
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        theirs.close()
        packets = []
        while packet := ours.recv(1 << 20):
            packets.append(packet)
        return packets, process.wait(60)


@pytest.fixture
def source(tmp_path):
    made = make_repository(tmp_path / "source.git", history(commits=1))
    tip = git("rev-parse", "refs/heads/main", cwd=made).strip()
    lines = "".join(f"create refs/heads/branch-{number} {tip}\n" for number in range(150))
    git("update-ref", "--stdin", cwd=made, stdin=lines.encode())
    return made


@pytest.mark.parametrize("command", ["plan", "sync", "ls-refs", "probe"])
def test_a_result_is_one_write(source, tmp_path, command):
    target = [init_repository(tmp_path / "target.git")] if command in ("plan", "sync") else []
    packets, code = writes_of(command, "--json", source, *target)
    assert (len(packets), code) == (1, 0)
    assert isinstance(json.loads(packets[0]), dict)


@pytest.mark.parametrize(
    ("arguments", "kind", "code"),
    [
        (("sync", "--json", "only-one"), "UsageError", 2),
        (("sync", "--json", "--nonsense", "a", "b"), "UsageError", 2),
        (("sink", "--json"), "UsageError", 2),
        (("ls-refs", "--json", "/nonexistent/x.git"), "RepositoryError", 1),
        (("ls-refs", "--json", "ftp://127.0.0.1/x.git"), "InvalidEndpoint", 2),
    ],
)
def test_a_failure_is_one_write(arguments, kind, code):
    packets, ended = writes_of(*arguments)
    assert (len(packets), ended) == (1, code)
    error = json.loads(packets[0])["error"]
    assert set(error) == {"kind", "message", "hint", "side", "exitCode"}
    assert (error["kind"], error["exitCode"]) == (kind, code)


def test_lines_for_people_leave_in_blocks_of_lines(source, tmp_path):
    target = init_repository(tmp_path / "target.git")
    packets, _ = writes_of("plan", source, target)
    assert len(packets) < 10
    assert b"".join(packets).count(b"\n") > 150


def test_a_switch_in_the_environment_counts_before_the_words_are_parsed(process):
    done = process("sync", "--nonsense", "a", "b", env={**os.environ, "PACKCORE_JSON": "1"})
    assert json.loads(done.stdout)["error"]["kind"] == "UsageError"


def test_fetch_counts_the_pack(packcore, source):
    found = json.loads(packcore("fetch", "--stats", "--json", source).stdout)
    pack = found["pack"]
    assert (
        pack["objects"]
        == found["fetchedObjects"]
        == sum(pack[kind] for kind in ("commits", "trees", "blobs"))
    )
    assert pack["bytes"] == found["packBytes"]
    assert (pack["commits"], pack["tags"]) == (1, 0)
    words = packcore("fetch", "--stats", source).stdout.splitlines()[-1]
    assert words.startswith(f"pack: {pack['objects']} objects (1 commit, ")
