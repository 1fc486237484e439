"""What clients do with a server, and how it is found out that it went well.

Each operation has a repository of its own on the server, a copy of `Sources.small` or `Sources.wide`; git
looks at what came of it.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support import fast_import, git, history, init_repository, ls_remote, run_git

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.e2e.clients.kinds import Client

__all__ = ["OPERATIONS", "Job", "Sources", "Wrong"]

COMMITS = 40
BRANCHES = 5000


class Wrong(Exception):
    """A client was content, but what it left is wrong."""


def expect(found: object, wanted: object, what: str) -> None:
    """Compare. Raises Wrong."""
    if found != wanted:
        raise Wrong(f"{what}: {str(found)[:80]} instead of {str(wanted)[:80]}")


class Sources:
    """The repositories that are served."""

    def __init__(self, folder: Path) -> None:
        self.small = init_repository(folder / "small.git")
        fast_import(self.small, history(commits=COMMITS, tag="v1"))
        git("branch", "other", "main~30", cwd=self.small)
        git("tag", "light", "main~20", cwd=self.small)
        self.wide = folder / "wide.git"
        shutil.copytree(self.small, self.wide)
        oid = git("rev-parse", "main", cwd=self.wide)
        lines = "".join(f"create refs/heads/topic/{number:04} {oid}\n" for number in range(BRANCHES - 2))
        git("update-ref", "--stdin", cwd=self.wide, stdin=lines.encode())
        git("pack-refs", "--all", cwd=self.wide)
        for path in (self.small, self.wide):
            git("config", "uploadpack.allowFilter", "true", cwd=path)
            git("config", "http.receivepack", "true", cwd=path)


@dataclass(frozen=True)
class Job:
    """One client, one repository on a server, and an empty folder."""

    client: Client
    url: str
    served: Path
    folder: Path

    def clone(self, depth: str = "", filter_: str = "") -> Path:
        """Clone by the client."""
        path = self.folder / "clone"
        self.client.run("clone", self.url, path, depth, filter_)
        return path

    def own_clone(self) -> Path:
        """Return a clone made by git from the disk, with a commit more than the server has."""
        path = self.folder / "own"
        git("clone", "-q", self.served, path)
        git("commit", "-q", "--allow-empty", "-m", "more", cwd=path)
        return path

    def served_tip(self, name: str = "refs/heads/main") -> str | None:
        """Return what a ref of the server is now."""
        return ls_remote(self.served).get(name)


def _check_clone(path: Path, tip: str | None) -> None:
    expect(git("rev-parse", "refs/remotes/origin/main", cwd=path), tip, "origin/main")
    checked = run_git("fsck", "--connectivity-only", cwd=path)
    expect(checked.returncode, 0, "git fsck's exit code")


def _count(path: Path) -> str:
    return git("rev-list", "--count", "refs/remotes/origin/main", cwd=path)


def list_refs(job: Job) -> None:
    """List the refs, and get every one."""
    printed = job.client.run("ls-remote", job.url, job.folder / "empty.git")
    rows = (line.split() for line in printed.splitlines())
    found = {row[1]: row[0] for row in rows if len(row) == 2 and row[1].startswith("refs/")}
    found = {name: oid for name, oid in found.items() if not name.endswith("^{}")}
    wanted = {name: oid for name, oid in ls_remote(job.served).items() if not name.endswith("^{}")}
    expect(found, wanted, "refs")


def clone(job: Job) -> None:
    """Clone all."""
    _check_clone(job.clone(), job.served_tip())


def shallow(job: Job) -> None:
    """Clone the last two commits."""
    expect(_count(job.clone("2")), "2", "commits")


def deepen(job: Job) -> None:
    """Clone two commits, and fetch three more."""
    path = job.clone("2")
    job.client.run("fetch", path, job.url, "5")
    expect(_count(path), "5", "commits")


def without_blobs(job: Job) -> None:
    """Clone without blobs."""
    path = job.clone("", "blob:none")
    listed = git("rev-list", "--objects", "--missing=print", "refs/remotes/origin/main", cwd=path)
    expect(any(line.startswith("?") for line in listed.splitlines()), True, "objects left out")


def incremental(job: Job) -> None:
    """Clone, and fetch what the server got since."""
    path = job.clone()
    git("push", "-q", job.served, "HEAD:refs/heads/main", cwd=job.own_clone())
    job.client.run("fetch", path, job.url, "")
    _check_clone(path, job.served_tip())


def push(job: Job) -> None:
    """Push a commit."""
    path = job.own_clone()
    job.client.run("push", path, job.url, "refs/heads/main:refs/heads/main")
    expect(job.served_tip(), git("rev-parse", "main", cwd=path), "main on the server")


def force(job: Job) -> None:
    """Push a branch back by two commits."""
    path = job.own_clone()
    git("reset", "-q", "--hard", "main~2", cwd=path)
    job.client.run("push", path, job.url, "+refs/heads/main:refs/heads/main")
    expect(job.served_tip(), git("rev-parse", "main", cwd=path), "main on the server")


def tags(job: Job) -> None:
    """Fetch an annotated tag along with a clone, and push another."""
    path = job.clone()
    expect(git("rev-parse", "refs/tags/v1", cwd=path), job.served_tip("refs/tags/v1"), "the tag v1")
    own = job.own_clone()
    git("tag", "-a", "-m", "x", "v2", cwd=own)
    job.client.run("push", own, job.url, "refs/tags/v2:refs/tags/v2")
    expect(job.served_tip("refs/tags/v2"), git("rev-parse", "v2", cwd=own), "the tag v2 on the server")


def many_refs(job: Job) -> None:
    """List and clone 5,000 branches."""
    list_refs(job)
    names = git("for-each-ref", "--format=%(refname)", "refs/remotes/origin", cwd=job.clone()).split()
    expect(len([name for name in names if not name.endswith("/HEAD")]), BRANCHES, "branches")


OPERATIONS: dict[str, Callable[[Job], None]] = {
    "ls-remote": list_refs,
    "clone": clone,
    "shallow": shallow,
    "deepen": deepen,
    "filter": without_blobs,
    "incremental": incremental,
    "push": push,
    "force": force,
    "tags": tags,
    "5,000 refs": many_refs,
}
