"""Hidden is not absent: our servers say that they hide refs, and give away neither a name nor an id."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packcore.ids import ObjectId
from tests.support import copy_of, git, git_bytes, history, ls_remote, make_repository, run_git
from tests.transport.server.serving import serving
from transport.base import Body
from transport.listing import advertise_push, list_refs
from transport.schemes import open_transport
from transport.send_pack import push
from transport.syncing import Policy, Scope, SyncRequest, sync
from transport.syncing.outcome.result import Outcome
from transport.wire.receive_pack import RefUpdate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from packcore.refs import RefKind
    from transport.listing import Protocol
    from transport.syncing.request import Mode
    from transport.wire.advertisement import Advertisement

ZERO = ObjectId(bytes(20))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a repository with refs of each kind."""
    return copy_of("refs of each kind", make_source, tmp_path / "root/x.git")


def make_source(path: Path) -> None:
    make_repository(path, history(commits=4, tag="v1"))
    git("branch", "team/secret", "main~1", cwd=path)
    git("tag", "internal-1", "main~2", cwd=path)
    git("update-ref", "refs/pull/1/head", "main~3", cwd=path)


@pytest.fixture(params=["path", "serve"])
def url(request: pytest.FixtureRequest, source: Path) -> Iterator[str]:
    if request.param == "path":
        yield str(source)
        return
    with serving(source.parent) as server:
        yield f"{server.url}/x.git"


def hide(repository: Path, *rules: str, key: str = "transfer.hideRefs") -> None:
    for rule in rules:
        git("config", "--add", key, rule, cwd=repository)


def listed(url: str, protocol: Protocol = "auto", prefixes: tuple[str, ...] = ()) -> Advertisement:
    transport = open_transport(url)
    try:
        return list_refs(transport, protocol=protocol, prefixes=prefixes)
    finally:
        transport.close()


@pytest.mark.parametrize("protocol", ["v2", "v1", "v0"])
@pytest.mark.parametrize(
    ("rules", "kinds"),
    [
        ([], set()),
        (["refs/none"], set()),
        (["refs/heads/team"], {"branch"}),
        (["refs/tags/internal-1", "refs/pull"], {"tag", "other"}),
        (["refs", "!refs/heads"], {"tag", "other"}),
        (["^refs/pull"], {"other"}),
        (["refs"], {"branch", "tag", "other"}),
    ],
)
def test_our_client_is_told_of_which_kinds_some_refs_are_hidden(
    source: Path, url: str, protocol: Protocol, rules: list[str], kinds: set[RefKind]
):
    hide(source, *rules)
    assert listed(url, protocol).hidden == kinds


def test_an_unreadable_ref_that_is_hidden_counts_too(source: Path):
    (source / "refs/tags/torn").touch()
    hide(source, "refs/tags/torn")
    found = listed(str(source))
    assert found.unreadable == {}
    assert found.hidden == {"tag"}


@pytest.mark.parametrize("prefix", ["refs/heads/team/secret", "refs/heads/none", "refs/tags/"])
def test_what_is_told_does_not_depend_on_the_prefixes_so_that_no_name_can_be_guessed(
    source: Path, prefix: str
):
    hide(source, "refs/heads/team")
    assert listed(str(source), prefixes=(prefix,)).hidden == {"branch"}


@pytest.mark.parametrize("version", [0, 1, 2])
def test_neither_a_hidden_name_nor_its_id_nor_the_rule_leaves_the_server(source: Path, version: int):
    hide(source, "refs/heads/team", "refs/tags/internal-1")
    git("symbolic-ref", "refs/heads/alias", "refs/heads/team/gone", cwd=source)
    (source / "refs/heads/team/gone").write_bytes(b"garbage")
    transport = open_transport(str(source))
    with transport.advertise("git-upload-pack", version=version) as blocks:
        seen = b"".join(blocks)
    if version == 2:
        body = Body.of(
            b"0014command=ls-refs\n00010009peel\n000csymrefs\n000bunborn\n000funreadable\n000bhidden\n0000"
        )
        with transport.request("git-upload-pack", body, version=2) as blocks:
            seen += b"".join(blocks)
    transport.close()
    assert b"refs/heads/main" in seen
    assert b"hidden" in seen
    for name in ("refs/heads/team/secret", "refs/tags/internal-1"):
        assert git("rev-parse", name, cwd=source).encode() not in seen
    assert b"team" not in seen
    assert b"internal" not in seen


