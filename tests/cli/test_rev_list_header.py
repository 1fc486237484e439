"""`rev-list --header` prints commits as git does."""

from __future__ import annotations

import pytest

from tests.cli.beside_git import assert_same
from tests.support import git, init_repository


def test_a_message_is_printed_as_gits_header_does(packcore, tmp_path):
    path = init_repository(tmp_path / "r.git")
    tree = git("mktree", cwd=path)
    who = "A <a@b> 1 +0000"
    head = f"tree {tree}\nauthor {who}\ncommitter {who}\n"
    objects = [
        head.encode() + text
        for text in (
            b"\n\n\n  one \t\n \n\ntwo\n\n \n",
            b"\n",
            b"\nno line feed",
            b"encoding ISO-8859-1\n\nd\xe9j\xe0 vu\n",
            b"gpgsig a\n b\nencoding nonsense\n\n\xff\n",
        )
    ]
    oids = [git("hash-object", "-t", "commit", "-w", "--stdin", cwd=path, stdin=data) for data in objects]
    assert_same(packcore, path, "rev-list", "--header", "--no-walk=unsorted", *oids)


@pytest.mark.parametrize("encoding", [b"a\0b", b"hex", b"unicode_escape", b"rot13", b"undefined", b"utf-7"])
def test_a_message_in_no_usable_encoding_is_printed_as_it_is(encoding):
    from cli.render.commit_headers import commit_record

    data = b"tree 1\nencoding %b\n\n\\ud800 \xff+2AA-\n" % encoding
    assert b"encoding %b\n" % encoding in commit_record(b"id", data)
