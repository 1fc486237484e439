"""Names that the server's disk can't hold are refused ref by ref; no path of its disk reaches a client."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from packcore.store.repository import Repository
from tests.support import git, history, init_repository, ls_remote, make_repository, remove_tree, run_git
from tests.transport.server.serving import serving
from transport.local_fetch.fetch_into import fetch_into
from transport.schemes import open_transport
from transport.server.receive_pack import ReceivePack
from transport.server.upload_pack import UploadPack
from transport.syncing import Outcome, Scope, sync
from transport.wire.pktline import FLUSH, encode_text

if TYPE_CHECKING:
    from collections.abc import Iterator

DEEP = "refs/heads/" + "/".join(["a"] * 1500)
LONG = "refs/heads/" + "x" * 300
ZERO = "0" * 40


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    made = make_repository(tmp_path_factory.mktemp("source") / "s.git", history(commits=3))
    tip = git("rev-parse", "main", cwd=made)
    lines = "".join(f"{tip} {name}\n" for name in (DEEP, LONG))
    (made / "packed-refs").write_text(f"# pack-refs with: peeled fully-peeled sorted \n{lines}")
    return Path(made)


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Path]:
    yield init_repository(tmp_path / "served" / "t.git")
    remove_tree(tmp_path / "served")


def test_git_pushes_the_rest_when_a_name_can_not_be_held(source, target):
    with serving(target.parent) as server:
        done = run_git("push", f"{server.url}/t.git", "refs/*:refs/*", cwd=source)
        assert done.returncode == 1
        assert done.stderr.count(b"[remote rejected]") == 2
        assert b"more than 128 parts" in done.stderr
        assert b"too long for a file" in done.stderr
        assert set(ls_remote(f"{server.url}/t.git")) == {"refs/heads/main"}
        git("push", "-q", f"{server.url}/t.git", "main:refs/heads/a", cwd=source)


def test_our_own_push_and_fetch_leave_those_refs_out(source, target, tmp_path):
    result = sync(str(source), str(target), scope=Scope(all_refs=True))
    assert result.exit_code == 1
    assert set(ls_remote(target)) == {"refs/heads/main"}
    transport = open_transport(str(source))
    fetched = fetch_into(transport, tmp_path / "f.git", scope=Scope(all_refs=True))
    transport.close()
    assert {ref.outcome for ref in fetched.refs} == {Outcome.PUSHED, Outcome.BLOCKED}
    assert set(ls_remote(tmp_path / "f.git")) == {"refs/heads/main"}


def test_deleting_a_name_that_no_file_can_have_is_refused_for_that_ref(source, target):
    git("push", "-q", target, "main", cwd=source)
    tip = git("rev-parse", "main", cwd=source)
    (target / "packed-refs").write_bytes((source / "packed-refs").read_bytes())
    lines = [f"{tip} {ZERO} {LONG}\0 report-status", f"{ZERO} {ZERO} {LONG}y", f"{tip} {ZERO} {DEEP}"]
    with Repository.open(target) as repository:
        body = b"".join(map(encode_text, lines)) + FLUSH
        answer = b"".join(ReceivePack(repository).answer([body], 0)).decode()
    assert f"ng {LONG} " in answer
    assert f"ng {LONG}y " in answer
    assert f"ok {DEEP}\n" in answer
    assert str(target) not in answer
    assert set(ls_remote(target)) == {"refs/heads/main", LONG}


def test_a_repository_that_holds_such_refs_is_served_and_pushed_to(source, target):
    git("push", "-q", target, "main", cwd=source)
    (target / "packed-refs").write_bytes((source / "packed-refs").read_bytes())
    git("update-ref", DEEP, "main", cwd=target)
    with serving(target.parent) as server:
        assert set(ls_remote(f"{server.url}/t.git")) == {"refs/heads/main", DEEP, LONG}
        git("push", "-q", f"{server.url}/t.git", "main~1:refs/heads/new", cwd=source)
        assert b"is in the way" in run_git("push", f"{server.url}/t.git", "main:a", cwd=source).stderr


@pytest.mark.parametrize("version", [0, 2])
def test_why_a_ref_can_not_be_read_is_told_without_paths(target, source, version):
    git("push", "-q", target, "main", cwd=source)
    (target / "refs/heads/lost").symlink_to(target.parent / "secret" / "file")
    with Repository.open(target) as repository:
        upload = UploadPack(repository)
        request = b"0014command=ls-refs\n0001000funreadable0000"
        answers = [*upload.advertise(version), *(upload.answer([request], 2) if version == 2 else ())]
        lines = encode_text(f"{'1' * 40} {ZERO} refs/heads/lost\0 report-status") + FLUSH
        answers += ReceivePack(repository).answer([lines], 0)
    told = b"".join(answers)
    assert b"refs/heads/lost" in told
    assert str(target.parent).encode() not in told
    assert b"secret/" not in told.replace(b"%2F", b"/")