def test_a_symbolic_ref_that_is_shown_keeps_its_id_and_not_the_name_of_the_hidden_ref(source: Path):
    git("symbolic-ref", "HEAD", "refs/heads/team/secret", cwd=source)
    hide(source, "refs/heads/team")
    found = listed(str(source))
    assert found.head is not None
    assert found.symrefs == {}
    git("symbolic-ref", "HEAD", "refs/heads/team/unborn", cwd=source)
    assert listed(str(source)).symrefs == {}


@pytest.mark.parametrize("rule", ["HEAD", "refs/heads/team"])
def test_what_is_listed_is_what_git_lists(source: Path, rule: str):
    hide(source, rule)
    found = listed(str(source))
    expected = ls_remote(str(source), head=True)
    assert {name: oid.hex() for name, oid in found.refs.items()} == {
        name: oid for name, oid in expected.items() if name.startswith("refs/") and not name.endswith("^{}")
    }
    assert (found.head is None) == ("HEAD" not in expected)


def test_of_rules_under_both_keys_the_last_in_the_file_counts_as_with_git(source: Path):
    hide(source, "!refs/heads/team", key="uploadpack.hideRefs")
    hide(source, "refs/heads/team")
    assert "refs/heads/team/secret" not in ls_remote(str(source))
    assert "refs/heads/team/secret" not in listed(str(source)).refs


def test_a_git_client_reads_the_lists_of_a_server_that_hides_refs(source: Path):
    hide(source, "refs/heads/team")
    with serving(source.parent) as server:
        for version in (0, 1, 2):
            run_git("-c", f"protocol.version={version}", "ls-remote", f"{server.url}/x.git")


@pytest.mark.parametrize("mode", ["sync", "replicate"])
@pytest.mark.parametrize("protocol", ["v2", "v0"])
def test_a_prune_keeps_what_may_be_hidden_and_says_so(
    source: Path, url: str, tmp_path: Path, mode: Mode, protocol: Protocol
):
    target = tmp_path / "target.git"
    git("clone", "-q", "--mirror", source, target)
    before = ls_remote(target)
    hide(source, "refs/heads/team")
    git("update-ref", "-d", "refs/pull/1/head", cwd=source)
    ends = open_transport(url), open_transport(str(target))
    request = SyncRequest(
        Scope(all_refs=True),
        Policy(prune=True),
        protocol=protocol,
        mode=mode,
    )
    result = sync(*ends, request)
    for end in ends:
        end.close()
    outcomes = {ref.planned.target_ref: ref.outcome for ref in result.refs}
    assert outcomes["refs/heads/team/secret"] is Outcome.HIDDEN
    assert outcomes["refs/pull/1/head"] is Outcome.DELETED
    assert (result.exit_code, result.hidden, result.source_hides) == (1, 1, ("branch",))
    del before["refs/pull/1/head"]
    assert ls_remote(target) == before


# -- a target that hides refs ---------------------------------------------------------------------


@pytest.mark.parametrize("key", ["receive.hideRefs", "transfer.hideRefs"])
def test_a_ref_that_the_target_hides_is_refused_and_not_told_as_a_lost_race(
    source: Path, tmp_path: Path, key: str
):
    target = make_repository(tmp_path / "target.git", history(commits=2, seed=5))
    git("update-ref", "refs/heads/team/secret", "main", cwd=target)
    hide(target, "refs/heads/team", key=key)
    ends = open_transport(str(source)), open_transport(str(target))
    result = sync(*ends, SyncRequest(Scope(branches=("team/secret",))))
    for end in ends:
        end.close()
    (ref,) = result.refs
    assert (ref.outcome, result.exit_code) == (Outcome.REFUSED, 1)
    assert "deny updating a hidden ref" in ref.reason
    assert git("rev-parse", "team/secret", cwd=target) == git("rev-parse", "main", cwd=target)


@pytest.mark.parametrize("name", ["refs/heads/team", "refs/heads/team/secret/more"])
def test_a_hidden_ref_in_the_way_is_not_named_to_a_pusher(source: Path, name: str):
    hide(source, "refs/heads/team/secret", "!refs/heads/team/secret/more")
    tip = ObjectId(bytes.fromhex(git("rev-parse", "main", cwd=source)))
    transport = open_transport(str(source))
    body = Body.of(git_bytes("pack-objects", "--stdout", cwd=source))
    report = push(transport, advertise_push(transport), [RefUpdate(name, ZERO, tip)], body)
    transport.close()
    assert report.refs[name].reason == "a hidden ref is in the way"
