"""`git credential`: when it is asked, what it hears, and that it neither prompts nor leaks."""

from __future__ import annotations

import hashlib
import shlex
import sys
import threading
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import git_environment, history, make_repository, require
from tests.transport.http.scripted import answer, scripted
from tests.transport.server.serving import serving
from transport.auth import Credential
from transport.credentials import Filled, encode_question, encode_verdict, parse_answer
from transport.endpoint import Endpoint
from transport.errors import AuthenticationRequired, HttpStatusError
from transport.listing import list_refs
from transport.options import TransportOptions
from transport.schemes import open_transport
from transport.schemes.http.git_credential import GitCredentialSource
from transport.server.htpasswd import Passwords

if TYPE_CHECKING:
    from pathlib import Path

ADVERTISEMENT = b"001e# service=git-upload-pack\n0000"
OK = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(ADVERTISEMENT), ADVERTISEMENT)
)
UNAUTHORISED = b'HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm="r"\r\nContent-Length: 0\r\n\r\n'
FORBIDDEN = b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"
HERE = Endpoint.parse("https://me@here.example:8443/team/x.git?y")

HELPER = """
import sys
told = sys.stdin.read()
with open({log!r}, "a") as log:
    log.write(sys.argv[1] + " " + " ".join(told.split("\\n")).strip() + "\\n")
if sys.argv[1] == "get":
    print({said!r})
"""


@dataclass
class Helper:
    """A credential helper that records its input."""

    folder: Path
    said: str = "username=me\npassword=hush"
    settings: str = ""

    def options(self, **more: object) -> TransportOptions:
        log, program = self.folder / "log", self.folder / "helper.py"
        program.write_text(HELPER.format(log=str(log), said=self.said))
        command = shlex.join([sys.executable, "-S", "-E", str(program)])
        (self.folder / "config").write_text(f'[credential]\n\thelper = "!{command}"\n{self.settings}')
        environment = git_environment(
            {"GIT_CONFIG_GLOBAL": str(self.folder / "config"), "HOME": str(self.folder)}
        )
        return TransportOptions(environment=environment, **more)  # type: ignore[arg-type]

    def heard(self) -> list[str]:
        log = self.folder / "log"
        return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def helper(tmp_path) -> Helper:
    require("git")
    return Helper(tmp_path)


def advertised(url: str, options: TransportOptions) -> bytes:
    transport = open_transport(url, options)
    with transport.advertise("git-upload-pack", version=2) as blocks:
        return b"".join(blocks)


def basic(text: str) -> str:
    return "Basic " + b64encode(text.encode()).decode()


def test_a_helper_is_asked_after_a_401_and_its_answer_is_approved_once(helper):
    options = helper.options()
    with scripted(answer(UNAUTHORISED), answer(OK), answer(OK)) as server:
        transport = open_transport(f"{server.url}/x.git", options)
        for _ in range(2):
            with transport.advertise("git-upload-pack", version=2) as blocks:
                assert b"".join(blocks) == ADVERTISEMENT
    assert "authorization" not in server.requests[0].headers
    assert server.requests[2].headers["authorization"] == basic("me:hush")
    place = f"protocol=http host=127.0.0.1:{server.port}"
    assert [line.split(" wwwauth")[0] for line in helper.heard()] == [
        f"get {place}",
        f"store {place} username=me password=hush",
    ]


def test_the_path_goes_along_where_git_is_set_to_use_it(helper):
    helper.settings = "\tuseHttpPath = true\n"
    options = helper.options()
    with scripted(answer(UNAUTHORISED), answer(OK)) as server:
        advertised(f"{server.url}/team/x.git", options)
    assert all(" path=team/x.git" in line for line in helper.heard())


def test_a_refused_answer_is_rejected_and_the_error_shows_no_secret(helper):
    lines: list[str] = []
    options = helper.options(trace=lines.append)
    with scripted(answer(UNAUTHORISED), answer(UNAUTHORISED)) as server:
        with pytest.raises(AuthenticationRequired, match="from git credential") as caught:
            advertised(f"{server.url}/x.git", options)
    assert [line.split()[0] for line in helper.heard()] == ["get", "erase"]
    assert "hush" not in "\n".join([*lines, str(caught.value), repr(caught.value), str(caught.value.hint)])


