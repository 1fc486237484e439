"""How bad findings are, and what settings change about that."""

from __future__ import annotations

import pytest

from packcore.checks.findings import BY_DEFAULT, Severities, Severity, finding
from packcore.checks.objects import check_object
from packcore.ids import SHA1
from packcore.objects import ObjectType

TREE = b"tree " + b"1" * 40 + b"\n"
GOOD, BAD = b"A <a@e> 1 +0000\n", b"A <a@e> 1 +051800\n"
TWO_FAULTS = TREE + b"author " + BAD + b"author " + GOOD + b"committer " + GOOD + b"\nm\n"


def found(data: bytes, severities: Severities, type_: ObjectType = ObjectType.COMMIT) -> dict[str, Severity]:
    findings = check_object(type_, data, SHA1, severities=severities)
    return {one.message_id: one.severity for one in findings}


def test_a_check_stops_at_an_error():
    assert found(TWO_FAULTS, BY_DEFAULT) == {"badTimezone": Severity.ERROR}


@pytest.mark.parametrize("severity", [Severity.IGNORE, Severity.WARN])
def test_a_check_continues_after_a_finding_that_a_setting_excuses(severity):
    expected = {"multipleAuthors": Severity.ERROR}
    if severity is Severity.WARN:
        expected["badTimezone"] = Severity.WARN
    assert found(TWO_FAULTS, Severities({"badTimezone": severity})) == expected


def test_ids_are_compared_without_case():
    assert "badTimezone" not in found(TWO_FAULTS, Severities({"BADTIMEZONE": Severity.IGNORE}))


def test_a_bad_id_that_is_excused_ends_with_its_line():
    data = TREE + b"parent nonsense\nauthor " + GOOD + b"committer " + GOOD + b"\nm\n"
    assert found(data, BY_DEFAULT) == {"badParentSha1": Severity.ERROR}
    assert found(data, Severities({"badParentSha1": Severity.IGNORE})) == {}


def test_what_is_ignored_by_default_can_be_made_an_error():
    data = b"object " + b"1" * 40 + b"\ntype blob\ntag x\ntagger " + GOOD + b"more x\n\nm\n"
    assert found(data, BY_DEFAULT, ObjectType.TAG) == {}
    made = Severities({"extraHeaderEntry": Severity.ERROR})
    assert found(data, made, ObjectType.TAG) == {"extraHeaderEntry": Severity.ERROR}


def test_findings_in_trees_get_the_same_severities():
    data = b"0100644 f\0" + b"1" * 20
    assert found(data, BY_DEFAULT, ObjectType.TREE) == {"zeroPaddedFilemode": Severity.WARN}
    assert found(data, Severities(strict=True), ObjectType.TREE) == {"zeroPaddedFilemode": Severity.ERROR}
    ignored = Severities({"zeroPaddedFilemode": Severity.IGNORE}, strict=True)
    assert found(data, ignored, ObjectType.TREE) == {}


def test_strict_makes_default_warnings_errors_and_no_others():
    severities = Severities({"hasDot": Severity.WARN}, strict=True)
    ids = ("hasDotdot", "hasDot", "badFilemode")
    assert [severities.of(one) for one in ids] == [Severity.ERROR, Severity.WARN, Severity.INFO]
    assert severities.judged([finding("extraHeaderEntry", "x")]) == []


@pytest.mark.parametrize("severity", [Severity.WARN, Severity.IGNORE])
def test_a_fatal_finding_cannot_be_excused(severity):
    with pytest.raises(ValueError, match="nulInHeader"):
        Severities({"nulinheader": severity})
