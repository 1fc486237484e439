"""A canary in each credential there is, a server that sings it back everywhere, and silence at every way out.

Each run has -v, --debug, the trace, a receipt, a record and metrics, as text and as JSON. What left the
program (stdout, stderr, all files that it wrote) is searched for the canary: plain, in base64 at every
alignment, in hex; percent-coded it would be plain, as it is made of letters and digits around a few odd
characters.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

import pytest

from tests.echo_server import PLACES, echo_server
from tests.support import ROOT, git_environment, history, make_repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.e2e

CORE = "Canary7xQ9zLmW2kVt5"
CANARY = f"/+&'\"{CORE}%\\? é"
ASCII_CANARY = f"/+&'\"{CORE}%\\? ="
TOKEN_CANARY = f"tok_{CORE}"


def needles() -> list[bytes]:
    """Return what must be found nowhere, in lower case but for base64."""
    found = [CORE.encode().hex().encode()]  # base64url is base64 here: its letters and digits are the same
    for skipped, start in enumerate((0, 2, 3)):
        whole = b"\0" * skipped + CORE.encode()
        found.append(base64.b64encode(whole)[start : len(whole) * 8 // 6])
    return found


def leaks(data: bytes) -> list[bytes]:
    """Return which forms of the canary, or of a good part of it, are in there."""
    # Half of it is a leak too: a cut line may have let it through.
    halves = [CORE[:10].encode(), CORE[-10:].encode()]
    lowered = data.lower()
    return [
        form for form in (*needles(), *halves) if form in data or (form.lower() in lowered and form.isalnum())
    ]


class Given(NamedTuple):
    """How a credential is given: words of the command line, the environment, the URL of a side."""

    arguments: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    userinfo: str = ""
    is_proxy: bool = False


def netrc(folder: Path) -> Given:
    path = folder / "netrc"
    word = CANARY.replace("\\", "\\\\").replace('"', '\\"')
    path.write_text(f'machine 127.0.0.1 login me password "{word}"\n')
    return Given(environment=(("NETRC", str(path)),))


def helper(folder: Path, wait_for: Path | None = None) -> Given:
    """Return a credential helper of git's; it answers once `wait_for` exists, or after ten seconds."""
    script = folder / "helper"
    (folder / "answer").write_text(f"username=me\npassword={CANARY}\n")
    waiting = f'i=0; while [ ! -e "{wait_for}" ] && [ $i -lt 200 ]; do sleep 0.05; i=$((i+1)); done\n'
    script.write_text(
        f'#!/bin/sh\n{waiting if wait_for else ""}[ "$1" = get ] && cat "{folder}/answer"\nexit 0\n'
    )
    script.chmod(0o755)
    return Given(
        environment=(
            ("GIT_CONFIG_COUNT", "1"),
            ("GIT_CONFIG_KEY_0", "credential.helper"),
            ("GIT_CONFIG_VALUE_0", str(script)),
        )
    )


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


CREDENTIALS: dict[str, Callable[[Path], Given]] = {
    "token option": lambda _: Given(("--{side}-token", CANARY)),
    "token and user options": lambda _: Given(("--{side}-token", CANARY, "--{side}-username", "joe")),
    "token as the user": lambda _: Given(("--{side}-token", "x", "--{side}-username", TOKEN_CANARY)),
    "bearer option": lambda _: Given(("--{side}-bearer-token", ASCII_CANARY)),
    "token variable": lambda _: Given(environment=(("PACKCORE_{SIDE}_TOKEN", CANARY),)),
    "token variable of git-sync": lambda _: Given(environment=(("GITSYNC_{SIDE}_TOKEN", CANARY),)),
    "bearer variable": lambda _: Given(environment=(("PACKCORE_{SIDE}_BEARER_TOKEN", ASCII_CANARY),)),
    "password of the URL": lambda _: Given(userinfo=f"me:{quote(CANARY, safe='')}@"),
    "token as the URL's user": lambda _: Given(userinfo=f"{TOKEN_CANARY}:@"),
    "token as the URL's user alone": lambda _: Given(userinfo=f"{TOKEN_CANARY}@"),
    "netrc": netrc,
    "credential helper": helper,
    "Basic header": lambda _: Given(("--{side}-header", f"Authorization: {basic('me', CANARY)}")),
    "Bearer header": lambda _: Given(("--{side}-header", f"Authorization: Bearer {ASCII_CANARY}")),
    "header of its own": lambda _: Given(
        ("--{side}-header", f"X-Secret: {ASCII_CANARY}", "--{side}-token", "hush")
    ),
    "cookie": lambda _: Given(("--{side}-header", f"Cookie: sid={TOKEN_CANARY}", "--{side}-token", "hush")),
    "proxy": lambda _: Given(
        environment=(("http_proxy", "http://pr:" + quote(CANARY, safe="") + "@{authority}"),), is_proxy=True
    ),
}


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_repository(tmp_path_factory.mktemp("canaries") / "x.git", history(commits=2))


