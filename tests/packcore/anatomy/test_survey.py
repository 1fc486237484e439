"""A survey of a pack agrees with git about each object, and finds where and when it was introduced."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packcore.anatomy.origins import NOWHERE
from packcore.anatomy.survey import PackSurvey, survey_pack
from packcore.errors import CorruptPack, MissingObject
from packcore.ids import FORMATS, SHA1
from packcore.objects import ObjectType
from tests.packcore.pack_builder import (
    blob_id,
    build_pack,
    chain_of,
    ref_delta,
    simple_delta,
    whole,
    write_pack_file,
)
from tests.support import git, history, make_repository

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def survey_of(repository: Path, object_format: str = "sha1") -> PackSurvey:
    (pack,) = repository.glob("objects/pack/*.pack")
    return survey_pack(pack, FORMATS[object_format])


def commit(
    number: int, seconds: int, *changes: bytes, parents: Iterable[int] = (), branch: bytes = b"main"
) -> bytes:
    lines = [b"commit refs/heads/%s\nmark :%d\n" % (branch, number)]
    lines.append(b"committer C <c@example.com> %d +0000\ndata 2\nm\n" % seconds)
    lines += [b"%s :%d\n" % (b"merge" if at else b"from", parent) for at, parent in enumerate(parents)]
    return b"".join([*lines, *changes, b"\n"])


def put(path: bytes, data: bytes) -> bytes:
    return b"M 100644 inline %s\ndata %d\n%s\n" % (path, len(data), data)


def origin(survey: PackSurvey, blob: bytes) -> tuple[bytes, int]:
    (at,) = [n for n in range(len(survey)) if survey.table.oid(n) == blob_id(blob)]
    return survey.origins.paths.whole(survey.origins.path_of[at]), survey.origins.date_of[at]


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_rows_are_those_of_git_verify_pack(tmp_path, object_format):
    repository = make_repository(
        tmp_path / "x.git", history(commits=25, tag="v1"), object_format=object_format, repack=True
    )
    survey = survey_of(repository, object_format)
    table = survey.table
    ours = []
    for at in range(len(survey)):
        row = [table.oid(at).hex(), ObjectType(table.types[at]).label.decode(), survey.stream_sizes[at]]
        row += [survey.entry_bytes(at), table.offsets[at]]
        if table.bases[at] >= 0:
            row += [table.depths[at], table.oid(table.bases[at]).hex()]
        ours.append(" ".join(map(str, row)))
    listed = git("verify-pack", "-v", survey.path.with_suffix(".idx"), cwd=repository).splitlines()
    assert ours == [" ".join(line.split()) for line in listed[: len(ours)]]
    sizes = git(
        "cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objectsize)", cwd=repository
    )
    assert (
        sorted(f"{table.oid(at).hex()} {table.sizes[at]}" for at in range(len(survey))) == sizes.splitlines()
    )


def test_costs_are_sums_over_the_chain(tmp_path):
    survey = survey_of(make_repository(tmp_path / "x.git", history(), repack=True))
    costs = survey.costs()
    assert max(survey.table.depths) > 1
    for at in range(len(survey)):
        chain = survey.chain(at)
        assert len(chain) == survey.table.depths[at] + 1
        assert costs.read_bytes[at] == sum(map(survey.entry_bytes, chain))
        assert costs.inflated_bytes[at] == sum(survey.stream_sizes[link] for link in chain)


def test_paths_are_those_that_git_lists(tmp_path):
    repository = make_repository(tmp_path / "x.git", history(), repack=True)
    survey = survey_of(repository)
    listed = (
        line.partition(" ") for line in git("rev-list", "--objects", "--all", cwd=repository).splitlines()
    )
    paths = {oid: path for oid, _, path in listed}
    for at in range(len(survey)):
        number = survey.origins.path_of[at]
        if survey.table.types[at] == ObjectType.COMMIT:
            assert number == NOWHERE
        else:
            assert survey.origins.paths.whole(number).decode() == paths[survey.table.oid(at).hex()]


def test_a_moved_file_counts_where_and_when_it_was_introduced(tmp_path):
    moved = [
        commit(1, 1000, put(b"old/a.txt", b"text\n")),
        commit(2, 2000, b"R old/a.txt new/b.txt\n", put(b"c.txt", b"later\n"), parents=[1]),
        b"done\n",
    ]
    survey = survey_of(make_repository(tmp_path / "x.git", moved, repack=True))
    assert origin(survey, b"text\n") == (b"old/a.txt", 1000)
    assert origin(survey, b"later\n") == (b"c.txt", 2000)


def test_an_object_belongs_to_the_parent_whatever_its_date(tmp_path):
    backwards = [
        commit(1, 5000, put(b"a", b"first\n")),
        commit(2, 100, put(b"b", b"second\n"), parents=[1]),
        b"done\n",
    ]
    survey = survey_of(make_repository(tmp_path / "x.git", backwards, repack=True))
    assert origin(survey, b"first\n") == (b"a", 5000)
    assert origin(survey, b"second\n") == (b"b", 100)


def test_of_two_branches_an_object_belongs_to_the_older_commit(tmp_path):
    branches = [
        commit(1, 1000, put(b"a", b"base\n")),
        commit(2, 3000, put(b"late", b"both\n"), parents=[1]),
        commit(3, 2000, put(b"early", b"both\n"), parents=[1], branch=b"side"),
        commit(4, 4000, parents=[2, 3]),
        b"done\n",
    ]
    survey = survey_of(make_repository(tmp_path / "x.git", branches, repack=True))
    assert origin(survey, b"both\n") == (b"early", 2000)


def test_objects_in_no_tree_have_no_path(tmp_path):
    survey = survey_pack(write_pack_file(tmp_path, [build_pack(chain_of([b"one\n", b"one\ntwo\n"]))]), SHA1)
    assert list(survey.origins.path_of) == [NOWHERE, NOWHERE]
    assert list(survey.origins.date_of) == [0, 0]


@pytest.mark.parametrize(
    ("type_", "data"),
    [
        (ObjectType.COMMIT, b"tree nothing\n"),
        (ObjectType.COMMIT, b"tree " + b"1" * 40 + b"\n"),
        (ObjectType.TREE, b"garbage"),
    ],
)
def test_objects_that_do_not_parse_are_skipped(tmp_path, type_, data):
    survey = survey_pack(write_pack_file(tmp_path, [build_pack([whole(data, type_)])]), SHA1)
    assert list(survey.origins.path_of) == [NOWHERE]


def test_a_tree_that_lists_itself_or_a_blob_as_a_folder_ends(tmp_path):
    blob = b"text\n"
    tree = b"".join(b"40000 %s\0%s" % (name, blob_id(blob)) for name in (b"a", b"b"))
    root = SHA1.hash_object(b"tree", tree)
    commit_data = b"tree %s\ncommitter C <c@x> 7 +0000\n\nm\n" % root.hex().encode()
    entries = [whole(commit_data, ObjectType.COMMIT), whole(tree, ObjectType.TREE), whole(blob)]
    survey = survey_pack(write_pack_file(tmp_path, [build_pack(entries)]), SHA1)
    assert origin(survey, blob) == (b"a", 7)


def test_damage_is_reported_with_its_offset(tmp_path):
    data = bytearray(build_pack([whole(b"one\n" * 50), whole(b"two\n" * 50)]))
    data[30] ^= 0xFF
    with pytest.raises(CorruptPack, match="offset"):
        survey_pack(write_pack_file(tmp_path, [bytes(data)]), SHA1)


def test_a_thin_pack_is_missing_its_base(tmp_path):
    delta = simple_delta(b"one\n", b"one\ntwo\n")
    path = write_pack_file(tmp_path, [build_pack([ref_delta(blob_id(b"one\n"), delta)])])
    with pytest.raises(MissingObject, match=blob_id(b"one\n").hex()):
        survey_pack(path, SHA1)
