"""receive.deny*, receive.advertise* and deletions of nothing: as git's receive-pack has them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from packcore.store.repository import Repository
from tests.support import fsck, git, git_bytes, history, init_repository, make_repository, run_git
from tests.transport.server.serving import serving
from transport.server.receive_pack import ReceivePack
from transport.wire.pktline import FLUSH, encode_text

if TYPE_CHECKING:
    from pathlib import Path

CASES: list[tuple[dict[str, str], list[str]]] = [
    ({"denyDeletes": "true"}, [":other"]),
    ({"denyDeletes": "true"}, [":refs/tags/v1"]),
    ({"denyDeletes": "true"}, [":refs/x/y", "main:main"]),
    ({}, [":main"]),
    ({"denyDeleteCurrent": "warn"}, [":main"]),
    ({"denyDeleteCurrent": "ignore"}, [":main"]),
    ({"denyDeleteCurrent": "false"}, [":main"]),
    ({"denyDeleteCurrent": "true"}, [":main"]),
    ({"denyDeleteCurrent": "often"}, ["main:main"]),
    ({"denyNonFastForwards": "true"}, ["+main~4:main"]),
    ({"denyNonFastForwards": "true"}, ["+main~4:refs/x/y"]),
    ({"denyNonFastForwards": "often"}, ["main:main"]),
    ({}, [":refs/heads/absent"]),
    ({}, [":refs/heads/absent", "main:main"]),
    ({"denyDeletes": "true"}, [":refs/heads/absent"]),
]
NOT_BARE: list[tuple[dict[str, str], list[str]]] = [
    ({}, ["main:main"]),
    ({}, ["main:refs/heads/new"]),
    ({"denyCurrentBranch": "warn"}, ["main:main"]),
    ({"denyCurrentBranch": "ignore"}, ["main:main"]),
    ({"denyCurrentBranch": "no"}, ["main:main"]),
    ({"denyCurrentBranch": "refuse"}, ["main:main"]),
    ({"denyCurrentBranch": "ignore"}, [":main"]),
    ({"denyCurrentBranch": "ignore", "denyDeleteCurrent": "warn"}, [":main"]),
]


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Path:
    path = make_repository(tmp_path_factory.mktemp("work") / "work.git", history(commits=6, tag="v1"))
    git("update-ref", "refs/x/y", "main", cwd=path)
    return path


def target(path: Path, work: Path, settings: dict[str, str], *, bare: bool = True) -> Path:
    init_repository(path)
    git("push", "-q", path, "main~2:refs/heads/main", "main:refs/heads/other", "v1", "refs/x/y", cwd=work)
    git("config", "core.bare", str(bare).lower(), cwd=path)
    for key, value in settings.items():
        git("config", f"receive.{key}", value, cwd=path)
    return path


def pushed(work: Path, url: str, specs: list[str], *options: str) -> tuple[list[str], list[str]]:
    """Return what git's client says of each ref, without reasons in brackets, and the warnings."""
    done = run_git("push", "--porcelain", *options, url, *specs, cwd=work)
    lines = re.findall(r"^([ +*!=-])\t\S*:(\S+)\t([^(\n]*)", done.stdout.decode(), re.MULTILINE)
    warnings = re.findall(r"^remote: (warning: .*?) *$", done.stderr.decode(), re.MULTILINE)
    return sorted(" ".join(line) for line in lines), warnings


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("settings", "specs", "bare"),
    [(*case, True) for case in CASES] + [(*case, False) for case in NOT_BARE],
)
def test_settings_hold_as_with_git(tmp_path, work, settings, specs, bare):
    ours = target(tmp_path / "served" / "x.git", work, settings, bare=bare)
    theirs = target(tmp_path / "theirs.git", work, settings, bare=bare)
    with serving(ours.parent, export_all=True) as server:
        found = pushed(work, f"{server.url}/x.git", specs)
    expected = pushed(work, str(theirs), specs)
    if "often" in settings.values():  # git breaks off; we say it for each ref
        assert not expected[0]
        assert all(line.startswith("!") for line in found[0])
    else:
        assert found == expected
    assert git("for-each-ref", cwd=ours) == git("for-each-ref", cwd=theirs)


@pytest.mark.e2e
@pytest.mark.parametrize("setting", ["advertiseAtomic", "advertisePushOptions"])
@pytest.mark.parametrize("value", ["true", "false"])
def test_a_capability_can_be_switched_off(tmp_path, work, setting, value):
    ours = target(tmp_path / "served" / "x.git", work, {setting: value})
    theirs = target(tmp_path / "theirs.git", work, {setting: value})
    option = "--atomic" if setting == "advertiseAtomic" else "--push-option=x"
    with serving(ours.parent) as server:
        found = pushed(work, f"{server.url}/x.git", ["main:main"], option)
    assert found == pushed(work, str(theirs), ["main:main"], option)
    assert bool(found[0]) is (value == "true")


