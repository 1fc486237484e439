"""The spool that a relay runs through: its pace, its checks, and that it can be sent again."""

from __future__ import annotations

import errno
import os
import random
import threading
from typing import TYPE_CHECKING, Any

import pytest

from packcore.errors import CorruptPack, LimitExceeded, RepositoryError
from packcore.ids import SHA1
from packcore.limits import KIB, MIB, Limits
from packcore.progress import SILENT
from tests.packcore.pack_builder import build_pack, chain_of, cut, ofs_delta, seal, whole
from transport.errors import NetworkError
from transport.syncing.gather import lookahead
from transport.syncing.gather.lookahead import OPENING_BYTES, RESERVE_BYTES, TRICKLE_BYTES, LookAhead

if TYPE_CHECKING:
    from collections.abc import Iterator

BIG = 6 * MIB


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookahead, "TRICKLE_SECONDS", 0.01)


def over(blocks: Iterator[bytes], **options: Any) -> LookAhead:
    return LookAhead(blocks, object_format=SHA1, limits=Limits(), progress=SILENT, **options)


class Source:
    """A pack in blocks of 64 KiB, of which those from `pause_at` on come when `go_on` is set."""

    def __init__(self, pack: bytes, *, pause_at: int | None = None, fault: Exception | None = None) -> None:
        self.pack = pack
        self.pause_at = pause_at
        self.fault = fault
        self.go_on = threading.Event()
        self.asked = 0

    def __iter__(self) -> Iterator[bytes]:
        self.asked += 1
        for number, block in enumerate(cut(self.pack, 64 * KIB)):
            if self.pause_at is not None and number * 64 * KIB >= self.pause_at:
                self.go_on.wait(60)
                if self.fault is not None:
                    raise self.fault
            yield block


def test_a_pack_comes_out_as_it_went_in_and_again(big_pack):
    with over(iter(Source(big_pack))) as ahead:
        assert b"".join(ahead.blocks()) == big_pack
        assert b"".join(ahead.blocks()) == big_pack
        assert ahead.complete
        assert (ahead.object_count, ahead.received_bytes) == (1, len(big_pack))


def test_nothing_goes_out_before_enough_is_here(big_pack):
    source = Source(big_pack, pause_at=OPENING_BYTES - 64 * KIB)
    with over(iter(source)) as ahead:
        opened = threading.Thread(target=ahead.open)
        opened.start()
        opened.join(0.1)
        assert opened.is_alive()
        source.go_on.set()
        opened.join(60)
        assert not opened.is_alive()


def test_a_big_pack_begins_to_go_out_before_the_source_has_ended(big_pack):
    source = Source(big_pack, pause_at=OPENING_BYTES)
    with over(iter(source)) as ahead:
        ahead.open()
        assert next(ahead.blocks()) == big_pack[: 64 * KIB]
        assert not ahead.complete
        source.go_on.set()


def test_while_the_source_stalls_the_reserve_trickles_out_and_then_the_rest_flows(big_pack):
    source = Source(big_pack, pause_at=OPENING_BYTES)
    with over(iter(source)) as ahead:
        blocks = ahead.blocks()
        out = bytearray()
        while len(out) < OPENING_BYTES - RESERVE_BYTES:
            out += next(blocks)
        thin = [len(next(blocks)) for _ in range(5)]
        assert thin == [TRICKLE_BYTES] * 5
        source.go_on.set()
        out += big_pack[len(out) : len(out) + sum(thin)]
        out += b"".join(blocks)
    assert bytes(out) == big_pack


