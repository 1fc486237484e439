"""Big things in little memory: a repository with a 300 MB blob of noise and a 300 MB text."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

import pytest

from tests.e2e.figures import note_gaps, note_pack, note_peak
from tests.e2e.recorder import Recorder
from tests.support import fast_import, fsck, git, init_repository, ls_remote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.command import Workplace
    from tests.e2e.nginx import GitHttpServer
    from tests.e2e.places import Place

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1500)]

MEBIBYTE = 1 << 20
LARGE_BYTES = 300 * MEBIBYTE
PEAK_GOAL_MEGABYTES = 150


def test_two_files_of_300_mb_are_synced_in_little_memory(
    workplace: Workplace,
    server: GitHttpServer,
    place: Place,
    figures: Callable[[str, object], None],
) -> None:
    source = init_repository(server.root / place.path("source.git"))
    git("config", "core.compression", "1", cwd=source)
    fast_import(source, _large_files())
    target = server.create(place.path("target.git"))
    # Few objects as there are, git would unpack them, and compress 300 MB before it reads on.
    git("config", "receive.unpackLimit", "1", cwd=target)
    # The relay keeps what it saw in memory, so it stands in the way of this test's own process only.
    with Recorder(server.ports["edge"]) as capture:
        sides = (server.url(place.path("source.git")), capture.url(place.path("target.git")))
        with workplace.start("sync", *sides, "--materialize", "--json") as running:
            outcome = running.result(seconds=1200)
    assert outcome.code == 0, outcome
    assert not workplace.left_behind()
    pack = json.loads(outcome.stdout)["pack"]
    post = capture.matching("POST")[-1]
    note_pack(figures, pack)
    note_gaps(figures, post)
    assert ls_remote(target) == ls_remote(source)
    assert fsck(target) == []
    note_peak(figures, outcome, megabytes_max=PEAK_GOAL_MEGABYTES)


def _large_files() -> Iterator[bytes]:
    chance = random.Random(11)
    yield b"commit refs/heads/main\ncommitter C <c@example.com> 1112911993 +0000\ndata 0\n"
    yield b"M 100644 inline noise.bin\ndata %d\n" % LARGE_BYTES
    yield from (chance.randbytes(MEBIBYTE) for _ in range(LARGE_BYTES // MEBIBYTE))
    yield b"\nM 100644 inline words.txt\ndata %d\n" % LARGE_BYTES
    # Lines of hex digits; one separator after each 32 bytes' digits.
    text = (chance.randbytes(MEBIBYTE // 2).hex("\n", 32).encode() for _ in range(LARGE_BYTES // MEBIBYTE))
    yield from (block.ljust(MEBIBYTE + 16384, b"\n")[:MEBIBYTE] for block in text)
    yield b"\nM 100644 inline README\ndata 6\nlarge\n\ndone\n"
