"""The dumb protocol: which files of a repository may be read over HTTP, by whom, and what they say."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from packcore.ids import ObjectId
from tests.support import copy_of, git, history, ls_remote, make_repository, run_git
from tests.transport.server.serving import ask, serving, statuses
from transport.server.namespaces import Namespace

if TYPE_CHECKING:
    from pathlib import Path

    from transport.server.http import GitHttpServer


@pytest.fixture
def served(tmp_path: Path) -> Path:
    """Return a repository with a pack, a loose object, and an annotated tag."""
    return copy_of("a pack, a loose object and a tag", make_served, tmp_path / "root/x.git")


def make_served(path: Path) -> None:
    make_repository(path, history(commits=4, tag="v1"))
    git("repack", "-adq", cwd=path)
    git("update-ref", "refs/heads/new", git("commit-tree", "-m", "loose", "main^{tree}", cwd=path), cwd=path)


def get(server: GitHttpServer, path: str, *, method: str = "GET", headers: str = "") -> tuple[str, bytes]:
    """Return the head and the body of an answer."""
    answer = ask(server, f"{method} /x.git/{path} HTTP/1.1\r\nHost: h\r\n{headers}Connection: close\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.decode(), body


def status(server: GitHttpServer, path: str) -> int:
    return int(get(server, path)[0].split()[1])


def objects_of(repository: Path) -> list[str]:
    """Return the paths of all objects, loose and in packs, as a dumb client asks for them."""
    files = [path for path in (repository / "objects").rglob("*") if path.is_file()]
    names = [str(path.relative_to(repository)) for path in files]
    return [
        name
        for name in names
        if name.endswith((".pack", ".idx")) or (name.count("/") == 2 and len(name) == 49)
    ]


def test_git_clones_by_the_dumb_protocol(served, tmp_path):
    with serving(served.parent, static_files=True) as server:
        git(
            "clone",
            "-q",
            "--mirror",
            f"{server.url}/x.git",
            tmp_path / "y",
            environment={"GIT_SMART_HTTP": "0"},
        )
    assert ls_remote(tmp_path / "y") == ls_remote(served)
    git("fsck", "--strict", cwd=tmp_path / "y")


def test_objects_of_alternates_are_served_as_the_repositorys_own(served, tmp_path):
    git("clone", "-q", "--bare", "--shared", served, served.parent / "fork.git")
    with serving(served.parent, static_files=True) as server:
        url, dumb = f"{server.url}/fork.git", {"GIT_SMART_HTTP": "0"}
        git("clone", "-q", "--mirror", url, tmp_path / "y", environment=dumb)
        answer = ask(
            server, "GET /fork.git/objects/info/alternates HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
        )
    git("fsck", "--strict", cwd=tmp_path / "y")
    assert str(tmp_path).encode() not in answer


def test_files_come_as_they_are_with_their_type_and_for_a_year(served):
    types = {"pack": "application/x-git-packed-objects", "idx": "application/x-git-packed-objects-toc"}
    with serving(served.parent, static_files=True) as server:
        for name in objects_of(served):
            head, body = get(server, name)
            assert body == (served / name).read_bytes()
            kind = types.get(name.rpartition(".")[2], "application/x-git-loose-object")
            assert f"Content-Type: {kind}\r\n" in f"{head}\r\n"
            assert "Cache-Control: public, max-age=31536000" in head
            assert f"Content-Length: {len(body)}" in head


def test_a_shared_cache_must_not_keep_what_a_user_signed_in_for(served, tmp_path):
    from transport.server.htpasswd import Passwords

    users = tmp_path / "users"
    users.write_text("ann:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=\n")  # "test"
    with serving(served.parent, static_files=True, passwords=Passwords.read(users)) as server:
        assert status(server, "HEAD") == 401
        head, _ = get(server, objects_of(served)[0], headers="Authorization: Basic YW5uOnRlc3Q=\r\n")
    assert "Cache-Control: private, max-age=31536000" in head


def test_what_may_change_is_never_kept(served):
    with serving(served.parent, static_files=True) as server:
        for name in ("HEAD", "info/refs", "objects/info/packs"):
            assert "no-cache, max-age=0" in get(server, name)[0]


def test_info_refs_is_what_git_update_server_info_writes(served):
    git("update-server-info", cwd=served)
    with serving(served.parent, static_files=True) as server:
        assert get(server, "info/refs")[1] == (served / "info/refs").read_bytes()
        assert get(server, "objects/info/packs")[1] == (served / "objects/info/packs").read_bytes()
        assert get(server, "HEAD")[1] == b"ref: refs/heads/main\n"


def test_a_head_request_is_answered_without_the_body(served):
    with serving(served.parent, static_files=True) as server:
        head, body = get(server, "HEAD", method="HEAD")
    assert (body, "Content-Length: 21" in head) == (b"", True)


@pytest.mark.parametrize(
    ("setting", "default", "answered"),
    [(None, False, 403), (None, True, 200), ("true", False, 200), ("false", True, 403)],
)
def test_the_repositorys_setting_counts_before_the_servers(served, setting, default, answered):
    if setting is not None:
        git("config", "http.getanyfile", setting, cwd=served)
    with serving(served.parent, static_files=default) as server:
        assert {status(server, name) for name in ("HEAD", "info/refs", *objects_of(served))} == {answered}


def test_where_refs_are_hidden_only_the_repositorys_own_setting_opens_its_files(served):
    git("config", "transfer.hideRefs", "refs/heads/new", cwd=served)
    with serving(served.parent, static_files=True) as server:
        assert status(server, "info/refs") == 403
        git("config", "http.getanyfile", "true", cwd=served)
        assert b"refs/heads/new" not in get(server, "info/refs")[1]


def test_in_a_namespace_too_and_its_refs_have_their_short_names(served):
    git("update-ref", "refs/namespaces/fork/refs/heads/main", "main~1", cwd=served)
    git("symbolic-ref", "refs/namespaces/fork/HEAD", "refs/namespaces/fork/refs/heads/main", cwd=served)
    with serving(served.parent, static_files=True, namespace=Namespace.parse("fork")) as server:
        assert status(server, "info/refs") == 403
        git("config", "http.getanyfile", "true", cwd=served)
        tip = git("rev-parse", "main~1", cwd=served)
        assert get(server, "info/refs")[1] == f"{tip}\trefs/heads/main\n".encode()
        assert get(server, "HEAD")[1] == b"ref: refs/heads/main\n"


def test_a_ref_that_cannot_be_read_is_listed_by_the_zero_id(served):
    (served / "refs/heads/broken").write_text("nonsense")
    with serving(served.parent, static_files=True) as server:
        assert f"{ObjectId(bytes(20)).hex()}\trefs/heads/broken\n".encode() in get(server, "info/refs")[1]


@pytest.mark.parametrize(
    "path",
    [
        *("config", "description", "packed-refs", "refs/heads/main", "hooks/update", "logs/HEAD", "objects/"),
        *(
            "objects/info/commit-graph",
            "objects/pack/multi-pack-index",
            "objects/../config",
            "objects/info/../../config",
        ),
        *(
            "%48EAD",
            "HEAD/",
            "objects/pack/pack-" + "0" * 40 + ".keep",
            "objects/pack/pack-" + "0" * 39 + ".pack",
        ),
        *(
            "objects/0A/" + "0" * 38,
            "objects/00/" + "0" * 37,
            "objects/00/" + "0" * 38,
            "objects/info/alternates",
        ),
    ],
)
def test_no_other_file_is_served(served, path):
    with serving(served.parent, static_files=True) as server:
        assert status(server, path) == 404


@pytest.mark.skipif(os.name == "nt", reason="needs symbolic links")
def test_a_link_that_leads_out_of_the_objects_is_not_followed(served, tmp_path):
    (tmp_path / "secret").write_text("secret")
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / ("1" * 38)).write_text("secret")
    (served / "objects/pack" / f"pack-{'0' * 40}.pack").symlink_to(tmp_path / "secret")
    (served / "objects/11").symlink_to(folder)
    with serving(served.parent, static_files=True) as server:
        assert status(server, f"objects/pack/pack-{'0' * 40}.pack") == 404
        assert status(server, f"objects/11/{'1' * 38}") == 404


def test_a_pipe_in_place_of_an_object_is_not_waited_for(served):
    if not hasattr(os, "mkfifo"):
        pytest.skip("needs named pipes")
    os.mkfifo(served / "objects/pack" / f"pack-{'0' * 40}.pack")
    with serving(served.parent, static_files=True) as server:
        assert status(server, f"objects/pack/pack-{'0' * 40}.pack") == 404


def test_a_service_that_there_is_not_is_no_question_for_files(served):
    with serving(served.parent, static_files=True) as server:
        for query in ("service=", "service=git-upload-archive", "service=git-upload-pack&service=x"):
            assert status(server, f"info/refs?{query}") == 403


def test_files_are_only_got(served):
    with serving(served.parent, static_files=True) as server:
        assert statuses(ask(server, "POST /x.git/HEAD HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")) == [
            405
        ]
        assert (
            run_git("ls-remote", f"{server.url}/x.git", environment={"GIT_SMART_HTTP": "0"}).returncode == 0
        )
