"""Words, tables and units."""

from __future__ import annotations

import pytest

from cli.render import units
from cli.render.progress import is_counter, permanent_line, running_line
from cli.render.table import columns, width_of


@pytest.mark.parametrize(
    ("bytes_", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1023, "1,023 bytes"),
        (1024, "1.0 KiB"),
        (1048575, "1.0 MiB"),
        (12897485, "12.3 MiB"),
        (5 << 40, "5.0 TiB"),
        (9 << 50, "9,216.0 TiB"),
    ],
)
def test_sizes_are_in_powers_of_1024(bytes_, text):
    assert units.size(bytes_) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0.0s"), (0.84, "0.8s"), (119.9, "119.9s"), (125, "2m05s"), (3725, "1h02m")]
)
def test_durations_grow_coarser(seconds, text):
    assert units.seconds(seconds) == text


def test_a_rate_over_no_time_is_no_error():
    assert units.rate(100, 0) == "0 bytes/s"


@pytest.mark.parametrize(
    ("name", "unit", "count", "notes", "elapsed", "line"),
    [
        (
            "selecting deltas",
            "objects",
            12345,
            {"deltas": 8910},
            1.2,
            "selected 12,345 objects, 8,910 deltas in 1.2s",
        ),
        (
            "source: receiving pack",
            "bytes",
            12897485,
            {},
            0.8,
            "source: received 12.3 MiB in 0.8s (15 MiB/s)",
        ),
        ("target: writing pack", "bytes", 3250586, {}, 0.2, "target: wrote 3.1 MiB in 0.2s (16 MiB/s)"),
        ("indexing", "deltas", 7, {"objects": 12, "deltas": 7}, 3, "indexed 12 objects, 7 deltas in 3.0s"),
        ("pondering", "refs", 1, {}, 0, "pondering: 1 ref in 0.0s"),
    ],
)
def test_the_permanent_line_of_each_phase(name, unit, count, notes, elapsed, line):
    assert permanent_line(name, unit, count, notes, elapsed) == line


def test_a_running_line_survives_counts_beyond_the_total():
    assert running_line("objects", 30, 20, {}, 1.0).startswith("100%  30/20 objects")


@pytest.mark.parametrize(
    "line",
    [
        "Counting objects: 12",
        "Compressing objects: 100% (3/3), done.",
        "Total 5 (delta 0), reused 0 (delta 0)",
    ],
)
def test_what_git_servers_count_is_known(line):
    assert is_counter(line)


@pytest.mark.parametrize(
    "line", ["error: hook declined", "To create a merge request, visit:", "Warning: 5 files"]
)
def test_what_people_should_read_is_no_counter(line):
    assert not is_counter(line)


def test_columns_line_up_by_the_cells_of_a_terminal():
    lines = list(columns([("日本", "1"), ("e\u0301", "22"), ("abcdef", "333")], right=(1,)))
    assert [width_of(line) for line in lines] == [11, 11, 11]
    assert lines[2] == "abcdef  333"
