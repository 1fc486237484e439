"""A damaged object costs the refs that need it, and no other: they are unreadable, the rest is synced."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packcore.errors import UnreadableRef
from packcore.ids import ObjectId
from packcore.store.repository import Repository
from tests.damage import damage_loose, damage_packed
from tests.support import copy_of, fsck, git, history, init_repository, ls_remote, make_repository
from tests.transport.server.serving import serving
from transport.errors import RemoteError
from transport.fetch import find_damage
from transport.listing import list_refs
from transport.local_fetch.convert import convert_sha256
from transport.local_fetch.fetch_into import fetch_into, fetch_only
from transport.schemes import open_transport
from transport.server.damage import damaged_wants
from transport.syncing import Policy, Scope, SyncRequest, sync
from transport.syncing.outcome.result import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from transport.base import Transport
    from transport.syncing.request import Mode, Protocol

ALL = Scope(all_refs=True)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a repository of loose objects: `bad` is ahead of `good`, which is ahead of `base`."""
    return copy_of("a branch that is ahead", make_source, tmp_path / "root/x.git")


def make_source(path: Path) -> None:
    make_repository(path, history(commits=6, branch="refs/heads/bad"))
    git("branch", "good", "bad~1", cwd=path)
    git("branch", "base", "bad~3", cwd=path)
    git("symbolic-ref", "HEAD", "refs/heads/good", cwd=path)


@pytest.fixture
def target(source: Path, tmp_path: Path) -> Path:
    def make(path: Path) -> None:
        init_repository(path)
        git("push", "-q", path, "base", "base:gone", cwd=source)

    return copy_of("a branch that is ahead: a target", make, tmp_path / "target.git")


@pytest.fixture(params=["path", "serve"])
def transport(request: pytest.FixtureRequest, source: Path) -> Iterator[Transport]:
    with serving(source.parent) as server:
        opened = open_transport(str(source) if request.param == "path" else f"{server.url}/x.git")
        yield opened
        opened.close()


def changed_blob(source: Path) -> str:
    return "bad:" + git("diff", "--name-only", "bad~1", "bad", cwd=source)


def damage(source: Path, kind: str, *, packed: bool) -> None:
    revision = {"tip": "bad", "tree": "bad^{tree}", "blob": changed_blob(source)}[kind]
    (damage_packed if packed else damage_loose)(source, revision)


def check(outcomes: dict[str, Outcome], target: Path, source: Path) -> None:
    assert outcomes["refs/heads/bad"] is Outcome.UNREADABLE
    assert outcomes["refs/heads/good"] is Outcome.PUSHED
    found = ls_remote(target)
    assert found["refs/heads/good"] == git("rev-parse", "good", cwd=source)
    assert "refs/heads/bad" not in found
    fsck(target)


@pytest.mark.parametrize("packed", [False, True], ids=["loose", "packed"])
@pytest.mark.parametrize("kind", ["tip", "tree", "blob"])
@pytest.mark.parametrize(
    ("mode", "materialize", "protocol"),
    [("sync", False, "v2"), ("sync", True, "v2"), ("replicate", False, "v2"), ("sync", False, "v0")],
)
def test_a_sync_leaves_out_the_ref_and_moves_the_others(
    source: Path,
    target: Path,
    transport: Transport,
    kind: str,
    *,
    packed: bool,
    mode: Mode,
    materialize: bool,
    protocol: Protocol,
):
    damage(source, kind, packed=packed)
    to = open_transport(str(target))
    request = SyncRequest(ALL, Policy(prune=True), mode=mode, materialize=materialize, protocol=protocol)
    result = sync(transport, to, request)
    to.close()
    assert result.exit_code == 1
    outcomes = {ref.planned.target_ref: ref.outcome for ref in result.refs}
    check(outcomes, target, source)
    assert outcomes["refs/heads/gone"] is Outcome.DELETED


@pytest.mark.parametrize("packed", [False, True], ids=["loose", "packed"])
@pytest.mark.parametrize("kind", ["tip", "tree", "blob"])
def test_a_fetch_leaves_out_the_ref_and_moves_the_others(
    source: Path, target: Path, transport: Transport, kind: str, *, packed: bool
):
    damage(source, kind, packed=packed)
    result = fetch_into(transport, target, scope=ALL)
    assert result.exit_code == 1
    check({ref.planned.target_ref: ref.outcome for ref in result.refs}, target, source)
    alone = fetch_only(transport, scope=ALL)
    assert [ref.planned.target_ref for ref in alone.refs] == ["refs/heads/bad"]
    assert alone.exit_code == 1


