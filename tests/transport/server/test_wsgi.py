"""The server as a WSGI application, called as PEP 3333 has it; `wsgiref.validate` checks both sides."""

from __future__ import annotations

import base64
import hashlib
import importlib
import io
from typing import TYPE_CHECKING, Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from packcore.errors import RepositoryError
from tests.support import history, make_repository
from transport.errors import InvalidRequest
from transport.server.htpasswd import Passwords
from transport.server.wsgi import application_of, make_application

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_ADVERTISED = "application/x-git-upload-pack-advertisement"
_FETCH = "application/x-git-upload-pack-request"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "served"
    folder.mkdir()
    make_repository(folder / "x.git", history(commits=2))
    return folder


class Answer:
    """What an application answered."""

    def __init__(self, application: Any, path: str, *, body: bytes | io.RawIOBase = b"", **more: Any) -> None:
        path, _, query = path.partition("?")
        environ: dict[str, Any] = {"SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": query}
        environ |= more
        setup_testing_defaults(environ)
        environ["wsgi.input"] = io.BytesIO(body) if isinstance(body, bytes) else body
        self.blocks: list[bytes] = []

        def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> Callable[[bytes], None]:
            self.status, self.headers = status, dict(headers)
            return self.blocks.append

        end = validator(application)(environ, start_response)
        try:
            self.blocks += end
        finally:
            end.close()  # type: ignore[attr-defined]

    @property
    def body(self) -> bytes:
        return b"".join(self.blocks)


def posted(application: Any, body: bytes, **more: Any) -> Answer:
    more = {"REQUEST_METHOD": "POST", "CONTENT_TYPE": _FETCH, **more}
    return Answer(application, "/x.git/git-upload-pack", body=body, **more)


def test_refs_are_advertised_in_the_protocol_that_is_asked_for(root):
    application = make_application(root)
    old = Answer(application, "/x.git/info/refs?service=git-upload-pack")
    new = Answer(application, "/x/info/refs?service=git-upload-pack", HTTP_GIT_PROTOCOL="version=2")
    assert (old.status, old.headers["Content-Type"]) == ("200 OK", _ADVERTISED)
    assert b"refs/heads/main" in old.body
    assert b"version 2" in new.body


def test_headers_that_a_server_sets_itself_are_left_to_it(root):
    names = {name.lower() for name in Answer(make_application(root), "/x.git/info/refs").headers}
    assert not names & {"server", "connection", "date", "transfer-encoding"}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/x.git/info/refs", "403 Forbidden"),
        ("/absent.git/info/refs?service=git-upload-pack", "404 Not Found"),
        ("/../x.git/info/refs?service=git-upload-pack", "404 Not Found"),
        ("/x.git/info/refs?service=git-receive-pack", "403 Forbidden"),
        ("", "404 Not Found"),
        ("/x.git/git-upload-pack", "405 Method Not Allowed"),
    ],
)
def test_what_is_not_there_or_not_allowed_is_refused_by_its_status(root, path, status):
    assert Answer(make_application(root), path).status == status


def test_a_body_is_read_to_its_length_and_no_further(root):
    request = b"0014command=ls-refs\n00010000"
    answer = posted(
        make_application(root),
        request + b"more",
        CONTENT_LENGTH=str(len(request)),
        HTTP_GIT_PROTOCOL="version=2",
    )
    assert answer.status == "200 OK"
    assert b"refs/heads/main" in answer.body


def test_a_chunked_body_is_taken_where_the_server_ends_it(root):
    request = b"0014command=ls-refs\n00010000"
    more = {"HTTP_TRANSFER_ENCODING": "chunked", "HTTP_GIT_PROTOCOL": "version=2"}
    taken = posted(make_application(root), request, **{"wsgi.input_terminated": True}, **more)
    refused = posted(make_application(root), request, **more)
    assert (taken.status, refused.status) == ("200 OK", "411 Length Required")
    assert b"refs/heads/main" in taken.body


@pytest.mark.parametrize("length", ["x", "-1", "1e3", "\u0661", "+5"])
def test_a_length_that_is_no_number_is_refused(root, length):
    class Unchecked:
        def __call__(self, environ: Any, start_response: Any) -> Any:
            return make_application(root)({**environ, "CONTENT_LENGTH": length}, start_response)

    assert posted(Unchecked(), b"0000").status == "400 Bad Request"


def test_a_body_that_is_cut_short_is_refused(root):
    more = {"CONTENT_LENGTH": "400", "HTTP_GIT_PROTOCOL": "version=2"}
    assert posted(make_application(root), b"0014command=ls-refs\n", **more).status == "400 Bad Request"


