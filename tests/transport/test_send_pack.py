"""Pushing to git's own receive-pack: what it accepts, what it refuses, and how it reports that."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from packcore.ids import FORMATS, SHA1, ObjectId
from tests.support import fsck, git, git_bytes, history, init_repository, make_repository, write_hook
from tests.transport.process_transport import ProcessTransport
from transport.base import Body
from transport.errors import LocalProtocolError, UnsupportedByRemote
from transport.listing import advertise_push
from transport.send_pack import push
from transport.wire.receive_pack import RefUpdate

if TYPE_CHECKING:
    from pathlib import Path

ZERO = SHA1.zero


@pytest.fixture(scope="module", params=["sha1", "sha256"])
def each_source(request, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("source") / f"{request.param}.git"
    return make_repository(path, history(), object_format=request.param)


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    return make_repository(tmp_path_factory.mktemp("source") / "source.git", history())


@pytest.fixture
def target(tmp_path, source) -> Path:
    path = init_repository(tmp_path / "target.git")
    git("push", "-q", path, "main~10:refs/heads/main", "main~10:refs/heads/other", cwd=source)
    return path


def oid_of(repository: Path, revision: str) -> ObjectId:
    return ObjectId(bytes.fromhex(git("rev-parse", revision, cwd=repository)))


def pack_of(repository: Path, *revisions: str) -> Body:
    stdin = "".join(f"{revision}\n" for revision in revisions).encode()
    return Body.of(git_bytes("pack-objects", "--revs", "--stdout", "-q", cwd=repository, stdin=stdin))


def test_a_branch_is_created_in_an_empty_repository(each_source, tmp_path):
    target = init_repository(tmp_path / "target.git", object_format=each_source.stem)
    transport = ProcessTransport(target)
    advertisement = advertise_push(transport)
    assert advertisement.object_format is FORMATS[each_source.stem]
    tip = oid_of(each_source, "main")
    update = RefUpdate("refs/heads/main", advertisement.object_format.zero, tip)
    status = push(transport, advertisement, [update], pack_of(each_source, "main"))
    assert (status.ok, status.unpack_error, status.complete) == (True, None, True)
    assert oid_of(target, "main") == tip
    assert fsck(target) == []


@pytest.mark.parametrize("block_bytes", [None, 1])
def test_a_branch_is_updated_and_another_deleted(source, target, block_bytes):
    transport = ProcessTransport(target, block_bytes=block_bytes)
    advertisement = advertise_push(transport)
    refs = advertisement.refs
    updates = [
        RefUpdate("refs/heads/main", refs["refs/heads/main"], oid_of(source, "main")),
        RefUpdate("refs/heads/other", refs["refs/heads/other"], ZERO),
    ]
    status = push(transport, advertisement, updates, pack_of(source, "main", "^main~10"))
    assert status.ok
    assert git("for-each-ref", "--format=%(refname)", cwd=target) == "refs/heads/main"


def test_a_push_that_only_deletes_sends_no_pack(target):
    transport = ProcessTransport(target)
    advertisement = advertise_push(transport)
    update = RefUpdate("refs/heads/other", advertisement.refs["refs/heads/other"], ZERO)
    assert push(transport, advertisement, [update], None).ok
    assert b"PACK" not in transport.exchanges[-1][1]
    with pytest.raises(LocalProtocolError, match="sends no pack"):
        push(transport, advertisement, [update], Body.of(b"PACK"))


def test_a_ref_to_an_existing_object_is_pushed_with_an_empty_pack(target):
    transport = ProcessTransport(target)
    advertisement = advertise_push(transport)
    update = RefUpdate("refs/heads/new", ZERO, advertisement.refs["refs/heads/main"])
    assert push(transport, advertisement, [update], None).ok
    assert oid_of(target, "new") == update.new


def test_commands_and_the_first_bytes_of_the_pack_leave_together(source, target):
    transport = ProcessTransport(target)
    advertisement = advertise_push(transport)
    update = RefUpdate("refs/heads/new", ZERO, oid_of(source, "main"))
    whole = b"".join(pack_of(source, "main", "^main~10").blocks())
    pack = Body(lambda: iter([whole[:100], whole[100:]]))
    assert push(transport, advertisement, [update], pack).ok
    assert len(transport.sent_blocks) == 2
    assert transport.sent_blocks[0].endswith(whole[:100])


def test_a_stale_old_id_is_a_lost_race(source, target):
    transport = ProcessTransport(target)
    advertisement = advertise_push(transport)
    update = RefUpdate("refs/heads/main", oid_of(source, "main~11"), oid_of(source, "main"))
    status = push(transport, advertisement, [update], pack_of(source, "main"))
    report = status.refs["refs/heads/main"]
    assert (report.ok, report.lost_race, status.ok) == (False, True, False)
    assert oid_of(target, "main") == oid_of(source, "main~10")


def test_a_created_ref_that_exists_is_a_lost_race(source, target):
    transport = ProcessTransport(target)
    advertisement = advertise_push(transport)
    update = RefUpdate("refs/heads/main", ZERO, oid_of(source, "main"))
    status = push(transport, advertisement, [update], pack_of(source, "main"))
    assert status.refs["refs/heads/main"].lost_race


REFUSALS = [
    ("receive.denyNonFastForwards", "true", "refs/heads/main", "main~11", "non-fast-forward"),
    ("receive.hideRefs", "refs/secret", "refs/secret/x", "main~10", "deny updating a hidden ref"),
]


@pytest.mark.parametrize(("key", "value", "name", "revision", "reason"), REFUSALS)
def test_a_refusal_is_reported_in_the_servers_words(source, target, key, value, name, revision, reason):
    transport = ProcessTransport(target, configuration={key: value})
    advertisement = advertise_push(transport)
    old = advertisement.refs.get(name, ZERO)
    updates = [
        RefUpdate(name, old, oid_of(source, revision)),
        RefUpdate("refs/heads/good", ZERO, oid_of(source, "main")),
    ]
    status = push(transport, advertisement, updates, pack_of(source, "main"))
    report = status.refs[name]
    assert (report.ok, report.reason, report.lost_race) == (False, reason, False)
    assert status.refs["refs/heads/good"].ok
    assert not status.ok


def test_a_hook_that_declines_speaks_through_messages(source, target):
    write_hook(target, "pre-receive", "printf 'no \\033[31mway\\n' >&2\nexit 1")
    transport = ProcessTransport(target)
    advertisement = advertise_push(transport)
    lines: list[str] = []
    update = RefUpdate("refs/heads/new", ZERO, oid_of(source, "main"))
    status = push(transport, advertisement, [update], pack_of(source, "main"), on_message=lines.append)
    assert status.refs["refs/heads/new"].reason == "pre-receive hook declined"
    assert "no ^[[31mway" in lines
    assert not status.refs["refs/heads/new"].lost_race


def test_one_refusal_fails_all_of_an_atomic_push(source, target):
    transport = ProcessTransport(target, configuration={"receive.denyNonFastForwards": "true"})
    advertisement = advertise_push(transport)
    updates = [
        RefUpdate("refs/heads/main", advertisement.refs["refs/heads/main"], oid_of(source, "main~11")),
        RefUpdate("refs/heads/good", ZERO, oid_of(source, "main")),
    ]
    status = push(transport, advertisement, updates, pack_of(source, "main"), atomic=True)
    assert [report.ok for report in status.refs.values()] == [False, False]
    assert oid_of(target, "main") == oid_of(source, "main~10")


def test_push_options_reach_the_hook(source, target):
    write_hook(target, "pre-receive", 'echo "$GIT_PUSH_OPTION_COUNT $GIT_PUSH_OPTION_0" >&2')
    transport = ProcessTransport(target, configuration={"receive.advertisePushOptions": "true"})
    lines: list[str] = []
    update = RefUpdate("refs/heads/new", ZERO, oid_of(source, "main"))
    status = push(
        transport,
        advertise_push(transport),
        [update],
        pack_of(source, "main"),
        push_options=["ci.skip", "two"],
        on_message=lines.append,
    )
    assert status.ok
    assert "2 ci.skip" in lines


def test_a_broken_pack_is_an_unpack_error_for_every_ref(source, target):
    transport = ProcessTransport(target)
    advertisement = advertise_push(transport)
    whole = b"".join(pack_of(source, "main").blocks())
    update = RefUpdate("refs/heads/new", ZERO, oid_of(source, "main"))
    status = push(transport, advertisement, [update], Body.of(whole[:-30]))
    assert status.unpack_error
    assert not status.ok
    assert not status.refs["refs/heads/new"].lost_race


def test_missing_objects_are_refused(source, target):
    transport = ProcessTransport(target)
    update = RefUpdate("refs/heads/new", ZERO, oid_of(source, "main"))
    status = push(transport, advertise_push(transport), [update], None)
    assert status.refs["refs/heads/new"].reason == "missing necessary objects"


def test_tips_of_alternates_come_as_haves_and_not_as_refs(source, tmp_path):
    target = init_repository(tmp_path / "target.git")
    (target / "objects" / "info" / "alternates").write_text(str(source / "objects") + os.linesep)
    advertisement = advertise_push(ProcessTransport(target))
    assert advertisement.haves == (oid_of(source, "main"),)
    assert advertisement.refs == {}


@pytest.mark.fault(40)
@pytest.mark.parametrize(
    ("settings", "what"),
    [({"atomic": True}, "atomic"), ({"push_options": ["x"]}, "push options")],
)
def test_a_condition_that_the_server_cannot_meet_is_refused_before_a_byte(source, target, settings, what):
    transport = ProcessTransport(target, configuration={"receive.advertiseAtomic": "false"})
    advertisement = advertise_push(transport)
    update = RefUpdate("refs/heads/new", ZERO, oid_of(source, "main~10"))
    with pytest.raises(UnsupportedByRemote, match=what):
        push(transport, advertisement, [update], None, **settings)
    assert len(transport.exchanges) == 1
