"""A source whose pack is damaged, or whole but not all of the history: nothing of it is published."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from packcore.deflate import deflate
from packcore.errors import MissingObject, PackcoreError
from packcore.limits import Limits
from packcore.objects import ObjectType
from packcore.pack.format import encode_entry_header
from tests.git_transport import GitTransport
from tests.packcore.pack_builder import blob_id, build_body, build_pack, ofs_delta, ref_delta, seal, whole
from tests.support import git, git_bytes, ls_remote
from tests.transport.syncing.sides import Sides, commit
from transport.local_fetch.fetch_into import fetch_into
from transport.syncing import SelectionOptions
from transport.syncing.request import Scope
from transport.wire.pktline import FLUSH, encode_packet, encode_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from transport.base import Body, Service
    from transport.wire.headway import Headway

COMMIT, TREE = int(ObjectType.COMMIT), int(ObjectType.TREE)
BOMB = build_pack([whole(bytes(64 << 20))])


class Sending(GitTransport):
    """A source that lists its refs as they are, and whatever is wanted sends one and the same pack."""

    def __init__(self, path: Path, pack: bytes) -> None:
        super().__init__(path)
        self._pack = pack

    @contextmanager
    def request(
        self, service: Service, body: Body, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
        sent = b"".join(body.blocks())
        if b"command=fetch" in sent:
            bands = [
                encode_packet(b"\1" + self._pack[at : at + 60000]) for at in range(0, len(self._pack), 60000)
            ]
            yield iter([encode_text("packfile"), *bands, FLUSH])
        else:
            with super().request(service, type(body).of(sent), version=version, headway=headway) as blocks:
                yield blocks


def good_pack(source: Path) -> bytes:
    return git_bytes("pack-objects", "--stdout", "--revs", cwd=source, stdin=b"main\n")


def _cut(share: float) -> Callable[[bytes], bytes]:
    return lambda good: good[: int(len(good) * share)]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "another magic": lambda good: b"JUNK" + good[4:],
    "version 4": lambda good: good[:7] + b"\4" + good[8:],
    "a count too big": lambda good: seal(good[:11] + bytes([good[11] + 1]) + good[12:-20]),
    "a count too small": lambda good: seal(good[:11] + bytes([good[11] - 1]) + good[12:-20]),
    "a count of 2^32-1": lambda good: seal(good[:8] + b"\xff" * 4 + good[12:-20]),
    "nothing": lambda _: b"",
    "cut in the header": lambda good: good[:7],
    "cut in an entry": _cut(0.5),
    "cut in the trailer": lambda good: good[:-3],
    "a broken stream": lambda _: seal(build_body([], count=1)[0] + encode_entry_header(3, 9) + b"\0" * 40),
    "a size that lies": lambda _: build_pack([whole(b"blob", size=9)]),
    "a base at itself": lambda _: seal(build_body([], count=1)[0] + b"\x61\x00" + deflate(b"x")),
    "a base before the pack": lambda _: seal(build_body([], count=1)[0] + b"\x61\xff\x7f" + deflate(b"x")),
    "a base that nobody has": lambda _: build_pack([ref_delta(blob_id(b"absent"), b"\1\1\1x")]),
    "a delta of itself": lambda _: build_pack([ref_delta(blob_id(b"x"), b"\1\1\x90\1")]),
    "a delta that overflows": lambda _: build_pack([whole(b"base"), ofs_delta(0, b"\4\x7f\x90\x7f")]),
    "a wrong trailer": lambda good: good[:-1] + bytes([good[-1] ^ 1]),
    "bytes behind the trailer": lambda good: good + b"more",
    "a bomb": lambda _: BOMB,
}


@pytest.mark.fault(36)
@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_pack_is_refused_before_anything_is_published(name, tmp_path):
    sides = Sides(tmp_path)
    commit(sides.source, "refs/heads/main")
    pack = DAMAGE[name](good_pack(sides.source))
    spools, into = tmp_path / "spools", tmp_path / "into.git"
    spools.mkdir()
    limits = Limits(object_bytes=32 << 20) if name == "a bomb" else Limits()
    with pytest.raises(PackcoreError):
        sides.sync(
            source=Sending(sides.source, pack),
            selection=SelectionOptions(limits=limits),
            spool_directory=spools,
        )
    with pytest.raises(PackcoreError):
        fetch_into(Sending(sides.source, pack), into, scope=Scope(all_refs=True), limits=limits)
    assert list(spools.iterdir()) == []
    assert ls_remote(sides.target) == {}
    assert not into.exists()


@pytest.mark.fault(37)
@pytest.mark.parametrize("left_out", ["main^{tree}", "main:file"])
def test_a_whole_pack_of_a_history_with_a_hole_moves_no_ref(left_out, tmp_path):
    sides = Sides(tmp_path)
    commit(sides.source, "refs/heads/main")
    listed = git("rev-list", "--objects", "--no-object-names", "main", cwd=sides.source).split()
    listed.remove(git("rev-parse", left_out, cwd=sides.source))
    pack = git_bytes("pack-objects", "--stdout", cwd=sides.source, stdin="\n".join(listed).encode())
    into = tmp_path / "into.git"
    with pytest.raises(MissingObject):
        sides.sync(source=Sending(sides.source, pack))
    with pytest.raises(PackcoreError):
        fetch_into(Sending(sides.source, pack), into, scope=Scope(all_refs=True))
    assert ls_remote(sides.target) == {}
    assert not into.exists()


@pytest.mark.fault(36)
def test_an_object_that_comes_twice_is_one_object(tmp_path):
    sides = Sides(tmp_path)
    commit(sides.source, "refs/heads/main")
    entries = []
    for line in git("rev-list", "--objects", "--no-object-names", "main", cwd=sides.source).split():
        type_name = git("cat-file", "-t", line, cwd=sides.source)
        data = git_bytes("cat-file", type_name, line, cwd=sides.source)
        entries += 2 * [whole(data, {"commit": COMMIT, "tree": TREE, "blob": 3}[type_name])]
    sides.sync(source=Sending(sides.source, build_pack(entries)))
    sides.check()
