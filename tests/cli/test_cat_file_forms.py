"""`cat-file --filters` and `--textconv` print what git's do."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.cli.beside_git import assert_same
from tests.support import copy_of, git

if TYPE_CHECKING:
    from pathlib import Path

CONTENTS = {
    "plain.txt": b"one\ntwo\n",
    "mixed.txt": b"one\r\ntwo\n",
    "all.txt": b"one\r\ntwo\r\n",
    "lone.txt": b"one\rtwo\n",
    "nul.txt": b"one\0two\n",
    "controls.txt": b"\1\2\3 one\n",
    "few-controls.txt": b"\1" + b"long enough " * 11 + b"\n",
    "end.txt": b"one\n\x1a",
    "empty.txt": b"",
    "ident.txt": b"$Id$ $Id: old $ $Id: a b $ $Id:x$ $Id: no end\n$Id:$ $Idle$\n",
    "umlaut.txt": "größer\n".encode(),
}
ATTRIBUTES = [
    *(
        "",
        "text",
        "-text",
        "text=auto",
        "text=input",
        "eol=crlf",
        "eol=lf",
        "text eol=crlf",
        "text=auto eol=crlf",
    ),
    *(
        "text=auto eol=lf",
        "-text eol=crlf",
        "crlf",
        "-crlf",
        "crlf=input",
        "ident",
        "ident text eol=crlf",
        "binary",
    ),
    *("working-tree-encoding=UTF-16LE", "working-tree-encoding=ISO-8859-1 text eol=crlf", "text=nonsense"),
]
SETTINGS = [
    {},
    {"core.autocrlf": "true"},
    {"core.autocrlf": "input"},
    {"core.eol": "crlf"},
    {"core.autocrlf": "input", "core.eol": "crlf"},
]


@pytest.fixture
def work(tmp_path: Path) -> Path:
    return copy_of("forms of contents", make_work, tmp_path)


def make_work(path: Path) -> None:
    git("init", "-q", "-b", "main", path)
    for name, data in CONTENTS.items():
        oid = git("hash-object", "-w", "--stdin", cwd=path, stdin=data)
        git("update-index", "--add", "--cacheinfo", f"100644,{oid},{name}", cwd=path)
    git("commit", "-q", "-m", "x", cwd=path)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_line_ends_ident_and_encodings_are_those_of_gits_checkout(packcore, work, settings):
    for key, value in settings.items():
        git("config", key, value, cwd=work)
    names = "".join(f":{name} {name}\n" for name in CONTENTS).encode()
    for attributes in ATTRIBUTES:
        (work / ".gitattributes").write_text(f"*.txt {attributes}\n")
        assert_same(packcore, work, "cat-file", "--filters", "--batch", stdin=names)


@pytest.mark.parametrize("form", ["--filters", "--textconv"])
@pytest.mark.parametrize(
    "arguments",
    [
        *(
            "HEAD:plain.txt",
            ":plain.txt",
            "--path=plain.txt {}",
            "--path=x {}",
            "--path=./plain.txt {}",
            "HEAD",
        ),
        *(
            "HEAD:nothing",
            "nothing",
            "--path=x HEAD^{{tree}}",
            "--path=a nothing",
            "{}",
        ),
    ],
)
def test_the_path_is_that_of_the_name_or_the_one_that_is_given(packcore, work, form, arguments):
    (work / ".gitattributes").write_text("plain.txt text eol=crlf diff=up\n")
    git("config", "diff.up.textconv", "tr a-z A-Z <", cwd=work)
    blob = git("rev-parse", "HEAD:plain.txt", cwd=work)
    assert_same(packcore, work, "cat-file", form, *arguments.format(blob).split())


@pytest.mark.parametrize("form", ["--filters", "--textconv"])
def test_in_a_batch_each_line_has_its_path(packcore, work, form):
    (work / ".gitattributes").write_text("*.up text eol=crlf diff=up\n")
    git("config", "diff.up.textconv", "tr a-z A-Z <", cwd=work)
    stdin = b":plain.txt a.up\n:plain.txt   b c.up\nHEAD x\n:plain.txt other\nnothing x\n"
    assert_same(packcore, work, "cat-file", form, "--batch", stdin=stdin)
    done = packcore("cat-file", work, form, "--batch", stdin=b":plain.txt\n")
    assert (done.exit_code, "missing path for ':plain.txt'" in done.stderr) == (3, True)


def test_a_symbolic_link_is_not_converted(packcore, work):
    (work / ".gitattributes").write_text("* text eol=crlf diff=up\n")
    git("config", "diff.up.textconv", "tr a-z A-Z <", cwd=work)
    oid = git("hash-object", "-w", "--stdin", cwd=work, stdin=b"to\n")
    git("update-index", "--add", "--cacheinfo", f"120000,{oid},sub/link", cwd=work)
    git("commit", "-q", "-m", "link", cwd=work)
    for form in ("--filters", "--textconv"):
        for name in (":sub/link", "HEAD:sub/link"):
            assert_same(packcore, work, "cat-file", form, name)


def test_a_smudge_program_gets_the_content_and_the_path(packcore, work):
    (work / ".gitattributes").write_text("*.txt filter=mine text eol=crlf\n")
    git("config", "filter.mine.smudge", "tr a-z A-Z; echo %f", cwd=work)
    shown = assert_same(
        packcore, work, "cat-file", "--filters", "--path=a 'b.txt", "HEAD:plain.txt"
    ).stdout_bytes
    assert shown == b"ONE\r\nTWO\r\na 'b.txt\n"


@pytest.mark.parametrize("required", ["true", "false"])
def test_a_smudge_program_that_fails_is_an_error_if_it_is_required_else_told(packcore, work, required):
    (work / ".gitattributes").write_text("*.txt filter=mine\n")
    git("config", "filter.mine.smudge", "echo words >&2; false", cwd=work)
    git("config", "filter.mine.required", required, cwd=work)
    told = assert_same(packcore, work, "cat-file", "--filters", "HEAD:plain.txt").stderr
    assert "words" in told
    assert "ended with exit code 1" in told


def test_a_filter_with_a_process_alone_is_said_to_be_unsupported_if_it_is_required(packcore, work):
    (work / ".gitattributes").write_text("*.txt filter=mine\n")
    git("config", "filter.mine.process", "false", cwd=work)
    git("config", "filter.mine.required", "true", cwd=work)
    told = assert_same(packcore, work, "cat-file", "--filters", "HEAD:plain.txt").stderr
    assert "filter.<name>.process alone is not supported" in told


def test_attributes_come_from_the_index_where_the_work_tree_has_no_file(packcore, work):
    (work / ".gitattributes").write_text("*.txt text eol=crlf\n")
    git("add", ".gitattributes", cwd=work)
    (work / ".gitattributes").unlink()
    done = assert_same(packcore, work, "cat-file", "--filters", ":plain.txt")
    assert done.stdout_bytes == b"one\r\ntwo\r\n"


def test_in_a_bare_repository_they_come_from_head(packcore, work):
    (work / ".gitattributes").write_text("*.txt text eol=crlf\n")
    git("add", ".gitattributes", cwd=work)
    git("commit", "-q", "-m", "attributes", cwd=work)
    git("clone", "-q", "--bare", work, work / "bare.git", cwd=work)
    done = packcore("cat-file", work / "bare.git", "--filters", "HEAD:plain.txt")
    assert done.stdout_bytes == b"one\r\ntwo\r\n"


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs owners of files")
def test_no_program_of_another_users_repository_is_run(packcore, work, monkeypatch):
    (work / ".gitattributes").write_text("*.txt filter=mine diff=mine\n")
    for key in ("filter.mine.smudge", "diff.mine.textconv"):
        git("config", key, f"touch {work}/was-run; cat", cwd=work)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    done = packcore("cat-file", work, "--textconv", "HEAD:plain.txt")
    assert (done.exit_code, "belongs to another user" in done.stderr) == (1, True)
    done = packcore("cat-file", work, "--filters", "HEAD:plain.txt")
    assert "belongs to another user" in done.stderr
    assert not (work / "was-run").exists()


def test_programs_see_no_secret_of_ours(packcore, work):
    (work / ".gitattributes").write_text("*.txt diff=mine\n")
    git("config", "diff.mine.textconv", "env; cat", cwd=work)
    done = packcore("cat-file", work, "--textconv", "HEAD:plain.txt", env={"PACKCORE_SOURCE_TOKEN": "hidden"})
    assert done.exit_code == 0
    assert "hidden" not in done.stdout


@pytest.mark.parametrize("path", ["..", ".", "a/.."])
def test_a_path_that_no_file_can_have_is_converted_too(packcore, work, path):
    (work / ".gitattributes").write_text("* diff=up\n")
    git("config", "diff.up.textconv", "tr a-z A-Z <", cwd=work)
    done = packcore("cat-file", work, "--textconv", f"--path={path}", "HEAD:plain.txt")
    assert (done.exit_code, done.stdout_bytes) == (0, b"ONE\nTWO\n")
