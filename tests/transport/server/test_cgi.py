"""The server as a CGI program, in the place of git http-backend: what is answered, and what is told."""

from __future__ import annotations

import gzip
import io
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import git, git_bytes, history, make_repository
from transport.errors import InvalidRequest
from transport.server.cgi import serve_cgi
from transport.wire.pktline import FLUSH, encode_text

if TYPE_CHECKING:
    from pathlib import Path

BIG = str(2**63)


class Answer:
    """What was answered to one request, and what was told."""

    def __init__(self, root: Path, path: str, body: bytes = b"", **variables: str | None) -> None:
        path, _, query = path.partition("?")
        given = {
            "REQUEST_METHOD": "GET",
            "GIT_PROJECT_ROOT": str(root),
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "GIT_HTTP_EXPORT_ALL": "1",
            **variables,
        }
        self.told: list[str] = []
        blocks: list[bytes] = []
        environment = {name: text for name, text in given.items() if text is not None}
        self.is_whole = serve_cgi(environment, io.BytesIO(body), blocks.append, tell=self.told.append)  # type: ignore[arg-type]
        head, _, self.body = b"".join(blocks).partition(b"\r\n\r\n")
        self.headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.status = int(self.headers.get("Status", "200").split()[0])


def posted(root: Path, service: str, body: bytes, **variables: str | None) -> Answer:
    given = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": f"application/x-{service}-request",
        "CONTENT_LENGTH": str(len(body)),
        **variables,
    }
    return Answer(root, f"/x.git/{service}", body, **given)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    make_repository(tmp_path / "root/x.git", history(commits=2))
    return tmp_path / "root"


def wanting(root: Path) -> bytes:
    return encode_text(f"want {git('rev-parse', 'main', cwd=root / 'x.git')}") + FLUSH + encode_text("done")


def test_a_success_has_no_status_since_that_is_the_default(root):
    answer = Answer(root, "/x.git/info/refs?service=git-upload-pack")
    assert "Status" not in answer.headers
    assert (b"refs/heads/main" in answer.body, answer.told) == (True, [])


@pytest.mark.parametrize("body", ["plain", "gzip", "without a length"])
def test_a_fetch_is_answered(root, body):
    data = wanting(root)
    more: dict[str, str | None] = {}
    if body == "gzip":
        data, more = gzip.compress(data), {"HTTP_CONTENT_ENCODING": "gzip"}
    elif body == "without a length":
        more = {"CONTENT_LENGTH": None}
    answer = posted(root, "git-upload-pack", data, **more)
    assert (answer.status, b"PACK" in answer.body, answer.told) == (200, True, [])


@pytest.mark.parametrize("service", ["git-upload-pack", "git-receive-pack"])
@pytest.mark.parametrize("coding", [None, "gzip"])
@pytest.mark.parametrize("body", [b"", b"0032want 12"])
def test_an_empty_or_cut_request_is_an_error_that_is_told(root, service, coding, body):
    answer = posted(root, service, body, HTTP_CONTENT_ENCODING=coding, REMOTE_USER="ann")
    assert answer.status == 400 or answer.body[4:].startswith(b"ERR ")
    assert len(answer.told) == 1


@pytest.mark.parametrize("length", [BIG, "-1", "12x", "1" * 5000, "\u0661"])
def test_a_length_that_is_none_is_refused_by_its_name(root, length):
    answer = posted(root, "git-upload-pack", b"", CONTENT_LENGTH=length)
    assert answer.status == 400
    assert "CONTENT_LENGTH" in answer.told[0]


def test_a_body_shorter_than_its_length_is_an_error(root):
    data = wanting(root)
    answer = posted(root, "git-upload-pack", data[:-4], CONTENT_LENGTH=str(len(data)))
    assert (answer.status, len(answer.told)) == (400, 1)


def test_without_export_all_only_marked_repositories_are_served(root):
    paths = ("/x.git/info/refs?service=git-upload-pack", "/x.git/HEAD")
    assert [Answer(root, path, GIT_HTTP_EXPORT_ALL=None).status for path in paths] == [404, 404]
    (root / "x.git/git-daemon-export-ok").touch()
    assert [Answer(root, path, GIT_HTTP_EXPORT_ALL=None).status for path in paths] == [200, 200]