def test_a_403_to_what_the_helper_just_gave_rejects_it(helper):
    with scripted(answer(UNAUTHORISED), answer(FORBIDDEN)) as server, pytest.raises(HttpStatusError):
        advertised(f"{server.url}/x.git", helper.options())
    assert [line.split()[0] for line in helper.heard()] == ["get", "erase"]


def test_a_403_to_a_credential_that_has_worked_is_no_reason_to_forget_it(helper):
    options = helper.options()
    with scripted(answer(UNAUTHORISED), answer(OK), answer(FORBIDDEN)) as server:
        transport = open_transport(f"{server.url}/x.git", options)
        with transport.advertise("git-upload-pack", version=2) as blocks:
            list(blocks)
        with pytest.raises(HttpStatusError), transport.advertise("git-receive-pack", version=0):
            pass
    assert [line.split()[0] for line in helper.heard()] == ["get", "store"]


@pytest.mark.parametrize("status", [UNAUTHORISED, FORBIDDEN])
def test_no_helper_is_called_for_a_given_token_that_is_refused(helper, status):
    with scripted(answer(status)) as server, pytest.raises((AuthenticationRequired, HttpStatusError)):
        advertised(f"{server.url}/x.git", helper.options(token="given"))
    assert helper.heard() == []


def test_netrc_goes_first_and_a_refused_entry_leads_on_to_the_helper(helper, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login old password stale\n")
    with scripted(answer(UNAUTHORISED), answer(UNAUTHORISED), answer(OK)) as server:
        advertised(f"{server.url}/x.git", helper.options())
    sent = [request.headers.get("authorization") for request in server.requests]
    assert sent == [None, basic("old:stale"), basic("me:hush")]
    assert [line.split()[0] for line in helper.heard()] == ["get", "store"]


def test_there_is_no_prompt(tmp_path):
    require("git")
    asked = tmp_path / "asked"
    askpass = tmp_path / "askpass"
    askpass.write_text(f"#!/bin/sh\ntouch {asked}\necho hush\n")
    askpass.chmod(0o755)
    (tmp_path / "config").write_text(f"[core]\n\taskPass = {askpass}\n")
    environment = {
        **git_environment({"GIT_CONFIG_GLOBAL": str(tmp_path / "config")}),
        "GIT_ASKPASS": str(askpass),
        "SSH_ASKPASS": str(askpass),
        "DISPLAY": ":9",
        "GIT_TERMINAL_PROMPT": "1",
    }
    with scripted(answer(UNAUTHORISED)) as server:
        with pytest.raises(AuthenticationRequired, match="wants credentials"):
            advertised(f"{server.url}/x.git", TransportOptions(environment=environment))
    assert not asked.exists()


def test_a_helper_that_hangs_is_given_up(helper, tmp_path):
    (tmp_path / "config").write_text('[credential]\n\thelper = "!sleep 60; :"\n')
    environment = git_environment({"GIT_CONFIG_GLOBAL": str(tmp_path / "config")})
    source = GitCredentialSource(environment, answer_seconds=0.2)
    with pytest.raises(AuthenticationRequired, match="no answer"):
        source.fill(HERE, challenges=[], redirected=False)


def test_without_a_path_no_git_is_looked_for():
    assert GitCredentialSource({}).fill(HERE, challenges=[], redirected=False) is None


def test_the_configuration_in_the_current_folder_can_not_name_a_helper(helper, tmp_path, monkeypatch):
    asked = tmp_path / "asked"
    (tmp_path / ".git").mkdir()
    for name in ("objects", "refs"):
        (tmp_path / ".git" / name).mkdir()
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (tmp_path / ".git" / "config").write_text(f'[credential]\n\thelper = "!touch {asked}; :"\n')
    monkeypatch.chdir(tmp_path)
    GitCredentialSource(git_environment()).fill(HERE, challenges=[], redirected=False)
    assert not asked.exists()


def test_both_sides_may_ask_gits_own_store_at_the_same_time(tmp_path):
    require("git")
    root = tmp_path / "served"
    root.mkdir()
    (tmp_path / "config").write_text(f"[credential]\n\thelper = store --file={tmp_path / 'store'}\n")
    environment = git_environment({"GIT_CONFIG_GLOBAL": str(tmp_path / "config")})
    make_repository(root / "x.git", history(commits=2))
    with serving(root, passwords=Passwords({"me": "{SHA}" + _sha1("hush")})) as server:
        host = server.url.removeprefix("http://")
        (tmp_path / "store").write_text(f"http://me:hush@{host}\n")
        seen: list[int] = []

        def ask() -> None:
            transport = open_transport(f"{server.url}/x.git", TransportOptions(environment=environment))
            seen.append(len(list_refs(transport).refs))

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert seen == [1, 1, 1, 1]
        wrong = TransportOptions(environment=environment)
        (tmp_path / "store").write_text(f"http://me:stale@{host}\n")
        with pytest.raises(AuthenticationRequired):
            list_refs(open_transport(f"{server.url}/x.git", wrong))
        assert (tmp_path / "store").read_text() == ""


def _sha1(text: str) -> str:
    return b64encode(hashlib.sha1(text.encode()).digest()).decode()


# -- the words ------------------------------------------------------------------------------------


def test_the_question_that_a_helper_gets():
    assert encode_question(HERE, ["Basic realm=x", "Bad\r\nhost=evil"]) == (
        b"protocol=https\nhost=here.example:8443\npath=team/x.git\nusername=me\nwwwauth[]=Basic realm=x\n\n"
    )


@pytest.mark.parametrize(
    "endpoint",
    [
        Endpoint("https", "", "/x"),
        Endpoint("", "h", "/x"),
        Endpoint("https", "h\nhost=other", "/x"),
        Endpoint("https", "h", "/x%0ahost=other"),
        Endpoint("https", "h", "/x", user="a\rb"),
        Endpoint("https", "h", "/x", user="a\0b"),
    ],
)
def test_a_question_that_could_fetch_another_hosts_password_is_not_asked(endpoint):
    with pytest.raises(AuthenticationRequired):
        encode_question(endpoint)


@pytest.mark.parametrize("answer", [b"username=me\npassword=a\rb\n", b"username=me\npassword=a\0b\n"])
def test_an_answer_with_a_line_break_is_refused_without_its_words(answer):
    with pytest.raises(AuthenticationRequired) as caught:
        parse_answer(answer, HERE)
    assert "a\\rb" not in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense",
        b"username=me\n",
        b"username=other\npassword=x\n",
        b"host=elsewhere\nusername=me\npassword=x\n",
    ],
)
def test_an_answer_that_does_not_fit_is_none(answer):
    assert parse_answer(answer, HERE) is None


def test_what_a_helper_added_goes_back_with_the_verdict():
    filled = parse_answer(b"username=me\npassword=x\noauth_refresh_token=y\nother=z\n", HERE)
    assert filled is not None
    assert "x" not in repr(filled).replace("extra", "")
    assert encode_verdict(HERE, filled).endswith(b"username=me\npassword=x\noauth_refresh_token=y\n\n")


def test_bytes_that_are_not_utf8_are_passed_on_unchanged() -> None:
    filled = parse_answer(b"username=\xff\npassword=\xfe\n", HERE.without_user())
    assert filled is not None
    assert filled.credential.header_value() == "Basic " + b64encode(b"\xff:\xfe").decode()
    assert encode_verdict(HERE, filled).endswith(b"username=\xff\npassword=\xfe\n\n")


@given(st.binary(max_size=80))
def test_any_answer_is_read_or_refused(data):
    try:
        filled = parse_answer(data, HERE)
    except AuthenticationRequired:
        return
    assert filled is None or isinstance(filled, Filled)


def test_a_credential_of_a_helper_does_not_show_itself():
    assert "hush" not in repr(Filled(Credential("hush", "hush", "git credential"), (("a", "hush"),)))