def test_the_end_is_held_back_until_the_source_has_ended_well(big_pack):
    source = Source(big_pack, pause_at=len(big_pack))  # all of it came, but not the answer's end
    data = iter(source)

    def unended() -> Iterator[bytes]:
        yield from data
        source.go_on.wait(60)
        raise NetworkError("the connection was lost")

    with over(unended()) as ahead:
        blocks = ahead.blocks()
        out = bytearray()
        while len(out) < len(big_pack) - RESERVE_BYTES:
            out += next(blocks)
        source.go_on.set()
        with pytest.raises(NetworkError):
            drain(blocks, out)
    assert len(out) <= len(big_pack) - 20


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda pack: pack[:-1], "within its trailer"),
        (lambda pack: pack[: len(pack) // 2], "ends within"),
        (lambda pack: pack[:-20] + bytes(20), "its trailer says"),
        (lambda pack: pack + b"x", "bytes follow its trailer"),
        (lambda pack: seal(with_count(pack, 3)), None),
        (lambda pack: seal(with_count(pack, 1)), "its trailer says"),
        (lambda pack: b"JUNK" + pack[4:], "starts with"),
        (lambda _: b"", "within its header"),
    ],
)
@pytest.mark.parametrize("size", [100, BIG])
def test_a_damaged_pack_is_never_handed_on_whole(damage, words, size):
    pack = build_pack([whole(noise(size)), whole(b"another")])
    out = bytearray()
    with over(iter(Source(damage(pack)))) as ahead, pytest.raises(CorruptPack, match=words):
        drain(ahead.blocks(), out)
    assert len(out) <= max(0, len(damage(pack)) - 20)


def test_a_source_that_fails_early_is_told_before_anything_goes_out():
    source = Source(b"PACK", pause_at=0, fault=NetworkError("silence"))
    source.go_on.set()
    with over(iter(source)) as ahead, pytest.raises(NetworkError, match="silence"):
        ahead.open()


def test_a_pack_over_the_limit_is_given_up_in_the_users_words(big_pack):
    with (
        over(iter(Source(big_pack)), pack_bytes_max=MIB) as ahead,
        pytest.raises(LimitExceeded) as caught,
    ):
        ahead.finish()
    assert caught.value.limit == "max-pack-bytes"
    assert ahead.received_bytes < 2 * MIB


def test_whole_means_that_the_pack_is_here_before_anything_goes_out(big_pack):
    with over(iter(Source(big_pack)), whole=True) as ahead:
        ahead.open()
        assert ahead.complete


def test_an_ofs_delta_for_a_target_that_takes_none_is_found_out():
    pack = build_pack(chain_of([b"0123456789" * 10, b"0123456789" * 9]))
    with over(iter(Source(pack)), ofs_delta=False) as ahead, pytest.raises(CorruptPack) as caught:
        ahead.finish()
    assert "materialize" in (caught.value.hint or "")


def test_a_delta_that_git_can_not_read_is_not_handed_on():
    pack = build_pack([whole(b"0123456789"), ofs_delta(0, b"\x0a\0")])
    out = bytearray()
    with over(iter(Source(pack))) as ahead, pytest.raises(CorruptPack, match="none is shorter than 4"):
        drain(ahead.blocks(), out)
    assert len(out) <= len(pack) - 20


def test_leaving_gives_a_stalled_source_up(big_pack):
    source = Source(big_pack, pause_at=OPENING_BYTES)
    with over(iter(source), abandon=source.go_on.set) as ahead:
        ahead.open()
    assert source.go_on.is_set()
    assert not ahead.complete


def test_a_folder_that_is_not_there_is_an_error_of_the_family(big_pack, tmp_path):
    with pytest.raises(RepositoryError, match="can't be written"):
        over(iter(Source(big_pack)), directory=tmp_path / "absent")


def test_a_file_that_can_not_be_read_back_is_an_error_of_the_family(big_pack, monkeypatch):
    with over(iter(Source(big_pack)), whole=True) as ahead:
        ahead.open()
        monkeypatch.setattr(ahead, "_file", Unreadable(ahead._file))
        with pytest.raises(RepositoryError, match="can't be read back: Input/output error"):
            b"".join(ahead.blocks())


class Unreadable:
    """A file on a disk that fails."""

    def __init__(self, file: Any) -> None:
        self.seek, self.close = file.seek, file.close

    def read(self, size: int) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def drain(blocks: Iterator[bytes], out: bytearray) -> None:
    """Take all blocks, as a target would that keeps what came before an error."""
    for block in blocks:
        out += block


def noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def with_count(pack: bytes, count: int) -> bytes:
    """Return the pack's body with another number of entries in its header."""
    return pack[:8] + count.to_bytes(4, "big") + pack[12:-20]


@pytest.fixture(scope="module")
def big_pack() -> bytes:
    return build_pack([whole(noise(BIG))])
