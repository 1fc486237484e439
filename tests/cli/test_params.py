"""Options become values: words, environment, precedence, refusals."""

from __future__ import annotations

import click
import pytest

from cli import network, params, values
from cli.command import command
from tests.cli.runner import cli_runner
from transport.options import STALL_SECONDS
from transport.wire.limits import REFS_MAX


def parsed(decorator, keyword: str, *arguments: str, env=None):
    """Run a command that has one group of options and return the group's value."""
    found = []

    @command("probe-options")
    @decorator
    def run(**kwargs):
        """Take the value."""
        found.append(kwargs[keyword])

    result = cli_runner().invoke(run, list(arguments), env=env, standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return found[0]


def sides(*arguments: str, env=None):
    return parsed(network.transport_options(target=True), "network", *arguments, env=env)


def scope(*arguments: str, env=None):
    return parsed(params.scope_options, "scope", *arguments, env=env)


def policy(*arguments: str, env=None):
    return parsed(params.policy_options, "policy", *arguments, env=env)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("4096", 4096),
        ("64k", 64 << 10),
        ("64m", 64 << 20),
        ("1g", 1 << 30),
        ("2GiB", 2 << 30),
        ("1T", 1 << 40),
    ],
)
def test_sizes_take_suffixes_of_1024(text, size):
    assert values.SIZE.convert(text, None, None) == size


@pytest.mark.parametrize("text", ["", "-1", "1.5m", "m", "64x", "1e9", "9" * 40])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(click.BadParameter):
        values.SIZE.convert(text, None, None)


