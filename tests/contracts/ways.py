"""The ways to reach a repository, each with a real server: what the transport contract runs over.

    way.make("x.git")     an empty bare repository, where the way's server finds it
    way.open("x.git")     a transport to it

The helper ways run `git-remote-bridge`, a small program written here that carries the conversation to git's
own upload-pack and receive-pack: by stateless-connect, or by connect alone.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.e2e.lasting_servers import GitDaemon, Sshd
from tests.support import git_environment, init_repository
from tests.transport.server.serving import serving
from transport.options import TransportOptions
from transport.schemes import open_transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from transport.base import Transport

__all__ = ["WAYS", "Way", "write_bridge"]

BRIDGE = r"""
import os, subprocess, sys

offered, address = {offered!r}, sys.argv[2].removeprefix("bridge://")

def line():
    text = b""
    while not text.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            sys.exit(0)
        text += byte
    return text[:-1].decode()

def say(data):
    while data:
        data = data[os.write(1, data):]

def exactly(count):
    data = b""
    while len(data) < count:
        piece = os.read(0, count - len(data))
        if not piece:
            sys.exit(0)
        data += piece
    return data

def request():
    data = b""
    while True:
        head = exactly(4)
        length = int(head, 16)
        data += head + (exactly(length - 4) if length > 4 else b"")
        if length == 0:
            return data

def upload_pack(*options, sent=b""):
    command = ["git", "upload-pack", "--stateless-rpc", *options, address]
    done = subprocess.run(command, input=sent, stdout=subprocess.PIPE)
    say(done.stdout)
    if done.returncode and not done.stdout:
        sys.exit(done.returncode)

while True:
    word, _, service = line().partition(" ")
    if word == "capabilities":
        say("".join(f"{{way}}\n" for way in offered).encode() + b"\n")
    elif word == "stateless-connect":
        os.environ["GIT_PROTOCOL"] = "version=2"
        say(b"\n")
        upload_pack("--http-backend-info-refs")
        while True:
            upload_pack(sent=request())
            say(b"0002")
    elif word == "connect":
        say(b"\n")
        os.execvp("git", ["git", service.removeprefix("git-"), address])
"""


def write_bridge(folder: Path, *offered: str, name: str = "git-remote-bridge") -> dict[str, str]:
    """Write the helper that offers these commands, and return an environment whose PATH has it."""
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f"#!{sys.executable}\n{BRIDGE.format(offered=offered)}")
    program.chmod(0o755)
    return git_environment({"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"})


@dataclass(slots=True)
class Way:
    """A running server, or none where none is needed, over the repositories below `root`."""

    name: str
    root: Path
    url: Callable[[str], str]
    environment: dict[str, str] = field(default_factory=dict)

    def make(self, name: str, *, object_format: str = "sha1") -> Path:
        """Make an empty bare repository and return its folder."""
        return init_repository(self.root / name, object_format=object_format)

    def open(self, name: str) -> Transport:
        """Return a transport to a repository."""
        settings = TransportOptions(environment=git_environment(self.environment), idle_timeout=30)
        return open_transport(self.url(name), settings)


@contextmanager
def _local(root: Path) -> Iterator[Way]:
    yield Way("local", root, lambda name: str(root / name))


@contextmanager
def _http(root: Path) -> Iterator[Way]:
    with serving(root) as server:
        yield Way("http", root, lambda name: f"{server.url}/{name}")


@contextmanager
def _git(root: Path) -> Iterator[Way]:
    with GitDaemon(root) as daemon:
        yield Way("git", root, daemon.url)


@contextmanager
def _ssh(root: Path) -> Iterator[Way]:
    with Sshd(root) as sshd:
        yield Way("ssh", root, sshd.url, sshd.environment())


def _helper(*offered: str) -> Callable[[Path], AbstractContextManager[Way]]:
    @contextmanager
    def way(root: Path) -> Iterator[Way]:
        environment = write_bridge(root / "helpers", *offered)
        yield Way(f"helper-{offered[0]}", root, lambda name: f"bridge://{root / name}", environment)

    return way


WAYS = (
    pytest.param(_local, id="local"),
    pytest.param(_http, id="http"),
    pytest.param(_git, id="git", marks=pytest.mark.e2e),
    pytest.param(_ssh, id="ssh", marks=pytest.mark.e2e),
    pytest.param(_helper("stateless-connect", "connect"), id="helper-stateless"),
    pytest.param(_helper("connect"), id="helper-connect"),
)
