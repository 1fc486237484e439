"""git's config syntax, read as `git config` reads it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcore.errors import RepositoryError
from packcore.ids import SHA1, SHA256
from packcore.store.config import GitConfig, object_format_of, ref_storage_of
from tests.support import git, run_git

if TYPE_CHECKING:
    from pathlib import Path

SAMPLE = r"""# comment
[core]
	bare = true ; comment
	Odd
	empty =
[remote "Or\"i.gin"] url = "a # b" \
  c
	fetch = one
	fetch = two
[alias.Sub]
	x = "tab\there" and \"quotes\"   
[core] later = " kept "  cut  
"""  # noqa: W291 -- blanks at a line's end are what is tested


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("core.bare", ["true"]),
        ("CORE.odd", ["true"]),
        ("core.empty", [""]),
        ('remote.Or"i.gin.url', ["a # b   c"]),
        ('remote.Or"i.gin.fetch', ["one", "two"]),
        ("alias.sub.x", ['tab\there and "quotes"']),
        ("core.later", [" kept   cut"]),
        ("core.absent", []),
    ],
)
def test_values_are_read_as_git_reads_them(tmp_path: Path, key: str, values: list[str]):
    assert GitConfig.parse(SAMPLE).get_all(key) == values
    (tmp_path / "config").write_text(SAMPLE)
    if values and key != "CORE.odd":
        assert git("config", "-f", tmp_path / "config", "--get-all", key).split("\n") == values


@pytest.mark.parametrize(
    ("text", "value"),
    [("yes", True), ("ON", True), ("1", True), ("0", False), ("No", False), ("", False), ("42", True)],
)
def test_truth_values(text: str, value: bool):
    assert GitConfig.parse(f"[a]\nb = {text}\n").get_bool("a.b") is value


def test_a_word_that_is_no_truth_value_is_refused():
    with pytest.raises(RepositoryError, match=r"a\.b"):
        GitConfig.parse("[a]\nb = maybe\n").get_bool("a.b")


@pytest.mark.parametrize(
    "text",
    [
        "[a",
        "[ a]\n",
        "[a ]\n",
        '[a "b" ]\n',
        "[a]\nb ; c\n",
        "[a]\nb # c\n",
        '[a]\nb = "open\n',
        "[a]\nb = \\q\n",
        "[a]\n1b = 2\n",
        "[a]\nb c\n",
        '[a "b]\n',
        "[]\n",
    ],
)
def test_broken_syntax_is_refused_with_its_line(tmp_path: Path, text: str):
    with pytest.raises(RepositoryError, match="line"):
        GitConfig.parse(text)
    (tmp_path / "config").write_text(text)
    assert run_git("config", "-f", tmp_path / "config", "--list").returncode != 0


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        pytest.param("x = 1\n[a]\n", "x", "1", id="a name before the first section"),
        pytest.param('[a]\nb = "c" \\\n\n', "a.b", "c ", id="a blank before a line that continues"),
        pytest.param("[a]\nb = c\\", "a.b", "c", id="a line that continues behind the file's end"),
        pytest.param("[a]\r\r\nb = c\r\r\n", "a.b", "c", id="two carriage returns at each line's end"),
        pytest.param("[a]\r\nb = true\r", "a.b", "true", id="a carriage return at the file's end"),
    ],
)
def test_odd_syntax_is_read_as_git_reads_it(tmp_path: Path, text: str, key: str, value: str):
    config = GitConfig.parse(text)
    assert config.get(key) == value
    (tmp_path / "config").write_bytes(text.encode())
    assert f"{key}\n{value}" in git("config", "-f", tmp_path / "config", "-z", "--list").split("\0")


@given(st.text(alphabet=st.sampled_from('[]ab =\n"\\;# .\t1\r')))
def test_any_text_parses_or_is_refused(text: str):
    with suppress(RepositoryError):
        GitConfig.parse(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", SHA1),
        ("[core]\nrepositoryformatversion = 0\n[extensions]\npreciousObjects = true\nunknown = 1\n", SHA1),
        (
            "[core]\nrepositoryformatversion = 1\n[extensions]\nobjectFormat = sha256\nrefStorage = files\n",
            SHA256,
        ),
        ("[core]\nrepositoryformatversion = 1\n[extensions]\nworktreeConfig = true\n", SHA1),
    ],
)
def test_a_known_repository_format_gives_its_object_format(text: str, expected):
    assert object_format_of(GitConfig.parse(text), source="x") is expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[core]\nrepositoryformatversion = 2\n", "version '2'"),
        ("[core]\nrepositoryformatversion = x\n", "version 'x'"),
        (
            "[core]\nrepositoryformatversion = 1\n[extensions]\nshiny = 1\n",
            "unknown repository extension shiny",
        ),
        ("[core]\nrepositoryformatversion = 1\n[extensions]\nobjectFormat = md5\n", "'md5'"),
        ("[extensions]\nobjectFormat = sha256\n", "format version 0"),
    ],
)
def test_an_unknown_repository_format_is_refused(text: str, words: str):
    with pytest.raises(RepositoryError, match=words):
        object_format_of(GitConfig.parse(text), source="x")


@pytest.mark.parametrize(("word", "storage"), [("files", "files"), ("Reftable", "reftable")])
def test_how_refs_are_kept_is_an_extension(word: str, storage: str):
    config = GitConfig.parse(f"[extensions]\nrefStorage = {word}\n")
    assert ref_storage_of(config, source="x") == storage
    assert ref_storage_of(GitConfig.parse(""), source="x") == "files"


@pytest.mark.parametrize("word", ["lmdb", "reftable:///elsewhere"])
def test_refs_that_are_kept_in_another_way_are_refused(word: str):
    config = GitConfig.parse(f"[extensions]\nrefStorage = {word}\n")
    with pytest.raises(RepositoryError, match=f"its refs are kept as '{word}'"):
        ref_storage_of(config, source="x")
