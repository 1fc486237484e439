"""Two repositories and a sync between them, for the tests of this folder."""

from __future__ import annotations

import random
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from packcore.progress import SILENT, Progress, SilentProgress
from tests.git_transport import GitTransport
from tests.support import fast_import, fsck, git, init_repository, ls_remote
from transport.syncing import Policy, Scope, SyncRequest, SyncResult
from transport.syncing.carry_out import carry_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from transport.base import Body, Service, Transport
    from transport.wire.headway import Headway

COMMITTER = "C O Mitter <committer@example.com>"


class Sides:
    """A source and a target repository below one folder."""

    def __init__(self, folder: Path, *, object_format: str = "sha1") -> None:
        self.source = init_repository(folder / "source.git", object_format=object_format)
        self.target = init_repository(folder / "target.git", object_format=object_format)

    def sync(
        self,
        *,
        scope: dict[str, Any] | None = None,
        policy: dict[str, Any] | None = None,
        progress: Progress = SILENT,
        source: GitTransport | None = None,
        target: GitTransport | None = None,
        **request: Any,
    ) -> SyncResult:
        """Sync by packs of our own."""
        return self.carry_out(
            scope=scope,
            policy=policy,
            progress=progress,
            source=source,
            target=target,
            materialize=True,
            **request,
        )

    def carry_out(
        self,
        *,
        scope: dict[str, Any] | None = None,
        policy: dict[str, Any] | None = None,
        progress: Progress = SILENT,
        source: Transport | None = None,
        target: Transport | None = None,
        **request: Any,
    ) -> SyncResult:
        """Sync in the way that is chosen for it: by relay, where that is safe."""
        asked = SyncRequest(Scope(**(scope or {})), Policy(**(policy or {})), **request)
        return carry_out(
            source or GitTransport(self.source), target or GitTransport(self.target), asked, progress=progress
        )

    def check(self, prefix: str = "refs/") -> None:
        """Assert that the target is sound, and has the source's refs below `prefix`."""
        assert fsck(self.target) == []
        assert below(ls_remote(self.target), prefix) == below(ls_remote(self.source), prefix)

    def clone_source(self) -> None:
        """Make the target what the source is, by git's own means."""
        git("push", "-q", "--mirror", self.target, cwd=self.source)


def below(refs: dict[str, str], prefix: str) -> dict[str, str]:
    return {name: oid for name, oid in refs.items() if name.startswith(prefix) and not name.endswith("^{}")}


def outcomes(result: SyncResult) -> dict[str, str]:
    """Outcome by short name of the target's ref."""
    return {ref.planned.branch: ref.outcome.value for ref in result.refs}


def commit(repository: Path, ref: str, *parents: str, text: str = "") -> str:
    """Make a commit with one file on `ref`, and return its id."""
    blob = git("hash-object", "-w", "--stdin", cwd=repository, stdin=f"{ref} {parents} {text}\n".encode())
    tree = git("mktree", cwd=repository, stdin=f"100644 blob {blob}\tfile\n".encode())
    flags = [flag for parent in parents for flag in ("-p", parent)]
    oid = git("commit-tree", *flags, "-m", f"{ref} {text}", tree, cwd=repository)
    git("update-ref", ref, oid, cwd=repository)
    return oid


def big_history(
    repository: Path, *, commits: int = 12, size: int = 12_000, files: int = 1, start: str | None = None
) -> None:
    """Commit files that neither compress nor resemble each other, on main, the first upon `start`."""
    chance = random.Random(7)
    stream: list[bytes] = []
    for number in range(commits):
        stream.append(f"commit refs/heads/main\nmark :{number + 1}\n".encode())
        stream.append(f"committer {COMMITTER} {1_112_000_000 + number} +0000\ndata 2\nx\n".encode())
        if start is not None and not number:
            stream.append(f"from {start}\n".encode())
        for file in range(files):
            stream += [
                f"M 100644 inline d{file % 3}/f{number}-{file}\ndata {size}\n".encode(),
                chance.randbytes(size),
                b"\n",
            ]
    fast_import(repository, [*stream, b"done\n"])


def random_dag(repository: Path, seed: int, *, commits: int = 40, start: int = 0) -> list[str]:
    """Write a merge-heavy random history with several roots; return the commits' ids, parents first.

    The same seed gives the same commits, so that a target can hold any part of a source's history.
    """
    chance = random.Random(seed)
    stream: list[bytes] = []
    for number in range(commits):
        count = min(number, chance.choice([0, 1, 1, 1, 2, 2, 3]))
        parents = chance.sample(range(max(0, number - 6), number), count)
        date = 1_112_000_000 + chance.randrange(1000)  # clocks that run wrong
        stream.append(f"commit refs/dag/{number}\nmark :{number + 1}\n".encode())
        stream.append(f"committer {COMMITTER} {date} +0000\ndata 2\n{number % 10}\n".encode())
        stream += [
            f"{'merge' if place else 'from'} :{parent + 1}\n".encode() for place, parent in enumerate(parents)
        ]
        content = f"{number} {chance.getrandbits(64)}\n" * 8
        stream.append(
            f"M 100644 inline d{number % 3}/f{number % 7}\ndata {len(content)}\n{content}\n".encode()
        )
    fast_import(repository, [*stream, b"done\n"])
    ids = [git("rev-parse", f"refs/dag/{number}", cwd=repository) for number in range(commits)]
    doomed = "".join(f"delete refs/dag/{number}\n" for number in range(commits))
    git("update-ref", "--stdin", cwd=repository, stdin=doomed.encode())
    return ids[start:]


class Heard(SilentProgress):
    """Notes what a run says, line by line."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines

    def message(self, origin: str, text: str) -> None:
        self.lines.append(f"{origin} {text}")


class Faulty(GitTransport):
    """A source whose pack is changed on its way, block by block."""

    def __init__(self, path: Path, change: Callable[[bytes], Iterator[bytes]]) -> None:
        super().__init__(path)
        self.change = change

    @contextmanager
    def request(
        self, service: Service, body: Body, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
        with super().request(service, body, version=version, headway=headway) as blocks:
            answer = b"".join(blocks)
            yield self.change(answer) if b"PACK" in answer else iter([answer])
