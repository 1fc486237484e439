"""What statuses, errors and words of a target mean for the next try: one table each."""

from __future__ import annotations

import pytest

from packcore.errors import CorruptData
from transport.errors import (
    AuthenticationRequired,
    HttpStatusError,
    NetworkError,
    RemoteError,
    RemoteProtocolError,
    RemoteStalled,
    TruncatedAnswer,
)
from transport.syncing.deliver.refusals import (
    BODY_BYTES_MIN,
    Meaning,
    is_large_enough_to_halve,
    lacks_objects,
    may_fare_better_in_parts,
    meaning,
    refused_bytes,
    size_refusal,
    updates_accepted,
)
from transport.syncing.outcome.result import Outcome
from transport.wire.report import RefReport, ReportStatus

SMALLER, CUT, NOT_TAKEN = Meaning.SMALLER_MAY_DO, Meaning.CUT_OFF, Meaning.SURELY_NOT_TAKEN
TOO_LARGE = "fatal: pack exceeds maximum allowed size (2.00 GiB)"


def status(number: int) -> HttpStatusError:
    return HttpStatusError(f"HTTP {number}", status=number, url="https://git.example.com/a.git")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (None, Meaning.NOTHING),
        (status(400), Meaning.NOTHING),
        (status(403), Meaning.NOTHING),
        (status(408), SMALLER | CUT),
        (status(411), Meaning.NOTHING),
        (status(413), SMALLER | NOT_TAKEN),
        (status(429), Meaning.NOTHING),
        (status(499), CUT),
        (status(500), Meaning.NOTHING),
        (status(502), SMALLER | CUT),
        (status(503), CUT),
        (status(504), SMALLER | CUT),
        (status(520), CUT),
        (status(522), CUT),
        (status(524), SMALLER | CUT),
        (NetworkError("lost"), SMALLER | CUT),
        (RemoteStalled("stalled"), Meaning.NOTHING),
        (TruncatedAnswer("cut off"), SMALLER),
        (RemoteProtocolError("garbage"), Meaning.NOTHING),
        (RemoteError(TOO_LARGE), SMALLER),
        (RemoteError("pre-receive hook declined"), Meaning.NOTHING),
        (AuthenticationRequired("no"), Meaning.NOTHING),
        (CorruptData("torn"), Meaning.NOTHING),
    ],
    ids=lambda value: str(value) if isinstance(value, Exception) else None,
)
def test_each_error_of_a_push_means_what_the_table_says(error, expected):
    assert meaning(error) == expected


@pytest.mark.parametrize(
    ("words", "is_for_size"),
    [
        (TOO_LARGE, True),
        ("unpack error Pack exceeds the limit of 1000 bytes, rejecting the pack", True),
        ("remote: push exceeded size limit of 2 GB", True),
        ("the PACK IS TOO LARGE", True),
        ("File big.bin is 120.00 MB; this exceeds the file size limit of 100.00 MB", False),
        ("repository quota exceeded", False),
        ("", False),
    ],
)
def test_a_refusal_for_the_size_of_a_pack_is_known_by_its_words(words, is_for_size):
    assert size_refusal(["Resolving deltas", words]) == (words if is_for_size else None)


@pytest.mark.parametrize(
    ("words", "lacks"),
    [
        ("missing necessary objects", True),
        ("unpacker error", True),
        ("the remote could not unpack the pack: index-pack abnormal exit", True),
        ("pre-receive hook declined", False),
        ("None", False),
    ],
)
def test_a_target_that_lacks_what_it_claimed_is_known_by_its_words(words, lacks):
    assert lacks_objects(["non-fast-forward", words]) is lacks


@pytest.mark.parametrize(
    ("outcomes", "words", "failure", "wished", "expected"),
    [
        ([Outcome.REFUSED], TOO_LARGE, None, False, True),
        ([Outcome.REFUSED, Outcome.NOT_PUSHED], TOO_LARGE, None, False, True),
        ([Outcome.REFUSED, Outcome.PUSHED], TOO_LARGE, None, False, False),
        ([Outcome.MOVED], TOO_LARGE, None, False, False),
        ([Outcome.REFUSED], None, None, True, False),
        ([Outcome.NOT_PUSHED], None, status(413), False, True),
        ([Outcome.NOT_PUSHED, Outcome.UNANSWERED], None, status(413), False, False),
        ([Outcome.REFUSED], None, status(413), False, False),
        ([Outcome.NOT_PUSHED], None, status(403), True, False),
        ([Outcome.NOT_PUSHED], None, RemoteError(TOO_LARGE), False, True),
        ([Outcome.NOT_PUSHED], None, NetworkError("lost"), False, False),
        ([Outcome.NOT_PUSHED], None, NetworkError("lost"), True, True),
        ([Outcome.NOT_PUSHED], None, RemoteStalled("stalled"), True, False),
        ([Outcome.NOT_PUSHED], None, None, True, False),
    ],
)
def test_a_push_goes_in_parts_where_nothing_of_it_came_about_and_size_was_the_reason(
    outcomes, words, failure, wished, expected
):
    found = may_fare_better_in_parts(outcomes, words=words, failure=failure, parts_are_wished=wished)
    assert found is expected


def test_a_body_is_halved_as_long_as_half_of_it_is_worth_a_try():
    assert is_large_enough_to_halve(2 * BODY_BYTES_MIN)
    assert not is_large_enough_to_halve(2 * BODY_BYTES_MIN - 1)


@pytest.mark.parametrize(
    ("size", "sent", "was_told", "expected"),
    [
        (1_000_000, 400_000, False, 400_000),
        (1_000_000, 400_000, True, 1_000_000),
        (1_000_000, 2_000_000, False, 1_000_000),  # the pack was sent twice
        (1_000_000, 0, False, 2 * BODY_BYTES_MIN),
        (100, 100, True, 2 * BODY_BYTES_MIN),
    ],
)
def test_of_a_refused_body_what_had_been_sent_was_too_much(size, sent, was_told, expected):
    assert refused_bytes(size, sent, length_was_told=was_told) == expected


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