def test_a_client_that_leaves_gets_no_end_of_its_answer(root):
    class Broken(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError):
        Answer(
            make_application(root),
            "/x.git/git-upload-pack",
            body=Broken(),
            REQUEST_METHOD="POST",
            CONTENT_TYPE=_FETCH,
            CONTENT_LENGTH="10",
        )


def test_a_request_that_takes_too_long_is_ended(root):
    with pytest.raises(ConnectionResetError):
        posted(make_application(root, request_seconds=-1), b"0000", CONTENT_LENGTH="4")


def test_a_password_is_asked_for(root):
    hashed = base64.b64encode(hashlib.sha1(b"secret").digest()).decode()
    application = make_application(root, passwords=Passwords({"ann": f"{{SHA}}{hashed}"}))
    path = "/x.git/info/refs?service=git-upload-pack"
    right = "Basic " + base64.b64encode(b"ann:secret").decode()
    assert Answer(application, path).headers["WWW-Authenticate"] == 'Basic realm="packcore"'
    assert Answer(application, path, HTTP_AUTHORIZATION=right).status == "200 OK"


def test_who_signed_in_at_the_server_is_named_in_the_log(root):
    lines: list[str] = []
    application = make_application(root, log=lines.append)
    Answer(
        application, "/x.git/info/refs?service=git-upload-pack", REMOTE_USER="ann", REMOTE_ADDR="192.0.2.1"
    )
    assert lines[0].startswith('192.0.2.1 ann "GET /x.git/info/refs?service=git-upload-pack HTTP/1.0" 200 ')


def test_a_path_of_any_bytes_is_found(root):
    make_repository(root / "gr\N{LATIN SMALL LETTER U WITH DIAERESIS}n 1.git", history(commits=1))
    path = "/gr\N{LATIN SMALL LETTER U WITH DIAERESIS}n 1.git/info/refs?service=git-upload-pack"
    raw = path.encode().decode("latin-1")
    assert Answer(make_application(root), raw).status == "200 OK"


@pytest.mark.parametrize("name", ["HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"])
def test_a_header_that_poses_as_one_of_the_body_changes_nothing(root, name):
    class Unchecked:
        def __call__(self, environ: Any, start_response: Any) -> Any:
            return make_application(root)({**environ, name: "x"}, start_response)

    assert posted(Unchecked(), b"0000", CONTENT_LENGTH="4").status == "200 OK"


def test_the_application_is_made_of_variables(root, tmp_path):
    (tmp_path / "users").write_text("ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n")
    variables = {
        "PACKCORE_ROOT": str(root),
        "PACKCORE_ALLOW_PUSH": "1",
        "PACKCORE_EXPORT_ALL": "false",
        "PACKCORE_HTPASSWD": str(tmp_path / "users"),
        "PACKCORE_MAX_PUSH": "1000",
    }
    settings = application_of(variables).settings  # type: ignore[attr-defined]
    assert settings.allow_push
    assert settings.passwords.admits("ann", b"secret")
    assert settings.limits.pack_bytes == 1000


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({}, "PACKCORE_ROOT is not set"),
        ({"PACKCORE_ROOT": ".", "PACKCORE_ALLOW_PUSH": "maybe"}, "PACKCORE_ALLOW_PUSH must be 1 or 0"),
        ({"PACKCORE_ROOT": ".", "PACKCORE_MAX_PUSH": "1g"}, "PACKCORE_MAX_PUSH must be a number of bytes"),
    ],
)
def test_a_variable_that_is_wrong_is_named(variables, words):
    with pytest.raises(InvalidRequest, match=words):
        application_of(variables)


def test_a_folder_that_is_not_there_is_an_error_at_once(tmp_path):
    with pytest.raises(RepositoryError, match="no folder"):
        make_application(tmp_path / "absent")


def test_the_environment_is_read_when_application_is_looked_up_not_at_import(root, monkeypatch):
    module = importlib.import_module("transport.server.wsgi")
    monkeypatch.delitem(vars(module), "application", raising=False)
    monkeypatch.delenv("PACKCORE_ROOT", raising=False)
    with pytest.raises(InvalidRequest):
        _ = module.application
    monkeypatch.setenv("PACKCORE_ROOT", str(root))
    assert module.application is module.application
    monkeypatch.delitem(vars(module), "application")


def test_another_name_of_the_module_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nonsense"):
        _ = importlib.import_module("transport.server.wsgi").nonsense
