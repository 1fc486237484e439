"""`verify-pack`, `index-pack` and `unpack-objects` on the packs of others, beside git."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.cli.repositories import ids, object_format, only_pack
from tests.support import (
    fsck,
    git,
    git_bytes,
    init_repository,
    run_git,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_verify_pack_prints_gits_listing(packcore, repository):
    pack = only_pack(repository)
    ours = packcore("verify-pack", "-v", pack, "--object-format", object_format(repository))
    assert ours.stdout_bytes == git_bytes("verify-pack", "-v", pack, cwd=repository)


def test_a_pack_in_a_repository_has_the_repositorys_object_format(packcore, repository, tmp_path):
    path = tmp_path / "r.git"
    shutil.copytree(repository, path)
    pack = only_pack(path)
    assert packcore("verify-pack", pack).exit_code == 0
    index = pack.with_suffix(".idx").read_bytes()
    pack.with_suffix(".idx").unlink()
    result = packcore("index-pack", pack)
    assert result.exit_code == 0, result.stderr
    assert pack.with_suffix(".idx").read_bytes() == index


def test_verify_pack_without_v_is_silent_and_tells_of_damage_with_code_3(packcore, repository, tmp_path):
    flag = ["--object-format", object_format(repository)]
    pack = only_pack(repository)
    assert packcore("verify-pack", pack, *flag).stdout == ""
    for suffix in (".pack", ".idx"):
        shutil.copy(pack.with_suffix(suffix), tmp_path / f"x{suffix}")
    damaged = bytearray(pack.read_bytes())
    damaged[len(damaged) // 2] ^= 0x10
    (tmp_path / "x.pack").chmod(0o644)
    (tmp_path / "x.pack").write_bytes(damaged)
    result = packcore("verify-pack", tmp_path / "x.idx", *flag)
    assert result.exit_code == 3
    assert result.stderr.startswith("packcore: error: ")


def test_verify_pack_looks_at_every_file_though_one_is_damaged(packcore, repository, tmp_path):
    (tmp_path / "x.pack").write_bytes(b"no pack at all")
    (tmp_path / "y.pack").write_bytes(b"no pack either")
    files = [tmp_path / "x.pack", only_pack(repository), tmp_path / "y.pack"]
    result = packcore("verify-pack", "-v", *files, "--object-format", object_format(repository))
    assert result.exit_code == 3
    assert [f"{name}.pack" in result.stderr for name in "xy"] == [True, True]
    assert f"{only_pack(repository)}: ok\n" in result.stdout


@pytest.mark.parametrize("flags", [["-v"], ["-s"], ["-v", "-s"], []], ids=str)
def test_verify_pack_says_of_each_of_several_packs_what_git_says(packcore, repository, tmp_path, flags):
    kind = object_format(repository)
    names = [tmp_path / f"{name}.pack" for name in "abc"]
    for name in names:
        for suffix in (".pack", ".idx"):
            shutil.copy(only_pack(repository).with_suffix(suffix), name.with_suffix(suffix))
    damaged = bytearray(names[1].read_bytes())
    damaged[len(damaged) // 2] ^= 0x10
    names[1].chmod(0o644)
    names[1].write_bytes(damaged)
    theirs = run_git("verify-pack", *flags, "--object-format", kind, *names, cwd=repository)
    ours = packcore("verify-pack", *flags, "--object-format", kind, *names)
    assert ours.stdout_bytes == theirs.stdout
    assert (ours.exit_code, theirs.returncode) == (3, 1)
    assert [f"{name}" in ours.stderr for name in names] == [False, True, False]


@pytest.mark.parametrize("damage", ["a byte", "of another pack", "cut off"])
def test_verify_pack_names_a_reverse_index_that_is_damaged(packcore, repository, tmp_path, damage):
    flag = ["--object-format", object_format(repository)]
    pack = shutil.copy(only_pack(repository), tmp_path / "x.pack")
    assert packcore("index-pack", pack, *flag).exit_code == 0
    reverse = tmp_path / "x.rev"
    good = reverse.read_bytes()
    reverse.chmod(0o644)
    if damage == "of another pack":
        other = tmp_path / "y.pack"
        assert packcore("pack-objects", repository, "-o", other, stdin=b"").exit_code == 0
        reverse.write_bytes(other.with_suffix(".rev").read_bytes())
    else:
        reverse.write_bytes(good[:-1] if damage == "cut off" else good[:13] + b"\x7f" + good[14:])
    result = packcore("verify-pack", pack, *flag)
    assert result.exit_code == 3
    assert str(reverse) in result.stderr


@pytest.mark.parametrize("form", ["1", "2", "2,0x40"])
def test_show_index_prints_what_git_prints(packcore, repository, tmp_path, form):
    pack = shutil.copy(only_pack(repository), tmp_path / "x.pack")
    git("index-pack", f"--index-version={form}", "-o", tmp_path / "x.idx", pack, cwd=repository)
    data = (tmp_path / "x.idx").read_bytes()
    theirs = git_bytes("show-index", cwd=repository, stdin=data)
    ours = packcore("show-index", "--object-format", object_format(repository), stdin=data)
    assert ours.stdout_bytes == theirs
    entries = json.loads(
        packcore("show-index", "--json", "--object-format", object_format(repository), stdin=data).stdout
    )["entries"]
    assert [str(entry["offset"]) for entry in entries] == [
        line.split()[0].decode() for line in theirs.splitlines()
    ]


@pytest.mark.parametrize("data", [b"", b"\xfftOc", b"\xfftOc\0\0\0\7" + bytes(2000), bytes(1072)])
def test_show_index_refuses_what_is_no_index(packcore, data):
    result = packcore("show-index", stdin=data)
    assert (result.exit_code, result.stdout) == (3, "")
    assert "stdin: " in result.stderr


def test_index_pack_writes_gits_index_to_the_byte(packcore, repository, tmp_path):
    pack = shutil.copy(only_pack(repository), tmp_path / "x.pack")
    result = packcore("index-pack", pack, "--object-format", object_format(repository))
    assert result.exit_code == 0, result.stderr
    git("index-pack", "--rev-index", "-o", tmp_path / "git.idx", pack, cwd=repository)
    assert (tmp_path / "x.idx").read_bytes() == (tmp_path / "git.idx").read_bytes()
    assert (tmp_path / "x.rev").read_bytes() == (tmp_path / "git.rev").read_bytes()
    assert result.stdout.strip() in only_pack(repository).name


def test_an_index_is_the_same_with_no_memory_to_speak_of(packcore, repository, tmp_path):
    pack = tmp_path / "x.pack"
    assert packcore("pack-objects", repository, "--all", "-o", pack).exit_code == 0
    index = pack.with_suffix(".idx").read_bytes()
    pack.with_suffix(".idx").unlink()
    chosen = ("--object-format", object_format(repository))
    result = packcore("index-pack", pack, "--memory", "1k", *chosen)
    assert result.exit_code == 0, result.stderr
    assert pack.with_suffix(".idx").read_bytes() == index


def test_index_pack_takes_a_pack_from_stdin(packcore, repository, tmp_path):
    result = packcore(
        *("index-pack", "--stdin", "-o", tmp_path / "packs", "--object-format", object_format(repository)),
        stdin=only_pack(repository).read_bytes(),
    )
    word, checksum = result.stdout.split()
    assert word == "pack"
    assert {path.suffix for path in (tmp_path / "packs").iterdir()} == {".pack", ".idx", ".rev"}
    git("verify-pack", tmp_path / "packs" / f"pack-{checksum}.pack", cwd=repository)


def thin_pack(repository: Path) -> bytes:
    return git_bytes(
        "pack-objects", "--stdout", "--revs", "--thin", "-q", cwd=repository, stdin=b"main\n^main~4\n"
    )


def test_index_pack_completes_a_thin_pack_from_a_repository(packcore, repository, tmp_path):
    older = tmp_path / "older.git"
    git("clone", "-q", "--bare", repository, older)
    git("update-ref", "refs/heads/main", "main~4", cwd=older)
    git("tag", "-d", "v1", cwd=older)
    thin = thin_pack(repository)
    result = packcore("index-pack", "--stdin", "--fix-thin", "--repo", older, stdin=thin)
    assert result.exit_code == 0, result.stderr
    git("update-ref", "refs/heads/main", *ids(repository, "main"), cwd=older)
    assert fsck(older) == []


def test_index_pack_refuses_a_thin_pack_that_stays_thin(packcore, repository, tmp_path):
    result = packcore(
        *("index-pack", "--stdin", "-o", tmp_path, "--object-format", object_format(repository)),
        stdin=thin_pack(repository),
    )
    assert result.exit_code == 3
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("cut", [0, 5, 11, 40, -1])
def test_index_pack_leaves_nothing_of_a_broken_pack(packcore, repository, tmp_path, cut):
    (tmp_path / "x.pack").write_bytes(only_pack(repository).read_bytes()[:cut])
    result = packcore("index-pack", tmp_path / "x.pack", "--object-format", object_format(repository))
    assert result.exit_code == 3, result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["x.pack"]


@pytest.mark.parametrize(
    "arguments",
    [[], ["x", "--stdin"], ["x.pack", "--fix-thin"], ["--stdin", "--fix-thin"], ["--stdin"], ["x.idx"]],
)
def test_index_pack_refuses_contradicting_words(packcore, arguments):
    assert packcore("index-pack", *arguments).exit_code == 2


def test_unpack_objects_makes_loose_objects_that_git_reads(packcore, repository, tmp_path):
    into = init_repository(tmp_path / "into.git", object_format=object_format(repository))
    result = packcore("unpack-objects", into, stdin=only_pack(repository).read_bytes())
    assert result.exit_code == 0, result.stderr
    git("update-ref", "refs/heads/main", *ids(repository, "main"), cwd=into)
    assert fsck(into) == []
    counted = dict(line.split(": ") for line in git("count-objects", "-v", cwd=into).splitlines())
    assert counted["count"] == str(len(git("rev-list", "--objects", "--all", cwd=repository).splitlines()))


def test_unpack_objects_replaces_files_that_are_no_objects(packcore, repository, tmp_path):
    into = init_repository(tmp_path / "into.git", object_format=object_format(repository))
    names = git("rev-list", "--objects", "--no-object-names", "--all", cwd=repository).split()
    for name in names[::3]:
        file = into / "objects" / name[:2] / name[2:]
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"")
    result = packcore("unpack-objects", into, stdin=only_pack(repository).read_bytes())
    assert result.exit_code == 0, result.stderr
    git("update-ref", "refs/heads/main", *ids(repository, "main"), cwd=into)
    assert fsck(into) == []
