"""How refs are written down: what `git refs verify` of git 2.55 says, line for line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packcore.checks.findings import Severities, Severity
from packcore.checks.references import check_references
from packcore.store.repository import Repository
from tests.reftables import reftable_repository
from tests.support import git, history, make_repository, require_git, run_git

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WITH_VERIFY = (2, 50)
"""The first git whose `refs verify` has all of these."""


def ref(name: str, content: str) -> Callable[[Path, str], None]:
    def write(path: Path, oid: str) -> None:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(content.replace("OID", oid))

    return write


def packed(*lines: str) -> Callable[[Path, str], None]:
    def write(path: Path, oid: str) -> None:
        text = "\n".join(lines).replace("OID", oid).replace("HALF", oid[:20])
        (path / "packed-refs").write_text(text)

    return write


def link(name: str, target: str) -> Callable[[Path, str], None]:
    def make(path: Path, _: str) -> None:
        (path / name).symlink_to(target)

    return make


HEADER = "# pack-refs with: peeled fully-peeled sorted "
CASES = {
    "nothing": (lambda *_: None, []),
    "a bad name": (
        ref("refs/heads/a..b", "OID\n"),
        ["error: refs/heads/a..b: badRefName: invalid refname format"],
    ),
    "a hidden file": (
        ref("refs/heads/.keep", "OID\n"),
        ["error: refs/heads/.keep: badRefName: invalid refname format"],
    ),
    "a lock": (ref("refs/heads/main.lock", ""), []),
    "words": (ref("refs/heads/x", "words\n"), ["error: refs/heads/x: badRefContent: words"]),
    "no line feed": (
        ref("refs/heads/x", "OID"),
        ["warning: refs/heads/x: refMissingNewline: misses LF at the end"],
    ),
    "more than an id": (
        ref("refs/heads/x", "OID more"),
        ["warning: refs/heads/x: trailingRefContent: has trailing garbage: ' more'"],
    ),
    "the zero id": (
        ref("refs/heads/x", "0" * 40 + "\n"),
        [f"error: refs/heads/x: badRefOid: points to invalid object ID '{'0' * 40}'"],
    ),
    "a symbolic ref without a line feed": (
        ref("refs/heads/x", "ref: refs/heads/main"),
        ["warning: refs/heads/x: refMissingNewline: misses LF at the end"],
    ),
    "a symbolic ref with blanks": (
        ref("refs/heads/x", "ref: refs/heads/main  \n"),
        ["warning: refs/heads/x: trailingRefContent: has trailing whitespaces or newlines"],
    ),
    "a symbolic ref to an impossible name": (
        ref("refs/heads/x", "ref: refs/heads/a..b\n"),
        ["error: refs/heads/x: badReferentName: points to invalid refname 'refs/heads/a..b'"],
    ),
    "a symbolic ref to a file": (
        ref("refs/heads/x", "ref: objects/x\n"),
        ["warning: refs/heads/x: symrefTargetIsNotARef: points to non-ref target 'objects/x'"],
    ),
    "a symbolic link": (
        link("refs/heads/x", "main"),
        ["warning: refs/heads/x: symlinkRef: use deprecated symbolic link for symref"],
    ),
    "HEAD at a tag": (
        ref("HEAD", "ref: refs/tags/v1\n"),
        ["error: HEAD: badHeadTarget: HEAD points to non-branch 'refs/tags/v1'"],
    ),
    "packed": (packed(HEADER, "OID refs/heads/p", "OID refs/heads/q", "^OID", ""), []),
    "an odd header": (
        packed("# pack-refs wit: sorted", "OID refs/heads/p", ""),
        [
            (
                "error: packed-refs.header: badPackedRefHeader: '# pack-refs wit: sorted' does not start "
                "with '# pack-refs with: '"
            )
        ],
    ),
    "unsorted": (
        packed(HEADER, "OID refs/heads/q", "OID refs/heads/p", ""),
        [
            (
                "error: packed-refs line 3: packedRefUnsorted: refname 'refs/heads/p' is less than previous "
                "refname 'refs/heads/q'"
            )
        ],
    ),
    "a bad packed name": (
        packed(HEADER, "OID refs/heads/a..b", ""),
        ["error: packed-refs line 2: badRefName: has bad refname 'refs/heads/a..b'"],
    ),
    "half an id": (
        packed(HEADER, "HALF refs/heads/p", ""),
        ["error: packed-refs line 2: badPackedRefEntry: 'HALF refs/heads/p' has invalid oid"],
    ),
    "half a peeled id": (
        packed(HEADER, "OID refs/heads/p", "^HALF", ""),
        ["error: packed-refs line 3: badPackedRefEntry: 'HALF' has invalid peeled oid"],
    ),
    "more than a peeled id": (
        packed(HEADER, "OID refs/heads/p", "^OID more", ""),
        ["error: packed-refs line 3: badPackedRefEntry: has trailing garbage after peeled oid ' more'"],
    ),
    "no blank": (
        packed(HEADER, "OIDrefs/heads/p", ""),
        [
            (
                "error: packed-refs line 2: badPackedRefEntry: has no space after oid 'OID' but with "
                "'refs/heads/p'"
            )
        ],
    ),
    "cut packed-refs": (
        packed(HEADER, "OID refs/heads/p"),
        [
            (
                "error: packed-refs line 2: packedRefEntryNotTerminated: 'OID refs/heads/p' is not "
                "terminated with a newline"
            )
        ],
    ),
    "empty packed-refs": (packed(), ["warning: packed-refs: emptyPackedRefsFile: file is empty"]),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "r.git", history(commits=1))


def ours(path: Path, severities: Severities | None = None) -> list[str]:
    with Repository.open(path) as repository:
        return [found.text for found in check_references(repository, severities or Severities())]


def written(path: Path, case: str) -> list[str]:
    """Make a case, and return what is expected of it."""
    make, expected = CASES[case]
    oid = git("rev-parse", "refs/heads/main", cwd=path)
    make(path, oid)
    return [
        line.replace("OID'", f"{oid}'").replace("OID ", f"{oid} ").replace("HALF", oid[:20])
        for line in expected
    ]


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_said_in_the_words_of_git(path: Path, case: str):
    expected = written(path, case)
    assert ours(path) == expected


@pytest.mark.parametrize("case", CASES)
def test_git_says_the_same(path: Path, case: str):
    require_git(*WITH_VERIFY)
    written(path, case)
    done = run_git("refs", "verify", cwd=path)
    assert sorted(done.stderr.decode().splitlines()) == sorted(ours(path))


def test_a_setting_changes_how_bad_a_finding_is(path: Path):
    written(path, "no line feed")
    assert ours(path, Severities({"refMissingNewline": Severity.IGNORE})) == []
    assert ours(path, Severities({"refMissingNewline": Severity.ERROR}))[0].startswith("error: ")


def test_tables_have_names_of_a_form(tmp_path: Path):
    path = reftable_repository(tmp_path / "t.git")
    table = "0x000000000001-0x000000000005-21e1b6db.ref"
    (path / "reftable" / "kinds-1.ref").rename(path / "reftable" / table)
    (path / "reftable" / "tables.list").write_text(f"{table}\nkinds-2.ref\n")
    assert ours(path) == ["warning: kinds-2.ref: badReftableTableName: invalid reftable table name"]
