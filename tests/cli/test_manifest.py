"""Manifests: the words of the command line in a file, and what is said of wrong ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import pytest

from cli.command import Option
from cli.commands import sync
from cli.manifest import Manifest, pair_option_names
from cli.sync_job import Reporting, SyncJob

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from transport.fleet import SyncPair

PAIR = '[[pair]]\nsource = "https://a/x.git"\ntarget = "https://b/x.git"\n'


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., list[SyncPair]]:
    def pairs(text: str, environment: Mapping[str, str] | None = None) -> list[SyncPair]:
        path = tmp_path / "fleet.toml"
        path.write_text(text)
        nothing: Any = None
        job = SyncJob("", "", {}, nothing, Reporting(verify=True), nothing)
        return Manifest(str(path), environment or {}).pairs(job)

    return pairs


def test_a_pair_is_a_source_and_a_target_named_by_it(read):
    (pair,) = read(PAIR)
    assert (pair.name, pair.source, pair.target) == ("https://b/x.git", "https://a/x.git", "https://b/x.git")
    assert (pair.request.mode, pair.time_limit, pair.request.verify) == ("sync", None, True)


def test_pairs_that_differ_in_names_and_places_alone_are_parsed_once(read, monkeypatch):
    parsed: list[str] = []
    real = Manifest._invoke

    def counted(manifest, table):
        parsed.append(table["source"])
        return real(manifest, table)

    monkeypatch.setattr(Manifest, "_invoke", counted)
    for count in (10, 40):
        parsed.clear()
        text = "".join(
            f'[[pair]]\nname = "{n}"\nsource = "https://a/{n}"\ntarget = "https://b/{n}"\n'
            f"tags = {str(n < 2).lower()}\n"
            for n in range(count)
        )
        pairs = read(text)
        assert [pair.source for pair in pairs] == [f"https://a/{n}" for n in range(count)]
        assert [pair.name for pair in pairs] == [str(n) for n in range(count)]
        assert sum(pair.request.scope.tags for pair in pairs) == 2
        assert len({id(pair.source_options.secrets) for pair in pairs}) == count
        assert len(parsed) == 2


def test_the_words_are_those_of_the_command_line(read):
    (pair,) = read(
        PAIR
        + """
        name = "x"
        branch = ["main", "a,b"]
        tags = true
        exclude-ref-prefix = "refs/pull/"
        prune = true
        force-with-lease = true
        push-option = ["ci.skip"]
        materialize = true
        strategy = "none"
        depth = 7
        window-memory = "64m"
        target-max-pack-bytes = "100m"
        source-header = ["X-A: 1"]
        target-no-follow-info-refs-redirect = false
        retries = 3
        idle-timeout = "2m"
        stall-timeout = "10m"
        max-refs = 1000
        time-limit = 90
        protocol = "v1"
        """.replace("target-no-follow-info-refs-redirect", "target-follow-info-refs-redirect")
    )
    request = pair.request
    assert request.scope.branches == ("main", "a", "b")
    assert (request.scope.tags, request.scope.exclude_ref_prefixes) == (True, ("refs/pull/",))
    assert (request.policy.prune, request.policy.force_with_lease) == (True, True)
    assert request.policy.push_options == ("ci.skip",)
    assert (request.materialize, request.selection.strategy) == (True, "none")
    assert (request.selection.limits.depth, request.selection.limits.window_memory) == (7, 64 << 20)
    assert (request.target_max_pack_bytes, request.protocol) == (100 << 20, "v1")
    assert pair.source_options.headers == (("X-A", "1"),)
    assert not pair.target_options.follow_redirects
    assert (pair.source_options.retries, pair.target_options.idle_timeout) == (3, 120.0)
    assert pair.target_options.stall_timeout == 600.0
    assert (pair.source_options.max_refs, pair.target_options.max_refs) == (1000, 1000)
    assert pair.time_limit == 90


def test_every_option_that_is_about_one_pair_can_be_written_in_a_manifest():
    about_all = {"Output", "General", "Many repositories"}
    options = {
        str(parameter.name)
        for parameter in sync.run.params
        if isinstance(parameter, Option) and parameter.section not in about_all and not parameter.hidden
    }
    assert options == pair_option_names()


def test_a_pairs_own_words_outrank_the_defaults_and_these_the_environment(read, monkeypatch):
    monkeypatch.setenv("PACKCORE_RETRIES", "1")
    monkeypatch.setenv("PACKCORE_PRUNE", "1")
    pairs = read("[defaults]\nprune = false\ntags = true\n" + PAIR + "tags = false\nname = 'x'\n" + PAIR)
    assert [pair.request.scope.tags for pair in pairs] == [False, True]
    assert [pair.request.policy.prune for pair in pairs] == [False, False]
    assert pairs[0].source_options.retries == 1


def test_a_pair_has_a_mode(read):
    assert read(PAIR + "mode = 'replicate'\n")[0].request.mode == "replicate"


def test_credentials_come_from_the_variables_that_are_named_and_from_no_other(read, monkeypatch):
    monkeypatch.setenv("PACKCORE_SOURCE_TOKEN", "for-another-host")
    monkeypatch.setenv("GITSYNC_TARGET_TOKEN", "for-another-host")
    text = "[defaults]\ntarget-token-env = 'BACKUP'\n" + PAIR + "name = 'x'\n" + PAIR
    pairs = read(text + "target-token = 'own'\n", {"BACKUP": "hunter2"})
    assert [pair.target_options.token for pair in pairs] == ["hunter2", "own"]
    assert [pair.source_options.token for pair in pairs] == [None, None]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no [[pair]] is in it"),
        ("a = [", "not TOML"),
        ("[default]\n" + PAIR, "fleet.toml:1: unknown key default; did you mean defaults?"),
        (
            "[defaults]\npurne = true\n" + PAIR,
            "fleet.toml:2: [defaults]: unknown key purne",
        ),
        (
            PAIR + PAIR + "\nforce_blind = true",
            "fleet.toml:8: pair 2: unknown key force_blind; did you mean force",
        ),
        (PAIR + PAIR, "fleet.toml:4: two pairs are called https://b/x.git"),
        ("[[pair]]\nsource = 'x'", "pair 1: target is missing"),
        (PAIR + "tags = 1", "tags must be true or false"),
        (PAIR + "depth = true", "depth must be text or a number"),
        (PAIR + "depth = [1, 2]", "depth must be text or a number"),
        (PAIR + "depth = 'deep'", "pair 1: Invalid value for '--depth'"),
        (PAIR + "strategy = 'nope'", "no delta strategy is called 'nope'"),
        (PAIR + "all-refs = true\nbranch = 'a'", "exclude each other"),
        (PAIR + "mode = 'replicate'\nforce-blind = true", "replicate takes no force option"),
        (PAIR + "target-token = 'a'\ntarget-token-env = 'B'", "exclude each other"),
        (PAIR + "target-token-env = 'B'", "variable B, which target-token-env names, is not set"),
        (PAIR + "retries-env = 'B'", "unknown key retries-env"),
        (PAIR + "record = 'x'", "unknown key record"),
        (PAIR + "time-limit = 'soon'", "is no time"),
        ("[[pair]]\nsource = 'https://me:hunter2@h:x/'\ntarget = 'b'", "the host or port of the URL"),
        (PAIR + "source-header = 'hunter2'", "a header is written"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(read, text, words):
    with pytest.raises(click.UsageError) as caught:
        read(text)
    assert words in caught.value.format_message()
    assert "hunter2" not in caught.value.format_message()
