"""`sync --record` and `explain --wire`: a conversation on a time line, so that a stall can be seen."""

from __future__ import annotations

import json

import pytest

from cli.render.wire_words import told
from tests.support import init_repository
from transport.recording import LINE_CHARACTERS_MAX, Conversation
from transport.recording.conversation import RecordedLine

HEAD = '{"packcore":"conversation","version":1}\n'
OPEN = '{"t":0.0,"open":1,"side":"target","url":"http://x/","service":"git-receive-pack","kind":"request","protocol":0}\n'


def block(asked: float, seconds: float, size: int = 100) -> str:
    return json.dumps({"t": seconds, "asked": asked, "id": 1, "block": ">", "bytes": size}) + "\n"


@pytest.fixture
def stalled(tmp_path):
    path = tmp_path / "stalled.jsonl"
    path.write_text(
        HEAD
        + OPEN
        + block(0, 0.1)
        + block(0.2, 6.2)
        + block(6.3, 6.4)
        + '{"t":6.5,"close":1,"fault":"HTTP 408"}\n'
    )
    return path


@pytest.fixture
def recorded(packcore, repository, tmp_path):
    path = tmp_path / "run.jsonl"
    target = init_repository(tmp_path / "target.git", object_format=repository.stem)
    result = packcore("sync", "--record", path, repository, target)
    assert result.exit_code == 0, result.stderr
    return path


def test_a_recorded_sync_is_drawn_with_the_meaning_of_its_lines(packcore, recorded):
    text = packcore("explain", "--wire", recorded).stdout
    assert "create refs/heads/main" in text
    assert "flush: the section is over" in text
    assert "the pack" in text
    assert "of the report: unpack ok" in text


def test_a_stall_is_seen_on_the_time_line_and_told(packcore, stalled):
    text = packcore("explain", "--wire", stalled).stdout
    bar = next(line for line in text.splitlines() if "▕" in line)
    assert bar.count("!") > 40
    assert "a STALL" in text
    assert "ended by: HTTP 408" in text


def test_a_push_without_a_stall_shows_none(packcore, recorded):
    assert "!" not in packcore("explain", "--wire", recorded).stdout.split("▕")[1]


def test_two_conversations_share_one_scale(packcore, stalled, tmp_path):
    quick = tmp_path / "quick.jsonl"
    quick.write_text(HEAD + OPEN + block(0, 0.01) + '{"t":0.02,"close":1}\n')
    text = packcore("explain", "--wire", stalled, "--wire", quick).stdout
    slow_bar, quick_bar = (line.strip(" ▕▏") for line in text.splitlines() if "▕" in line)
    # On the scale of the slow one, the quick one is over at once.
    assert slow_bar[3:].strip()
    assert not quick_bar[3:].strip()


def test_as_json_each_stream_tells_its_longest_silence(packcore, stalled):
    (told_,) = json.loads(packcore("explain", "--wire", stalled, "--json").stdout)["conversations"]
    assert told_["exchanges"][0]["said"]["longestStallSeconds"] == 6.0


def test_the_conversation_becomes_a_page(packcore, stalled, tmp_path):
    assert packcore("explain", "--wire", stalled, "--html", tmp_path / "p.html").exit_code == 0
    assert "STALL" in (tmp_path / "p.html").read_text()


def test_a_file_that_is_no_recording_is_bad_data(packcore, tmp_path):
    (tmp_path / "x").write_text("hello\n")
    result = packcore("explain", "--wire", tmp_path / "x")
    assert result.exit_code == 3
    assert "not one of a recorded conversation" in result.stderr


def test_neither_a_pack_nor_a_conversation_is_wrong_usage(packcore):
    assert packcore("explain").exit_code == 2


@pytest.mark.parametrize(
    ("head", "service", "words"),
    [
        (b"want " + b"a" * 40 + b"\n", "git-upload-pack", "send this, and what it reaches: aaaaaaaaaaaa"),
        (b"unpack ok\n", "git-receive-pack", "the target has the pack"),
        (b"ng refs/heads/x stale\n", "git-receive-pack", "refused: refs/heads/x, stale"),
        (
            b"0" * 40 + b" " + b"b" * 40 + b" refs/heads/x\0 report-status",
            "git-receive-pack",
            "create refs/heads/x",
        ),
        (b"b" * 40 + b" " + b"0" * 40 + b" refs/heads/x", "git-receive-pack", "delete refs/heads/x"),
        (b"\x03fatal: out of memory\n", "git-upload-pack", "the server's last words: fatal: out of memory"),
        (b"\x02\x1b[31mred", "git-upload-pack", "progress: ^[[31mred"),
        (b"0" * 40 + b" capabilities^{}\0atomic", "git-receive-pack", "no refs yet; what it can do: atomic"),
    ],
)
def test_a_line_is_told_in_words(head, service, words):
    assert told(RecordedLine(0, len(head) + 4, head, "", 0.0), service).startswith(words)


def test_an_endless_line_is_not_read_to_its_end(packcore, stalled, monkeypatch):
    stalled.write_text(stalled.read_text() + " " * 10_000_000)
    sizes: list[int] = []

    def read(lines, name):
        sizes.extend(map(len, lines))
        return Conversation([])

    monkeypatch.setattr("transport.recording.read_conversation", read)
    packcore("explain", "--wire", stalled)
    assert max(sizes) == LINE_CHARACTERS_MAX + 1
