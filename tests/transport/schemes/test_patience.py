"""The clock behind `--stall-timeout`, without a clock: what starts it again, and what doesn't."""

from __future__ import annotations

from transport.schemes.patience import BYTES_PER_SECOND_MIN, NEWS_SECONDS_MAX, Patience
from transport.wire.headway import Headway

ENOUGH = 60 * BYTES_PER_SECOND_MIN
"""Payload of a window of sixty seconds."""


def watching() -> tuple[Patience, Headway]:
    patience, headway = Patience(60.0), Headway()
    patience.follow(headway)
    return patience, headway


def test_waiting_adds_up_until_the_stall_timeout():
    patience, _ = watching()
    assert patience.wait(30.0)
    assert patience.left == 30.0
    assert not patience.wait(30.0)
    assert patience.left == 0.0


def test_received_bytes_alone_do_not_start_the_clock_again():
    patience, _ = watching()
    assert [patience.wait(20.0, received=count * 10_000) for count in range(1, 4)] == [True, True, False]


def test_payload_starts_the_clock_again():
    patience, headway = watching()
    for _ in range(1000):
        headway.bring(ENOUGH)
        assert patience.wait(59.0)


def test_one_byte_of_payload_per_second_does_not_count_as_progress():
    patience, headway = watching()
    seconds = 0
    while patience.wait(1.0):
        headway.bring(1)
        seconds += 1
    assert seconds == 59


def test_a_part_of_a_packet_counts_before_the_packet_is_whole():
    patience, headway = watching()
    for part in range(1, 100):
        headway.pending_bytes = part * ENOUGH
        assert patience.wait(59.0)


def test_a_packet_that_is_completed_is_not_counted_twice():
    headway = Headway()
    headway.pending_bytes = 100
    headway.bring(100)
    headway.pending_bytes = 0
    assert headway.total == 100


def test_what_the_remote_takes_of_a_body_counts():
    patience, _ = watching()
    for count in range(1, 100):
        assert patience.wait(59.0, sent=count * ENOUGH)


def test_news_starts_the_clock_again_but_not_for_ever():
    patience, headway = watching()
    waited = 0.0
    headway.tell()
    while patience.wait(50.0):
        waited += 50.0
        headway.tell()
    assert NEWS_SECONDS_MAX <= waited <= NEWS_SECONDS_MAX + 120


def test_payload_renews_what_news_may_buy():
    patience, headway = watching()
    for _ in range(3):
        for _ in range(int(NEWS_SECONDS_MAX / 50.0) - 2):
            headway.tell()
            assert patience.wait(50.0)
        headway.bring(ENOUGH)


def test_without_a_reader_every_byte_counts():
    patience = Patience(60.0)
    patience.follow(None)
    assert patience.wait(59.0, received=ENOUGH)
    assert patience.wait(59.0, received=2 * ENOUGH)
    assert not patience.wait(60.0, received=2 * ENOUGH)


def test_the_answer_gets_its_own_time_after_the_request():
    patience, _ = watching()
    assert patience.wait(50.0)
    patience.restart()
    assert patience.wait(50.0)
