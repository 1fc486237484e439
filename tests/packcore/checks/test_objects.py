"""Strict checks: each finding has git's message id, severity and text, and each case is compared with git."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcore.checks.objects import Severity, check_object, links_of_sound_commit, special_blobs
from packcore.checks.special import check_gitattributes, check_gitmodules
from packcore.ids import SHA1, SHA256, ObjectId
from packcore.objects import ObjectType
from packcore.store.loose import LooseStore
from tests.object_makers import blob, commit, tag, tree
from tests.support import init_repository, run_git

if TYPE_CHECKING:
    from pathlib import Path

WHO = b"A U Thor <author@example.com> 1000000000 +0000"
OID = b"1" * 40


def commit_text(
    *, tree_line: bytes = b"tree " + OID, who: bytes = WHO, before: bytes = b"", after: bytes = b"\n\nm\n"
):
    return tree_line + b"\n" + before + b"author " + who + b"\ncommitter " + WHO + after


def tag_text(
    *, head: bytes = b"object " + OID + b"\ntype commit\ntag v1\n", tagger: bytes = b"tagger " + WHO + b"\n"
):
    return head + tagger + b"\nm\n"


def row(name: bytes, mode: bytes = b"100644", oid: bytes = b"\1" * 20) -> bytes:
    return mode + b" " + name + b"\0" + oid


COMMITS = {
    "missingTree": commit_text(tree_line=b"object " + OID),
    "badTreeSha1": commit_text(tree_line=b"tree 123"),
    "badParentSha1": commit_text(before=b"parent 123\n"),
    "missingAuthor": b"tree " + OID + b"\ncommitter " + WHO + b"\n\nm\n",
    "multipleAuthors": commit_text(before=b"author " + WHO + b"\n"),
    "missingCommitter": b"tree " + OID + b"\nauthor " + WHO + b"\n\nm\n",
    "missingNameBeforeEmail": commit_text(who=b"<a@b> 1 +0000"),
    "badName": commit_text(who=b"A > <a@b> 1 +0000"),
    "missingEmail": commit_text(who=b"A U Thor 1 +0000"),
    "missingSpaceBeforeEmail": commit_text(who=b"A<a@b> 1 +0000"),
    "badEmail": commit_text(who=b"A <a<b> 1 +0000"),
    "missingSpaceBeforeDate": commit_text(who=b"A <a@b>1 +0000"),
    "badDate": commit_text(who=b"A <a@b> soon +0000"),
    "zeroPaddedDate": commit_text(who=b"A <a@b> 01 +0000"),
    "badDateOverflow": commit_text(who=b"A <a@b> 18446744073709551614 +0000"),
    "badTimezone": commit_text(who=b"A <a@b> 1 0000"),
    "nulInCommit": commit_text(after=b"\n\nm\0\n"),
    "nulInHeader": commit_text(after=b"\nx\0y\n\nm\n"),
    "unterminatedHeader": b"tree " + OID + b"\nauthor " + WHO,
}
TAGS = {
    "missingObject": tag_text(head=b"type commit\n"),
    "badObjectSha1": tag_text(head=b"object 12\ntype commit\ntag v1\n"),
    "missingTypeEntry": tag_text(head=b"object " + OID + b"\ntag v1\n"),
    "badType": tag_text(head=b"object " + OID + b"\ntype thing\ntag v1\n"),
    "missingTagEntry": tag_text(head=b"object " + OID + b"\ntype commit\n"),
    "badTagName": tag_text(head=b"object " + OID + b"\ntype commit\ntag a..b\n"),
    "missingTaggerEntry": tag_text(tagger=b""),
    "badEmail": tag_text(tagger=b"tagger A <a\n"),
}
TREES = {
    "nullSha1": row(b"a", oid=bytes(20)),
    "fullPathname": row(b"a/b"),
    "hasDot": row(b"."),
    "hasDotdot": row(b".."),
    "hasDotgit": row(b".git"),
    "zeroPaddedFilemode": row(b"a", b"0100644"),
    "badFilemode": row(b"a", b"100600"),
    "duplicateEntries": row(b"a") + row(b"a"),
    "treeNotSorted": row(b"b") + row(b"a"),
    "gitmodulesSymlink": row(b".gitmodules", b"120000"),
    "gitattributesSymlink": row(b".gitattributes", b"120000"),
    "gitignoreSymlink": row(b".gitignore", b"120000"),
    "mailmapSymlink": row(b".mailmap", b"120000"),
}
CASES = [
    *((ObjectType.COMMIT, *case) for case in COMMITS.items()),
    *((ObjectType.TAG, *case) for case in TAGS.items()),
    *((ObjectType.TREE, *case) for case in TREES.items()),
]
IDS = [f"{type_.name.lower()}-{message_id}" for type_, message_id, _ in CASES]


@pytest.mark.parametrize(("type_", "message_id", "data"), CASES, ids=IDS)
def test_each_fault_is_found_under_gits_name(type_: ObjectType, message_id: str, data: bytes):
    assert [finding.message_id for finding in check_object(type_, data, SHA1)] == [message_id]


@pytest.mark.parametrize("strict", [False, True])
def test_git_says_the_same_about_every_case(tmp_path: Path, strict: bool):
    path = init_repository(tmp_path / "r.git")
    store = LooseStore(path / "objects", SHA1)
    cases = {store.write(type_, data).hex(): (type_, data) for type_, _, data in CASES}
    done = run_git("fsck", *(["--strict"] if strict else []), cwd=path)
    lines = (done.stdout + done.stderr).decode("utf-8", "replace").splitlines()
    said = {
        (match[3], match[4], match[1], match[5])
        for line in lines
        if (match := re.match(r"(error|warning) in (\w+) ([0-9a-f]{40}): (\w+): (.*)", line))
    }
    ours = {
        (
            oid,
            found.message_id,
            "error" if found.severity.is_error(strict=strict) else "warning",
            found.text,
        )
        for oid, (type_, data) in cases.items()
        for found in check_object(type_, data, SHA1, strict=strict)
    }
    # git does not check objects any further that its own parser refuses.
    unparsed = {oid for oid in cases if any(oid in line and "could not be parsed" in line for line in lines)}
    assert {found for found in ours if found[0] not in unparsed} == said
    assert len(said) > len(CASES) * 2 // 3


ORDERS = [
    [(b"a", b"100644"), (b"a", b"40000")],
    [(b"a", b"100644"), (b"a-b", b"100644"), (b"a", b"40000")],
    [(b"a", b"100644"), (b"a-b", b"100644"), (b"a-b-c", b"100644"), (b"a", b"40000")],
    [(b"a", b"100644"), (b"a.b", b"40000"), (b"a0", b"100644"), (b"a", b"40000")],
    [(b"a", b"40000"), (b"a-b", b"100644")],
    [(b"a", b"100644"), (b"b", b"100644"), (b"a", b"100644")],
    [(b"a", b"100644"), (b"b", b"100644"), (b"b", b"100644"), (b"a", b"40000")],
    [(b"a/b", b"100644"), (b"a", b"40000")],
    [(b"a", b"100644"), (b"a0", b"100644"), (b"a1", b"10000120000")],
]


def test_git_says_the_same_about_names_out_of_order_and_repeated_names(tmp_path: Path):
    path = init_repository(tmp_path / "r.git")
    store = LooseStore(path / "objects", SHA1)
    ours = set()
    for entries in ORDERS:
        data = b"".join(row(name, mode) for name, mode in entries)
        oid = store.write(ObjectType.TREE, data).hex()
        ours |= {(oid, found.message_id) for found in check_object(ObjectType.TREE, data, SHA1, strict=True)}
    done = run_git("fsck", "--strict", cwd=path)
    said = re.findall(r"in tree ([0-9a-f]{40}): (\w+):", (done.stdout + done.stderr).decode())
    assert ours == set(said)
    assert len(ours) > len(ORDERS) // 2


@pytest.mark.parametrize("object_format", [SHA1, SHA256])
def test_good_objects_have_no_findings(object_format):
    empty = tree({})
    top = object_format.hash_object(b"tree", b"")
    entries = {b"a": 0o100644, b"a.c": 0o100755, b"a0": 0o40000, b"l": 0o120000, b"m": 0o160000}
    made = object_format.hash_object(b"x", b"")
    full = tree({name: (mode, made) for name, mode in entries.items()})
    for type_, data in (empty, full, commit(top, [made]), tag(made), blob(b"\0")):
        assert check_object(type_, data, object_format, strict=True) == []


@pytest.mark.parametrize(
    "name",
    [
        b".GIT",
        b".git ",
        b".git. .",
        b".git::$INDEX_ALLOCATION",
        b"GIT~1",
        b"git~1 ",
        b"a\\.git",
        b"a\\.Git\\hooks",
        ".g\u200cit".encode(),
        ".GI\ufeffT".encode(),
    ],
)
def test_names_that_a_file_system_treats_as_dotgit_are_found(name: bytes):
    assert "hasDotgit" in [found.message_id for found in check_object(ObjectType.TREE, row(name), SHA1)]


@pytest.mark.parametrize(
    "name", [b".gitx", b"git", b"git~2", b".git x", b"x.git", b".gi", ".gît".encode(), b"a\\b"]
)
def test_names_that_only_look_like_it_are_not(name: bytes):
    assert check_object(ObjectType.TREE, row(name), SHA1) == []


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        (b".gitmodules", [b"gitmodules"]),
        (b".GitModules .", [b"gitmodules"]),
        (b"GITMOD~1", [b"gitmodules"]),
        (b"gi7eba~1", [b"gitmodules"]),
        (b"~1000000", [b"gitmodules", b"gitattributes"]),
        (b".gitattributes", [b"gitattributes"]),
        (b"gitatt~4", [b"gitattributes"]),
        (b"gi7d29~9:x", [b"gitattributes"]),
        (b"gitmod~5", []),
        (b".gitmodules2", []),
        (b"x", []),
    ],
)
def test_special_files_are_known_by_all_their_names(name: bytes, kinds: list[bytes]):
    oid = ObjectId(b"\1" * 20)
    assert special_blobs(row(name), SHA1) == [(kind, oid) for kind in kinds]


@pytest.mark.parametrize(
    ("text", "message_ids"),
    [
        ('[submodule "a"]\n\tpath = x\n\turl = https://h/x\n', []),
        ('[submodule "a/../b"]\n\turl = x\n', ["gitmodulesName"]),
        ('[submodule "a"]\n\turl = -x\n', ["gitmodulesUrl"]),
        ('[submodule "a"]\n\turl = https:///x\n', ["gitmodulesUrl"]),
        ('[submodule "a"]\n\turl = https://h/%0aevil\n', ["gitmodulesUrl"]),
        ('[submodule "a"]\n\turl = ../../:evil\n', ["gitmodulesUrl"]),
        ('[submodule "a"]\n\turl = ../x\n\tpath = -p\n', ["gitmodulesPath"]),
        ('[submodule "a"]\n\tupdate = !rm\n', ["gitmodulesUpdate"]),
        ("[submodule]\n\tx = 1\n", []),
        ("[broken\n", ["gitmodulesParse"]),
    ],
)
def test_gitmodules_that_would_run_something_are_found(text: str, message_ids: list[str]):
    assert [found.message_id for found in check_gitmodules(text.encode())] == message_ids


def test_gitattributes_with_too_long_lines_are_found():
    assert check_gitattributes([b"*.c text\n" + b"x" * 2047 + b"\n"]) == []
    for blocks in ([b"x" * 2048], [b"a\n" + b"x" * 47, b"x" * 2000, b"x\n"]):
        assert [found.message_id for found in check_gitattributes(blocks)] == ["gitattributesLineLength"]


def test_severities_decide_what_fails():
    assert Severity.WARN.is_error(strict=True)
    assert not Severity.WARN.is_error(strict=False)
    assert not Severity.INFO.is_error(strict=True)
    assert Severity.FATAL.is_error(strict=False)


@given(st.sampled_from(list(ObjectType)), st.binary(max_size=120), st.sampled_from([*COMMITS.values(), b""]))
def test_any_bytes_are_checked_without_an_exception(type_: ObjectType, data: bytes, start: bytes):
    check_object(type_, start[: len(data)] + data, SHA1, strict=True)


@pytest.mark.parametrize("who", [b" <a@b> 1 +0000", b"A <> 0 -0130", WHO])
def test_a_sound_commit_is_known_by_one_look_with_its_tree_and_parents(who: bytes):
    parents = [bytes([number]) * 20 for number in (2, 3)]
    before = b"".join(b"parent %s\n" % parent.hex().encode() for parent in parents)
    data = commit_text(tree_line=b"tree " + b"11" * 20, before=before, who=who)
    assert links_of_sound_commit(data, SHA1) == [b"\x11" * 20, *parents]
    assert not check_object(ObjectType.COMMIT, data, SHA1)


@pytest.mark.parametrize("message_id", COMMITS)
def test_no_commit_with_a_fault_passes_for_sound(message_id: str):
    assert links_of_sound_commit(COMMITS[message_id], SHA1) is None


@given(st.sampled_from([*COMMITS.values(), commit_text()]), st.data())
def test_a_commit_that_passes_for_sound_has_no_findings(text: bytes, drawn: st.DataObject):
    at = drawn.draw(st.integers(0, len(text)))
    gone = drawn.draw(st.integers(0, 3))
    new = drawn.draw(st.sampled_from([b"", b"\0", b"\n", b" ", b"<", b">", b"0", b"+", b"\n\n", b"A"]))
    data = text[:at] + new + text[at + gone :]
    if links_of_sound_commit(data, SHA1) is not None:
        assert not check_object(ObjectType.COMMIT, data, SHA1, strict=True)
