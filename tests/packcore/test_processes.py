"""How many processes are used where nobody says: by CPUs, by the work, and by the memory that is free."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from packcore import processes
from packcore.limits import MIB

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def cgroup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(processes, "_CGROUP", str(tmp_path))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("quota", "count"), [("max 100000", 8), ("150000 100000", 2), ("50000 100000", 1), ("junk", 8)]
)
def test_cpus_are_those_of_the_affinity_within_the_quota_of_the_cgroup(cgroup: Path, quota: str, count: int):
    (cgroup / "cpu.max").write_text(quota + "\n")
    assert processes.cpu_count() == count


def test_without_a_cgroup_the_affinity_counts(cgroup: Path):
    assert cgroup.exists()
    assert processes.cpu_count() == 8


def test_memory_is_what_the_cgroup_leaves(cgroup: Path):
    (cgroup / "memory.max").write_text(f"{100 * MIB}\n")
    (cgroup / "memory.current").write_text(f"{30 * MIB}\n")
    assert processes.free_memory() == 70 * MIB
    (cgroup / "memory.max").write_text("max\n")
    assert 70 * MIB < processes.free_memory() <= sys.maxsize


@pytest.mark.parametrize(
    ("work_bytes", "each_bytes", "count"),
    [
        (10 * MIB, MIB, 1),
        (3 * processes.WORK_BYTES_MIN, MIB, 3),
        (100 * processes.WORK_BYTES_MIN, MIB, 8),
        (100 * processes.WORK_BYTES_MIN, 40 * MIB, 2),
        (100 * processes.WORK_BYTES_MIN, 400 * MIB, 1),
    ],
)
def test_there_is_one_process_a_cpu_if_the_work_is_worth_it_and_memory_allows(
    cgroup: Path, work_bytes: int, each_bytes: int, count: int
):
    (cgroup / "memory.max").write_text(f"{100 * MIB}\n")
    (cgroup / "memory.current").write_text("0\n")
    assert processes.automatic_jobs(work_bytes, each_bytes) == count
