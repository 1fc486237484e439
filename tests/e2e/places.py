"""A test's own part of the servers, and the repositories that it syncs there."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support import fast_import, fsck, git, history, ls_remote, make_repository

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.nginx import GitHttpServer

__all__ = ["Pair", "Place", "noise"]


@dataclass(frozen=True, slots=True)
class Place:
    """A test's own part of the server: `path("x.git")` below the server's root."""

    name: str

    def path(self, repository: str) -> str:
        """Return the repository's path as the server's URLs have it."""
        return f"{self.name}/{repository}"


@dataclass(frozen=True, slots=True)
class Pair:
    """A source and a target repository on a server: names for URLs, folders for git."""

    server: GitHttpServer
    source_name: str
    target_name: str

    @classmethod
    def make(cls, server: GitHttpServer, place: Place, *, object_format: str = "sha1") -> Pair:
        """Make both: the source with two branches, tags and a note, packed by git; the target empty."""
        made = cls(server, place.path("source.git"), place.path("target.git"))
        make_repository(made.source, history(tag="v1"), object_format=object_format, repack=True)
        fast_import(made.source, history(seed=2, commits=8, branch="refs/heads/topic/two", start="main~3^0"))
        git("tag", "light", "main~5", cwd=made.source)
        git("notes", "add", "-m", "a note", "main", cwd=made.source)
        server.create(made.target_name, object_format=object_format)
        return made

    @property
    def source(self) -> Path:
        """The source's folder."""
        return self.server.root / self.source_name

    @property
    def target(self) -> Path:
        """The target's folder."""
        return self.server.root / self.target_name

    @property
    def source_url(self) -> str:
        """The source behind the plain server."""
        return self.server.url(self.source_name)

    @property
    def target_url(self) -> str:
        """The target behind the plain server."""
        return self.server.url(self.target_name)

    def assert_equal(self) -> None:
        """Fail unless both sides have the same refs and the target is clean."""
        assert ls_remote(self.target_url) == ls_remote(self.source_url)
        assert fsck(self.target) == []


def noise(size: int, *, commits: int = 1, branch: str = "main") -> list[bytes]:
    """Return a fast-import stream of commits that each bring a file of `size` bytes that do not compress."""
    stream = []
    for number in range(commits):
        data = random.Random(size + number).randbytes(size)
        name = b"noise%d" % number if number else b"noise"
        stream.append(b"commit refs/heads/%b\n" % branch.encode())
        stream.append(b"committer C <c@example.com> 1112911993 +0000\ndata 0\n")
        stream += [b"M 100644 inline %b\ndata %d\n" % (name, size), data, b"\n"]
    return [*stream, b"done\n"]
