"""What we write, others read; what others write, we index as they do: git, JGit and libgit2 as judges."""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.e2e.fixtures import EXAMPLES, PACKAGE, copy_fixture, fixture_packs
from tests.e2e.jgit import JGitDaemon, push_pack
from tests.support import (
    ROOT,
    fast_import,
    fsck,
    git,
    history,
    init_repository,
    ls_remote,
    make_repository,
    require_path,
    run_git,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.command import Workplace

pytestmark = pytest.mark.e2e

SOURCES = ("loose", "packed", "sha256", "testrepo.git", "this project")


def source_repository(kind: str, folder: Path) -> Path:
    """Return a repository of the kind; the strategies differ in what they find to reuse."""
    if kind == "testrepo.git":
        require_path(EXAMPLES / kind, package=PACKAGE)
        return copy_fixture(kind, folder)
    if kind == "this project":
        if run_git("rev-parse", "--git-dir", cwd=ROOT).returncode:
            pytest.skip("this is no checkout, but an unpacked archive: it has no history")
        git("clone", "-q", "--mirror", ROOT, folder)
        return folder
    object_format = "sha256" if kind == "sha256" else "sha1"
    made = make_repository(folder, history(tag="v1"), object_format=object_format, repack=kind != "loose")
    if kind != "loose":
        fast_import(made, history(seed=5, branch="refs/heads/later", start="main^0"))
    return made


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return each kind of source in turn."""
    return source_repository(request.param, tmp_path / "source.git")


def our_pack(workplace: Workplace, source: Path, *options: str) -> Path:
    """Pack everything in the source with packcore; return the pack's path."""
    pack = workplace.folder / "ours.pack"
    workplace.must("pack-objects", source, "--all", "-o", pack, *options)
    return pack


@pytest.mark.parametrize("options", [(), ("--no-reuse-delta",)], ids=["reusing", "anew"])
def test_git_accepts_our_packs_and_makes_the_same_index(
    workplace: Workplace, source: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    pack = our_pack(workplace, source, *options)
    object_format = git("rev-parse", "--show-object-format", cwd=source)
    target = init_repository(tmp_path / "target.git", object_format=object_format)
    index = target / "objects/pack/pack-of-ours.idx"
    shutil.copy(pack, index.with_suffix(".pack"))
    # The fixture holds a commit that git itself finds fault with.
    checks = [] if fsck(source) else ["--strict", "--fsck-objects"]
    git("index-pack", *checks, "--rev-index", "-o", index, index.with_suffix(".pack"), cwd=target)
    assert index.read_bytes() == pack.with_suffix(".idx").read_bytes()
    expected = git("rev-list", "--objects", "--all", "--no-object-names", cwd=source).split()
    listed = git("show-index", f"--object-format={object_format}", stdin=index.read_bytes(), cwd=target)
    assert sorted(line.split()[1] for line in listed.splitlines()) == sorted(expected)
    git("verify-pack", f"--object-format={object_format}", index, cwd=target)


@pytest.mark.parametrize("kind", ["packed", "this project"])
def test_jgit_accepts_our_packs(workplace: Workplace, tmp_path: Path, kind: str) -> None:
    source = source_repository(kind, tmp_path / "source.git")
    git("config", "pack.writeReverseIndex", "false", cwd=source)
    tip = git("rev-parse", "--branches", cwd=source).split()[0]
    pack = our_pack(workplace, source).read_bytes()
    target = init_repository(tmp_path / "served" / "target.git")
    with JGitDaemon(tmp_path / "served", tmp_path / "jgit") as daemon:
        report = push_pack(daemon.port, "target.git", "refs/heads/main", tip, pack)
        assert report == ["unpack ok", "ok refs/heads/main"]
        spoilt = bytearray(pack)
        spoilt[len(spoilt) // 2] ^= 1
        refused = push_pack(daemon.port, "target.git", "refs/heads/spoilt", tip, bytes(spoilt))
        assert refused[0] != "unpack ok", "the judge would take anything"
    assert ls_remote(target) == {"refs/heads/main": tip}
    assert fsck(target) == []


@pytest.mark.parametrize("kind", ["packed", "testrepo.git", "this project"])
def test_libgit2_reads_every_object_of_our_packs(workplace: Workplace, tmp_path: Path, kind: str) -> None:
    import pygit2  # in the test group: absent only where that is not installed, which is to fail

    source = source_repository(kind, tmp_path / "source.git")
    pack = our_pack(workplace, source)
    target = init_repository(tmp_path / "target.git")
    for suffix in (".pack", ".idx"):
        shutil.copy(pack.with_suffix(suffix), target / f"objects/pack/pack-{'0' * 40}{suffix}")
    repository = pygit2.Repository(str(target))
    read = {}
    for oid in repository.odb:
        found = repository[oid]
        data = found.read_raw()
        read[str(oid)] = hashlib.sha1(f"{found.type_str} {len(data)}\0".encode() + data).hexdigest()
    expected = git("rev-list", "--objects", "--all", "--no-object-names", cwd=source).split()
    assert sorted(read) == sorted(expected)
    assert all(oid == digest for oid, digest in read.items())


def test_our_index_of_every_fixture_pack_is_the_one_that_git_makes(
    workplace: Workplace, tmp_path: Path
) -> None:
    require_path(EXAMPLES / "testrepo.git", package=PACKAGE)
    packs = fixture_packs()
    assert len(packs) >= 14
    for original in packs:
        object_format = "sha256" if len(original.stem) == len("pack-") + 64 else "sha1"
        assert_same_index(workplace, tmp_path / original.stem, original, object_format)


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_our_index_of_a_pack_of_git_is_the_one_that_git_makes(
    workplace: Workplace, tmp_path: Path, object_format: str
) -> None:
    source = make_repository(
        tmp_path / "s.git", history(commits=60), object_format=object_format, repack=True
    )
    (pack,) = (source / "objects/pack").glob("*.pack")
    assert_same_index(workplace, tmp_path / "work", pack, object_format)


def assert_same_index(workplace: Workplace, folder: Path, original: Path, object_format: str) -> None:
    """Fail unless git and we write the same .idx and .rev for a pack."""
    theirs, ours = folder / "git" / "x.pack", folder / "packcore" / "x.pack"
    for copy in (theirs, ours):
        copy.parent.mkdir(parents=True)
        shutil.copy(original, copy)
    git("index-pack", "--rev-index", f"--object-format={object_format}", theirs, cwd=folder)
    workplace.must(
        "index-pack", ours, *(["--object-format", object_format] if object_format != "sha1" else [])
    )
    for suffix in (".idx", ".rev"):
        assert ours.with_suffix(suffix).read_bytes() == theirs.with_suffix(suffix).read_bytes(), original.name