def command_line(given: Given, side: str, authority: str, url: str) -> tuple[list[str], dict[str, str]]:
    """Fill in the side and the server."""
    arguments = [word.replace("{side}", side) for word in given.arguments]
    environment = {
        name.replace("{SIDE}", side.upper()): value.replace("{authority}", authority)
        for name, value in given.environment
    }
    return arguments, {"HOME": "/nonexistent", "PACKCORE_HTTP_TRACE": "1", **environment}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("credential", CREDENTIALS)
def test_no_way_out_shows_a_credential(packcore, tmp_path, local, credential, place):
    given = CREDENTIALS[credential](tmp_path)
    kept = tmp_path / "kept"
    kept.mkdir()
    with echo_server(place) as server:
        host = "example.invalid" if given.is_proxy else server.authority
        url = f"http://{given.userinfo}{host}/x.git"
        side = "target" if place == "refused" else "source"
        sides = [local, url] if side == "target" else [url, make_target(tmp_path)]
        arguments, environment = command_line(given, side, server.authority, url)
        for number, more in enumerate((["-v"], ["--json"])):
            done = packcore(
                *("sync", *sides, *more, *arguments, "--debug", "--progress"),
                *("--receipt", kept / f"receipt{number}", "--record", kept / f"record{number}"),
                *("--host-profile", kept / "profile", "--metrics", kept / f"metrics{number}"),
                env=environment,
            )
            assert done.exit_code in (1, 4, 5), done.stderr
            assert "[http " in done.stderr, "nothing was asked"
            assert not leaks(done.stdout_bytes + done.stderr_bytes), done.output
        assert server.heard, "no credential was sent: there was nothing to hide"
    for path in kept.iterdir():
        assert not leaks(path.read_bytes()), path.read_text()
        if path.name.startswith("record"):
            assert not leaks(heads(path.read_text())), path.read_text()


def heads(record: str) -> bytes:
    """Return the first bytes of each recorded line."""
    events = (json.loads(line) for line in record.splitlines())
    return b"\n".join(bytes.fromhex(event["head"]) for event in events if "head" in event)


def make_target(folder: Path) -> Path:
    return make_repository(folder / "target.git", history(commits=1))


@pytest.mark.parametrize("command", ["probe", "ls-refs", "fetch", "plan"])
@pytest.mark.parametrize("place", ["unauthorized", "ERR", "refs"])
def test_other_commands_keep_it_too(packcore, tmp_path, local, command, place):
    words = {
        "probe": ["--json"],
        "ls-refs": [],
        "fetch": ["--into", str(tmp_path / "into.git")],
        "plan": [str(make_target(tmp_path))],
    }[command]
    with echo_server(place) as server:
        done = packcore(
            command, f"http://{server.authority}/x.git", *words, "--source-token", CANARY, "--debug",
            env={"HOME": "/nonexistent", "PACKCORE_HTTP_TRACE": "1"},
        )  # fmt: skip
        assert server.heard
    assert not leaks(done.stdout_bytes + done.stderr_bytes), done.output


