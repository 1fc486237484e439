"""What a push brings is kept as a pack, or as loose objects where there are few and git would unpack them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packcore.store.repository import Repository
from tests.support import fsck, git, git_bytes, history, init_repository, make_repository
from transport.server.receive_pack import ReceivePack
from transport.wire.pktline import FLUSH, encode_text

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def work(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "work.git", history(commits=2))


def pushed(path: Path, work: Path, *, unpack_limit: int = 0, thin: bool = False) -> tuple[int, int]:
    """Push `main`; return how many packs and how many loose objects were added."""
    before = kept(path)
    tip = git("rev-parse", "main", cwd=work)
    revisions = "main\n^main~1\n" if thin else "main\n"
    flags = ["--thin"] if thin else []
    pack = git_bytes("pack-objects", "--revs", "--stdout", "-q", *flags, cwd=work, stdin=revisions.encode())
    body = encode_text(f"{'0' * 40} {tip} refs/heads/main\0report-status") + FLUSH + pack
    with Repository.open(path) as opened:
        report = b"".join(ReceivePack(opened, unpack_limit=unpack_limit).answer([body], 0))
    assert b"ok refs/heads/main" in report
    assert not fsck(path)
    return kept(path)[0] - before[0], kept(path)[1] - before[1]


def kept(path: Path) -> tuple[int, int]:
    loose = [file for file in path.glob("objects/??/*") if file.is_file()]
    return len(list(path.glob("objects/pack/*.pack"))), len(loose)


def objects_of(work: Path) -> int:
    return len(git("rev-list", "--objects", "main", cwd=work).splitlines())


def test_a_push_is_kept_as_a_pack_unless_it_is_asked_otherwise(tmp_path, work):
    assert pushed(init_repository(tmp_path / "x.git"), work) == (1, 0)


def test_below_the_limit_it_is_unpacked(tmp_path, work):
    count = objects_of(work)
    assert pushed(init_repository(tmp_path / "x.git"), work, unpack_limit=count + 1) == (0, count)
    assert pushed(init_repository(tmp_path / "y.git"), work, unpack_limit=count) == (1, 0)


@pytest.mark.parametrize(
    ("settings", "is_pack"),
    [
        ({"receive.unpackLimit": "1"}, True),
        ({"receive.unpackLimit": "0"}, True),
        ({"transfer.unpackLimit": "1"}, True),
        ({"receive.unpackLimit": "1k", "transfer.unpackLimit": "1"}, False),
    ],
)
def test_the_repositorys_settings_count_before_that(tmp_path, work, settings, is_pack):
    path = init_repository(tmp_path / "x.git")
    for key, value in settings.items():
        git("config", key, value, cwd=path)
    assert (pushed(path, work, unpack_limit=100) == (1, 0)) == is_pack


def test_what_is_here_already_is_not_written_again(tmp_path, work):
    path = init_repository(tmp_path / "x.git")
    git("push", "-q", path, "main~1:refs/heads/old", cwd=work)
    new = len(git("rev-list", "--objects", "main", "^main~1", cwd=work).splitlines())
    assert pushed(path, work, unpack_limit=100, thin=True) == (0, new)
