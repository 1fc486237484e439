"""What our servers say of refs that they can't read: never nothing, and to our own client the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packcore.ids import ObjectId
from tests.support import git, git_bytes, history, init_repository, ls_remote, make_repository, run_git
from tests.transport.server.serving import serving
from transport.base import Body
from transport.errors import RemoteError, TransportError
from transport.listing import Protocol, advertise_push, list_refs
from transport.schemes import open_transport
from transport.send_pack import push
from transport.server.words import without_folders
from transport.wire.receive_pack import RefUpdate

if TYPE_CHECKING:
    from pathlib import Path

    from transport.wire.advertisement import Advertisement
    from transport.wire.report import ReportStatus

ZERO = ObjectId(bytes(20))


@pytest.fixture
def sick(tmp_path: Path) -> Path:
    """Return a repository with a good branch and one of each kind that can't be read."""
    made = make_repository(tmp_path / "root/x.git", history(commits=3, tag="v1"))
    tip = git("rev-parse", "main", cwd=made)
    git("update-ref", "refs/heads/empty", "main~1", cwd=made)
    git("pack-refs", "--all", cwd=made)
    heads = made / "refs/heads"
    heads.mkdir(exist_ok=True)
    (heads / "empty").touch()
    (heads / "garbage").write_text("hello\n")
    (heads / "missing").write_text("12" * 20 + "\n")
    (heads / "alias").write_text("ref: refs/heads/empty\n")
    (heads / "dangling").write_text("ref: refs/heads/nowhere\n")
    assert len(tip) == 40
    return made


def listed(path: Path | str, protocol: Protocol = "auto", prefixes: tuple[str, ...] = ()) -> Advertisement:
    transport = open_transport(str(path))
    try:
        return list_refs(transport, protocol=protocol, prefixes=prefixes)
    finally:
        transport.close()


def pushed(target: Path, *updates: RefUpdate) -> ReportStatus:
    transport = open_transport(str(target))
    body = None
    if any(not update.is_delete for update in updates):
        body = Body.of(git_bytes("pack-objects", "--stdout", cwd=target))
    try:
        return push(transport, advertise_push(transport), list(updates), body)
    finally:
        transport.close()


def test_our_client_is_told_every_name_with_its_reason(sick: Path):
    found = listed(sick)
    assert list(found.refs) == ["refs/heads/main", "refs/tags/v1"]
    assert found.unreadable == {
        "refs/heads/alias": "it points to refs/heads/empty: its file is empty",
        "refs/heads/dangling": "it points to refs/heads/nowhere, which is not there",
        "refs/heads/empty": "its file is empty",
        "refs/heads/garbage": 'its file holds no object id, but "hello"',
        "refs/heads/missing": f"object {'12' * 20} is missing",
    }
    assert not found.may_lack_names


def test_in_protocol_v0_our_client_is_told_the_same(sick: Path):
    assert listed(sick, "v0").unreadable == listed(sick).unreadable
    assert listed(sick, "v0").refs == listed(sick).refs
    assert not listed(sick, "v0").may_lack_names


def test_a_list_too_long_for_v0s_one_line_counts_as_incomplete(sick: Path):
    for number in range(1000):
        (sick / f"refs/heads/bad{number}").write_text("no id, and no symbolic ref")
    found = listed(sick, "v0")
    assert "refs/heads/bad999" in found.unreadable  # by its zero id
    assert "refs/heads/dangling" not in found.unreadable
    assert found.may_lack_names


@pytest.mark.parametrize("protocol", ["v0", "v2"])
def test_packed_refs_that_can_not_be_read_are_named_in_either_protocol(sick: Path, protocol: Protocol):
    (sick / "packed-refs").write_bytes(b"\0" * 100)
    with (
        serving(sick.parent) as server,
        pytest.raises(TransportError, match="packed-refs: line 1 is neither"),
    ):
        listed(f"{server.url}/x.git", protocol)


@pytest.mark.parametrize("number", [0, 2])
def test_git_as_client_sees_what_its_own_server_shows_and_the_aliases_too(sick: Path, number: int):
    arguments = ("-c", f"protocol.version={number}", "ls-remote")
    (sick / "refs/heads/alias").unlink()  # git's server leaves it out, so that git's clients prune it
    with serving(sick.parent) as server:
        ours = git(*arguments, f"{server.url}/x.git")
    assert ours == git(*arguments, sick)


