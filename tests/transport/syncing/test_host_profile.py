"""What a host was found to accept: found from both sides, and kept in a file that can't do harm."""

from __future__ import annotations

import json

import pytest

from packcore.errors import RepositoryError
from transport.syncing.deliver.host_profile import (
    GROWTH_TRIES,
    HostProfile,
    TargetLimits,
    host_of,
    load_profile,
    save_profile,
)

HOST = "https://git.example.com"
ODD_VALUES: list[object] = [0, "5", True, 1.5, []]


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://git.example.com/a/b.git", HOST),
        ("http://git.example.com:8080/x", "http://git.example.com:8080"),
        ("https://[::1]:9/x", "https://[::1]:9"),
        ("ssh://git@git.example.com/x", "ssh://git.example.com"),
        ("/srv/x.git", ""),
        ("file:///srv/x.git", ""),
        ("helper://h:port/x", ""),
        ("helper://h:99999/x", ""),
        ("helper://[::1/x", ""),
    ],
)
def test_a_host_is_scheme_name_and_port(url, host):
    assert host_of(url) == host


def test_what_is_saved_is_read_again_host_by_host(tmp_path):
    path = tmp_path / "deep" / "hosts.json"
    save_profile(path, HOST, HostProfile(body_bytes_max=1000))
    save_profile(path, "http://other", HostProfile(ref_updates_max=7, chunked=False))
    assert load_profile(path, HOST) == HostProfile(body_bytes_max=1000)
    assert load_profile(path, "http://other") == HostProfile(ref_updates_max=7, chunked=False)
    assert load_profile(path, "http://third") == HostProfile()
    assert [entry.name for entry in path.parent.iterdir()] == ["hosts.json"]


def test_nothing_learned_leaves_no_file(tmp_path):
    save_profile(tmp_path / "hosts.json", HOST, HostProfile())
    save_profile(tmp_path / "hosts.json", "", HostProfile(body_bytes_max=1))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"a": 1}', "[" * 100_000, f'{{"{HOST}": {{"bodyBytesMax": -1}}}}', "\udcff\0"]
    + [json.dumps({HOST: {"refUpdatesMax": value}}) for value in ODD_VALUES],
)
def test_a_file_that_is_no_profile_is_an_error_in_words(tmp_path, text):
    path = tmp_path / "hosts.json"
    path.write_text(text, errors="surrogateescape")
    with pytest.raises(RepositoryError, match="not a host profile"):
        load_profile(path, HOST)


def test_a_profile_that_cant_be_written_is_an_error_in_words(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RepositoryError, match="can't be"):
        save_profile(tmp_path / "file" / "hosts.json", HOST, HostProfile(body_bytes_max=1))


def test_as_long_as_nothing_was_taken_a_refusal_halves():
    limits = TargetLimits(HostProfile(body_bytes_max=100))
    assert limits.refuse_body(1000) == 100
    assert limits.refuse_body(90) == 45


def test_a_limit_of_refs_is_learned_downwards_only():
    limits = TargetLimits()
    limits.refuse_updates(10)
    limits.refuse_updates(20)
    assert limits.ref_updates_max == limits.profile.ref_updates_max == 10


def test_a_users_limit_narrows_what_is_remembered_and_is_not_learned():
    limits = TargetLimits(HostProfile(body_bytes_max=100), body_bytes_given=50, ref_updates_given=7)
    assert (limits.body_bytes_max, limits.ref_updates_max) == (50, 7)
    assert limits.profile == HostProfile(body_bytes_max=100)
    assert TargetLimits(HostProfile(body_bytes_max=100), body_bytes_given=500).body_bytes_max == 100
    assert TargetLimits().body_bytes_max is None


@pytest.mark.parametrize("limit", [100_000, 1_048_576, 5_000_000, 33_000_001])
@pytest.mark.parametrize("fill", [1.0, 0.8])
def test_batches_come_near_to_what_a_host_takes_at_the_price_of_few(limit, fill):
    """`fill` is how much of the limit a batch makes use of."""
    limits = TargetLimits()
    size, refused_after_one_was_taken, taken = 40_000_000, 0, 0
    for _ in range(40):
        if size > limit:
            refused_after_one_was_taken += bool(taken)
            limits.refuse_body(size)
        else:
            taken = max(taken, size)
            limits.take_body(size)
        size = int((limits.body_bytes_max or size) * fill)
    assert refused_after_one_was_taken <= GROWTH_TRIES
    assert taken > 0.7 * limit
    assert limits.body_bytes_max is not None
    assert limits.body_bytes_max * fill <= limit


def test_small_bodies_say_nothing_of_larger_ones():
    limits = TargetLimits()
    limits.refuse_body(1_000_000)
    assert not limits.take_body(100_000)
    assert limits.body_bytes_max == 500_000
    assert limits.take_body(300_000)
    assert limits.body_bytes_max == 650_000


def test_a_host_that_takes_less_than_it_did_is_believed():
    limits = TargetLimits(HostProfile(800_000, body_bytes_taken=700_000, body_bytes_refused=900_000))
    assert limits.refuse_body(600_000) == 300_000
    assert limits.profile.body_bytes_taken is None


def test_a_users_limit_is_not_outgrown():
    limits = TargetLimits(body_bytes_given=100_000)
    limits.refuse_body(150_000)
    assert limits.take_body(70_000)
    assert limits.body_bytes_max == 100_000
    assert not limits.take_body(100_000)


def test_what_was_taken_and_what_was_refused_are_both_remembered(tmp_path):
    path = tmp_path / "hosts.json"
    limits = TargetLimits()
    limits.refuse_body(1_000_000)
    limits.take_body(400_000)
    save_profile(path, HOST, limits.profile)
    assert load_profile(path, HOST) == HostProfile(
        700_000, body_bytes_taken=400_000, body_bytes_refused=1_000_000
    )


def test_a_size_is_hopeless_once_the_target_refused_it_and_not_for_a_lost_connection():
    limits = TargetLimits()
    limits.refuse_body(1000, surely=False)
    assert limits.body_bytes_max == 500
    assert limits.hopeless_bytes > 1 << 60
    limits.refuse_body(2000)
    limits.refuse_body(900)
    assert limits.hopeless_bytes == 900


def test_more_than_the_user_allows_is_hopeless():
    assert TargetLimits(body_bytes_given=100).hopeless_bytes == 101
