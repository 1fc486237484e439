"""A recorded conversation holds every block with its time and every pkt-line with its meaning, no secrets."""

from __future__ import annotations

import contextlib
import io
import json
from typing import TYPE_CHECKING

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.render.wire import conversation_lines
from packcore.anatomy import leaves
from packcore.errors import CorruptData
from tests.support import git, history, init_repository, make_repository
from transport.recording import Conversation, Recorder, read_conversation
from transport.syncing import Policy, Scope, SyncRequest, sync
from transport.wire.limits import WireLimits

if TYPE_CHECKING:
    from pathlib import Path

HEAD = '{"packcore":"conversation","version":1}\n'
OPENED = '{"t":0,"open":1,"side":"s","url":"u","service":"g","kind":"k","protocol":0}\n'


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

        url, stateless, stats, limits = "x", True, None, WireLimits()

        def request(self, service, body, *, version, headway=None):
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
    with contextlib.suppress(CorruptData):
        read_conversation((HEAD + OPENED + text + "\n").splitlines(keepends=True), "x")


BLOCK = '{"t":1,"id":1,"block":">","bytes":100}\n'


def wrong(**fields: object) -> str:
    """Return a line like that of a packet of 20 bytes, with other fields."""
    return json.dumps({"id": 1, "packet": ">", "at": 0, "bytes": 20, "head": "61", **fields}) + "\n"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" * 60_000 + "\n", id="nested too deeply"),
        pytest.param('{"t":NaN,"id":1,"block":">","bytes":1}\n', id="a time that is no number"),
        pytest.param('{"t":1e999,"id":1,"block":">","bytes":1}\n', id="an infinite time"),
        pytest.param('{"t":-1,"id":1,"block":">","bytes":1}\n', id="a time before the start"),
        pytest.param('{"t":1,"id":1,"block":">","bytes":1e30}\n', id="a count with a fraction"),
        pytest.param('{"t":1,"id":1,"block":">","bytes":1' + "0" * 30 + "}\n", id="a count too large"),
        pytest.param('{"t":1,"id":1,"block":"?","bytes":1}\n', id="a direction that there isn't"),
        pytest.param('{"t":1,"id":7,"block":">","bytes":1}\n', id="an exchange that wasn't opened"),
        pytest.param(wrong(bytes=101), id="a line beyond its blocks"),
        pytest.param(wrong(at=50), id="a line with a gap before it"),
        pytest.param(wrong(bytes=3), id="a line shorter than its length"),
        pytest.param(wrong(head="61" * 17), id="a head longer than its line"),
        pytest.param(wrong(special="nonsense", bytes=4, head="30303030"), id="an unknown special packet"),
        pytest.param(wrong(special="flush", bytes=4, head="ffffffff"), id="a flush with other digits"),
        pytest.param(wrong(special=["flush"]), id="a list for a text"),
    ],
)
def test_a_line_that_no_recorder_writes_is_refused(text: str) -> None:
    with pytest.raises(CorruptData, match=r"line 4 .* recorded conversation"):
        read_conversation([HEAD, OPENED, BLOCK, text], "x")


def test_an_exchange_is_opened_once() -> None:
    with pytest.raises(CorruptData, match="opened twice"):
        read_conversation([HEAD, OPENED, OPENED], "x")


def test_the_text_of_a_recording_is_shown_without_control_characters() -> None:
    red = "\\u001b[31m"
    opened = OPENED.replace('"u"', f'"{red}u"').replace('"s"', f'"{red}s"').replace('"k"', f'"{red}k"')
    closed = f'{{"t":2,"close":1,"fault":"{red}\\ud800"}}\n'
    conversation = read_conversation([HEAD, opened, BLOCK, closed], "x")
    for line in conversation_lines(conversation, "x"):
        assert click.unstyle(line).isprintable(), line
