"""A source whose refs move between its list and the fetch: it is listed again, and its new refs are taken."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.contracts.ways import write_bridge
from tests.git_transport import GitTransport
from tests.support import git, init_repository, ls_remote
from transport.errors import RemoteError
from transport.local_fetch.fetch_into import fetch_into, fetch_only
from transport.options import TransportOptions
from transport.schemes import open_transport
from transport.schemes.file import LocalTransport
from transport.syncing import Policy, Scope, SyncRequest
from transport.syncing.carry_out import carry_out
from transport.syncing.gather.moved_source import RELISTINGS_MAX
from transport.wire.pktline import encode_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from transport.base import Body, Service, Transport
    from transport.wire.headway import Headway


class Moving:
    """A transport whose repository changes after it was listed, `moves` times; counts the lists."""

    def __init__(self, transport: Transport, change: Callable[[], None], *, moves: int = 1) -> None:
        self._transport = transport
        self._change = change
        self._moves = moves
        self.lists = 0
        self.url, self.stateless = transport.url, transport.stateless
        self.stats, self.limits = transport.stats, transport.limits

    @contextmanager
    def advertise(
        self, service: Service, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
        with self._transport.advertise(service, version=version, headway=headway) as blocks:
            answer = list(blocks)
        if version < 2:
            self._listed()
        yield iter(answer)

    @contextmanager
    def request(
        self, service: Service, body: Body, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
        is_list = b"command=ls-refs" in b"".join(body.blocks())
        with self._transport.request(service, body, version=version, headway=headway) as blocks:
            if not is_list:
                yield blocks
                return
            answer = list(blocks)
        self._listed()
        yield iter(answer)

    def close(self) -> None:
        self._transport.close()

    def _listed(self) -> None:
        self.lists += 1
        if self._moves:
            self._moves -= 1
            self._change()


class Source:
    """A repository whose `main` is moved as by a force-push, its old commit gone at once."""

    def __init__(self, path: Path) -> None:
        self.path = init_repository(path)
        self._tree = git("mktree", cwd=self.path)
        self._count = 0
        self.set("main")

    def set(self, branch: str, parent: str = "") -> str:
        self._count += 1
        parents = ["-p", parent] if parent else []
        oid = git("commit-tree", self._tree, *parents, "-m", f"number {self._count}", cwd=self.path)
        git("update-ref", f"refs/heads/{branch}", oid, cwd=self.path)
        return oid

    def move(self) -> None:
        old = git("rev-parse", "main", cwd=self.path)
        self.set("main")
        (self.path / "objects" / old[:2] / old[2:]).unlink()


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return Source(tmp_path / "source.git")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return init_repository(tmp_path / "target.git")


def synced(source: Moving, target: Path, **choices: Any) -> Any:
    with closing(source), closing(LocalTransport(str(target))) as to:
        return carry_out(source, to, SyncRequest(**choices))


def over_a_lasting_connection(path: Path) -> Transport:
    environment = write_bridge(path.parent / "bin", "connect")
    return open_transport(f"bridge://{path}", TransportOptions(environment=environment))


WAYS: dict[str, Callable[[Path], Transport]] = {
    "our own server": lambda path: LocalTransport(str(path)),
    "git, a process for each request": GitTransport,
    "git, on one connection": over_a_lasting_connection,
}


@pytest.mark.parametrize("protocol", ["v0", "v2"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("choices", [{}, {"policy": Policy(force_with_lease=True)}, {"mode": "replicate"}])
def test_a_sync_goes_on_with_where_the_source_is_now(
    source: Source, target: Path, way: str, protocol: Any, choices: dict[str, Any]
):
    moving = Moving(WAYS[way](source.path), source.move)
    result = synced(moving, target, protocol=protocol, **choices)
    assert result.exit_code == 0
    assert moving.lists == 2
    assert ls_remote(target)["refs/heads/main"] == ls_remote(source.path)["refs/heads/main"]


def test_a_branch_that_went_away_meanwhile_is_no_error_where_others_are_left(source: Source, target: Path):
    source.set("topic")

    def drop() -> None:
        oid = git("rev-parse", "topic", cwd=source.path)
        git("update-ref", "-d", "refs/heads/topic", cwd=source.path)
        (source.path / "objects" / oid[:2] / oid[2:]).unlink()

    result = synced(Moving(LocalTransport(str(source.path)), drop), target)
    assert result.exit_code == 0
    assert "refs/heads/topic" not in ls_remote(target)


@pytest.mark.parametrize("keeps", [True, False])
def test_a_fetch_goes_on_with_where_the_source_is_now(source: Source, tmp_path: Path, keeps: bool):
    moving = Moving(LocalTransport(str(source.path)), source.move, moves=2)
    with closing(moving):
        result = fetch_into(moving, tmp_path / "new.git") if keeps else fetch_only(moving)
    assert [oid.hex() for _, oid in result.wants] == [git("rev-parse", "main", cwd=source.path)]
    assert moving.lists == 3


def test_a_source_that_never_stands_still_is_given_up(source: Source, target: Path):
    moving = Moving(LocalTransport(str(source.path)), source.move, moves=100)
    with pytest.raises(RemoteError, match="not our ref"):
        synced(moving, target)
    assert moving.lists == RELISTINGS_MAX + 1


class Refusing(GitTransport):
    """A source that refuses every fetch, for reasons of its own."""

    @contextmanager
    def request(
        self, service: Service, body: Body, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
        if b"command=fetch" in b"".join(body.blocks()):
            yield iter([encode_text("ERR not today")])
        else:
            with super().request(service, body, version=version, headway=headway) as blocks:
                yield blocks


def test_a_refusal_stands_where_the_list_is_what_it_was(source: Source, target: Path):
    moving = Moving(Refusing(source.path), lambda: None)
    with pytest.raises(RemoteError, match="not today"):
        synced(moving, target, scope=Scope(branches=("main",)))
    assert moving.lists == 2