@pytest.mark.parametrize("executor", ["threads", "processes"])
@pytest.mark.parametrize("credential", ["token-env", "netrc", "header-env", "bearer-token-env"])
def test_a_fleet_keeps_them_wherever_its_pairs_run(tmp_path, executor, credential):
    """In a process of its own, whose children's command lines are watched meanwhile."""
    environment = {"NETRC": "/nonexistent", "PACKCORE_HTTP_TRACE": "1"}
    key = ""
    if credential == "netrc":
        environment |= dict(netrc(tmp_path).environment)
    else:
        values = {
            "token-env": CANARY,
            "header-env": f"Authorization: {basic('me', CANARY)}",
            "bearer-token-env": ASCII_CANARY,
        }
        environment["THE_SECRET"] = values[credential]
        key = f'source-{credential} = "THE_SECRET"\n'
    pairs = ""
    with echo_server("refs") as refs, echo_server("unauthorized") as refusing:
        for number, server in enumerate((refs, refusing)):
            target = make_repository(tmp_path / f"t{number}.git", history(commits=1))
            pairs += f'[[pair]]\nname = "{number}"\nsource = "http://{server.authority}/x.git"\n'
            pairs += f'target = "{target}"\n{key}'
        (tmp_path / "fleet.toml").write_text(pairs)
        for more in (["-v"], ["--json"]):
            arguments = ["sync", "--manifest", tmp_path / "fleet.toml", "--executor", executor, "--debug"]
            kept = [tmp_path / "receipt", tmp_path / "metrics"]
            files = ["--receipt", kept[0], "--metrics", kept[1]]
            said, seen = run_watched(*arguments, *files, *more, env=environment)
            assert not leaks(said + b"".join(path.read_bytes() for path in kept)), said.decode()
            assert not leaks(seen)
        assert refs.heard, refusing.heard
    assert b'"name": "1"' in said


def test_no_child_has_a_secret_among_its_arguments(tmp_path):
    was_seen = tmp_path / "was-seen"
    given = helper(tmp_path, wait_for=was_seen)
    target = make_target(tmp_path)
    with echo_server("refs") as server:
        environment = dict(given.environment) | {"PACKCORE_HTTP_TRACE": "1", "HOME": "/nonexistent"}
        said, seen = run_watched(
            "sync",
            f"http://{server.authority}/x.git",
            target,
            "--debug",
            env=environment,
            sign=(b"credential", was_seen),
        )
    assert b"credential" in seen, "git was not seen running"
    assert not leaks(said + seen)


def test_a_password_is_never_handed_to_a_helper_program(packcore, tmp_path):
    program = tmp_path / "git-remote-odd"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for userinfo in ("me:" + quote(CANARY, safe=""), TOKEN_CANARY):
        done = packcore("ls-refs", f"odd://{userinfo}@host/x", env={"PATH": str(tmp_path)})
        assert done.exit_code == 2
        assert "would be visible in the process list" in done.stderr
        assert not leaks(done.stderr_bytes)


def test_the_log_of_a_server_keeps_what_clients_send(tmp_path, local):
    hashed = base64.b64encode(hashlib.sha1(CANARY.encode()).digest()).decode()
    (tmp_path / "users").write_text(f"me:{{SHA}}{hashed}\n")
    words = ["serve", local.parent, "--port", "0", "--htpasswd", tmp_path / "users", "--allow-push", "-v"]
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", *map(str, words)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=git_environment({"PACKCORE_HTTP_TRACE": "1"}),
    )
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        port = int(re.search(rb"127\.0\.0\.1:(\d+)", first)[1])  # type: ignore[index]
        told = quote(CANARY, safe="")
        for path in ("/x.git", f"http://me:{told}@h/x.git"):
            for user in ("me", "nobody", TOKEN_CANARY):
                for service in ("git-upload-pack", f"git-upload-pack&private_token={told}"):
                    line = f"GET {path}/info/refs?service={service} HTTP/1.1\r\nHost: h\r\n"
                    line += f"Authorization: {basic(user, CANARY)}\r\nConnection: close\r\n\r\n"
                    with socket.create_connection(("127.0.0.1", port)) as client:
                        client.sendall(line.encode())
                        assert client.recv(4096).startswith(b"HTTP/1.1 ")
    finally:
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=30)
    lines = said.splitlines()
    assert len([line for line in lines if b"info/refs" in line]) == 12
    assert not leaks(said), said.decode()
    assert hashed.encode() not in said


def test_the_search_finds_what_it_looks_for():
    for form in (
        CANARY,
        quote(CANARY),
        base64.b64encode(CANARY.encode()).decode(),
        basic("me", CANARY),
        basic("you!", CANARY),
        CANARY.encode().hex().upper(),
        CANARY[: CANARY.index(CORE) + 12],
    ):
        assert leaks(form.encode())
    assert not leaks(b"Authorization: Basic ***")


