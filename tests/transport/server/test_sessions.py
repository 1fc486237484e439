"""Session ids: offered if the repository says so, noted of clients, and shown in events and logs."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from packcore.store.repository import Repository
from tests.support import git, history, make_repository
from tests.transport.server.serving import serving
from transport.errors import InvalidRequest
from transport.server.receive_pack import ReceivePack
from transport.server.session import Session, client_session, new_session_id
from transport.server.trace2 import Trace2Events
from transport.server.upload_pack import UploadPack

if TYPE_CHECKING:
    from pathlib import Path

OWN = re.compile(r"[0-9]{8}T[0-9]{6}\.[0-9]{6}Z-R[0-9a-f]{8}-P[0-9a-f]{8}")


@pytest.fixture
def served(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "root/x.git", history(commits=2))


def advertised(path: Path, version: int) -> list[bytes]:
    with Repository.open(path) as repository:
        session = Session("mine")
        services: list[UploadPack | ReceivePack] = [
            UploadPack(repository, session=session),
            ReceivePack(repository, session=session),
        ]
        return [b"".join(service.advertise(version)) for service in services]


@pytest.mark.parametrize("version", [0, 1, 2])
def test_the_id_is_offered_if_the_repository_says_so(served, version):
    assert not any(b"session-id" in text for text in advertised(served, version))
    git("config", "transfer.advertiseSID", "true", cwd=served)
    assert all(b"session-id=mine" in text for text in advertised(served, version))


@pytest.mark.parametrize("version", [0, 1, 2])
def test_the_log_has_both_ids(served, version):
    git("config", "transfer.advertiseSID", "true", cwd=served)
    asked = ("-c", f"protocol.version={version}", "-c", "transfer.advertiseSID=true")
    lines: list[str] = []
    with serving(served.parent, log=lines.append) as server:
        git(*asked, "clone", "-q", f"{server.url}/x.git", served.parent.parent / "y")
        git(*asked, "push", "-q", f"{server.url}/x.git", "main:refs/heads/new", cwd=served)
    for service in ("upload-pack", "receive-pack"):
        posted = [line for line in lines if f"POST /x.git/git-{service}" in line]
        assert all(re.search(rf" sid={OWN.pattern}( |$)", line) for line in posted)
        assert any(re.search(r" client-sid=[0-9]+T[!-~]+$", line) for line in posted)  # not of v2's ls-refs


def test_a_client_that_sends_many_ids_does_not_fill_the_log(served):
    noted: list[str] = []
    with Repository.open(served) as repository:
        service = UploadPack(repository, session=Session(note=lambda _, value: noted.append(value)))
        words = ["command=ls-refs", "session-id=one", "session-id=" + "x" * 300, "session-id=a b"]
        body = "".join(f"{len(word) + 4:04x}{word}" for word in words) + "00010000"
        list(service.answer([body.encode()], 2))
    assert noted == ["one"]


@pytest.mark.parametrize("value", [b"", b"a b", b"a\nb", b"\xff", b"x" * 256])
def test_what_is_no_id_is_not_noted(value):
    assert client_session(b"session-id=" + value) is None


def test_an_id_begins_with_the_parents():
    assert OWN.fullmatch(new_session_id())
    assert new_session_id("git").startswith("git/")
    assert new_session_id() != new_session_id()


def test_events_are_lines_of_json_as_gits_are(tmp_path):
    events = Trace2Events(str(tmp_path / "log"), "s")
    events.begin("upload-pack", ["packcore", "upload-pack"])
    events.data("client-sid", "theirs")
    events.end(3)
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [line["event"] for line in lines] == ["version", "start", "cmd_name", "data", "exit", "atexit"]
    assert {line["sid"] for line in lines} == {"s"}
    assert (lines[3]["category"], lines[3]["key"], lines[3]["value"]) == ("transfer", "client-sid", "theirs")
    assert lines[4]["code"] == 3


def test_in_a_folder_each_session_has_a_file_of_its_own(tmp_path):
    Trace2Events(str(tmp_path), "git/own").end(0)
    assert [path.name for path in tmp_path.iterdir()] == ["git_own"]


@pytest.mark.parametrize("target", ["", "0", "false"])
def test_events_may_be_switched_off(target, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Trace2Events(target, "s").end(0)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("target", ["relative/path", "af_unix:/x", "/nonexistent/folder/x"])
def test_a_target_that_cannot_be_written_to_is_refused(target):
    with pytest.raises(InvalidRequest, match="GIT_TRACE2_EVENT"):
        Trace2Events(target, "s")
