"""Help in words, the version, and what messages propose."""

from __future__ import annotations

import re

import click
import pytest

from cli.app import app
from cli.nearest import _ELSEWHERE, _GRAVE, harmless, nearest

GRAVE = re.compile(r"prune|force|all-refs|insecure|allow-|mirror|include-|--tags|--all\b|--map")


@pytest.mark.parametrize("names", [(), ("sync",), ("plans",), ("plans", "diff")], ids=" ".join)
def test_help_in_words_is_the_help_of_the_option(packcore, names):
    asked = packcore("help", *names)
    assert asked.exit_code == 0
    assert asked.stdout == packcore(*names, "--help").stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("help", "snyc"), "no such command: snyc; did you mean sync?"),
        (("help", "sync", "x"), "sync has no commands below it"),
    ],
)
def test_help_of_no_command_is_wrong_usage(packcore, words, message):
    result = packcore(*words)
    assert (result.exit_code, result.stderr.splitlines()[0]) == (2, f"packcore: error: {message}")


def test_the_version_has_a_short_option(packcore):
    assert packcore("-V").stdout == packcore("--version").stdout


def test_the_nearest_option_is_proposed(packcore):
    words = packcore("sync", "--dry-rn", "a", "b").stderr.splitlines()[0]
    assert words == "packcore: error: No such option: --dry-rn; did you mean --dry-run?"


@pytest.mark.parametrize(("word", "here"), sorted(_ELSEWHERE.items()))
def test_a_command_of_another_program_is_answered_by_ours(packcore, word, here):
    assert here in app.list_commands(click.Context(app))
    for words in ((word, "x"), ("help", word)):
        line = packcore(*words).stderr.splitlines()[0]
        assert line == f"packcore: error: no such command: {word}; did you mean {here}?"


def test_an_option_that_each_side_has_is_proposed_for_both(packcore):
    words = packcore("sync", "--token", "x", "a", "b").stderr.splitlines()[0]
    assert words.endswith("No such option: --token; did you mean --source-token or --target-token?")
    assert "--target-token" not in packcore("ls-refs", "--token", "x", "a").stderr


def test_what_has_a_default_is_not_called_missing(packcore):
    assert packcore("push").stderr.startswith("packcore: error: missing argument URL\n")


def test_a_repository_before_two_objects_is_answered_by_its_option(packcore):
    assert "--repo REPO" in packcore("delta", "x.git", "main~1:a", "main:a").stderr.splitlines()[0]


@pytest.mark.parametrize(
    "word",
    [
        *("--mirror", "--force", "--prun", "--delete", "--all", "--all-ref", "--allrefs", "--tag"),
        *("--insecure", "--force-with-leas", "--prune-limi", "--allow-insecure", "--include-ref"),
    ],
)
@pytest.mark.parametrize("name", ["sync", "replicate", "plan", "bootstrap", "fetch", "convert-sha256"])
def test_no_message_proposes_what_deletes_forces_or_widens(packcore, name, word):
    message = packcore(name, word, "a", "b").stderr
    assert not GRAVE.search(message.replace(word, "", 1)), message


def test_every_grave_word_is_one_that_exists():
    context = click.Context(app)
    known = set(app.list_commands(context))
    for name in app.list_commands(context):
        command = app.get_command(context, name)
        assert command is not None
        known |= {
            each.lstrip("-") for option in command.params for each in (*option.opts, *option.secondary_opts)
        }

    assert _GRAVE - known - {"lfs-all"} == set()


def test_nothing_is_proposed_where_the_nearest_word_is_grave():
    assert nearest("prun", ["dry-run", "prune"]) == []
    assert harmless(["--dry-run", "--prune"]) == ["--dry-run"]


def test_the_keys_of_a_manifest_are_listed_with_their_meaning(packcore):
    from cli.manifest import known_keys

    rows = packcore("help", "manifest").stdout.splitlines()
    assert [row.split()[0] for row in rows] == [key for key, _ in known_keys()]
    assert all(len(row.split()) > 2 for row in rows), rows
    assert packcore("help", "manifest", "tags").stdout == "tags  Tags too.\n"
    assert "no such key: tag" in packcore("help", "manifest", "tag").stderr