def run_watched(
    *arguments: object, env: dict[str, str], sign: tuple[bytes, Path] | None = None
) -> tuple[bytes, bytes]:
    """Run the program; return all that it said, and the command lines of all that it started.

    `sign`: make this file once a command line with these words has been seen.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=git_environment(env),
    )
    seen: set[bytes] = set()
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(process.pid, seen, over, sign))
    watcher.start()
    try:
        said, _ = process.communicate(timeout=120)
    finally:
        process.kill()
        over.set()
        watcher.join()
    return said, b"\n".join(seen)


def _watch(parent: int, seen: set[bytes], over: threading.Event, sign: tuple[bytes, Path] | None) -> None:
    while not over.is_set():
        for line in _command_lines(parent):
            seen.add(line)
            if sign is not None and sign[0] in line:
                sign[1].touch()
        time.sleep(0.001)


def _command_lines(parent: int) -> Iterator[bytes]:
    family = {parent}
    for name in sorted((name for name in os.listdir("/proc") if name.isdigit()), key=int):
        try:
            stat = Path("/proc", name, "stat").read_text().rpartition(")")[2].split()
            if int(stat[1]) in family:
                family.add(int(name))
                yield Path("/proc", name, "cmdline").read_bytes()
        except OSError:
            continue


def test_a_push_option_of_a_manifest_is_not_shown_either(packcore, tmp_path, local):
    with echo_server("refused") as server:
        (tmp_path / "fleet.toml").write_text(
            f'[[pair]]\nsource = "{local}"\ntarget = "http://{server.authority}/x.git"\n'
            f'target-token-env = "HUSH"\npush-option = ["api-token={TOKEN_CANARY}"]\n'
        )
        for more in (["-v"], ["--json"]):
            done = packcore(
                *("sync", "--manifest", tmp_path / "fleet.toml", "--debug", *more),
                *("--receipt", tmp_path / "receipt"),
                env={"HOME": "/nonexistent", "PACKCORE_HTTP_TRACE": "1", "HUSH": "hush"},
            )
            assert not leaks(done.stdout_bytes + done.stderr_bytes), done.output
            assert not leaks((tmp_path / "receipt").read_bytes())
        assert f"api-token={TOKEN_CANARY}" in server.options, "it was not sent: there was nothing to hide"


@pytest.mark.parametrize("option", [f"ci.variable=PASS={CANARY}", f"token={CANARY}", TOKEN_CANARY])
def test_a_push_option_is_not_shown_though_the_server_repeats_it(packcore, tmp_path, local, option):
    kept = tmp_path / "kept"
    kept.mkdir()
    with echo_server("refused") as server:
        for number, more in enumerate((["-v"], ["--json"])):
            done = packcore(
                *(
                    "sync",
                    local,
                    f"http://{server.authority}/x.git",
                    "--target-token",
                    "hush",
                    "--debug",
                    *more,
                ),
                *("--push-option", option, "--receipt", kept / f"receipt{number}"),
                *("--record", kept / f"record{number}", "--progress"),
                env={"HOME": "/nonexistent", "PACKCORE_HTTP_TRACE": "1"},
            )
            assert done.exit_code in (1, 4), done.stderr
            assert not leaks(done.stdout_bytes + done.stderr_bytes), done.output
        assert option in server.options, "it was not sent: there was nothing to hide"
    for path in kept.iterdir():
        assert not leaks(path.read_bytes()), path.read_text()
        if path.name.startswith("record"):
            assert not leaks(heads(path.read_text())), path.read_text()


@pytest.mark.parametrize(
    "location",
    [
        f"http://me:{quote(CANARY, safe='')}@127.0.0.1:1/x.git/info/refs?service=git-upload-pack",
        f"http://127.0.0.1:1/x.git/info/refs?private_token={quote(CANARY, safe='')}&service=git-upload-pack",
    ],
    ids=["in the user's place", "in the query"],
)
def test_credentials_that_a_redirect_brings_are_not_shown(packcore, location):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        head = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

        def answer() -> None:
            for _ in range(2):
                connection, _address = listener.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(head.encode())

        thread = threading.Thread(target=answer)
        thread.start()
        for more in (["-v"], ["--json"]):
            done = packcore(
                *("probe", f"http://127.0.0.1:{listener.getsockname()[1]}/x.git", "--retries", "0"),
                *("--debug", *more),
                env={"HOME": "/nonexistent", "PACKCORE_HTTP_TRACE": "1"},
            )
            assert "Location: " in done.stderr
            assert not leaks(done.stdout_bytes + done.stderr_bytes), done.output
        thread.join()
