"""A recorded conversation holds every block with its time and every pkt-line with its meaning, no secrets."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcore.anatomy import leaves
from packcore.errors import CorruptData
from tests.support import git, history, init_repository, make_repository
from transport.recording import Conversation, Recorder, read_conversation
from transport.sync import Policy, Scope, SyncRequest, sync

if TYPE_CHECKING:
    from pathlib import Path


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def record_sync(source: Path, target: Path, **parts: object) -> Conversation:
    file = io.StringIO()
    request = SyncRequest(materialize=True)
    sync(str(source), str(target), request, recorder=Recorder(file), **parts)  # type: ignore[arg-type]
    return read_conversation(file.getvalue().splitlines(keepends=True), "run")


@pytest.fixture
def conversation(tmp_path: Path) -> Conversation:
    source = make_repository(tmp_path / "source.git", history(commits=12))
    return record_sync(source, init_repository(tmp_path / "target.git"))


def test_every_exchange_of_both_sides_is_there_in_its_order(conversation: Conversation) -> None:
    kinds = [(each.side, each.service, each.kind) for each in conversation.exchanges]
    assert sorted(kinds[:2]) == [
        ("source", "git-upload-pack", "advertise"),
        ("target", "git-receive-pack", "advertise"),
    ]
    assert kinds[-1] == ("target", "git-receive-pack", "request")
    assert all(each.closed is not None and not each.fault for each in conversation.exchanges)


def test_the_leaves_of_each_stream_are_its_bytes(conversation: Conversation) -> None:
    for exchange in conversation.exchanges:
        for stream in (exchange.said, exchange.heard):
            root = stream.anatomy("stream").root
            assert sum(leaf.size for leaf in leaves(root)) == stream.size


def test_a_push_is_commands_a_flush_and_a_pack(conversation: Conversation) -> None:
    said = conversation.exchanges[-1].said
    parts = list(said.anatomy("push").root.parts())
    assert [part.name for part in parts[-2:]] == ["flush", "pack"]
    assert said.lines[-1].head == b"PACK"
    assert b"refs/heads/main" in said.lines[0].head


def test_nothing_is_open_to_the_target_while_deltas_are_selected(conversation: Conversation) -> None:
    fetch = next(each for each in reversed(conversation.exchanges) if each.side == "source")
    push = conversation.exchanges[-1]
    assert fetch.closed is not None
    assert push.opened >= fetch.closed


def test_the_times_of_blocks_tell_the_writers_share_of_a_silence() -> None:
    clock, file = Clock(), io.StringIO()
    recorder = Recorder(file, clock=clock)

    class Slow:
        """A transport that takes a second for each block."""

        url, stateless, stats = "x", True, None

        def request(self, service, body, *, version):
            from contextlib import contextmanager

            @contextmanager
            def answer():
                for _ in body.blocks():
                    clock.now += 1
                yield iter(())

            return answer()

    def blocks():
        yield b"0000"
        clock.now += 4
        yield b"PACK"

    from transport.base import Body

    slow = recorder.wrap(Slow(), "target")  # type: ignore[arg-type]
    with slow.request("git-receive-pack", Body(blocks), version=0) as answer:
        list(answer)
    (exchange,) = read_conversation(file.getvalue().splitlines(keepends=True), "run").exchanges
    assert exchange.said.longest_gap() == (5.0, 0.0)
    assert exchange.said.longest_stall() == (4.0, 1.0)


def test_an_error_that_ends_an_exchange_is_written_down(tmp_path: Path) -> None:
    source = make_repository(tmp_path / "source.git", history(commits=3))
    file = io.StringIO()
    with pytest.raises(Exception, match="no git repository here"):
        sync(str(source), str(tmp_path / "absent.git"), recorder=Recorder(file))
    conversation = read_conversation(file.getvalue().splitlines(keepends=True), "run")
    faults = [each.fault for each in conversation.exchanges if each.side == "target"]
    assert "no git repository here" in faults[0]


def test_a_forced_sync_is_recorded_like_any_other(tmp_path: Path) -> None:
    source = make_repository(tmp_path / "source.git", history(commits=5))
    target = make_repository(tmp_path / "target.git", history(commits=4, seed=7))
    conversation = record_sync(source, target, policy=Policy(force_with_lease=True), scope=Scope())
    assert git("rev-parse", "main", cwd=target) == git("rev-parse", "main", cwd=source)
    assert conversation.exchanges[-1].said.size > 0


def test_a_recording_that_breaks_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    source = make_repository(tmp_path / "source.git", history(commits=3))
    file = io.StringIO()
    sync(str(source), str(init_repository(tmp_path / "t.git")), recorder=Recorder(file))
    text = file.getvalue()
    whole = read_conversation(text.splitlines(keepends=True), "run")
    cut = read_conversation(text[: len(text) - 30].splitlines(keepends=True), "run")
    assert len(cut.exchanges) == len(whole.exchanges)


@pytest.mark.parametrize(
    "text", ["", "hello\n", "{}\n", '{"packcore": "conversation", "version": 99}\n', "[1]\n", "\x00\xff\n"]
)
def test_a_file_of_another_kind_is_refused(text: str) -> None:
    with pytest.raises(CorruptData, match="conversation"):
        read_conversation(text.splitlines(keepends=True), "x")


@given(st.text(max_size=200))
def test_whatever_follows_the_head_only_our_errors_come_out(text: str) -> None:
    head = '{"packcore":"conversation","version":1}\n'
    opened = '{"t":0,"open":1,"side":"s","url":"u","service":"g","kind":"k","protocol":0}\n'
    with contextlib.suppress(CorruptData):
        read_conversation((head + opened + text + "\n").splitlines(keepends=True), "x")
