"""Clients that fetch from a server and push to it, each by the same verbs.

    ls-remote URL FOLDER             prints `ID NAME` lines
    clone URL FOLDER DEPTH FILTER    DEPTH and FILTER may be empty
    fetch FOLDER URL DEPTH           what the remote `origin` has
    push FOLDER URL REFSPEC          a plus in front forces

A client that can't do a thing says so by `NotOffered`; one that isn't on this machine has a reason.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.e2e.jgit import jgit_environment
from tests.support import ROOT, find_program, git_environment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Client", "ClientFailed", "NotOffered", "all_clients"]

SECONDS_MAX = 180
NOT_OFFERED = 64
_HERE = Path(__file__).parent
_GO_SOURCES = Path("/usr/share/gocode")
_BUILT = ROOT / "build" / "clients"
"""Where a client that has to be compiled is kept."""


class ClientFailed(Exception):
    """A client ended with an error; the text is the last line that it said."""


class NotOffered(Exception):
    """A client has no such thing."""


@dataclass(frozen=True)
class Client:
    """A client that is a program with the verbs above."""

    name: str
    program: Sequence[str] = ()
    missing: str | None = None
    """Why it can't be run here."""
    environment: Mapping[str, str] = field(default_factory=dict)

    def command(self, verb: str, *words: str) -> list[str]:
        """Return what to run. Raises NotOffered."""
        return [*self.program, verb, *words]

    def run(self, verb: str, *words: str | Path) -> str:
        """Do one thing, and return what was printed. Raises ClientFailed, NotOffered."""
        try:
            done = subprocess.run(
                self.command(verb, *map(str, words)),
                cwd=ROOT,
                env=git_environment(self.environment),
                capture_output=True,
                text=True,
                timeout=SECONDS_MAX,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise ClientFailed(f"{verb}: no end after {SECONDS_MAX} s") from None
        if done.returncode == NOT_OFFERED:
            raise NotOffered(verb)
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines() or [""]
            raise ClientFailed(f"{verb}: exit {done.returncode}: {said[-1][:200]}")
        return done.stdout


class Git(Client):
    """git, in one version of the protocol."""

    def command(self, verb: str, *words: str) -> list[str]:
        """Return what to run."""
        start = [*self.program, verb]
        if verb == "ls-remote":
            return [*start, words[0]]
        if verb == "clone":
            url, folder, depth, filter_ = words
            options = [f"--depth={depth}"] * bool(depth)
            options += [f"--filter={filter_}", "--no-checkout"] if filter_ else []
            return [*start, "-q", *options, url, folder]
        if verb == "fetch":
            folder, _, depth = words
            return ["git", "-C", folder, *start[1:], "-q", *[f"--depth={depth}"] * bool(depth), "origin"]
        folder, url, refspec = words
        return ["git", "-C", folder, *start[1:], "-q", url, refspec]


class JGit(Client):
    """Debian's jgit."""

    def command(self, verb: str, *words: str) -> list[str]:
        """Return what to run. Raises NotOffered for what jgit 4.11 lacks."""
        if verb == "ls-remote":
            return ["jgit", "ls-remote", words[0]]
        if verb == "clone" and not any(words[2:]):
            return ["jgit", "clone", words[0], words[1]]
        if verb == "fetch" and not words[2]:
            return ["jgit", "--git-dir", f"{words[0]}/.git", "fetch", "origin"]
        if verb == "push":
            return ["jgit", "--git-dir", f"{words[0]}/.git", "push", words[1], words[2]]
        raise NotOffered(verb)


def all_clients(folder: Path) -> list[Client]:
    """Return every client that is known, those that are missing here among them."""
    git = [Git(f"git, v{number}", ("git", "-c", f"protocol.version={number}")) for number in (0, 1, 2)]
    return [
        *git,
        _jgit(folder / "jgit"),
        _library("libgit2", "pygit2", "libgit2_client"),
        _library("dulwich", "dulwich", "dulwich_client"),
        _isomorphic(),
        _go_git(),
    ]


def _jgit(folder: Path) -> Client:
    if find_program("jgit") is None:
        return JGit("JGit", missing="needs jgit (Debian package jgit-cli)")
    return JGit("JGit", environment=jgit_environment(folder))


def _library(name: str, package: str, module: str) -> Client:
    try:
        __import__(package)
    except ImportError:
        return Client(name, missing=f"needs the Python package {package}")
    return Client(name, (sys.executable, "-m", f"tests.e2e.clients.{module}"))


def _isomorphic() -> Client:
    node, package = find_program("node"), ROOT / "node_modules" / "isomorphic-git"
    if node is None or not package.exists():
        return Client("isomorphic-git", missing="needs Node.js, and `npm install --no-save isomorphic-git`")
    return Client("isomorphic-git", (node, str(_HERE / "isomorphic.mjs")))


def _go_git() -> Client:
    """Compile go-git's client from Debian's sources, once."""
    go, source = find_program("go"), _HERE / "gogit_client.go"
    package = _GO_SOURCES / "src/github.com/go-git/go-git"
    if go is None or not package.exists():
        packages = "golang-go and golang-github-go-git-go-git-dev"
        return Client("go-git", missing=f"needs {packages} (Debian packages)")
    program = _BUILT / "gogit_client"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        # Its import path ends with v5, its folder doesn't.
        versioned = _BUILT / "go/src/github.com/go-git/go-git/v5"
        versioned.parent.mkdir(parents=True, exist_ok=True)
        versioned.unlink(missing_ok=True)
        versioned.symlink_to(package)
        paths = {"GOPATH": f"{_BUILT / 'go'}:{_GO_SOURCES}", "GOCACHE": str(_BUILT / "go-cache")}
        made = subprocess.run(
            [go, "build", "-o", program, source],
            env=git_environment({**paths, "GO111MODULE": "off", "GOFLAGS": ""}),
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if made.returncode:
            return Client("go-git", missing=f"can't be compiled here: {made.stderr.strip()[:200]}")
    return Client("go-git", (str(program),))
