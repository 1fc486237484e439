"""Every byte of every real pack, index and loose object belongs to exactly one leaf."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcore.anatomy import Anatomy, Part, delta_anatomy, leaves, object_anatomy, open_anatomy, way_to
from packcore.objects import ObjectType
from tests.packcore.pack_builder import build_pack, chain_of, write_pack_file
from tests.support import git, history, make_repository, require, require_path, run_git

EXAMPLES = Path("/usr/share/doc/libgit2-fixtures/examples")
KINDS = ("*.pack", "*.idx", "*.rev")
FILES = sorted({path.name: path for kind in KINDS for path in EXAMPLES.rglob(kind)}.values())


def faults_of(anatomy: Anatomy) -> list[str]:
    """Walk a tree and the contents of its streams; check that parts fill their part; return all faults."""
    found: list[str] = []
    waiting = [anatomy.root]
    while waiting:
        part = waiting.pop()
        found += [part.fault] * bool(part.fault)
        if not part.is_leaf:
            at = part.start
            for inner in part.parts():
                assert inner.start == at, f"{inner} does not start where the part before it ends"
                at = inner.end
                waiting.append(inner)
            assert at == part.end, f"the parts of {part} do not fill it"
        if part.has_content and (content := part.content()) is not None:
            found += faults_of(content)
    return found


def covered(root: Part) -> int:
    return sum(leaf.size for leaf in leaves(root))


def test_the_fixtures_are_there() -> None:
    require_path(EXAMPLES, package="libgit2-fixtures")
    assert len(FILES) >= 30


@pytest.mark.parametrize("path", FILES, ids=[path.name[:13] + path.suffix for path in FILES])
def test_the_leaves_of_a_real_file_are_its_bytes(path: Path) -> None:
    with open_anatomy(path) as anatomy:
        assert faults_of(anatomy) == []
        assert covered(anatomy.root) == path.stat().st_size


def test_the_leaves_of_each_loose_object_are_its_bytes() -> None:
    require_path(EXAMPLES, package="libgit2-fixtures")
    paths = [path for path in sorted(EXAMPLES.rglob("objects/??/*")) if len(path.name) == 38]
    assert len(paths) > 200
    for path in paths[:300]:
        with open_anatomy(path) as anatomy:
            faults = faults_of(anatomy)
            assert all("tree entry" in fault or "header line" in fault for fault in faults), path
            assert covered(anatomy.root) == path.stat().st_size


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_an_index_of_either_version_and_hash_is_covered(
    tmp_path: Path, version: int, object_format: str
) -> None:
    require("git")
    repository = make_repository(tmp_path / "r.git", history(commits=30), object_format=object_format)
    git("repack", "-adq", cwd=repository)
    pack = next(repository.glob("objects/pack/*.pack"))
    index = tmp_path / "again.idx"
    git("index-pack", f"--index-version={version}", "-o", str(index), str(pack), cwd=repository)
    with open_anatomy(index) as anatomy:
        assert faults_of(anatomy) == []
        assert covered(anatomy.root) == index.stat().st_size
    with open_anatomy(pack) as anatomy:
        assert faults_of(anatomy) == []


def test_far_offsets_are_a_table_of_their_own(tmp_path: Path) -> None:
    require("git")
    repository = make_repository(tmp_path / "r.git", history(commits=5))
    git("repack", "-adq", cwd=repository)
    pack = next(repository.glob("objects/pack/*.pack"))
    index = tmp_path / "far.idx"
    git("index-pack", "--index-version=2,0x40", "-o", str(index), str(pack), cwd=repository)
    with open_anatomy(index) as anatomy:
        assert faults_of(anatomy) == []
        assert "far offsets" in [part.name for part in anatomy.root.parts()]


def test_the_entries_agree_with_git_verify_pack(tmp_path: Path) -> None:
    require("git")
    repository = make_repository(tmp_path / "r.git", history(commits=60))
    git("repack", "-adq", cwd=repository)
    pack = next(repository.glob("objects/pack/*.pack"))
    printed = run_git("verify-pack", "-v", str(pack), cwd=repository).stdout.decode().splitlines()
    rows = [line.split() for line in printed if len(line.split()) in (5, 7)]
    with open_anatomy(pack) as anatomy:
        entries = [part for part in anatomy.root.parts() if part.name == "entry"]
    told = {(row[0], int(row[3]), int(row[4])) for row in rows}
    assert {(value.hex(), part.size, part.start) for part in entries if (value := as_bytes(part))} == told


def as_bytes(part: Part) -> bytes:
    assert isinstance(part.value, bytes)
    return part.value


def test_a_byte_is_found_by_its_offset(tmp_path: Path) -> None:
    path = write_pack_file(tmp_path, [build_pack(chain_of([b"one\n" * 9, b"one\n" * 8 + b"two\n"]))])
    with open_anatomy(path) as anatomy:
        assert [part.name for part in way_to(anatomy.root, 5)] == ["pack", "header", "version"]
        assert [part.name for part in way_to(anatomy.root, anatomy.size - 1)] == ["pack", "trailer"]
        assert way_to(anatomy.root, anatomy.size) == []


def test_the_first_entries_are_shown_without_reading_the_rest(tmp_path: Path) -> None:
    whole = build_pack(chain_of([b"%d\n" % number * 50 for number in range(20)]))
    path = write_pack_file(tmp_path, [whole[:200] + bytes(len(whole) - 200)])
    with open_anatomy(path) as anatomy:
        parts = anatomy.root.parts()
        assert [next(parts).name, next(parts).fault] == ["header", ""]


@given(st.binary(max_size=300))
def test_whatever_bytes_a_delta_has_its_leaves_are_all_of_them(data: bytes) -> None:
    anatomy = delta_anatomy(data)
    faults_of(anatomy)
    assert b"".join(anatomy.bytes_of(leaf) for leaf in leaves(anatomy.root)) == data


@given(st.sampled_from(ObjectType), st.binary(max_size=300))
def test_whatever_bytes_an_object_has_its_leaves_are_all_of_them(type_: ObjectType, data: bytes) -> None:
    anatomy = object_anatomy(type_, data, 20)
    faults_of(anatomy)
    assert b"".join(anatomy.bytes_of(leaf) for leaf in leaves(anatomy.root)) == data