def shallow_clone(work: Path, path: Path) -> Path:
    """Return a clone with two commits of main, and one more on top."""
    git("clone", "-q", "--bare", "--depth=2", f"file://{work}", path)
    tip = git("commit-tree", "-p", "main", "-m", "more", "main^{tree}", cwd=path)
    git("update-ref", "refs/heads/main", tip, cwd=path)
    return path


@pytest.mark.e2e
@pytest.mark.parametrize("allowed", ["true", "false"])
def test_the_cut_points_of_a_shallow_pusher_are_taken_over_where_that_is_allowed(tmp_path, work, allowed):
    clone = shallow_clone(work, tmp_path / "clone.git")
    ours, theirs = init_repository(tmp_path / "served" / "x.git"), init_repository(tmp_path / "theirs.git")
    for path in (ours, theirs):
        git("config", "receive.shallowUpdate", allowed, cwd=path)
    with serving(ours.parent) as server:
        found = pushed(clone, f"{server.url}/x.git", ["main"])
    assert found == pushed(clone, str(theirs), ["main"])
    assert git("for-each-ref", cwd=ours) == git("for-each-ref", cwd=theirs)
    assert (ours / "shallow").exists() is (allowed == "true")
    if allowed == "true":
        assert (ours / "shallow").read_text() == (theirs / "shallow").read_text()
        assert fsck(ours) == []


@pytest.mark.e2e
def test_a_history_that_is_whole_is_not_cut_by_a_shallow_pusher(tmp_path, work):
    clone = shallow_clone(work, tmp_path / "clone.git")
    ours = init_repository(tmp_path / "served" / "x.git")
    git("push", "-q", ours, "main", cwd=work)
    git("config", "receive.shallowUpdate", "true", cwd=ours)
    with serving(ours.parent) as server:
        git("push", "-q", f"{server.url}/x.git", "main", cwd=clone)
    assert not (ours / "shallow").exists()
    assert git("rev-list", "--count", "main", cwd=ours) == "7"


def answer(repository: Path, old: str, *, exists: bool) -> bytes:
    """Delete a ref in the words of the protocol, by what it is said to hold."""
    name = "refs/heads/main" if exists else "refs/heads/absent"
    body = encode_text(f"{old} {'0' * 40} {name}\0 report-status") + FLUSH
    with Repository.open(repository) as opened:
        return b"".join(ReceivePack(opened).answer([body], 0))


@pytest.mark.parametrize("old", ["0" * 40, "1" * 40])
def test_deleting_nothing_succeeds(tmp_path, work, old):
    path = target(tmp_path / "x.git", work, {})
    assert b"ok refs/heads/absent" in answer(path, old, exists=False)


def test_a_ref_that_someone_else_deleted_is_a_lost_race(tmp_path, work):
    path = target(tmp_path / "x.git", work, {})
    old = git("rev-parse", "main", cwd=path)
    theirs = target(tmp_path / "theirs.git", work, {})
    body = encode_text(f"{old} {'0' * 40} refs/heads/absent\0 report-status") + FLUSH
    assert b"ng refs/heads/absent failed to update ref" in answer(path, old, exists=False)
    assert b"ng refs/heads/absent " in git_bytes("receive-pack", "--stateless-rpc", theirs, stdin=body)


@pytest.mark.parametrize("old", ["0" * 40, "1" * 40])
def test_a_ref_that_is_there_is_deleted_by_what_it_holds_alone(tmp_path, work, old):
    # git deletes it whatever it holds where it lacks the old object.
    path = target(tmp_path / "x.git", work, {"denyDeleteCurrent": "ignore"})
    assert b"ng refs/heads/main failed to update ref" in answer(path, old, exists=True)


def test_options_and_atomic_mean_nothing_where_they_were_not_offered(tmp_path, work):
    settings = {"advertiseAtomic": "false", "advertisePushOptions": "false"}
    path = target(tmp_path / "x.git", work, settings)
    old = git("rev-parse", "other", cwd=path)
    lines = [f"{old} {'0' * 40} refs/heads/other\0 report-status atomic push-options"]
    lines.append(f"{old} {'0' * 40} refs/heads/absent")
    with Repository.open(path) as opened:
        report = b"".join(ReceivePack(opened).answer([b"".join(map(encode_text, lines)) + FLUSH], 0))
    assert b"ok refs/heads/other" in report
    assert b"ng refs/heads/absent" in report
