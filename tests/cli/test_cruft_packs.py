"""`pack-objects --cruft`: the objects and ages that git would keep, in a pack that git understands."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from packcore.errors import CorruptIndex
from packcore.ids import SHA1, SHA256
from packcore.pack.mtimes import read_mtimes, write_mtimes
from packcore.store.object_ages import is_cruft_pack, packed_mtimes
from packcore.store.repository import Repository
from tests.support import copy_of, fsck, git, git_bytes, history, make_repository

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

NOW = 1_700_000_000
DAY = 86400


class Littered(NamedTuple):
    """A repository with objects that nothing needs, in all places where there may be some."""

    path: Path
    kept: str
    """The pack of what is reachable."""
    discarded: list[str]
    """Two packs of other objects; the second is a cruft pack."""

    @property
    def packs(self) -> bytes:
        """Return what the command reads from stdin."""
        return "".join(f"{name}\n" for name in [self.kept, *(f"-{name}" for name in self.discarded)]).encode()

    def commit(self, message: str, *, days: int, parent: str = "") -> str:
        """Store a loose commit with a tree and a blob of their own, all last touched `days` days ago."""
        blob = git("hash-object", "-w", "--stdin", cwd=self.path, stdin=message.encode()).strip()
        tree = git("mktree", cwd=self.path, stdin=f"100644 blob {blob}\tfile\n".encode()).strip()
        parents = ["-p", parent] if parent else []
        commit = git("commit-tree", tree, "-m", message, *parents, cwd=self.path).strip()
        for oid in (blob, tree, commit):
            self.touch(oid, days=days)
        return commit

    def touch(self, oid: str, *, days: int) -> None:
        os.utime(self.path / "objects" / oid[:2] / oid[2:], (NOW, NOW - days * DAY))

    def pack(self, *commits: str, days: int) -> None:
        """Move loose commits and what they reach into a pack that is `days` days old."""
        listed = git_bytes("rev-list", "--objects", *commits, "--not", "--all", cwd=self.path)
        name = git("pack-objects", "objects/pack/pack", cwd=self.path, stdin=listed).strip()
        git("prune-packed", cwd=self.path)
        path = self.path / "objects" / "pack" / f"pack-{name}.pack"
        path.chmod(0o644)
        os.utime(path, (NOW, NOW - days * DAY))
        self.discarded.append(path.name)

    def cruft_pack(self) -> None:
        """Move all loose objects into a cruft pack, by git."""
        packs = "".join(f"{name}\n" for name in [self.kept, *self.discarded]).encode()
        name = git("pack-objects", "--cruft", "objects/pack/pack", cwd=self.path, stdin=packs).strip()
        git("prune-packed", cwd=self.path)
        self.discarded.append(f"pack-{name}.pack")


@pytest.fixture(params=["sha1", "sha256"])
def littered(tmp_path: Path, request: pytest.FixtureRequest) -> Littered:
    """Reachable, in a pack; in another pack; in a cruft pack; loose, of several ages, some in a row."""
    object_format = request.param
    folder = copy_of(f"littered {object_format}", lambda path: litter(path, object_format), tmp_path)
    kept, *discarded = (folder / "packs").read_text().split()
    return Littered(folder / "x.git", kept, discarded)


def litter(folder: Path, object_format: str) -> None:
    stream = history(commits=3)
    path = make_repository(folder / "x.git", stream, object_format=object_format, repack=True)
    (kept,) = (path / "objects" / "pack").glob("*.pack")
    found = Littered(path, kept.name, [])
    in_pack = found.commit("in a pack", days=9)
    found.pack(in_pack, days=9)
    in_cruft = found.commit("in a cruft pack", days=30)
    found.cruft_pack()
    found.commit("old", days=30)
    middle = found.commit("on one in a cruft pack", days=20, parent=in_cruft)
    found.commit("young", days=2, parent=middle)
    found.commit("on a reachable one", days=1, parent=git("rev-parse", "main", cwd=path).strip())
    found.touch(git("mktree", cwd=path, stdin=b"").strip(), days=5)
    (folder / "packs").write_text("\n".join([kept.name, *found.discarded]))


def ages(pack: Path, format_name: str) -> dict[str, int]:
    """Return the time of each object of a cruft pack."""
    object_format = {"sha1": SHA1, "sha256": SHA256}[format_name]
    index = git("show-index", f"--object-format={format_name}", stdin=pack.with_suffix(".idx").read_bytes())
    oids = sorted(line.split()[1] for line in index.splitlines())
    data, size = pack.with_suffix(".mtimes").read_bytes(), object_format.digest_size
    assert data[-2 * size : -size] == pack.read_bytes()[-size:]
    return dict(zip(oids, read_mtimes(data, len(oids), object_format, "x"), strict=True))


def format_of(path: Path) -> str:
    return git("rev-parse", "--show-object-format", cwd=path).strip()


def made(packcore: Callable[..., Result], littered: Littered, base: Path, *options: str) -> Path:
    """Make a cruft pack of ours, and return its path."""
    result = packcore("pack-objects", littered.path, "--cruft", *options, base, stdin=littered.packs)
    assert result.exit_code == 0, result.stderr
    return Path(f"{base}-{result.stdout.strip()}.pack")


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--cruft-expiration=never"],
        [f"--cruft-expiration=@{NOW - 10 * DAY}"],
        [f"--cruft-expiration=@{NOW - 3 * DAY}"],
        ["--cruft-expiration=now"],
    ],
)
def test_a_cruft_pack_has_the_objects_and_ages_of_gits(packcore, littered, tmp_path, options):
    theirs = git(
        "pack-objects", "--cruft", *options, tmp_path / "git", cwd=littered.path, stdin=littered.packs
    ).strip()
    ours = made(packcore, littered, tmp_path / "ours", *options)
    name = format_of(littered.path)
    assert ages(ours, name) == ages(tmp_path / f"git-{theirs}.pack", name)


def test_git_finds_the_repository_whole_with_our_cruft_pack_and_deletes_what_expired(packcore, littered):
    ours = made(packcore, littered, littered.path / "objects" / "pack" / "pack")
    for name in littered.discarded:
        for path in ours.parent.glob(f"{Path(name).stem}.*"):
            path.unlink()
    git("prune-packed", cwd=littered.path)
    fsck(littered.path)
    reachable = set(git("rev-list", "--objects", "--all", "--no-object-names", cwd=littered.path).split())
    name = format_of(littered.path)
    old = {oid for oid, mtime in ages(ours, name).items() if mtime <= NOW - 25 * DAY}
    git("repack", "--cruft", "-d", f"--cruft-expiration=@{NOW - 25 * DAY}", cwd=littered.path)
    listed = git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)", cwd=littered.path)
    left = set(listed.split())
    assert old - left
    assert reachable <= left
    (cruft,) = (path.with_suffix(".pack") for path in ours.parent.glob("*.mtimes"))
    assert set(ages(cruft, name).values()) >= {NOW - days * DAY for days in (1, 2, 9, 20)}


def test_an_object_that_misses_others_is_packed_all_the_same(packcore, littered, tmp_path):
    lonely = littered.commit("lonely", days=1)
    tree = git("rev-parse", f"{lonely}^{{tree}}", cwd=littered.path).strip()
    (littered.path / "objects" / tree[:2] / tree[2:]).unlink()
    ours = made(packcore, littered, tmp_path / "x", f"--cruft-expiration=@{NOW - 3 * DAY}")
    found = ages(ours, format_of(littered.path))
    assert lonely in found
    assert tree not in found


def test_objects_of_a_pack_that_stdin_does_not_name_stay_there(packcore, littered, tmp_path):
    later = littered.commit("packed by another process", days=1)
    littered.pack(later, days=1)
    unnamed = littered.discarded.pop()
    assert later not in ages(made(packcore, littered, tmp_path / "x"), format_of(littered.path))
    littered.discarded.append(unnamed)
    assert later in ages(made(packcore, littered, tmp_path / "y"), format_of(littered.path))


def test_a_cruft_pack_is_one_pack_whatever_size_the_settings_allow(packcore, littered, tmp_path):
    for _ in range(2):
        git("hash-object", "-w", "--stdin", cwd=littered.path, stdin=os.urandom(700_000))
    git("config", "pack.packSizeLimit", "1m", cwd=littered.path)
    made(packcore, littered, tmp_path / "x")
    assert len(list(tmp_path.glob("x-*.pack"))) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--cruft"], "-o FILE or BASE"),
        (["--cruft", "--all", "base"], "what names revisions"),
        (["--cruft", "--max-pack-size=1m", "base"], "--max-pack-size"),
        (["--cruft-expiration=one day", "base"], "is no date"),
    ],
)
def test_what_can_not_be_is_refused(packcore, tmp_path, littered, options, words):
    options = [str(tmp_path / "base") if word == "base" else word for word in options]
    result = packcore("pack-objects", littered.path, *options, stdin=b"pack-none.pack\n")
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.split())
    assert not list(tmp_path.glob("base*"))


def test_a_pack_that_is_not_there_is_named_and_nothing_is_written(packcore, tmp_path, littered):
    result = packcore("pack-objects", littered.path, "--cruft", tmp_path / "base", stdin=b"-pack-none.pack\n")
    assert result.exit_code == 1
    assert "could not find pack 'pack-none.pack'" in result.stderr
    assert not list(tmp_path.glob("base*"))


def test_ages_that_are_damaged_are_an_error_and_nothing_is_written(packcore, littered, tmp_path):
    pack = littered.path / "objects" / "pack" / littered.discarded[1]
    path = pack.with_suffix(".mtimes")
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    result = packcore("pack-objects", littered.path, "--cruft", tmp_path / "base", stdin=littered.packs)
    assert result.exit_code == 3
    assert f"{path.name}: validation error" in result.stderr
    assert not list(tmp_path.glob("base*"))


def test_gits_cruft_packs_are_told_from_others_and_read(littered):
    with Repository.open(littered.path) as repository:
        packs = {Path(pack.name).name: pack for pack in repository.copies.packs()}
        plain, cruft = (packs[name] for name in littered.discarded)
        assert [is_cruft_pack(Path(pack.name)) for pack in (plain, cruft)] == [False, True]
        assert {mtime for _, mtime in packed_mtimes(plain)} == {NOW - 9 * DAY}
        assert {mtime for _, mtime in packed_mtimes(cruft)} == {NOW - 30 * DAY}
        assert {oid for oid, _ in packed_mtimes(cruft)} == set(cruft)


@pytest.mark.parametrize("object_format", [SHA1, SHA256])
def test_times_before_1970_and_after_2106_become_the_nearest_that_fit(object_format):
    data = b"".join(write_mtimes([-5, 7, 1 << 40], bytes(object_format.digest_size), object_format))
    assert list(read_mtimes(data, 3, object_format, "x")) == [0, 7, 0xFFFFFFFF]
    with pytest.raises(CorruptIndex, match="does not fit 4 objects"):
        read_mtimes(data, 4, object_format, "x")
