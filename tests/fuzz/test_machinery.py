"""What leads inputs past checksums, keeps them, and finds faults: shapes, mutator, minimiser, worker."""

from __future__ import annotations

import gzip
import random
import zlib
from typing import TYPE_CHECKING

import pytest

from packcore.errors import PackcoreError
from packcore.ids import SHA1
from packcore.pack.reader import PackReader
from tests.fuzz import corpus, minimise, samples, shapes
from tests.fuzz.mutate import change_bytes, mutate
from tests.fuzz.run import Row, table
from tests.fuzz.target import Target, agree, any_of, pieces
from tests.fuzz.worker import Findings, run_plain

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("number", range(5))
def test_a_changed_pack_is_sealed_so_that_its_objects_are_read(number: int) -> None:
    pack = samples.packs()[number]
    parts = shapes.PACK.split(pack)
    assert list(PackReader([shapes.PACK.join(parts)], object_format=SHA1))[:0] == []
    parts.append(bytes([0x30]) + b"one more blob")
    items = list(PackReader([shapes.PACK.join(parts)], object_format=SHA1))
    assert items[-1].data == b"one more blob"


@pytest.mark.parametrize(
    ("shape", "data"),
    [
        (shapes.PACKETS, b"0008NAK\n0000"),
        (shapes.CHUNKS, b"4\r\nWiki\r\n0\r\n\r\n"),
        (shapes.HEAD_AND_CHUNKS, b"HTTP/1.1 200 OK\r\n\r\n1\r\nx\r\n0\r\n\r\n"),
        (shapes.ZLIB, zlib.compress(b"blob 0\0", 1)),
        (shapes.GZIP, gzip.compress(b"x", 1, mtime=0)),
        (shapes.LINES, b"a\r\nb"),
        (shapes.WORDS, b"a  b"),
        (shapes.SEALED, b"body" + SHA1.new_hash(b"body").digest()),
    ],
)
def test_what_a_shape_takes_apart_it_puts_together_again(shape: shapes.Shape, data: bytes) -> None:
    assert shape.join(shape.split(data)) == data


def test_a_longer_payload_gets_its_length() -> None:
    assert shapes.PACKETS.join([b"NAK", b"0000", b"x" * 300]) == b"0007NAK0000" + b"0130" + b"x" * 300


def test_two_ways_to_read_must_agree_in_what_they_return_and_in_how_they_fail() -> None:
    def fail(error: Exception) -> object:
        raise error

    agree(lambda: 1, lambda: 1)
    with pytest.raises(AssertionError):
        agree(lambda: 1, lambda: 2)
    with pytest.raises(AssertionError):
        agree(lambda: 1, lambda: fail(PackcoreError("x")))
    with pytest.raises(PackcoreError):
        agree(lambda: fail(PackcoreError("x")), lambda: fail(PackcoreError("y")))
    any_of(lambda: fail(PackcoreError("x")), lambda: 1)
    with pytest.raises(KeyError):
        any_of(lambda: 1, lambda: fail(KeyError("x")))


def test_cut_bytes_are_all_there() -> None:
    for size in range(40):
        assert b"".join(pieces(bytes(size))) == bytes(size)


def lines_with_a_fault(data: bytes) -> None:
    """Refuse most, and break on one line in particular."""
    for line in data.splitlines():
        if line == b"open":
            raise KeyError("a finding")
        if not line.isalpha():
            raise PackcoreError("no word")


@pytest.fixture
def one() -> Target:
    return Target("made", lines_with_a_fault, lambda: [b"a\nb\n"], shapes.LINES, (b"open\n",), (), 100)


def test_mutations_stay_within_the_size_and_change_something(one: Target) -> None:
    chance = random.Random(1)
    data = b"a\nb\nc\n"
    changed = {mutate(one, data, chance, lambda old: change_bytes(old, chance)) for _ in range(300)}
    assert max(map(len, changed)) <= one.bytes_max
    assert len(changed) > 100


def test_a_run_finds_the_fault_once_and_keeps_what_makes_it(one: Target, tmp_path: Path) -> None:
    findings = Findings(one, tmp_path / "work", tmp_path / "reproducers")
    for _ in range(3):
        findings.try_input(b"a\nopen\n")
    (path,) = (tmp_path / "reproducers" / "made").iterdir()
    assert path.name.startswith("KeyError-")
    assert path.read_bytes() == b"a\nopen\n"
    (told,) = (tmp_path / "work").glob("finding-*")
    assert "lines_with_a_fault" in told.read_text()


def test_without_atheris_the_same_target_runs_and_its_executions_are_counted(
    one: Target, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    findings = Findings(one, tmp_path / "work", tmp_path / "reproducers")
    run_plain(one, 0, findings)
    assert capsys.readouterr().out == f"plain executions {findings.executions}\n"
    assert findings.executions == 1  # the seed


def test_of_a_grown_corpus_only_what_reaches_more_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(minimise, "CORPUS", tmp_path / "corpus")
    from packcore.store.config import GitConfig

    one = Target("made", lambda data: GitConfig.parse(data.decode()), lambda: [b"[a]\n"], None, (), (), 100)
    grown = tmp_path / "grown"
    for data in (b"[b]\n", b"[a]\nx = 1\n", b"[a]\ny = 2\n", b"[a]\nz = 333333\n"):
        corpus.keep(grown, data)
    minimise.minimise(one, grown)
    (kept,) = (tmp_path / "corpus" / "made").iterdir()
    assert kept.read_bytes() in (b"[a]\nx = 1\n", b"[a]\ny = 2\n")


def test_the_table_sums_the_executions(tmp_path: Path) -> None:
    rows = [
        Row("config", 1200, "90", "12", []),
        Row("tree", 34, "", "", [tmp_path / "finding-KeyError-1.txt"], "did not end"),
    ]
    lines = table(rows).splitlines()
    assert "KeyError-1" in lines[2]
    assert "did not end" in lines[2]
    assert lines[3].split() == ["in", "all", "1,234"]
