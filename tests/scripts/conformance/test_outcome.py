"""What the two runs of a script came to, and how it is told."""

from __future__ import annotations

import json

import pytest

from scripts.conformance.git_suite import compare
from scripts.conformance.render import markdown, ranges, text, verdict
from scripts.conformance.results import Failure, Row, read_record, write_record
from scripts.conformance.suites import ConformanceError, Reason, load_families, load_reasons, pick, reason_for
from scripts.conformance.tap import Call, read_output

OURS = read_output(
    b"expecting success of 1.1 'a'\nok 1 - a\nexpecting success of 1.2 'b'\nnot ok 2 - b\n"
    b"expecting success of 1.3 'c'\nnot ok 3 - c\nexpecting success of 1.4 'd'\nnot ok 4 - d\n1..4\n"
)
CALLS = [
    Call(30, ("fsck",)),
    Call(50, ("fsck", "--tags"), ("--tags",), 129),
    Call(95, ("fsck",), (), 1),
]
REASONS = [Reason("fsck", "t1450", frozenset({"1", "3"}), "said in other words")]


def row() -> Row:
    return compare("fsck", "t1450-fsck", {1, 2, 3, 4}, OURS, calls=CALLS, reasons=REASONS)


def test_a_failure_is_not_offered_a_wrong_answer_or_follows_from_another():
    assert row().failures == [
        Failure("2", "b", ["--tags"], 1, ""),
        Failure("3", "c", [], 1, "said in other words"),
        Failure("4", "d", [], 0, ""),
    ]
    assert [line.rpartition(": ")[2] for line in text(row())[1:4]] == [
        "--tags",
        "wrong answer (said in other words)",
        "follows from an earlier failure",
    ]


def test_only_what_passes_with_the_original_is_compared():
    counted = compare("fsck", "t1450-fsck", {1, 4}, OURS, calls=CALLS)
    assert (counted.original, counted.passed, counted.calling) == (2, 1, 1)
    assert [failure.test for failure in counted.failures] == ["4"]


def test_a_test_that_is_missing_from_the_run_has_failed():
    assert [failure.test for failure in compare("x", "y", {1, 7}, OURS).failures] == ["7"]


def test_a_reason_for_a_test_that_passes_is_out_of_date():
    assert row().stale == ["1"]
    assert "0 wrong answers without a reason, 1 reasons out of date" in verdict([row()])


def test_only_wrong_answers_need_a_reason():
    told = compare("fsck", "t1450-fsck", {2, 3, 4}, OURS, calls=CALLS)
    assert [failure.test for failure in told.unexplained] == ["3"]


def test_the_verdict_counts_everything():
    assert verdict([row(), row()]).startswith("conformance: 2 of 8 (25.0 %) in 2 scripts")


def test_the_table_groups_the_tests_of_a_reason():
    failures = [Failure(str(number), "x", [], 1, "other words | and a bar") for number in (3, 4, 5, 9)]
    table = markdown([Row("fsck", "t1450-fsck", 91, 87, 83, failures)])
    assert "| t1450-fsck | 91 | 87 | 3-5, 9: other words \\| and a bar |" in table


@pytest.mark.parametrize(
    ("numbers", "words"),
    [(["1", "2", "3"], "1-3"), (["1", "3"], "1, 3"), (["TestA", "TestB"], "TestA, TestB"), ([], "")],
)
def test_test_numbers_are_written_as_ranges(numbers, words):
    assert ranges(numbers) == words


def test_a_record_keeps_the_rows_that_did_not_run_again(tmp_path):
    record = tmp_path / "record.json"
    write_record([row(), Row("cat-file", "t1006", 5, 5, 5)], record)
    write_record([Row("fsck", "t1450-fsck", 9, 9, 9)], record)
    assert [(kept.script, kept.original) for kept in read_record(record)] == [("t1450-fsck", 9), ("t1006", 5)]
    assert json.loads(record.read_text())


def test_reasons_name_tests_by_numbers_ranges_and_names(tmp_path):
    path = tmp_path / "reasons.toml"
    path.write_text('[[fsck.t1450]]\ntests = [1, "7-9", "TestX"]\nwhy = "so"\n')
    reasons = load_reasons(path)
    assert reasons[0].tests == {"1", "7", "8", "9", "TestX"}
    assert reason_for(reasons, "fsck", "t1450-fsck", "8") == "so"
    assert not reason_for(reasons, "fsck", "t1450-fsck", "2")
    assert not reason_for(reasons, "server", "t1450-fsck", "8")


def test_names_are_picked_by_patterns_and_by_numbers():
    names = ["t5300-pack-object", "t5302-pack-index", "t1450-fsck"]
    assert pick(names, "t5302,t1450") == names[1:]
    assert pick(names, "t53*") == names[:2]
    assert pick(names, "") == names
    with pytest.raises(ConformanceError, match="t9999"):
        pick(names, "t9999")


def test_each_reason_is_about_a_family_and_a_script_that_are_run():
    known = {
        (family.name, script.partition("-")[0]) for family in load_families() for script in family.scripts
    }
    known |= {("git-sync", "syncer")}
    assert {(reason.family, reason.script) for reason in load_reasons()} <= known