def test_git_fails_loudly_when_it_clones_from_us_what_we_can_not_read(sick: Path, tmp_path: Path):
    with serving(sick.parent) as server:
        done = run_git("clone", "--mirror", f"{server.url}/x.git", tmp_path / "clone")
    assert done.returncode != 0
    assert b"refs/heads/alias can't be read here: it points to refs/heads/empty" in done.stderr


def test_a_folder_that_can_not_be_listed_is_told_to_whoever_asks_for_refs_below_it(sick: Path):
    (sick / "refs/heads/loop").symlink_to("../heads")
    assert "refs/heads/loop" in listed(sick, prefixes=("refs/heads/loop/x",)).unreadable


def test_the_log_of_the_server_names_each(sick: Path):
    lines: list[str] = []
    with serving(sick.parent, log=lines.append) as server:
        listed(f"{server.url}/x.git")
    told = [line for line in lines if "can't be read" in line]
    assert len(told) == 4  # a dangling symbolic ref is legal
    assert "/x.git: refs/heads/empty can't be read: its file is empty" in told[1]


def test_a_repository_whose_refs_can_not_be_listed_is_an_error_without_a_path(sick: Path):
    (sick / "packed-refs").write_bytes(b"# pack-refs with: peeled fully-peeled sorted \n0123")
    with serving(sick.parent) as server, pytest.raises(RemoteError) as raised:
        listed(f"{server.url}/x.git")
    assert "packed-refs: line 2 is neither a ref nor a peeled id" in str(raised.value)
    assert str(sick.parent) not in str(raised.value)


def test_a_pusher_sees_the_zero_id_as_from_git(sick: Path):
    transport = open_transport(str(sick))
    found = advertise_push(transport)
    transport.close()
    assert {"refs/heads/empty", "refs/heads/garbage"} <= set(found.unreadable)
    assert "refs/heads/dangling" not in found.unreadable


def test_an_empty_ref_of_the_target_is_written_again_and_a_damaged_one_is_not(sick: Path):
    tip = ObjectId(bytes.fromhex(git("rev-parse", "main", cwd=sick)))
    report = pushed(
        sick,
        RefUpdate("refs/heads/empty", ZERO, tip),
        RefUpdate("refs/heads/garbage", ZERO, tip),
        RefUpdate("refs/heads/new", ZERO, tip),
    )
    assert {name: ref.reason for name, ref in report.refs.items()} == {
        "refs/heads/empty": None,
        "refs/heads/garbage": 'reference broken: its file holds no object id, but "hello"',
        "refs/heads/new": None,
    }
    assert git("rev-parse", "refs/heads/empty", cwd=sick) == tip.hex()
    assert (sick / "refs/heads/garbage").read_text() == "hello\n"


def test_a_ref_that_the_target_can_not_read_is_not_deleted(sick: Path):
    report = pushed(sick, RefUpdate("refs/heads/empty", ObjectId(bytes([1]) * 20), ZERO))
    (verdict,) = report.refs.values()
    assert verdict.reason == "reference broken: its file is empty"
    assert (sick / "refs/heads/empty").exists()


def test_a_linked_folder_of_refs_and_upper_case_ids_are_served_as_git_serves_them(tmp_path: Path):
    made = init_repository(tmp_path / "root/x.git")
    tip = git("commit-tree", git("mktree", cwd=made), "-m", "x", cwd=made)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "linked").write_text(tip)
    (made / "refs/heads/team").symlink_to(outside)
    (made / "refs/heads/upper").write_text(tip.upper())
    assert {name: oid.hex() for name, oid in listed(made).refs.items()} == ls_remote(made)
    assert len(ls_remote(made)) == 2


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/srv/a/x.git/objects/pack/pack-1.idx: too short", "pack-1.idx: too short"),
        ("can't read '/srv/x.git/HEAD'", "can't read 'HEAD'"),
        ("refs/heads/a/b: no", "refs/heads/a/b: no"),
        ("https://example.com/a/b.git", "https://example.com/a/b.git"),
    ],
)
def test_words_for_a_client_hold_no_folder_of_this_disk(text: str, shown: str):
    assert without_folders(text) == shown
