"""Bundle files as SOURCE and TARGET, against git's own: nothing is lost, and nothing is half written."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from packcore.errors import CorruptData, PackcoreError, RepositoryError
from packcore.limits import Limits
from tests.support import (
    fsck,
    git,
    history,
    init_repository,
    ls_remote,
    make_repository,
    run_git,
)
from transport.errors import NoRefsMatched
from transport.fetch import fetch_pack
from transport.listing import list_refs
from transport.local_fetch.fetch_into import fetch_into
from transport.options import TransportOptions
from transport.schemes import open_transport
from transport.schemes.bundle import BundleTransport
from transport.schemes.file import LocalTransport
from transport.selection import SelectionOptions
from transport.syncing import Scope, SyncRequest
from transport.syncing.carry_out import carry_out
from transport.syncing.outcome.result import Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from transport.base import Transport

ALL = Scope(all_refs=True)


def opened(path: Path) -> Transport:
    return open_transport(str(path), TransportOptions())


def synced(source: Path, target: Path, **choices: Any) -> Any:
    with closing(opened(source)) as one, closing(opened(target)) as other:
        return carry_out(one, other, SyncRequest(**{"scope": ALL, **choices}))


@pytest.fixture(params=["sha1", "sha256"])
def repository(request, tmp_path: Path) -> Path:
    stream = history(commits=12, tag="v1")
    path = make_repository(tmp_path / "r.git", stream, object_format=request.param)
    git("branch", "old", "main~6", cwd=path)
    return path


def refs_of(repository: Path) -> dict[str, str]:
    """Return refs as a bundle has them: tags are not peeled."""
    return {name: oid for name, oid in ls_remote(repository).items() if not name.endswith("^{}")}


def bundle(repository: Path, name: str, *arguments: str) -> Path:
    path = repository.parent / f"{name}.bundle"
    git("bundle", "create", "-q", path, *arguments, cwd=repository)
    return path


def empty_like(repository: Path, name: str) -> Path:
    found = git("rev-parse", "--show-object-format", cwd=repository)
    return init_repository(repository.parent / name, object_format=found)


def test_a_path_is_a_bundle_by_its_name_or_by_its_first_bytes(repository: Path, tmp_path: Path):
    named = bundle(repository, "x", "--all")
    other = tmp_path / "other"
    other.write_bytes(named.read_bytes())
    (tmp_path / "folder.bundle").mkdir()
    git("clone", "-q", "--bare", repository, tmp_path / "y.bundle.git")
    kinds = {
        named: BundleTransport,
        other: BundleTransport,
        tmp_path / "new.bundle": BundleTransport,
        tmp_path / "folder.bundle": LocalTransport,
        tmp_path / "y.bundle": LocalTransport,
        repository: LocalTransport,
    }
    assert {path: type(opened(path)) for path in kinds} == kinds


@pytest.mark.parametrize("protocol", ["v0", "v2"])
def test_its_refs_are_listed_from_the_header_alone(repository: Path, protocol: Any):
    path = bundle(repository, "x", "--all")
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"PACK")])
    with closing(opened(path)) as transport:
        listed = list_refs(transport, protocol=protocol)
    assert {name: oid.hex() for name, oid in listed.refs.items()} == refs_of(repository)
    assert listed.symrefs == {"HEAD": "refs/heads/main"}


@pytest.mark.parametrize("choices", [{}, {"materialize": True}, {"mode": "replicate"}])
def test_a_whole_bundle_is_synced_like_a_repository(repository: Path, choices: dict[str, Any]):
    target = empty_like(repository, "target.git")
    assert synced(bundle(repository, "x", "--all"), target, **choices).exit_code == 0
    assert ls_remote(target) == ls_remote(repository)
    assert fsck(target) == []


@pytest.mark.parametrize("name", ["refs/heads/" + "x" * 300, "refs/heads/a..b", "refs/heads/main/x"])
def test_one_ref_that_no_disk_can_hold_does_not_block_a_bundle(repository: Path, name: str):
    path, target = bundle(repository, "x", "--all"), empty_like(repository, "target.git")
    line = f"{git('rev-parse', 'main', cwd=repository)} {name}\n".encode()
    head, end, pack = path.read_bytes().partition(b"\n\n")
    path.write_bytes(head + b"\n" + line.removesuffix(b"\n") + end + pack)
    done = synced(path, target)
    left = [result.planned.source_ref for result in done.refs if result.outcome is not Outcome.PUSHED]
    assert left == [name]
    assert ls_remote(target) == ls_remote(repository)


def test_a_part_of_a_whole_bundle_is_fetched_alone(repository: Path, tmp_path: Path):
    path = bundle(repository, "x", "--all")
    with closing(opened(path)) as transport:
        result = fetch_into(transport, tmp_path / "into.git", scope=Scope(branches=("old",)))
        listed = list_refs(transport)
        with fetch_pack(
            transport, listed, wants=[listed.refs["refs/heads/main"]], filter_spec="tree:0"
        ) as response:
            assert response.blocks is not None
            assert b"".join(response.blocks)[8:12] == (12).to_bytes(4, "big")
    count = git("rev-list", "--objects", "--count", "old", cwd=repository)
    assert result.object_count == int(count)
    assert fsck(tmp_path / "into.git") == []


def test_an_incremental_bundle_is_fetched_where_its_prerequisites_are(repository: Path):
    base, more = bundle(repository, "base", "old"), bundle(repository, "more", "old..main")
    into = empty_like(repository, "into.git")
    for path in (base, more):
        with closing(opened(path)) as transport:
            assert fetch_into(transport, into).exit_code == 0
    assert ls_remote(into)["refs/heads/main"] == ls_remote(repository)["refs/heads/main"]
    assert fsck(into) == []


@pytest.mark.parametrize("mode", ["sync", "replicate"])
@pytest.mark.parametrize("before", [["old:refs/heads/old"], ["old:refs/heads/main"]])
def test_an_incremental_bundle_is_synced_where_its_prerequisites_are(
    repository: Path, mode: Any, before: list[str]
):
    more = bundle(repository, "more", "old..main")
    target = empty_like(repository, "target.git")
    git("push", "-q", target, *before, cwd=repository)
    assert synced(more, target, mode=mode).exit_code == 0
    assert ls_remote(target)["refs/heads/main"] == ls_remote(repository)["refs/heads/main"]
    assert fsck(target) == []


def test_missing_prerequisites_are_named_and_nothing_is_made(repository: Path, tmp_path: Path):
    more = bundle(repository, "more", "old..main")
    needed = git("rev-parse", "old", cwd=repository)
    with closing(opened(more)) as transport:
        with pytest.raises(PackcoreError, match=f"builds on commits that the other side lacks: {needed}"):
            fetch_into(transport, tmp_path / "into.git")
    assert not (tmp_path / "into.git").exists()
    target = empty_like(repository, "target.git")
    with pytest.raises(PackcoreError, match="builds on commits that the other side lacks"):
        synced(more, target)
    assert ls_remote(target) == {}


@pytest.mark.parametrize("choices", [{}, {"materialize": True}, {"scope": Scope(branches=("old",))}])
def test_a_bundle_that_is_written_is_what_git_takes(
    repository: Path, tmp_path: Path, choices: dict[str, Any]
):
    path = tmp_path / "out.bundle"
    assert synced(repository, path, **choices).exit_code == 0
    assert run_git("bundle", "verify", path, cwd=repository).returncode == 0
    git("clone", "-q", path, tmp_path / "clone")
    assert fsck(tmp_path / "clone") == []
    scope = choices.get("scope")
    expected = refs_of(repository)
    listed = dict(
        line.split()[::-1] for line in git("bundle", "list-heads", path, cwd=repository).splitlines()
    )
    head = listed.pop("HEAD")
    assert head == expected["refs/heads/old" if scope else "refs/heads/main"]
    assert listed == ({"refs/heads/old": expected["refs/heads/old"]} if scope else expected)
    assert path.stat().st_mode & 0o777 == 0o644


def test_an_older_bundle_is_replaced_whole_or_not_at_all(repository: Path, tmp_path: Path):
    path = bundle(repository, "x", "old")
    before = path.read_bytes()
    with pytest.raises(PackcoreError):
        synced(repository, path, materialize=True, selection=SelectionOptions(limits=Limits(pack_objects=3)))
    assert path.read_bytes() == before
    assert synced(repository, path).exit_code == 0
    with closing(opened(path)) as transport:
        assert {name: oid.hex() for name, oid in list_refs(transport).refs.items()} == refs_of(repository)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["r.git", "x.bundle"]


def test_the_written_bundle_is_read_back_for_verification(repository: Path, tmp_path: Path):
    result = synced(repository, tmp_path / "out.bundle", verify=True)
    assert result.exit_code == 0
    assert result.verification is not None


def test_a_bundle_with_only_head_does_not_count_as_empty(repository: Path, tmp_path: Path):
    path = bundle(repository, "x", "HEAD")
    with closing(opened(path)) as transport:
        assert list_refs(transport).head is not None
        with pytest.raises(NoRefsMatched):
            fetch_into(transport, tmp_path / "into.git")
    assert not (tmp_path / "into.git").exists()


def test_a_bundle_that_is_not_there_or_damaged_is_one_clean_error(repository: Path, tmp_path: Path):
    with (
        closing(opened(tmp_path / "absent.bundle")) as transport,
        pytest.raises(RepositoryError, match="No such"),
    ):
        list_refs(transport)
    path = bundle(repository, "x", "--all")
    data = bytearray(path.read_bytes())
    for at in (len(data) - 1, len(data) // 2):
        data[at] ^= 1
        path.write_bytes(data)
        with closing(opened(path)) as transport, pytest.raises(PackcoreError):
            fetch_into(transport, tmp_path / "into.git")
        assert not (tmp_path / "into.git").exists()
    path.write_bytes(b"# v9 git bundle\n")
    with closing(opened(path)) as transport, pytest.raises(CorruptData, match="unknown version"):
        list_refs(transport)
