"""Where the commands of a push are parted, and which words mean that there were too many of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcore.ids import ObjectId
from transport.syncing.deliver.ref_requests import command_bytes, in_requests, updates_accepted
from transport.wire.capabilities import Capabilities
from transport.wire.receive_pack import PushOptions, RefUpdate, encode_commands
from transport.wire.report import RefReport, ReportStatus

ZERO, ONE = ObjectId(bytes(20)), ObjectId(b"\1" * 20)


def creations(count: int) -> list[RefUpdate]:
    return [RefUpdate(f"refs/heads/b{number}", ZERO, ONE) for number in range(count)]


@given(
    count=st.integers(0, 50),
    count_max=st.none() | st.integers(1, 60),
    bytes_max=st.none() | st.integers(1, 5000),
)
def test_every_command_goes_once_in_order_and_no_request_is_over_the_limits(count, count_max, bytes_max):
    updates = creations(count)
    requests = in_requests(updates, count_max=count_max, bytes_max=bytes_max)
    assert [update for request in requests for update in request] == updates
    for request in requests:
        assert request
        assert count_max is None or len(request) <= count_max
        body = encode_commands(
            request, Capabilities(report_status=True, agent="x", side_band_64k=True), PushOptions(), agent="a"
        )
        assert bytes_max is None or len(body) <= bytes_max or len(request) == 1


def test_the_size_of_a_command_is_that_on_the_wire():
    one, two = creations(2)
    capabilities = Capabilities(report_status=True)
    short = encode_commands([one], capabilities, PushOptions(), agent="a")
    both = encode_commands([one, two], capabilities, PushOptions(), agent="a")
    assert len(both) - len(short) == command_bytes(two)


def refused(reason: str, count: int = 10_000, *, ok: int = 0) -> ReportStatus:
    names = [f"refs/heads/{number}" for number in range(count)]
    return ReportStatus(
        {name: RefReport(name, ok=place < ok, reason=reason) for place, name in enumerate(names)}
    )


@pytest.mark.parametrize(
    ("words", "accepted"),
    [
        ("You can't push more than 5000 refs at once", 5000),
        ("pushes can update at most 25 branches", 25),
        ("only 3 tags may be pushed", 3),
        ("limit of 100 ref updates exceeded", 100),
        ("maximum is 4000 references", 4000),
        ("push exceeds 2000 commands", 2000),
        ("too many refs", 5000),
        ("Too many ref updates in one push", 5000),
        ("number of references exceeds what is allowed", 5000),
        ("pre-receive hook declined", None),
        ("You are not allowed to push to more than one project", None),
        ("more than 99999 refs", None),  # it was not for their number, then
        ("branch 5000 is protected", None),
    ],
)
def test_a_refusal_for_the_number_of_refs_is_told_by_its_words(words, accepted):
    assert updates_accepted(refused("pre-receive hook declined"), [words]) == accepted
    assert updates_accepted(refused(words), []) == accepted


def test_a_refusal_of_some_is_none_of_the_number():
    assert updates_accepted(refused("more than 5 refs", ok=1), []) is None
    assert updates_accepted(refused("more than 5 refs", count=1), []) is None
