"""The two lists of the matrix: servers, and ways to sync. What joins one is tried with all of the other.

    SERVERS   name -> starts it in a folder: a context manager with root, url(path), create(path)
    MODES     name -> syncs from one repository of a server to another, in the steps that the mode is for
    EXPECTED  what a server refuses, by design: (mode, server) -> the words of the refusal

The outcomes are printed when the run is over (`table`), from the reports of the tests.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from tests.e2e.jgit import JGitDaemon
from tests.e2e.lasting_servers import GitDaemon, Sshd
from tests.e2e.nginx import PASSWORD, USER, GitHttpServer
from tests.e2e.places import noise
from tests.e2e.web_servers import Apache, Dulwich, Lighttpd
from tests.support import fast_import, fsck, git, history, init_repository, ls_remote, make_repository
from tests.transport.server.serving import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.e2e.command import Workplace

__all__ = ["EXPECTED", "MODES", "SERVERS", "Route", "Served", "table"]

NOISE_BYTES = 400_000
"""Four times that is more than the post buffer, so that bodies are chunked, and more than a body of 1 MB."""


class Served(Protocol):
    """A running server over bare repositories."""

    def url(self, path: str, /) -> str:
        """Return the URL of a repository."""

    def create(self, path: str, /) -> Path:
        """Make an empty bare repository and return its path on disk."""


# -- servers --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Rooted:
    """A server that knows URLs alone, over a folder."""

    root: Path
    address: Callable[[str], str]

    def url(self, path: str) -> str:
        return self.address(path)

    def create(self, path: str) -> Path:
        return init_repository(self.root / path)


@dataclass(frozen=True, slots=True)
class _Nginx:
    """One of nginx's servers."""

    server: GitHttpServer
    kind: str

    def url(self, path: str) -> str:
        user = f"{USER}:{PASSWORD.replace(' ', '%20')}" if self.kind == "auth" else ""
        return self.server.url(path, self.kind, user=user)

    def create(self, path: str) -> Path:
        return self.server.create(path)


def _nginx(kind: str) -> Callable[[Path], AbstractContextManager[Served]]:
    @contextmanager
    def start(folder: Path) -> Iterator[Served]:
        with GitHttpServer(folder) as server:
            yield _Nginx(server, kind)

    return start


@contextmanager
def _ours(folder: Path) -> Iterator[Served]:
    root = folder / "root"
    root.mkdir(parents=True)
    with serving(root) as server:
        yield _Rooted(root, lambda path: f"{server.url}/{path}")


@contextmanager
def _git_daemon(folder: Path) -> Iterator[Served]:
    folder.mkdir(parents=True)
    with GitDaemon(folder) as daemon:
        yield _Rooted(folder, daemon.url)


@contextmanager
def _jgit(folder: Path) -> Iterator[Served]:
    root = folder / "root"
    root.mkdir(parents=True)
    with JGitDaemon(root, folder / "java") as daemon:
        yield _Rooted(root, lambda path: f"git://127.0.0.1:{daemon.port}/{path}")


@contextmanager
def _sshd(folder: Path) -> Iterator[Served]:
    folder.mkdir(parents=True)
    with Sshd(folder) as sshd:
        yield _Guarded(folder, sshd.url, sshd.environment())


@dataclass(frozen=True, slots=True)
class _Guarded(_Rooted):
    """A server that wants something in the client's environment."""

    client_environment: Mapping[str, str]


SERVERS: dict[str, Callable[[Path], AbstractContextManager[Served]]] = {
    "nginx": _nginx("plain"),
    "nginx, impatient edge": _nginx("edge"),
    "nginx, basic auth": _nginx("auth"),
    "nginx, 1 MB bodies": _nginx("small"),
    "nginx, bodies buffered": _nginx("buffered"),
    "lighttpd, no chunks": Lighttpd,
    "Apache": Apache,
    "dulwich": Dulwich,
    "packcore serve": _ours,
    "git daemon": _git_daemon,
    "sshd": _sshd,
    "JGit daemon": _jgit,
}

