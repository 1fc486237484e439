"""`cat-file` and what is wrong with a call: options that don't go together, odd names, odd objects."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import pytest

from packcore.ids import FORMATS, SHA1
from tests.cli.repositories import object_format
from tests.support import git, init_repository, run_git

if TYPE_CHECKING:
    from pathlib import Path

LONG = b"a-type-with-a-name-of-more-than-thirty-two-letters"


def odd_object(repository: Path, label: bytes, data: bytes = b"data") -> str:
    """Write a loose object of any type."""
    oid = SHA1.hash_object(label, data).hex()
    file = repository / "objects" / oid[:2] / oid[2:]
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(zlib.compress(b"%s %d\0%s" % (label, len(data), data)))
    return oid


@pytest.fixture
def odd(tmp_path):
    return init_repository(tmp_path / "odd.git")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("-e -p", "option '-p' is incompatible with -e"),
        ("-t -s x", "option '-t' is incompatible with -s"),
        ("--batch-all-objects -e", "option '-e' is incompatible with --batch-all-objects"),
        ("-t --batch", "'-t' is incompatible with a batch mode"),
        ("-p --buffer x", "'--buffer' requires a batch mode"),
        ("-Z x", "'-Z' requires a batch mode"),
        ("--batch --batch-check", "only one of --batch, --batch-check and --batch-command"),
        ("--batch x", "batch modes take no arguments"),
        ("-s", "the argument OID is required with '-s'"),
        ("-s a b", "too many arguments"),
        ("a b c", "too many arguments"),
        ("-p --allow-unknown-type x", "--allow-unknown-type: use with -s or -t"),
    ],
)
def test_options_that_do_not_go_together_are_a_wrong_use(packcore, repository, words, said):
    done = packcore("cat-file", repository, *words.split())
    assert done.exit_code == 2
    assert said in done.stderr
    assert run_git("cat-file", *words.split(), cwd=repository).returncode != 0


@pytest.mark.parametrize("option", ["-t", "-s", "-p"])
@pytest.mark.parametrize("name", ["nothing", "main:nothing", "nothing:src", "12345", "an id"])
def test_a_name_without_an_object_is_told_in_gits_line_and_a_hint_says_why(
    packcore, repository, option, name
):
    is_whole = name == "an id"
    name = "1" * FORMATS[object_format(repository)].hex_size if is_whole else name
    theirs = run_git("cat-file", option, name, cwd=repository)
    done = packcore("cat-file", repository, option, name)
    line, hint = done.stderr.splitlines()
    said = theirs.stderr.decode().splitlines()[-1].removeprefix("fatal: ").removeprefix("git cat-file: ")
    assert line == f"packcore: error: {said}"
    assert name[:7] in hint
    assert (done.exit_code, done.stdout) == (3 if is_whole else 1, "")


def test_without_advice_there_is_no_hint(packcore, repository):
    done = packcore("cat-file", repository, "nothing", env={"GIT_ADVICE": "0"})
    assert done.stderr == "packcore: error: Not a valid object name nothing\n"


@pytest.mark.parametrize("label", [b"bogus", LONG])
def test_a_type_that_does_not_exist_is_shown_if_that_is_allowed(packcore, odd, label):
    oid = odd_object(odd, label)
    for option, shown in (("-t", label + b"\n"), ("-s", b"4\n")):
        assert packcore("cat-file", odd, option, "--allow-unknown-type", oid).stdout_bytes == shown
        refused = packcore("cat-file", odd, option, oid)
        assert refused.exit_code == 3
        assert "invalid object type" in refused.stderr
        assert label.decode() in refused.stderr
    assert packcore("cat-file", odd, "-e", oid).exit_code == 0


@pytest.mark.parametrize("option", ["-t", "-s"])
@pytest.mark.parametrize("name", ["main", "main:src", "main:src/part0/file0.txt", "v1"])
def test_where_unknown_types_are_allowed_others_are_shown_as_ever(packcore, repository, option, name):
    ours = packcore("cat-file", repository, option, "--allow-unknown-type", name)
    assert ours.stdout == packcore("cat-file", repository, option, name).stdout


def test_what_replaces_an_object_of_no_type_counts(packcore, odd):
    oid = odd_object(odd, b"bogus")
    blob = git("hash-object", "-w", "--stdin", cwd=odd, stdin=b"better")
    (odd / "refs/replace").mkdir(parents=True)
    (odd / "refs/replace" / oid).write_text(f"{blob}\n")
    assert packcore("cat-file", odd, "-t", "--allow-unknown-type", oid).stdout == "blob\n"


@pytest.mark.parametrize("option", ["-p", "--raw", "--batch", "--batch-check"])
def test_an_object_of_no_type_is_not_shown(packcore, odd, option):
    oid = odd_object(odd, b"bogus")
    batch = option.startswith("--batch")
    done = packcore("cat-file", odd, option, *([] if batch else [oid]), stdin=f"{oid}\n".encode())
    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr.splitlines()[0] == "packcore: error: invalid object type"
    assert oid in done.stderr


def test_a_word_that_is_no_type_is_told_and_the_types_with_it(packcore, repository):
    done = packcore("cat-file", repository, "bogus", "main")
    assert done.stderr == (
        'packcore: error: invalid object type "bogus"\nhint: there are commit, tree, blob, tag\n'
    )
