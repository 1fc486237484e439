"""What a script of git's suite prints becomes tests, and each call of a stand-in belongs to one of them."""

from __future__ import annotations

from scripts.conformance.tap import Call, by_test, read_output

OUTPUT = b"""\
expecting success of 5300.1 'setup':
\tgit init

ok 1 - setup
expecting success of 5300.2 'ok 7 - a title like a result':
not ok 2 - ok 7 - a title like a result
#\tgit fsck
skipping test: needs a user
ok 3 # skip needs a user (missing SANITY)
checking known breakage of 5300.4 'broken': false
not ok 4 - broken # TODO known breakage
ok 9 - printed by a test
expecting success of 5300.5 'last':
ok 5 - last
# failed 1 among 5 test(s)
1..5
"""


def test_each_result_has_its_number_title_and_verdict():
    outcome = read_output(OUTPUT)
    assert [(test.number, test.title, test.passed) for test in outcome.tests.values() if test.counts] == [
        (1, "setup", True),
        (2, "ok 7 - a title like a result", False),
        (5, "last", True),
    ]
    assert outcome.passed == {1, 5}


def test_skipped_tests_and_known_breakages_do_not_count():
    tests = read_output(OUTPUT).tests
    assert [number for number, test in tests.items() if not test.counts] == [3, 4]
    assert 3 not in read_output(OUTPUT).passed


def test_a_script_without_a_plan_did_not_come_to_its_end():
    assert read_output(OUTPUT).complete
    assert not read_output(OUTPUT.partition(b"1..5")[0]).complete


def test_a_call_belongs_to_the_test_that_ran_when_it_was_made():
    outcome = read_output(OUTPUT)
    second, last = OUTPUT.index(b"'ok 7"), OUTPUT.index(b"ok 5 - last")
    calls = [
        Call(0, ("fsck",)),
        Call(second, ("fsck", "--x")),
        Call(last, ("fsck",)),
        Call(last, ("rev-list",)),
    ]
    found = by_test(outcome, calls)
    assert {number: len(own) for number, own in found.items()} == {1: 1, 2: 1, 5: 2}


def test_a_call_before_the_first_test_belongs_to_none():
    outcome = read_output(b"Initialized\n" + OUTPUT)
    assert list(by_test(outcome, [Call(3, ("fsck",))])) == [0]


def test_a_result_counts_behind_a_line_that_has_no_end():
    outcome = read_output(b"ok 1 - setup\nBad commandok 2 - pulling\nsome wordsnot ok 3 - pushing\n1..3\n")
    assert [(test.title, test.passed) for test in outcome.tests.values()] == [
        ("setup", True),
        ("pulling", True),
        ("pushing", False),
    ]
