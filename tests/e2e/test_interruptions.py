"""Runs that end too soon, at each phase: one clear line, no trace left, and the next run completes.

The relay holds bytes back at an exact place, and only then is the run interrupted or the server killed;
so these tests do not hang on a guess about time.
"""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.e2e import slow_strategy
from tests.e2e.command import Workplace, file_size_limit
from tests.e2e.places import Pair, noise
from tests.e2e.recorder import Recorder
from tests.e2e.servers import wait_until
from tests.support import fast_import, fsck, ls_remote

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.command import Outcome
    from tests.e2e.nginx import GitHttpServer
    from tests.e2e.places import Place

pytestmark = pytest.mark.e2e

HELD_AT_BYTES = 1_500_000
NOISE_BYTES = 16_000_000
"""Far more than the socket buffers on the way hold, or the sender would be done before it is interrupted."""


@pytest.fixture
def pair(own_server: GitHttpServer, place: Place) -> Pair:
    """Return a pair on a server that may be killed, its source big enough to be stopped half-way."""
    made = Pair.make(own_server, place)
    fast_import(made.source, noise(NOISE_BYTES))
    return made


def test_ctrl_c_while_receiving(workplace: Workplace, pair: Pair) -> None:
    hold = ("git-upload-pack", HELD_AT_BYTES)
    with Recorder(pair.server.ports["plain"], hold_response=hold) as relay:
        with workplace.start("sync", relay.url(pair.source_name), pair.target_url, "--all-refs") as running:
            assert relay.held.wait(60)
            running.interrupt()
            outcome = running.result(seconds=30)
    assert_interrupted(outcome, workplace)
    assert_next_run_completes(workplace, pair)


def test_ctrl_c_while_selecting(workplace: Workplace, pair: Pair, tmp_path: Path) -> None:
    slow = slow_strategy.install(tmp_path / "plugin", 600)
    workplace.import_path.append(slow.folder)
    sides = (pair.source_url, pair.target_url)
    with workplace.start("sync", *sides, "--all-refs", "--no-reuse-delta", "--strategy", "slow") as running:
        wait_until(slow.has_begun, "selection to begin", seconds=60)
        running.interrupt()
        outcome = running.result(seconds=30)
    assert_interrupted(outcome, workplace)
    assert [line.method for line in pair.server.requests(pair.target_name)] == ["GET"]
    assert_next_run_completes(workplace, pair)


def test_ctrl_c_while_writing(workplace: Workplace, pair: Pair) -> None:
    hold = ("git-receive-pack", HELD_AT_BYTES)
    with Recorder(pair.server.ports["plain"], hold_request=hold) as relay:
        with workplace.start("sync", pair.source_url, relay.url(pair.target_name), "--all-refs") as running:
            assert relay.held.wait(60)
            running.interrupt()
            outcome = running.result(seconds=30)
    assert_interrupted(outcome, workplace)
    assert not relay.matching("POST")[-1].parsed()[0].complete, "a body cut short must not look finished"
    assert_next_run_completes(workplace, pair)


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_server_that_dies_half_way(workplace: Workplace, pair: Pair, side: str) -> None:
    outcome = _run_until_the_server_dies(workplace, pair, side)
    assert outcome.code == 4, outcome
    assert_one_clear_line(outcome)
    assert not workplace.left_behind()
    with pair.server:
        # The server's own git was killed too, and its quarantine stays for its next gc.
        assert_next_run_completes(workplace, pair, server_lives=False)


def _run_until_the_server_dies(workplace: Workplace, pair: Pair, side: str) -> Outcome:
    with Recorder(
        pair.server.ports["plain"],
        hold_response=("git-upload-pack", HELD_AT_BYTES) if side == "source" else None,
        hold_request=("git-receive-pack", HELD_AT_BYTES) if side == "target" else None,
    ) as relay:
        source = relay.url(pair.source_name) if side == "source" else pair.source_url
        target = relay.url(pair.target_name) if side == "target" else pair.target_url
        with workplace.start("sync", source, target, "--all-refs") as running:
            assert relay.held.wait(60)
            pair.server.stop(kill=True)
            relay.release()
            return running.result(seconds=60)


def test_a_file_that_may_not_grow(workplace: Workplace, pair: Pair) -> None:
    outcome = workplace.run(
        "sync", pair.source_url, pair.target_url, "--all-refs", under=file_size_limit(1 << 20)
    )
    assert_failed_for_want_of_space(outcome, workplace)
    assert_next_run_completes(workplace, pair)


def test_a_full_disk(pair: Pair, tmp_path: Path) -> None:
    with _small_disk(tmp_path / "disk", kibibytes=1024) as disk:
        workplace = Workplace(tmp_path / "workplace", temporary=disk)
        outcome = workplace.run("sync", pair.source_url, pair.target_url, "--all-refs")
        assert "space" in outcome.stderr, outcome
        assert_failed_for_want_of_space(outcome, workplace)
    assert_next_run_completes(Workplace(tmp_path / "another"), pair)


@contextmanager
def _small_disk(folder: Path, *, kibibytes: int) -> Iterator[Path]:
    """Mount a file system of that size; skip where mounting isn't allowed (the test above stands in)."""
    folder.mkdir()
    options = f"size={kibibytes}k,mode=1777"
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small tmpfs needs privileges; the file size limit shows the same")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def assert_interrupted(outcome: Outcome, workplace: Workplace) -> None:
    """Fail unless the run ended as one that the user broke off."""
    assert outcome.code == 130, outcome
    assert "interrupted" in outcome.stderr, outcome
    assert "Traceback" not in outcome.stderr, outcome
    assert not workplace.left_behind(), outcome


def assert_one_clear_line(outcome: Outcome) -> None:
    """Fail unless there is exactly one error line and no traceback."""
    assert len(outcome.error_lines) == 1, outcome
    assert "Traceback" not in outcome.stderr, outcome


def assert_failed_for_want_of_space(outcome: Outcome, workplace: Workplace) -> None:
    """Fail unless a failed write ended the run as a plain failure."""
    assert outcome.code == 1, outcome
    assert_one_clear_line(outcome)
    assert not workplace.left_behind(), outcome


def assert_next_run_completes(workplace: Workplace, pair: Pair, *, server_lives: bool = True) -> None:
    """Fail unless the target is empty and valid, holds nothing half-written, and a new run fills it."""
    assert ls_remote(pair.target) == {}
    assert fsck(pair.target) == []
    if server_lives:
        wait_until(lambda: not _files(pair.target / "objects"), "the server to drop its quarantine")
    workplace.must("sync", pair.source_url, pair.target_url, "--all-refs")
    pair.assert_equal()


def _files(folder: Path) -> list[str]:
    return [name for _, _, names in os.walk(folder) for name in names]
