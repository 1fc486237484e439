"""What was relayed and refused for its size is cut from what came: the source is not asked for it again."""

from __future__ import annotations

import random
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from packcore.errors import CorruptPack
from tests.git_transport import GitTransport
from tests.support import ls_remote
from tests.transport.syncing.limited_target import LimitedTarget, refused, temp_refs
from tests.transport.syncing.sides import Faulty, Heard, Sides, big_history, commit
from transport.errors import NetworkError
from transport.syncing.gather import lookahead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from transport.base import Body, Service
    from transport.syncing import SyncResult
    from transport.wire.headway import Headway

LIMIT = 40_000


@pytest.fixture
def sides(either_sides: Sides) -> Sides:
    return either_sides


def fetches(source: GitTransport) -> int:
    """How often the source was asked for objects: the listing of its refs is a request too."""
    return source.requests.count(("request", "git-upload-pack")) - 1


def check_cut_here(sides: Sides, result: SyncResult) -> None:
    sides.check("refs/heads/")
    assert temp_refs(sides.target) == []
    assert (result.exit_code, result.relay, result.relay_reason) == (0, False, "target-takes-less")
    assert result.batch_count > 1


def check_asked_anew(sides: Sides, result: SyncResult) -> None:
    sides.check("refs/heads/")
    assert (result.exit_code, result.relay) == (0, True)
    assert result.batch_count > 1


def test_the_source_is_asked_once_for_a_pack_that_the_target_finds_too_large(sides):
    big_history(sides.source)
    source, target = (
        GitTransport(sides.source),
        LimitedTarget(sides.target, body_bytes_max=LIMIT),
    )
    told: list[str] = []
    result = sides.carry_out(source=source, target=target, progress=Heard(told))
    check_cut_here(sides, result)
    assert fetches(source) == 1
    assert max(target.sizes) <= LIMIT
    assert any("413; sent again in parts" in line for line in told)
    assert result.to_json()["relayReason"] == "target-takes-less"


def test_so_it_is_for_a_seed_whose_limit_was_given_too_high(filtering):
    big_history(filtering.source)
    source, target = GitTransport(filtering.source), LimitedTarget(filtering.target, body_bytes_max=LIMIT)
    result = filtering.carry_out(
        source=source, target=target, mode="bootstrap", target_max_pack_bytes=1_000_000
    )
    check_cut_here(filtering, result)
    assert fetches(source) == 1


def test_so_it_is_for_a_fast_forward(sides):
    base = commit(sides.source, "refs/heads/main")
    sides.carry_out()
    big_history(sides.source, start=base)
    packs: list[bytes] = []

    def counted(answer: bytes) -> Iterator[bytes]:
        packs.append(answer)
        yield answer

    source, target = (
        Faulty(sides.source, counted),
        LimitedTarget(sides.target, body_bytes_max=LIMIT),
    )
    check_cut_here(sides, sides.carry_out(source=source, target=target))
    assert sum(len(pack) > 100_000 for pack in packs) == 1, "and commits alone, to see a fast-forward"


def test_a_thin_pack_is_asked_for_anew_in_pieces(filtering):
    text = random.Random(3).randbytes(6000).hex()
    base = commit(filtering.source, "refs/heads/main", text=text)
    filtering.carry_out()
    big_history(filtering.source, start=commit(filtering.source, "refs/heads/main", base, text=text))
    target = LimitedTarget(filtering.target, body_bytes_max=LIMIT)
    check_asked_anew(filtering, filtering.carry_out(target=target))


def test_more_objects_than_may_be_materialized_are_asked_for_anew_in_pieces(filtering):
    big_history(filtering.source)
    target = LimitedTarget(filtering.target, body_bytes_max=LIMIT)
    check_asked_anew(filtering, filtering.carry_out(target=target, materialized_max_objects=20))


# --- refused while the source still sends -------------------------------------------------------------


class RefusedOnItsWay(LimitedTarget):
    """Refuses the first push when so many bytes of it have come, and tells when it has."""

    def __init__(self, path: Path, after_bytes: int) -> None:
        super().__init__(path)
        self.refused = threading.Event()
        self._after_bytes = after_bytes

    @contextmanager
    def request(
        self, service: Service, body: Body, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
        if service == "git-receive-pack" and not self.refused.is_set():
            left = self._after_bytes
            for block in body.blocks():
                left -= len(block)
                if left <= 0:
                    break
            self.refused.set()
            raise refused(413)
        with super().request(service, body, version=version, headway=headway) as blocks:
            yield blocks


def whole(rest: bytes) -> bytes:
    return rest


def damaged(rest: bytes) -> bytes:
    return rest[:1000] + bytes([rest[1000] ^ 1]) + rest[1001:]


@pytest.fixture
def _small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a small pack streamed as a large one is.

    Of the 200,000 bytes that come at first, two packets of 64 KiB are whole, whatever git says before them.
    """
    monkeypatch.setattr(lookahead, "OPENING_BYTES", 100_000)
    monkeypatch.setattr(lookahead, "RESERVE_BYTES", 20_000)


def relay_refused_on_its_way(
    sides: Sides, change: Callable[[bytes], bytes] = whole, max_pack_bytes: int | None = None
) -> tuple[SyncResult, GitTransport]:
    """Relay 240 KB to a target that refuses 60 KB of it; only then does the source send the rest."""
    big_history(sides.source, commits=20)
    target = RefusedOnItsWay(sides.target, 60_000)

    def pausing(answer: bytes) -> Iterator[bytes]:
        yield answer[:200_000]
        assert target.refused.wait(60)
        yield change(answer[200_000:])

    source = Faulty(sides.source, pausing)
    return sides.carry_out(source=source, target=target, max_pack_bytes=max_pack_bytes), source


@pytest.mark.usefixtures("_small_windows")
def test_a_refusal_in_mid_pack_waits_for_the_rest_of_it(filtering):
    result, source = relay_refused_on_its_way(filtering)
    check_cut_here(filtering, result)
    assert fetches(source) == 1


@pytest.mark.usefixtures("_small_windows")
def test_a_pack_that_turns_out_larger_than_it_may_be_is_asked_for_anew_in_pieces(filtering):
    result, _ = relay_refused_on_its_way(filtering, max_pack_bytes=210_000)
    check_asked_anew(filtering, result)


@pytest.mark.usefixtures("_small_windows")
def test_where_the_rest_is_not_right_no_ref_moves(filtering):
    with pytest.raises(CorruptPack):
        relay_refused_on_its_way(filtering, damaged)
    assert ls_remote(filtering.target) == {}


@pytest.mark.usefixtures("_small_windows")
def test_where_the_rest_does_not_come_no_ref_moves(filtering):
    def lost(rest: bytes) -> bytes:
        raise NetworkError("the source went away")

    with pytest.raises(NetworkError, match="the source went away"):
        relay_refused_on_its_way(filtering, lost)
    assert ls_remote(filtering.target) == {}


def test_a_target_that_refuses_at_the_first_block_gets_it_in_parts_all_the_same(sides):
    big_history(sides.source)
    check_cut_here(sides, sides.carry_out(target=RefusedOnItsWay(sides.target, 1)))
