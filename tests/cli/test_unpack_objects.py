"""`unpack-objects` with the options that scripts pass, beside git."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.cli.odd_packs import ODD_PACKS, write_odd_packs
from tests.cli.repositories import object_format, only_pack
from tests.support import git, git_bytes, init_repository, run_git

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_odd_packs(tmp_path_factory.mktemp("odd"))


def loose(path: Path) -> set[str]:
    return {file.parent.name + file.name for file in (path / "objects").glob("??/*")}


@pytest.mark.parametrize("pack", ODD_PACKS)
@pytest.mark.parametrize("words", ["--strict", "--strict=nulInCommit=warn,badName=ignore"])
def test_strict_refuses_a_pack_exactly_if_git_refuses_it_and_then_writes_nothing(
    packcore, odd, tmp_path, pack, words
):
    data = (odd / f"{pack}.pack").read_bytes()
    ours, theirs = (init_repository(tmp_path / name) for name in ("ours.git", "theirs.git"))
    expected = run_git("unpack-objects", "-q", words, cwd=theirs, stdin=data)
    found = packcore("unpack-objects", ours, words, stdin=data)
    assert (found.exit_code == 0) == (expected.returncode == 0), (found.stderr, expected.stderr)
    assert found.stdout_bytes == expected.stdout == b""
    assert loose(ours) == (set() if found.exit_code else loose(theirs))


@pytest.mark.parametrize("pack", ["bad-name", "no-blob"])
def test_without_strict_such_packs_are_taken(packcore, odd, tmp_path, pack):
    path = init_repository(tmp_path / "x.git")
    assert packcore("unpack-objects", path, stdin=(odd / f"{pack}.pack").read_bytes()).exit_code == 0
    assert loose(path)


@pytest.mark.parametrize("flags", [["-n"], ["--dry-run"], ["-n", "-q"], ["-n", "-r"], ["-n", "--strict"]])
def test_a_dry_run_checks_everything_and_writes_nothing(packcore, repository, tmp_path, flags):
    path = init_repository(tmp_path / "x.git", object_format=object_format(repository))
    data = only_pack(repository).read_bytes()
    result = packcore("unpack-objects", *flags, path, stdin=data)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    damaged = packcore("unpack-objects", *flags, path, stdin=data[:-1] + bytes([data[-1] ^ 1]))
    assert damaged.exit_code == 3
    assert loose(path) == set()


def test_what_can_be_read_of_a_damaged_pack_is_unpacked_and_never_less_than_git_unpacks(
    packcore, repository, tmp_path
):
    kind = object_format(repository)
    data = bytearray(only_pack(repository).read_bytes())
    data[len(data) // 2] ^= 0xFF
    ours, theirs = (
        init_repository(tmp_path / name, object_format=kind) for name in ("ours.git", "theirs.git")
    )
    assert run_git("unpack-objects", "-q", "-r", cwd=theirs, stdin=bytes(data)).returncode != 0
    result = packcore("unpack-objects", "-r", ours, stdin=bytes(data))
    assert result.exit_code == 3
    assert loose(theirs) <= loose(ours)
    assert loose(ours)
    announced = len(git("rev-list", "--objects", "--all", cwd=repository).splitlines())
    summary = f"the damaged pack: {len(loose(ours))} of {announced} objects were recovered"
    assert result.stderr.splitlines()[-1] == f"packcore: error: {summary}"


def test_recovering_an_intact_pack_is_unpacking_it(packcore, repository, tmp_path):
    path = init_repository(tmp_path / "x.git", object_format=object_format(repository))
    result = packcore("unpack-objects", "-r", path, "--json", stdin=only_pack(repository).read_bytes())
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout) == {"objects": len(loose(path)), "written": len(loose(path))}


def test_nothing_can_be_recovered_of_what_is_no_pack(packcore, tmp_path):
    path = init_repository(tmp_path / "x.git")
    assert packcore("unpack-objects", "-r", path, stdin=b"hello").exit_code == 3


def test_recovering_and_strict_exclude_each_other(packcore, tmp_path):
    path = init_repository(tmp_path / "x.git")
    assert packcore("unpack-objects", "-r", "--strict", path, stdin=b"").exit_code == 2


@pytest.mark.parametrize("flags", [[], ["-r"], ["-n"]], ids=str)
def test_a_pack_over_the_limit_is_refused_and_nothing_is_written(packcore, repository, tmp_path, flags):
    path = init_repository(tmp_path / "x.git", object_format=object_format(repository))
    data = only_pack(repository).read_bytes()
    take = ("unpack-objects", path, *flags)
    result = packcore(*take, f"--max-input-size={len(data) - 1}", stdin=data)
    assert result.exit_code == 1
    assert f"pack exceeds maximum allowed size ({len(data) - 1} bytes)" in result.stderr
    assert loose(path) == set()
    assert packcore(*take, f"--max-input-size={len(data)}", stdin=data).exit_code == 0


@pytest.mark.parametrize("flags", [[], ["-r"]], ids=str)
def test_a_forged_object_is_found_before_it_is_taken_for_the_arriving_one(packcore, odd, tmp_path, flags):
    path = init_repository(tmp_path / "x.git")
    data = (odd / "no-blob.pack").read_bytes()
    assert packcore("unpack-objects", path, stdin=data).exit_code == 0
    (name,) = loose(path)
    other = git("hash-object", "-w", "-t", "tree", "/dev/null", cwd=path)
    file = path / "objects" / name[:2] / name[2:]
    file.unlink()
    forged = (path / "objects" / other[:2] / other[2:]).read_bytes()
    file.write_bytes(forged)
    result = packcore("unpack-objects", *flags, path, stdin=data)
    assert result.exit_code == 3
    assert f"object {name}: it arrived with other bytes than in {file}" in result.stderr
    assert file.read_bytes() == forged


def test_the_bases_of_a_thin_pack_count_as_nothing(packcore, repository, tmp_path):
    older = tmp_path / "older.git"
    git("clone", "-q", "--bare", repository, older)
    revisions = b"main\n^main~4\n"
    thin = git_bytes("pack-objects", "--stdout", "--revs", "--thin", "-q", cwd=repository, stdin=revisions)
    result = packcore("unpack-objects", older, "--json", stdin=thin)
    listed = git("rev-list", "--objects", "main", "^main~4", cwd=repository).splitlines()
    assert json.loads(result.stdout) == {"objects": len(listed), "written": 0}