# -- modes ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Route:
    """Where a mode syncs from and to, on one server."""

    workplace: Workplace
    server: Served
    name: str

    def make(self) -> None:
        """Make the source, with two branches, a tag and more than a megabyte, and the empty target."""
        source = self.server.create(f"{self.name}-source.git")
        git("config", "uploadpack.allowFilter", "true", cwd=source)
        made = make_repository(source.with_name(f"{source.name}-made"), history(tag="v1"))
        fast_import(made, noise(NOISE_BYTES, commits=4, branch="noise"))
        git("push", "-q", "--mirror", source, cwd=made)
        self.server.create(f"{self.name}-target.git")

    def folder(self, side: str) -> Path:
        """Return a side's repository on disk."""
        return self.server.create(f"{self.name}-{side}.git")

    def run(self, command: str, *options: str) -> dict[str, Any]:
        """Sync from the source to the target and return the report."""
        sides = [self.server.url(f"{self.name}-{side}.git") for side in ("source", "target")]
        done = self.workplace.must(command, *sides, "--all-refs", "--json", *options)
        return dict(json.loads(done.stdout))

    def check(self) -> None:
        """Fail unless both sides have the same refs and the target is clean."""
        assert ls_remote(self.folder("target")) == ls_remote(self.folder("source"))
        assert fsck(self.folder("target")) == []

    def advance(self) -> None:
        """Let the source go on: a branch that grows and a new one."""
        fast_import(self.folder("source"), history(seed=7, commits=3, start="refs/heads/main^0"))
        fast_import(self.folder("source"), history(seed=8, commits=3, branch="refs/heads/topic"))

    def rewrite(self) -> None:
        """Let the source take back what it said: a branch that is another now, and one that is gone."""
        fast_import(self.folder("source"), history(seed=9, commits=3, start="refs/heads/main~2^0"))
        git("branch", "-D", "topic", cwd=self.folder("source"))


def _materialized(route: Route) -> None:
    assert not route.run("sync", "--materialize")["relay"]
    route.check()
    route.advance()
    assert route.run("sync", "--materialize")["pack"]["objects"] > 0
    route.check()
    route.rewrite()
    route.run("sync", "--force-with-lease", "--prune")
    route.check()


def _relay(route: Route) -> None:
    report = route.run("sync")
    assert report["relay"] or report["batchCount"] > 1, "where a limit is met on the way, it goes on in parts"
    route.check()
    route.advance()
    assert route.run("sync")["relayMode"] == "incremental"
    route.check()


def _replicate(route: Route) -> None:
    route.run("sync")
    route.advance()
    route.run("replicate")
    route.rewrite()
    assert route.run("replicate", "--prune")["relayMode"] == "replicate"
    route.check()


def _batches(route: Route) -> None:
    report = route.run("bootstrap", "--target-max-pack-bytes", "600k")
    assert report["batchCount"] > 1
    route.check()


MODES: dict[str, Callable[[Route], None]] = {
    "materialized": _materialized,
    "relay": _relay,
    "replicate": _replicate,
    "bootstrap in batches": _batches,
}

EXPECTED: dict[tuple[str, str], str] = {}

# -- the table ------------------------------------------------------------------------------------


def table(outcomes: Iterable[tuple[str, str, str]]) -> list[str]:
    """Return the lines of the matrix, from (mode, server, outcome); rows and columns as in the two lists.

    >>> for line in table([("relay", "Apache", "ok"), ("replicate", "Apache", "FAILED")]): print(line)
                            materialized  relay  replicate  bootstrap in batches
    Apache                                ok     FAILED
    """
    cells = {(mode, server): outcome for mode, server, outcome in outcomes}
    widths = {
        mode: max(len(mode), *(len(cells.get((mode, server), "")) for server in SERVERS)) for mode in MODES
    }
    first = max(map(len, SERVERS))
    lines = [f"{'':<{first}}  " + "  ".join(f"{mode:<{widths[mode]}}" for mode in MODES)]
    for server in SERVERS:
        row = [cells.get((mode, server), "") for mode in MODES]
        if any(row):
            shown = "  ".join(f"{cell:<{widths[mode]}}" for mode, cell in zip(MODES, row, strict=True))
            lines.append(f"{server:<{first}}  {shown}")
    return [line.rstrip() for line in lines]
