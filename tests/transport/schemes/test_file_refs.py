"""The refs of a path are read in place: what is listed is what its server would list, without asking it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from packcore.errors import PackcoreError
from tests.support import git, history, init_repository, make_repository
from transport.errors import AnswerTooLarge, RemoteError
from transport.fleet.brake import Brake
from transport.listing import advertise_push, list_refs
from transport.recording import Recorder
from transport.schemes.file import LocalTransport
from transport.secrets import Secrets
from transport.sided import SidedTransport
from transport.syncing import sync
from transport.wire.limits import WireLimits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from transport.base import Body, Service, Transport
    from transport.wire.advertisement import Advertisement

MISSING = "1" * 40


class Asked:
    """A transport to a path that can only be asked, as one to a remote is."""

    def __init__(self, path: Path) -> None:
        self._inner = LocalTransport(str(path))
        self.url, self.stateless = self._inner.url, True
        self.stats, self.limits = self._inner.stats, self._inner.limits

    def advertise(self, service: Service, **more: object) -> AbstractContextManager[Iterator[bytes]]:
        return self._inner.advertise(service, **more)  # type: ignore[arg-type]

    def request(
        self, service: Service, body: Body, **more: object
    ) -> AbstractContextManager[Iterator[bytes]]:
        return self._inner.request(service, body, **more)  # type: ignore[arg-type]

    def close(self) -> None:
        self._inner.close()


def with_everything(path: Path) -> Path:
    """Make a repository with refs of each kind, packed and loose."""
    made = make_repository(path, history(commits=3, tag="v1"))
    git("tag", "-a", "-m", "tag of a tag", "v2", "v1", cwd=made)
    git("pack-refs", "--all", cwd=made)
    git("tag", "-a", "-m", "loose", "v3", "v1", cwd=made)
    git("branch", "topic", "main~1", cwd=made)
    git("update-ref", "refs/pull/1/head", "main~2", cwd=made)
    git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/heads/main", cwd=made)
    return made


def dangling(made: Path) -> None:
    git("symbolic-ref", "refs/heads/lost", "refs/heads/none", cwd=made)


def missing_objects(made: Path) -> None:
    (made / "refs/heads/without").write_text(f"{MISSING}\n")
    git("symbolic-ref", "refs/heads/leads-there", "refs/heads/without", cwd=made)


def unreadable(made: Path) -> None:
    (made / "refs/heads/empty").write_text("")
    (made / "refs/heads/main (copy)").write_text("not an id\n")
    git("symbolic-ref", "refs/heads/leads-there", "refs/heads/empty", cwd=made)


def hidden(made: Path) -> None:
    git("config", "--add", "transfer.hideRefs", "refs/pull", cwd=made)
    git("config", "--add", "transfer.hideRefs", "refs/heads/topic", cwd=made)


def hidden_head(made: Path) -> None:
    git("config", "transfer.hideRefs", "refs/heads/main", cwd=made)


def unborn(made: Path) -> None:
    git("symbolic-ref", "HEAD", "refs/heads/future", cwd=made)


def unborn_not_told(made: Path) -> None:
    unborn(made)
    git("config", "lsrefs.unborn", "allow", cwd=made)


def detached_at_a_tag(made: Path) -> None:
    (made / "HEAD").write_text(git("rev-parse", "v1", cwd=made).strip() + "\n")


def unreadable_head(made: Path) -> None:
    (made / "HEAD").write_text("ref: refs/heads/empty\n")
    (made / "refs/heads/empty").write_text("")


def shallow(made: Path) -> None:
    (made / "shallow").write_text(git("rev-parse", "main~1", cwd=made).strip() + "\n")


def borrowing(made: Path) -> None:
    other = make_repository(made.parent / "other.git", history(commits=5, seed=2))
    (made / "objects/info/alternates").write_text(f"{other}/objects\n")


def with_settings(made: Path) -> None:
    for key, value in {
        "uploadpack.allowFilter": "false",
        "uploadpack.advertiseBundleURIs": "true",
        "receive.advertiseAtomic": "false",
        "receive.advertisePushOptions": "false",
    }.items():
        git("config", key, value, cwd=made)


def as_it_is(made: Path) -> None:
    """Change nothing."""


CHANGES = (
    *(as_it_is, dangling, missing_objects, unreadable, hidden, hidden_head, unborn, unborn_not_told),
    *(detached_at_a_tag, unreadable_head, shallow, borrowing, with_settings),
)


@pytest.fixture(params=CHANGES, ids=lambda change: change.__name__)
def repository(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    made = with_everything(tmp_path / "x.git")
    change: Callable[[Path], None] = request.param
    change(made)
    return made


def listed(transport: LocalTransport | Asked, *prefixes: str) -> Advertisement:
    try:
        return list_refs(transport, prefixes=prefixes)
    finally:
        transport.close()


def order_of(found: Advertisement) -> tuple[list[str], list[str], list[str]]:
    return list(found.refs), list(found.symrefs), list(found.unreadable)


@pytest.mark.parametrize(
    "prefixes", [(), ("refs/heads/",), ("refs/heads/t", "refs/tags/v1"), ("refs/tags/v1", "refs/tags/")]
)
def test_a_source_lists_what_its_server_would(repository: Path, prefixes: tuple[str, ...]) -> None:
    read, asked = listed(LocalTransport(str(repository)), *prefixes), listed(Asked(repository), *prefixes)
    assert read == asked
    assert order_of(read) == order_of(asked)


def test_a_target_lists_what_its_server_would(repository: Path) -> None:
    read, asked = advertise_push(LocalTransport(str(repository))), advertise_push(Asked(repository))
    assert read == asked
    assert order_of(read) == order_of(asked)


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_a_repository_without_refs_lists_none(tmp_path: Path, object_format: str) -> None:
    empty = init_repository(tmp_path / "empty.git", object_format=object_format)
    assert listed(LocalTransport(str(empty))) == listed(Asked(empty))
    assert advertise_push(LocalTransport(str(empty))) == advertise_push(Asked(empty))


def sided(transport: Transport) -> Transport:
    return SidedTransport(transport, "source")


def braked(transport: Transport) -> Transport:
    return Brake().wrap(transport, remote=False)


@pytest.mark.parametrize("wrap", [sided, braked])
def test_no_byte_of_the_protocol_is_made_for_refs_that_are_read_in_place(
    tmp_path: Path, wrap: Callable[[Transport], Transport]
) -> None:
    transport = wrap(LocalTransport(str(with_everything(tmp_path / "x.git"))))
    assert list_refs(transport).refs
    assert advertise_push(transport).refs
    transport.close()
    assert (transport.stats.requests, transport.stats.bytes_received) == (0, 0)


@pytest.mark.parametrize("wrap", [sided, braked])
def test_no_wrapper_reads_a_remote_in_place(tmp_path: Path, wrap: Callable[[Transport], Transport]) -> None:
    transport = wrap(Asked(with_everything(tmp_path / "x.git")))
    assert list_refs(transport).refs
    transport.close()
    assert transport.stats.bytes_received


def test_a_source_that_is_read_in_place_takes_no_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = with_everything(tmp_path / "x.git")
    git("clone", "-q", "--bare", made, tmp_path / "y.git", cwd=tmp_path)
    started: list[threading.Thread] = []
    monkeypatch.setattr(threading.Thread, "start", started.append)
    assert sync(str(made), str(tmp_path / "y.git")).exit_code == 0
    assert not started


def test_a_conversation_that_is_recorded_takes_place(tmp_path: Path) -> None:
    made = with_everything(tmp_path / "x.git")
    with (tmp_path / "record").open("w+") as file:
        transport = Recorder(file, secrets=Secrets()).wrap(LocalTransport(str(made)), "source")
        assert list_refs(transport) == listed(Asked(made))
        file.seek(0)
        assert "ls-refs" in bytes.fromhex("".join(_heads(file.read()))).decode(errors="replace")


def _heads(text: str) -> list[str]:
    import json

    return [entry.get("head", "") for entry in map(json.loads, text.splitlines())]


def test_limits_hold_and_are_told_as_of_a_remote(tmp_path: Path) -> None:
    made = with_everything(tmp_path / "x.git")
    transport = LocalTransport(str(made), limits=WireLimits(refs=3))
    with pytest.raises(AnswerTooLarge, match="more than 3 refs"):
        list_refs(transport)
    with pytest.raises(AnswerTooLarge, match="more than 3 refs"):
        advertise_push(transport)


def test_what_is_wrong_with_the_refs_is_told_by_the_server(tmp_path: Path) -> None:
    made = with_everything(tmp_path / "x.git")
    (made / "packed-refs").write_text("damaged\n")
    with pytest.raises(RemoteError, match="packed-refs"):
        listed(LocalTransport(str(made)))
    with pytest.raises(PackcoreError, match="packed-refs"):
        advertise_push(LocalTransport(str(made)))
