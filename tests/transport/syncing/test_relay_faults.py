"""A relay whose source or edge fails on the way, or sends more than it may."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from packcore.errors import CorruptPack, LimitExceeded
from tests.e2e.places import noise
from tests.git_transport import GitTransport
from tests.support import fast_import, fsck, ls_remote
from tests.transport.syncing.sides import Faulty, Heard, Sides, commit, outcomes
from transport.errors import NetworkError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from transport.base import Body, Service
    from transport.wire.headway import Headway


def flipped(answer: bytes) -> Iterator[bytes]:
    middle = answer.index(b"PACK") + 200
    yield answer[:middle] + bytes([answer[middle] ^ 1]) + answer[middle + 1 :]


def lost(answer: bytes) -> Iterator[bytes]:
    yield answer[: len(answer) // 2]
    raise NetworkError("the source went away")


@pytest.mark.parametrize(("change", "error"), [(flipped, CorruptPack), (lost, NetworkError)])
@pytest.mark.parametrize("size", [10_000, 6_000_000])
def test_a_pack_that_is_not_right_moves_no_ref(tmp_path, change, error, size):
    sides = Sides(tmp_path)
    fast_import(sides.source, noise(size))
    with pytest.raises(error):
        sides.carry_out(source=Faulty(sides.source, change))
    assert ls_remote(sides.target) == {}
    assert fsck(sides.target) == []


class Edge(GitTransport):
    """A target behind an edge that cuts the first push off, after some bytes, while the source pauses."""

    def __init__(self, path: Path, cut: threading.Event) -> None:
        super().__init__(path)
        self.cut = cut
        self.pushes = 0

    @contextmanager
    def request(
        self, service: Service, body: Body, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
        self.pushes += 1
        if self.pushes == 1:
            next(body.blocks())
            self.cut.set()
            raise NetworkError(f"{self.url} closed the connection while the request was being sent")
        with super().request(service, body, version=version, headway=headway) as blocks:
            yield blocks


def test_after_a_cut_the_pack_is_awaited_and_sent_again_and_the_source_is_asked_once(tmp_path):
    sides = Sides(tmp_path)
    fast_import(sides.source, noise(6_000_000))
    cut = threading.Event()

    def pausing(answer: bytes) -> Iterator[bytes]:
        yield answer[:5_000_000]
        assert cut.wait(60)
        yield answer[5_000_000:]

    source, target = Faulty(sides.source, pausing), Edge(sides.target, cut)
    told: list[str] = []
    result = sides.carry_out(source=source, target=target, progress=Heard(told))
    sides.check()
    assert result.exit_code == 0
    assert target.pushes == 2
    assert source.requests.count(("request", "git-upload-pack")) == 2  # ls-refs and one fetch
    assert any("sent once more" in line for line in told)


def test_a_cut_after_the_whole_pack_was_here_is_not_repeated(tmp_path):
    sides = Sides(tmp_path)
    commit(sides.source, "refs/heads/main")
    target = Edge(sides.target, threading.Event())
    result = sides.carry_out(target=target)
    assert (target.pushes, result.exit_code) == (1, 4)
    assert outcomes(result) == {"main": "not-pushed"}


def test_a_pack_over_the_limit_is_given_up(tmp_path):
    sides = Sides(tmp_path)
    fast_import(sides.source, noise(2_000_000))
    with pytest.raises(LimitExceeded, match="more than 1000000 bytes"):
        sides.carry_out(max_pack_bytes=1_000_000)
    assert ls_remote(sides.target) == {}


def test_so_is_one_that_must_be_taken_in_before_it_is_passed_on(tmp_path):
    sides = Sides(tmp_path)
    old = commit(sides.source, "refs/heads/main")
    sides.carry_out()
    fast_import(sides.source, [b"reset refs/heads/main\nfrom %s\n" % old.encode(), *noise(2_000_000)])
    with pytest.raises(LimitExceeded, match="more than 1000000 bytes"):
        sides.carry_out(max_pack_bytes=1_000_000)
    assert ls_remote(sides.target)["refs/heads/main"] == old
