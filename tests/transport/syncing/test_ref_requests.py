"""Where the commands of a push are parted, and how many bytes they take."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from packcore.ids import ObjectId
from transport.syncing.deliver.ref_requests import command_bytes, in_requests
from transport.wire.capabilities import Capabilities
from transport.wire.receive_pack import PushOptions, RefUpdate, encode_commands

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
    requests = list(in_requests(updates, count_max=count_max, bytes_max=bytes_max))
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


def test_a_request_has_at_most_so_many_deletions_and_any_number_of_others():
    updates = [RefUpdate(f"refs/heads/{n}", ONE, ZERO if n % 2 else ONE) for n in range(20)]
    requests = list(in_requests(updates, deletions_max=3))
    assert [update for request in requests for update in request] == updates
    assert [sum(update.is_delete for update in request) for request in requests] == [3, 3, 3, 1]