@pytest.mark.parametrize(
    ("setting", "user", "status"),
    [(None, None, 403), (None, "ann", 200), ("true", None, 200), ("false", "ann", 403)],
)
def test_users_who_signed_in_may_push_unless_the_repository_says_otherwise(root, setting, user, status):
    if setting is not None:
        git("config", "http.receivepack", setting, cwd=root / "x.git")
    asked = "/x.git/info/refs?service=git-receive-pack"
    assert Answer(root, asked, REMOTE_USER=user).status == status


def test_files_are_served_unless_the_repository_says_no(root):
    assert Answer(root, "/x.git/HEAD").body == b"ref: refs/heads/main\n"
    git("config", "http.getanyfile", "false", cwd=root / "x.git")
    assert Answer(root, "/x.git/HEAD").status == 403


def test_the_path_may_come_in_one_piece(root):
    whole = f"{root}/x.git/HEAD"
    assert Answer(root, "", GIT_PROJECT_ROOT=None, PATH_INFO=None, PATH_TRANSLATED=whole).status == 200
    assert Answer(root, "/x.git/HEAD", GIT_PROJECT_ROOT=None, PATH_TRANSLATED=whole).status == 200


@pytest.mark.parametrize("path", ["/../secret.git/HEAD", "/x.git/../../secret.git/HEAD", "//x.git/HEAD"])
def test_nothing_outside_the_folder_is_served(root, path):
    make_repository(root.parent / "secret.git", history(commits=1))
    assert Answer(root, path).status == 404


def test_a_folder_that_is_not_there_is_not_found(root):
    answer = Answer(root / "absent", "/x.git/HEAD")
    assert (answer.status, len(answer.told)) == (404, 1)


def test_git_protocol_of_the_environment_names_the_version(root):
    asked = "/x.git/info/refs?service=git-upload-pack"
    assert b"version 2" in Answer(root, asked, GIT_PROTOCOL="version=2").body
    assert b"version 2" in Answer(root, asked, HTTP_GIT_PROTOCOL="version=2").body


def test_a_namespace_of_the_environment_is_what_is_seen(root):
    git("update-ref", "refs/namespaces/a/refs/heads/own", "main", cwd=root / "x.git")
    body = Answer(root, "/x.git/info/refs?service=git-upload-pack", GIT_NAMESPACE="a").body
    assert (b" refs/heads/own" in body, b"main" in body) == (True, False)


def test_a_header_names_neither_a_namespace_nor_a_user(root):
    headers: dict[str, Any] = {"HTTP_GIT_NAMESPACE": "a", "HTTP_REMOTE_USER": "ann"}
    assert b"refs/heads/main" in Answer(root, "/x.git/info/refs?service=git-upload-pack", **headers).body
    assert Answer(root, "/x.git/info/refs?service=git-receive-pack", **headers).status == 403


def test_without_a_web_server_it_says_what_is_missing(root):
    with pytest.raises(InvalidRequest, match="REQUEST_METHOD"):
        serve_cgi({}, io.BytesIO(), lambda _: None)  # type: ignore[arg-type]
    with pytest.raises(InvalidRequest, match="GIT_PROJECT_ROOT"):
        serve_cgi({"REQUEST_METHOD": "GET"}, io.BytesIO(), lambda _: None)  # type: ignore[arg-type]


def test_who_a_web_server_says_commits_is_in_the_reflog(root):
    path = root / "x.git"
    git("config", "core.logAllRefUpdates", "true", cwd=path)
    tip = git("rev-parse", "main", cwd=path)
    body = encode_text(f"{'0' * 40} {tip} refs/heads/new\0report-status") + FLUSH
    pack = git_bytes("pack-objects", "--stdout", "-q", cwd=path)
    named = {"GIT_COMMITTER_NAME": "Custom User", "GIT_COMMITTER_EMAIL": "custom@example.com"}
    answer = posted(root, "git-receive-pack", body + pack, REMOTE_USER="ann", **named)
    assert b"ok refs/heads/new" in answer.body
    assert git("log", "-g", "-1", "--format=%gn <%ge>", "new", cwd=path) == "Custom User <custom@example.com>"
