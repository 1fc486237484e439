"""What git's configuration, its credentials and its wish for progress mean to the helper."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e import slow_strategy
from tests.e2e.desk import Desk
from tests.e2e.nginx import PASSWORD, USER
from tests.support import ROOT, git, git_environment, ls_remote
from tests.transport.server.serving import serving

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.nginx import GitHttpServer
    from tests.e2e.places import Place

pytestmark = pytest.mark.e2e


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path / "desk")
    made.begin()
    made.commit(a="one\n")
    return made


@pytest.fixture
def target(server: GitHttpServer, place: Place) -> Path:
    return server.create(place.path("x.git"))


def url_of(server: GitHttpServer, place: Place, kind: str, **options: str) -> str:
    return Desk.ours(server.url(place.path("x.git"), kind, **options))


def test_gits_own_credential_helper_is_asked_and_told(
    desk: Desk, server: GitHttpServer, place: Place, target: Path
) -> None:
    told = desk.folder / "told"
    answer = f'test "$1" = get && printf "username={USER}\\npassword={PASSWORD}\\n"; echo "$1" >> {told}'
    git("config", "credential.helper", f"!f() {{ {answer}; }}; f", cwd=desk.work)
    said = desk.must("push", url_of(server, place, "auth"), "main")
    assert ls_remote(target)
    assert told.read_text().split() == ["get", "store"]
    assert PASSWORD not in said.stderr


def test_a_password_that_is_refused_is_told_and_not_shown(
    desk: Desk, server: GitHttpServer, place: Place, target: Path
) -> None:
    url = url_of(server, place, "auth", user="someone:wrong-secret")
    said = desk.fails("push", url, "main")
    assert "packcore: error:" in said.stderr
    own = [line for line in said.stderr.splitlines() if line.startswith(("packcore:", "hint:"))]
    assert not any("wrong-secret" in line for line in own)
    assert ls_remote(target) == {}


def test_extra_headers_and_certificates_of_the_configuration_count(
    desk: Desk, server: GitHttpServer, place: Place, target: Path
) -> None:
    url = url_of(server, place, "tls")
    assert "certificate" in desk.fails("push", url, "main").stderr
    desk.must("-c", f"http.sslCAInfo={server.certificate}", "push", url, "main")
    desk.must("-c", "http.https://localhost/.sslVerify=true", "-c", "http.sslVerify=false",
              "push", url, "main:two")  # fmt: skip
    basic = "Authorization: Basic bWlycm9yOmNvcnJlY3QgaG9yc2U="
    auth = url_of(server, place, "auth")
    base = server.url("", "auth")
    said = desk.must("-c", f"http.{base}.extraHeader={basic}", "push", auth, "main:three")
    assert "bWlycm9y" not in said.stderr
    assert len(ls_remote(target)) == 3


def test_a_proxy_of_the_configuration_is_used(
    desk: Desk, server: GitHttpServer, place: Place, target: Path
) -> None:
    said = desk.fails("-c", "http.proxy=http://127.0.0.1:9", "push", url_of(server, place, "plain"), "main")
    assert "127.0.0.1:9" in said.stderr
    assert ls_remote(target) == {}


def test_a_trace_shows_requests_without_secrets(
    desk: Desk, server: GitHttpServer, place: Place, target: Path
) -> None:
    desk.environment["PACKCORE_HTTP_TRACE"] = "1"
    said = desk.must("push", url_of(server, place, "auth", user=f"{USER}:correct%20horse"), "main")
    traced = [line for line in said.stderr.splitlines() if line.startswith("[http]")]
    assert any("POST" in line for line in traced)
    assert not any("horse" in line or "bWlycm9y" in line for line in traced)


@pytest.mark.parametrize(
    ("flags", "shown"), [(["--progress"], True), ([], False), (["--quiet"], False)], ids=str
)
def test_progress_is_shown_when_git_asks_for_it(
    desk: Desk, server: GitHttpServer, place: Place, target: Path, flags: list[str], shown: bool
) -> None:
    said = desk.must("push", *flags, url_of(server, place, "plain"), "main")
    assert ("selected 3 objects" in said.stderr) is shown
    if flags == ["--quiet"]:
        assert said.stderr == ""


def test_what_a_server_says_is_shown_as_git_shows_it(
    desk: Desk, server: GitHttpServer, place: Place, target: Path
) -> None:
    hook = target / "hooks" / "post-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nprintf 'see \\033[31mhttps://example.com/new\\n'\n")
    hook.chmod(0o755)
    said = desk.must("push", url_of(server, place, "plain"), "main")
    assert "remote: see " in said.stderr
    assert "https://example.com/new" in said.stderr
    assert "\033" not in said.stderr


def test_what_a_host_takes_is_remembered_for_the_next_push(
    desk: Desk, server: GitHttpServer, place: Place, target: Path
) -> None:
    (desk.work / "large").write_bytes(os.urandom(700_000))
    desk.commit()
    (desk.work / "larger").write_bytes(os.urandom(700_000))
    desk.commit()
    desk.must("push", url_of(server, place, "small"), "main")
    assert "bodyBytesMax" in (desk.work / ".git" / "packcore" / "hosts.json").read_text()


def test_a_setting_that_cannot_be_heeded_is_told(
    desk: Desk, server: GitHttpServer, place: Place, target: Path
) -> None:
    said = desk.must("-c", "http.sslCert=me.pem", "push", url_of(server, place, "plain"), "main")
    assert "http.sslcert is set, and packcore can't heed it" in said.stderr


def test_ctrl_c_while_deltas_are_selected_leaves_the_target_as_it_was(
    desk: Desk, server: GitHttpServer, place: Place, target: Path, tmp_path: Path
) -> None:
    slow = slow_strategy.install(tmp_path / "plugin", 60)
    paths = os.pathsep.join(map(str, (slow.folder, ROOT)))
    with subprocess.Popen(
        ["git", "-c", "packcore.strategy=slow", "push", url_of(server, place, "plain"), "main"],
        cwd=desk.work,
        env=git_environment({"PYTHONPATH": paths, **desk.environment}),
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        ends = time.monotonic() + 60
        while not slow.has_begun() and time.monotonic() < ends:
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)
        assert process.stderr is not None
        said = process.stderr.read().decode()
        assert process.wait(30) != 0
    assert "Traceback" not in said
    assert ls_remote(target) == {}


def test_without_arguments_it_says_what_it_is_for(desk: Desk) -> None:
    said = subprocess.run(
        [desk.folder / "bin" / "git-remote-packcore"],
        capture_output=True,
        env=git_environment({"PYTHONPATH": str(ROOT), **desk.environment}),
        check=False,
    )
    assert said.returncode == 2
    assert b"git push packcore::https://example.com/x.git main" in said.stderr


def test_a_password_is_asked_for_on_the_terminal(
    desk: Desk, server: GitHttpServer, place: Place, target: Path
) -> None:
    """As with git alone: `git credential` asks on the terminal that the user sits at."""
    leader, follower = pty.openpty()
    environment = git_environment({"PYTHONPATH": str(ROOT), **desk.environment, "GIT_TERMINAL_PROMPT": "1"})
    with subprocess.Popen(
        ["setsid", "--ctty", "git", "push", url_of(server, place, "auth"), "main"],
        cwd=desk.work,
        env=environment,
        stdin=follower,
        stdout=follower,
        stderr=follower,
    ) as process:
        os.close(follower)
        said = b""
        answers = [(b"Username for", USER.encode()), (b"Password for", PASSWORD.encode())]
        ends = time.monotonic() + 60
        while time.monotonic() < ends:
            ready, _, _ = select.select([leader], [], [], 1)
            if not ready:
                continue
            try:
                data = os.read(leader, 4096)
            except OSError:
                break
            if not data:
                break
            said += data
            if answers and answers[0][0] in said:
                os.write(leader, answers.pop(0)[1] + b"\n")
        assert process.wait(30) == 0, said
    os.close(leader)
    assert PASSWORD.encode() not in said
    assert ls_remote(target)


def test_it_serves_a_repository_of_our_own_server_too(desk: Desk, tmp_path: Path) -> None:
    root = tmp_path / "served"
    git("init", "-q", "--bare", root / "x.git")
    with serving(root) as own:
        desk.must("push", desk.ours(f"{own.url}/x.git"), "main")
    assert ls_remote(root / "x.git")