@pytest.mark.parametrize("how", ["other bytes", "cut", "another size", "bytes behind"])
def test_a_loose_tip_is_listed_as_unreadable_whatever_its_body_suffers_from(source: Path, how: str):
    damage_loose(source, "bad", how)
    transport = open_transport(str(source))
    found = list_refs(transport)
    transport.close()
    assert list(found.unreadable) == ["refs/heads/bad"]
    assert git("rev-parse", "bad", cwd=source) in found.unreadable["refs/heads/bad"]


def test_a_damaged_tag_object_makes_its_tag_alone_unreadable(source: Path):
    git("tag", "-a", "-m", "Release", "v1", "good", cwd=source)
    damage_loose(source, "v1")
    transport = open_transport(str(source))
    assert list(list_refs(transport).unreadable) == ["refs/tags/v1"]
    transport.close()


def test_the_reason_names_the_object_and_its_file(source: Path, transport: Transport):
    blob = git("rev-parse", changed_blob(source), cwd=source)
    damage_loose(source, blob)
    listed = list_refs(transport)
    damaged = find_damage(transport, listed, wants=list(listed.refs.values()))
    (reason,) = damaged.values()
    assert list(damaged) == [listed.refs["refs/heads/bad"]]
    assert blob in reason
    assert f"{blob[2:]}: its bytes have another id" in reason
    assert "/root/" not in reason or not transport.url.startswith("http")


@pytest.mark.parametrize("revision", ["base~1", "base~1^{tree}"])
def test_damage_that_the_target_need_not_be_sent_costs_nothing(
    source: Path, target: Path, transport: Transport, revision: str
):
    damage_loose(source, revision)
    to = open_transport(str(target))
    result = sync(transport, to, SyncRequest(ALL))
    to.close()
    assert result.exit_code == 0
    assert "refs/heads/bad" in ls_remote(target)


def test_only_refs_that_need_sending_count_where_older_history_is_damaged_too(source: Path, target: Path):
    damage_loose(source, "base~1")
    damage_loose(source, "bad^{tree}")
    ends = open_transport(str(source)), open_transport(str(target))
    result = sync(*ends, SyncRequest(ALL))
    for end in ends:
        end.close()
    check({ref.planned.target_ref: ref.outcome for ref in result.refs}, target, source)


def test_every_ref_that_reaches_the_damage_is_left_out(source: Path, target: Path, transport: Transport):
    git("branch", "also", "bad", cwd=source)
    git("tag", "-a", "-m", "Release", "v1", "bad", cwd=source)
    damage_loose(source, "bad^{tree}")
    result = fetch_into(transport, target, scope=ALL)
    left_out = [ref.planned.target_ref for ref in result.refs if ref.outcome is Outcome.UNREADABLE]
    assert left_out == ["refs/heads/also", "refs/heads/bad", "refs/tags/v1"]


def test_a_missing_object_is_damage_too(source: Path, target: Path, transport: Transport):
    blob = git("rev-parse", changed_blob(source), cwd=source)
    (source / "objects" / blob[:2] / blob[2:]).unlink()
    result = fetch_into(transport, target, scope=ALL)
    check({ref.planned.target_ref: ref.outcome for ref in result.refs}, target, source)


def test_a_conversion_names_the_ref_and_converts_nothing(source: Path, transport: Transport, tmp_path: Path):
    damage_loose(source, "bad^{tree}")
    with pytest.raises(UnreadableRef, match="refs/heads/bad: the source can't read it: object"):
        convert_sha256(transport, tmp_path / "new.git")
    assert not (tmp_path / "new.git").exists()


def test_a_server_that_can_not_say_what_is_damaged_ends_the_run_as_before(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("transport.server.offers._FETCH_FEATURES", "wait-for-done filter")
    damage_loose(source, "bad^{tree}")
    before = ls_remote(target)
    ends = open_transport(str(source)), open_transport(str(target))
    with pytest.raises(RemoteError):
        sync(*ends, SyncRequest(ALL))
    for end in ends:
        end.close()
    assert ls_remote(target) == before


def test_an_object_that_every_repository_knows_is_no_damage(source: Path):
    empty = ObjectId(bytes.fromhex("e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"))
    with Repository.open(source) as repository:
        assert damaged_wants(repository, [empty], []) == {}
