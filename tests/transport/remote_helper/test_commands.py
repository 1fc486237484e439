"""Lines of git as commands; quotes as git writes and reads them."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import git_bytes, init_repository
from transport.errors import LocalProtocolError
from transport.remote_helper.commands import (
    Capabilities,
    Connect,
    Fetch,
    ListRefs,
    Push,
    SetOption,
    parse_command,
    quoted,
    unquoted,
)

OID = "1b" * 20


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (b"", None),
        (b"capabilities", Capabilities()),
        (b"list", ListRefs(for_push=False)),
        (b"list for-push", ListRefs(for_push=True)),
        (b"option verbosity 1", SetOption("verbosity", "1")),
        (b"option object-format", SetOption("object-format", "")),
        (b'option push-option "a\\"b\\n\\303\\244"', SetOption("push-option", 'a"b\nä')),
        (b"push refs/heads/a:refs/heads/b", Push("refs/heads/a", "refs/heads/b", force=False)),
        (b"push +refs/heads/a:refs/heads/b", Push("refs/heads/a", "refs/heads/b", force=True)),
        (b"push :refs/heads/b", Push("", "refs/heads/b", force=False)),
        (b"push main:a file:refs/heads/b", Push("main:a file", "refs/heads/b", force=False)),
        (b"push :/fix: it:refs/heads/b", Push(":/fix: it", "refs/heads/b", force=False)),
        (b"push x:refs/heads/\xff", Push("x", "refs/heads/\udcff", force=False)),
        (f"fetch {OID} refs/heads/main".encode(), Fetch(OID, "refs/heads/main")),
        (b"connect git-receive-pack", Connect("git-receive-pack", stateless=False)),
        (b"stateless-connect git-upload-pack", Connect("git-upload-pack", stateless=True)),
    ],
)
def test_a_line_is_a_command(line, command):
    assert parse_command(line) == command


@pytest.mark.parametrize(
    "line",
    [b"lists", b"list for-fetch", b"push", b"push main", b"push main:", b"option", b"fetch 12 x", b"connect",
     b'option push-option "open', b'option push-option "a\\q"', b"import refs/heads/main"],
)  # fmt: skip
def test_what_git_does_not_send_is_an_error_in_one_line(line):
    with pytest.raises(LocalProtocolError) as raised:
        parse_command(line)
    assert "\n" not in str(raised.value)


@given(st.binary(max_size=40))
def test_quotes_come_off_again(data):
    assert unquoted(quoted(data)) == data


def test_quotes_are_those_of_git(tmp_path):
    repository = init_repository(tmp_path / "x", bare=False)
    names = [
        b"plain",
        b"with blank",
        b'qu"ote',
        b"back\\slash",
        b"tab\t",
        b"\xc3\xa4",
        b"\x01bell\x07",
        b"\x7f",
    ]
    empty = subprocess.run(
        ["git", "hash-object", "-w", "--stdin"], cwd=repository, input=b"", capture_output=True, check=True
    ).stdout.strip()
    lines = b"".join(b"100644 %s\t%s\0" % (empty, name) for name in names)
    git_bytes("update-index", "-z", "--index-info", cwd=repository, stdin=lines)
    listed = git_bytes("ls-files", cwd=repository).splitlines()
    assert sorted(map(quoted, names)) == sorted(listed)
