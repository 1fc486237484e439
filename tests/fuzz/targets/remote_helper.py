"""What git tells a remote helper, and what its configuration says."""

from __future__ import annotations

from io import BytesIO

from tests.fuzz.shapes import LINES, PACKETS
from tests.fuzz.target import target
from transport.remote_helper.answers import Verdict
from transport.remote_helper.carrier import read_packets
from transport.remote_helper.commands import Push, SetOption, parse_command, quoted, unquoted
from transport.remote_helper.git_config import parse_config, settings_for
from transport.remote_helper.options import HelperOptions

_ID = b"1b" * 20
_URL = "https://me@git.example.com:8443/team/x.git"


@target(
    seeds=lambda: [
        b"capabilities\noption verbosity 1\noption progress true\nlist for-push\n\n",
        b"option cas refs/heads/main:" + _ID + b"\npush +refs/heads/main:refs/heads/main\npush :refs/x\n\n",
        b'option push-option "a\\"b\\tc"\noption depth 3\noption deepen-not v1\noption filter blob:none\n',
        b"fetch " + _ID + b" refs/heads/main\nstateless-connect git-upload-pack\nconnect git-receive-pack\n",
    ],
    shape=LINES,
    words=(
        b"option ",
        b"push ",
        b"push +",
        b"cas ",
        b"refs/heads/",
        b":",
        b'"',
        b"\\",
        b"\\303",
        _ID,
        b"true",
    ),
)
def helper_commands(data: bytes) -> None:
    """Take lines as a session does; a verdict on each pushed ref fits one line again."""
    options = HelperOptions()
    for line in data.split(b"\n"):
        command = parse_command(line)
        if isinstance(command, SetOption):
            answer = options.set(command.name, command.value)
            assert answer.split(" ")[0] in ("ok", "unsupported", "error"), answer
            assert "\n" not in answer, answer
        assert b"\n" not in quoted(line)
        assert unquoted(quoted(line)) == line
        if isinstance(command, Push):
            told = Verdict(command.target, error=command.target).lines()
            assert all(b"\n" not in part for part in told), told


@target(
    seeds=lambda: [
        b"http.proxy\nhttp://p:1\0http.https://git.example.com:8443/.extraheader\nX-A: b\0core.bare\0",
        b"http.https://*.example.com:8443/team.sslverify\nfalse\0packcore.maxpackbytes\n100m\0",
        b"remote.o.proxy\n\0packcore.idletimeout\n2.5\0packcore.jobs\n4\0ssh.variant\nplink\0",
    ],
    words=(
        b"\0",
        b"\n",
        b"http.",
        b"https://",
        b".proxy",
        b".extraheader",
        b"packcore.",
        b"*.",
        b"[::1]",
        b"%2f",
    ),
)
def git_config_list(data: bytes) -> None:
    """Read what `git config -z --list` prints, for one URL."""
    settings_for(parse_config(data), _URL, "o", {})


@target(
    seeds=lambda: [b"0011command=fetch0001000fwant 12345\n0000", b"0000", b"000ahello\n0000"],
    shape=PACKETS,
    words=(b"0000", b"0001", b"0002", b"ffff"),
)
def helper_packets(data: bytes) -> None:
    """Read git's requests out of one stream; they are the bytes that were there."""
    stream = BytesIO(data)
    found = []
    while (packets := read_packets(stream)) is not None:
        found.append(packets + b"0000")
    assert len(b"".join(found)) == len(data)