@pytest.mark.parametrize(("text", "seconds"), [("30", 30), ("0.5", 0.5), ("90s", 90), ("5m", 300)])
def test_times_are_seconds_or_minutes(text, seconds):
    assert values.SECONDS.convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["0", "-1", "soon", "inf", "nan", "99999999"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(click.BadParameter):
        values.SECONDS.convert(text, None, None)


def test_a_refused_header_is_not_repeated():
    with pytest.raises(click.BadParameter) as caught:
        values.HEADER.convert("hunter2", None, None)
    assert "hunter2" not in caught.value.format_message()


def test_branches_are_lists_and_repeatable():
    assert scope("--branch", "a,b", "--branch", "b,c").branches == ("a", "b", "c")
    assert scope(env={"PACKCORE_BRANCH": "a,b c"}).branches == ("a", "b", "c")


def test_maps_are_read_by_the_sync_rooms_rule():
    assert [(m.source, m.target) for m in scope("--map", "main:trunk").mappings] == [
        ("refs/heads/main", "refs/heads/trunk")
    ]


@pytest.mark.parametrize("arguments", [["--all-refs", "--branch", "a"], ["--map", "a:b", "--branch", "a"]])
def test_scopes_that_contradict_each_other_are_refused(arguments):
    with pytest.raises(click.UsageError, match="exclude each other"):
        scope(*arguments)


def test_the_two_kinds_of_force_exclude_each_other():
    with pytest.raises(click.UsageError, match="exclude each other"):
        policy("--force-with-lease", "--force-blind")


def test_a_typed_force_outranks_one_of_the_environment():
    chosen = policy("--force-with-lease", env={"PACKCORE_FORCE_BLIND": "1"})
    assert (chosen.force_with_lease, chosen.force_blind) == (True, False)


def test_push_options_may_hold_blanks_in_the_environment():
    assert policy(env={"PACKCORE_PUSH_OPTION": "ci skip\nnote=x"}).push_options == ("ci skip", "note=x")


@pytest.mark.parametrize(
    ("env", "token"),
    [
        ({"GITSYNC_SOURCE_TOKEN": "theirs"}, "theirs"),
        ({"GITSYNC_SOURCE_TOKEN": "theirs", "PACKCORE_SOURCE_TOKEN": "ours"}, "ours"),
        ({"GITSYNC_SOURCE_TOKEN": "theirs", "PACKCORE_SOURCE_TOKEN": ""}, "theirs"),
    ],
)
def test_our_variable_comes_before_git_syncs(env, token):
    assert sides(env=env).source.token == token


def test_an_option_comes_before_any_variable():
    env = {"PACKCORE_TARGET_TOKEN": "variable"}
    assert sides("--target-token", "typed", env=env).target.token == "typed"


@pytest.mark.parametrize("side", ["source", "target"])
def test_every_variable_of_git_sync_is_read(side):
    name = f"GITSYNC_{side.upper()}"
    env = {
        f"{name}_TOKEN": "t",
        f"{name}_USERNAME": "u",
        f"{name}_INSECURE_SKIP_TLS_VERIFY": "true",
        f"{name}_FOLLOW_INFO_REFS_REDIRECT": "false",
    }
    found = getattr(sides(env=env), side)
    assert (found.token, found.username, found.insecure_skip_tls_verify, found.follow_redirects) == (
        "t",
        "u",
        True,
        False,
    )
    assert getattr(sides(env={f"{name}_BEARER_TOKEN": "b"}), side).bearer_token == "b"


def test_the_sides_do_not_share_credentials():
    both = sides("--source-token", "s", "--target-bearer-token", "t", "--source-header", "X-A: 1")
    assert (both.source.token, both.source.bearer_token, both.source.headers) == ("s", None, (("X-A", "1"),))
    assert (both.target.token, both.target.bearer_token, both.target.headers) == (None, "t", ())


def test_the_stall_timeout_comes_from_the_option_or_the_environment():
    for both in (sides("--stall-timeout", "45m"), sides(env={"PACKCORE_STALL_TIMEOUT": "45m"})):
        assert (both.source.stall_timeout, both.target.stall_timeout) == (2700, 2700)
    assert sides().source.stall_timeout == STALL_SECONDS


def test_the_most_refs_that_a_remote_may_list_come_from_the_option_or_the_environment():
    for both in (sides("--max-refs", "1000000"), sides(env={"PACKCORE_MAX_REFS": "1000000"})):
        assert (both.source.max_refs, both.target.max_refs) == (1_000_000, 1_000_000)
    assert sides().source.max_refs == REFS_MAX


def test_patience_goes_to_both_sides():
    both = sides("--connect-timeout", "5", "--idle-timeout", "1m", "--retries", "2", "--allow-insecure-auth")
    for side in (both.source, both.target):
        assert (side.connect_timeout, side.idle_timeout, side.retries, side.allow_insecure_auth) == (
            5,
            60,
            2,
            True,
        )


@pytest.mark.parametrize(
    ("env", "traced"),
    [
        ({"PACKCORE_HTTP_TRACE": "1"}, True),
        ({"GITSYNC_HTTP_TRACE": "yes"}, True),
        ({"PACKCORE_HTTP_TRACE": "0"}, False),
        ({"GITSYNC_HTTP_TRACE": "off"}, False),
        ({}, False),
    ],
)
def test_the_trace_is_switched_by_the_environment(env, traced):
    assert (sides(env=env).source.trace is not None) is traced


def test_selection_options_become_limits():
    arguments = [
        "--window",
        "20",
        "--depth",
        "9",
        "--compression",
        "1",
        "--window-memory",
        "8m",
        "--no-reuse-delta",
    ]
    chosen = parsed(params.selection_options, "selection", *arguments, "--strategy", "none")
    limits = chosen.limits
    assert (limits.window, limits.depth, limits.compression, limits.window_memory) == (20, 9, 1, 8 << 20)
    assert (chosen.strategy, chosen.reuse_deltas) == ("none", False)


@pytest.mark.parametrize(
    ("arguments", "asks"),
    [
        (["--strategy", "chunk-window"], True),
        (["--window", "10"], True),
        (["--depth", "50"], True),
        (["--compression", "6"], True),
        (["--jobs", "2"], False),
        (["--select-budget", "5"], False),
        ([], False),
    ],
)
def test_who_names_a_strategy_or_limit_asks_for_a_pack_of_our_own_be_it_the_usual_one(arguments, asks):
    chosen = parsed(params.selection_options, "selection", *arguments)
    assert chosen.asks_for_own_pack is asks


def test_git_syncs_endpoint_options_fill_the_places_of_the_words():
    decorator = network.endpoint_arguments(target=True)
    assert parsed(decorator, "target", "--source-url", "a", "b") == "b"
    assert parsed(decorator, "source", "--target-url", "b", "a") == "a"
    with pytest.raises(click.UsageError, match="too many"):
        parsed(decorator, "source", "--source-url", "a", "b", "c")


def test_help_shows_no_value_of_the_environment(packcore):
    env = {
        "PACKCORE_SOURCE_TOKEN": "hunter2",
        "GITSYNC_TARGET_BEARER_TOKEN": "hunter3",
        "PACKCORE_BRANCH": "zebra",
    }
    words = packcore("sync", "--help", env=env).stdout
    assert "hunter" not in words
    assert "zebra" not in words
