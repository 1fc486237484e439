"""Pushing with our own client to our own receive-pack: the same promises in this process and over HTTP."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packcore.errors import RepositoryError
from packcore.ids import ObjectId
from packcore.store.repository import Repository
from tests.packcore.pack_builder import blob_id, build_pack, ref_delta, simple_delta, whole
from tests.support import copy_of, fsck, git, git_bytes, history, init_repository, ls_remote, make_repository
from tests.transport.server.serving import serving, snapshot
from transport.base import Body
from transport.listing import advertise_push
from transport.schemes import open_transport
from transport.send_pack import push
from transport.server.background import heard
from transport.server.receive_pack import ReceivePack
from transport.syncing import Scope, sync
from transport.wire.pktline import DELIM, FLUSH, encode_packet
from transport.wire.receive_pack import RefUpdate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transport.base import Transport
    from transport.wire.report import ReportStatus

ZERO = ObjectId(bytes(20))


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Path:
    path = make_repository(tmp_path_factory.mktemp("work") / "work.git", history(tag="v1"), repack=True)
    git("branch", "early", "main~20", cwd=path)
    return Path(path)


@pytest.fixture
def target(tmp_path, work) -> Path:
    """Return a repository that has the early branch as main."""

    def make(path: Path) -> None:
        init_repository(path)
        git("push", "-q", path, "early:main", "early:other", cwd=work)

    return copy_of("a target with the early branch", make, tmp_path / "served" / "target.git")


@pytest.fixture(params=["local", "http"])
def way(request, target) -> Iterator[Transport]:
    """Return each way to the target in turn."""
    if request.param == "local":
        transport = open_transport(str(target))
        yield transport
        transport.close()
        return
    with serving(target.parent) as server:
        transport = open_transport(f"{server.url}/target.git")
        yield transport
        transport.close()


def oid_of(repository: Path, revision: str) -> ObjectId:
    return ObjectId(bytes.fromhex(git("rev-parse", revision, cwd=repository)))


def pack_of(repository: Path, *revisions: str) -> bytes:
    words = "\n".join(revisions).encode() + b"\n"
    return git_bytes("pack-objects", "--revs", "--stdout", "-q", cwd=repository, stdin=words)


def pushed(
    way: Transport, updates: list[RefUpdate], pack: bytes | None, *, atomic: bool = False
) -> ReportStatus:
    body = None if pack is None else Body.of(pack)
    return push(way, advertise_push(way), updates, body, atomic=atomic)


def reasons(report: ReportStatus) -> list[str | None]:
    return [ref.reason for ref in report.refs.values()]


def test_what_was_pushed_is_there(way, work, target):
    main = oid_of(work, "main")
    updates = [
        RefUpdate("refs/heads/main", oid_of(work, "early"), main),
        RefUpdate("refs/tags/v1", ZERO, oid_of(work, "v1")),
        RefUpdate("refs/heads/other", oid_of(work, "early"), ZERO),
    ]
    assert pushed(way, updates, pack_of(work, "main", "v1", "^early")).ok
    refs = ls_remote(target)
    assert (refs["refs/heads/main"], "refs/heads/other" in refs) == (main.hex(), False)
    assert fsck(target) == []


def test_a_ref_is_made_from_objects_that_are_there_already(way, work, target):
    assert pushed(way, [RefUpdate("refs/heads/third", ZERO, oid_of(work, "early"))], None).ok
    assert len(list((target / "objects/pack").iterdir())) == 0, "an empty pack is not kept"


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("refs/heads/main", "main", "main", "failed to update ref"),
        ("refs/heads/other", "zero", "main", "failed to update ref"),
        ("refs/heads/gone", "early", "main", "failed to update ref"),
        ("refs/heads/gone", "early", "zero", "failed to update ref"),
        ("refs/heads/main/below", "zero", "main", "refs/heads/main is in the way"),
        ("refs/heads/new", "zero", "v1", "a branch must point to a commit"),
        ("refs/heads/new", "zero", "stranger", "bad pack"),
        ("refs/one", "zero", "main", "funny refname"),
    ],
)
def test_a_refused_ref_changes_nothing_and_says_why(way, work, target, name, old, new, expected):
    def oid(word: str) -> ObjectId:
        special = {"zero": ZERO, "stranger": ObjectId(b"\x11" * 20)}
        return special.get(word) or oid_of(work, word)

    before = snapshot(target)
    pack = None if new == "zero" else pack_of(work, "main", "v1", "^early")
    report = pushed(way, [RefUpdate(name, oid(old), oid(new))], pack)
    assert (report.unpack_error, reasons(report)) == (None, [expected])
    after = snapshot(target)
    if name != "refs/heads/main/below":  # seen only when its file is to be made, after the pack is in
        assert after == before


def test_others_go_on_when_one_ref_is_refused(way, work, target):
    updates = [
        RefUpdate("refs/heads/main", ZERO, oid_of(work, "main")),
        RefUpdate("refs/heads/new", ZERO, oid_of(work, "main")),
    ]
    assert reasons(pushed(way, updates, pack_of(work, "main", "^early"))) == ["failed to update ref", None]
    assert fsck(target) == []


def test_an_atomic_push_with_one_refusal_changes_nothing(way, work, target):
    updates = [
        RefUpdate("refs/heads/main", ZERO, oid_of(work, "main")),
        RefUpdate("refs/heads/new", ZERO, oid_of(work, "main")),
        RefUpdate("refs/heads/other", oid_of(work, "early"), ZERO),
    ]
    before = snapshot(target)
    report = pushed(way, updates, pack_of(work, "main", "^early"), atomic=True)
    assert reasons(report) == ["failed to update ref", "atomic push failure", "atomic push failure"]
    assert snapshot(target) == before


def test_an_atomic_push_changes_all(way, work, target):
    updates = [
        RefUpdate("refs/heads/main", oid_of(work, "early"), oid_of(work, "main")),
        RefUpdate("refs/heads/new/deeper", ZERO, oid_of(work, "main")),
        RefUpdate("refs/heads/other", oid_of(work, "early"), ZERO),
    ]
    assert pushed(way, updates, pack_of(work, "main", "^early"), atomic=True).ok
    assert set(ls_remote(target)) == {"refs/heads/main", "refs/heads/new/deeper"}


def spoilt(pack: bytes) -> dict[str, bytes]:
    middle = len(pack) // 2
    return {
        "a flipped byte": pack[:middle] + bytes([pack[middle] ^ 1]) + pack[middle + 1 :],
        "a wrong trailer": pack[:-1] + bytes([pack[-1] ^ 1]),
        "cut short": pack[:middle],
        "no pack": b"",
        "bytes behind it": pack + b"more",
        "another version": pack[:7] + b"\x09" + pack[8:],
    }


@pytest.mark.parametrize("fault", list(spoilt(bytes(64))))
def test_a_damaged_pack_leaves_the_repository_as_it_was(way, work, target, fault):
    before = snapshot(target)
    pack = spoilt(pack_of(work, "main", "^early"))[fault]
    update = RefUpdate("refs/heads/main", oid_of(work, "early"), oid_of(work, "main"))
    report = pushed(way, [update], pack)
    assert report.unpack_error
    assert reasons(report) == ["unpacker error"]
    assert snapshot(target) == before


@pytest.mark.parametrize("left_out", ["main~5", "main^{tree}", "main:src/part0/file0.txt"])
def test_a_pack_that_lacks_what_the_tips_reach_is_refused(way, work, target, left_out):
    missing = git("rev-parse", left_out, cwd=work)
    everything = git("rev-list", "--objects", "main", "--no-object-names", cwd=work).split()
    words = "\n".join(oid for oid in everything if oid != missing).encode() + b"\n"
    pack = git_bytes("pack-objects", "--stdout", "-q", cwd=work, stdin=words)
    fresh = init_repository(target.parent / "fresh.git")
    target.rename(target.with_name("old.git"))
    fresh.rename(target)
    before = snapshot(target)
    update = RefUpdate("refs/heads/main", ZERO, oid_of(work, "main"))
    assert reasons(pushed(way, [update], pack)) == ["missing necessary objects"]
    assert snapshot(target) == before


def test_only_the_tips_that_are_whole_are_taken(way, work, target):
    orphan = git("commit-tree", "-m", "x", "-p", "main", "main^{tree}", cwd=work)
    words = f"{orphan}\n".encode()
    pack = git_bytes("pack-objects", "--stdout", "-q", cwd=work, stdin=words)
    updates = [
        RefUpdate("refs/heads/orphan", ZERO, ObjectId(bytes.fromhex(orphan))),
        RefUpdate("refs/heads/early", ZERO, oid_of(work, "early")),
    ]
    assert reasons(pushed(way, updates, pack)) == ["missing necessary objects", None]
    assert "refs/heads/orphan" not in ls_remote(target)


def test_of_two_pushes_for_one_ref_one_wins(work, target):
    update = RefUpdate("refs/heads/main", oid_of(work, "early"), oid_of(work, "main"))
    pack = pack_of(work, "main", "^early")
    reports: list[ReportStatus] = []

    def one(url: str) -> None:
        transport = open_transport(url)
        reports.append(pushed(transport, [update], pack))
        transport.close()

    with serving(target.parent) as server:
        threads = [threading.Thread(target=one, args=(f"{server.url}/target.git",)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    # A push that comes wholly after the first finds the ref moved, and so does one that comes beside it.
    assert sorted(report.ok for report in reports) == [False, False, False, True]
    assert fsck(target) == []


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_a_sync_into_a_folder_of_this_disk_needs_no_git(tmp_path, object_format):
    source = make_repository(tmp_path / "s.git", history(tag="v1"), object_format=object_format)
    target = init_repository(tmp_path / "t.git", object_format=object_format)
    assert sync(str(source), str(target), scope=Scope(all_refs=True)).pushed == 2
    assert ls_remote(target) == ls_remote(source)
    assert fsck(target) == []


def test_a_target_that_is_no_repository_is_told(tmp_path, work):
    with pytest.raises(RepositoryError, match="no git repository"):
        sync(str(work), str(tmp_path))


COMMANDS = st.lists(
    st.one_of(
        st.binary(max_size=60).map(encode_packet),
        st.sampled_from([FLUSH, DELIM, b"junk", b"00", b"PACK\0\0\0\2\0\0\0\0"]),
        st.sampled_from(
            [
                f"{'0' * 40} {'1' * 40} refs/heads/x\0 report-status side-band-64k".encode(),
                f"{'1' * 40} {'0' * 40} refs/heads/main\0 report-status atomic push-options".encode(),
                f"{'0' * 40} {'0' * 40} refs/heads/x\0report-status object-format=sha256".encode(),
                f"shallow {'1' * 40}".encode(),
                f"{'0' * 40} {'1' * 40} ../../etc/passwd\0report-status-v2".encode(),
            ]
        ).map(encode_packet),
    ),
    max_size=6,
).map(b"".join)


@given(body=COMMANDS)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_request_gets_an_answer_and_changes_nothing(target, body):
    before = snapshot(target)
    with Repository.open(target) as repository:
        answer = b"".join(ReceivePack(repository).answer([body], 0))
    assert isinstance(answer, bytes)
    assert snapshot(target) == before


def test_silence_is_filled_while_work_goes_on():
    finish = threading.Event()

    def work(say):
        say("begun")
        finish.wait()
        return 7

    answer = heard(work, seconds=0.01, line=str.encode, keepalive=b"alive")
    assert next(answer) == b"begun"
    assert [next(answer) for _ in range(4)] == [b"", b"alive", b"", b"alive"]
    finish.set()

    def rest() -> Iterator[bytes]:
        assert (yield from answer) == 7

    assert set(rest()) <= {b"", b"alive"}


def leaning_on_itself(text: bytes) -> bytes:
    """Return a pack that holds a blob as a delta of itself, and whole."""
    oid = blob_id(text)
    return build_pack([ref_delta(oid, simple_delta(text, text)), whole(text)])


def test_a_pack_that_would_hide_an_object_is_refused(way, target):
    text = b"secretly important\n"
    hidden = git("hash-object", "-w", "--stdin", cwd=target, stdin=text)
    before = snapshot(target)
    update = RefUpdate("refs/heads/new", ZERO, oid_of(target, "main"))
    assert reasons(pushed(way, [update], leaning_on_itself(text))) != [None]
    assert snapshot(target) == before
    with Repository.open(target) as repository:
        assert repository.read(ObjectId(bytes.fromhex(hidden))).data == text


def test_an_object_whose_file_is_damaged_is_there_again_when_a_push_brings_it(way, work, target):
    main = oid_of(work, "main")
    file = target / "objects" / main.hex()[:2] / main.hex()[2:]
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"")
    update = RefUpdate("refs/heads/new", ZERO, main)
    assert reasons(pushed(way, [update], pack_of(work, "main", "^early"))) == [None]
    with Repository.open(target) as repository:
        assert repository.read(main).data == git_bytes("cat-file", "commit", "main", cwd=work)
    assert git("rev-list", "--objects", "refs/heads/new", cwd=target)


def test_a_push_may_name_the_empty_tree_without_bringing_it(way, target):
    tree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
    side = init_repository(target.parent / "side.git")
    tip = ObjectId(bytes.fromhex(git("commit-tree", "-m", "nothing yet", tree, cwd=side)))
    pack = git_bytes("pack-objects", "--stdout", "-q", cwd=side, stdin=tip.hex().encode() + b"\n")
    assert reasons(pushed(way, [RefUpdate("refs/heads/new", ZERO, tip)], pack)) == [None]
    assert git("log", "--format=%s", "refs/heads/new", cwd=target) == "nothing yet"
