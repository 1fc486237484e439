"""How ssh is called: as git calls it, and never with a word that it could misread."""

from __future__ import annotations

import os
import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transport.endpoint import Endpoint
from transport.errors import AuthenticationRequired, InvalidOption, NetworkError, RemoteError
from transport.ssh_rules import remote_command, ssh_arguments, ssh_error, ssh_program


def command_line(url: str, *, version: int = 2, **environment: str) -> list[str]:
    program = ssh_program(environment)
    endpoint = Endpoint.parse(url)
    return ssh_arguments(
        program,
        program.variant or "ssh",
        endpoint,
        remote_command("git-upload-pack", endpoint.path),
        version=version,
        connect_timeout=7.4,
    )


OPENSSH = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=7"]


@pytest.mark.parametrize(
    ("url", "environment", "expected"),
    [
        ("ssh://h/x", {}, ["ssh", *OPENSSH, "-o", "SendEnv=GIT_PROTOCOL", "h", "git-upload-pack '/x'"]),
        ("me@H:x y", {"GIT_SSH": "/a b/ssh"}, ["/a b/ssh", *OPENSSH, "me@H", "git-upload-pack 'x y'"]),
        (
            "ssh://me@[::1]:22/~/x",
            {"GIT_SSH_COMMAND": "ssh -i 'a b'", "GIT_SSH": "ignored"},
            ["ssh", "-i", "a b", *OPENSSH, "-p", "22", "me@::1", "git-upload-pack '~/x'"],
        ),
        (
            "ssh://h:1/x",
            {"GIT_SSH": "plink.exe"},
            ["plink.exe", "-batch", "-P", "1", "h", "git-upload-pack '/x'"],
        ),
        ("ssh://h/x", {"GIT_SSH": "w", "GIT_SSH_VARIANT": "simple"}, ["w", "h", "git-upload-pack '/x'"]),
        (
            "ssh://h/x",
            {"GIT_SSH_COMMAND": "K=~/k ssh -i $K"},
            ["sh", "-c", 'K=~/k ssh -i $K "$@"', "K=~/k ssh -i $K", *OPENSSH, "h", "git-upload-pack '/x'"],
        ),
    ],
)
def test_the_command_line(url, environment, expected):
    environment = {"GIT_SSH_VARIANT": "ssh" if "K=" in str(environment) else "auto", **environment}
    version = 2 if "SendEnv=GIT_PROTOCOL" in expected else 0
    assert command_line(url, version=version, **environment) == expected


@pytest.mark.parametrize(
    ("program", "variant"),
    [
        ("ssh", "ssh"),
        ("/usr/bin/ssh", "ssh"),
        ("C:\\x\\TortoisePlink.exe", "tortoiseplink"),
        ("wrapper", None),
    ],
)
def test_the_variant_follows_the_programs_name(program, variant):
    assert ssh_program({"GIT_SSH": program}).variant == variant


@pytest.mark.parametrize(
    "environment",
    [{"GIT_SSH_COMMAND": "ssh 'x"}, {"GIT_SSH_COMMAND": " "}, {"GIT_SSH_VARIANT": "fast"}],
)
def test_a_variable_that_makes_no_sense_is_named(environment):
    with pytest.raises(InvalidOption, match=next(iter(environment))):
        ssh_program(environment)


def test_the_simple_variant_has_no_port():
    with pytest.raises(InvalidOption, match="port"):
        command_line("ssh://h:1/x", GIT_SSH="w", GIT_SSH_VARIANT="simple")


@given(
    st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), min_size=1, max_size=20)
)
def test_any_path_is_one_word_of_a_shell(path):
    expected = path[1:] if path.startswith("/~") else path
    assert shlex.split(remote_command("git-upload-pack", path)) == ["git-upload-pack", expected]


@pytest.mark.parametrize("path", ["it's", "a!b", "$(x) `y`", 'q"q\\', "é"])
def test_a_real_shell_reads_the_path_back(path):
    command = remote_command("git-upload-pack", path).replace("git-upload-pack", "printf %s", 1)
    done = subprocess.run(["sh", "-c", command], capture_output=True, check=True)
    assert os.fsdecode(done.stdout) == path


@pytest.mark.parametrize(
    ("code", "said", "kind", "exit_code"),
    [
        (255, "me@h: Permission denied (publickey).", AuthenticationRequired, 5),
        (255, "Host key verification failed.", NetworkError, 4),
        (255, "ssh: connect to host h port 22: Connection refused", NetworkError, 4),
        (127, "git-upload-pack: command not found", RemoteError, 4),
        (128, "fatal: not a git repository", RemoteError, 4),
        (1, "", RemoteError, 4),
    ],
)
def test_an_exit_code_becomes_the_matching_error(code, said, kind, exit_code):
    error = ssh_error("ssh://h/x", code, said)
    assert error is not None
    assert type(error) is kind
    assert error.exit_code == exit_code
    assert said in str(error)


def test_success_is_not_an_error():
    assert ssh_error("ssh://h/x", 0, "") is None
