"""`packcore delta` draws the instructions over both texts, and compares encoders."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.bench.git_delta import git_delta
from cli.render.delta import used_ranges
from packcore.anatomy import Step
from packcore.delta.codec import apply_delta
from tests.support import git, git_bytes, require

if TYPE_CHECKING:
    from click.testing import Result

BASE = b"".join(b"line %d of the text\n" % number for number in range(40))
TARGET = BASE[:300] + b"a new line\n" + BASE[340:]


@pytest.fixture
def files(tmp_path):
    (tmp_path / "base").write_bytes(BASE)
    (tmp_path / "target").write_bytes(TARGET)
    return tmp_path / "base", tmp_path / "target"


def told(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.stderr
    shown: dict[str, Any] = json.loads(result.stdout_bytes)
    return shown


def test_the_instructions_make_the_target(packcore, files):
    shown = told(packcore("delta", *files, "--json"))
    assert apply_delta(BASE, bytes.fromhex(shown["deltas"][0]["delta"])) == TARGET
    assert sum(step["size"] for step in shown["deltas"][0]["instructions"]) == len(TARGET)


def test_the_drawing_tells_what_of_the_base_is_used_and_where_the_target_comes_from(packcore, files):
    text = packcore("delta", *files).stdout_bytes.decode()
    assert "not used" in text
    assert "insert 11" in text
    assert "a new line" in text
    assert f"copy {len(BASE) - 340} from 340" in text


def test_several_encoders_are_compared(packcore, files):
    shown = told(packcore("delta", *files, "--strategy", "chunk-window,git-window", "--json"))
    assert [row["encoder"] for row in shown["deltas"]] == ["chunk-window", "git-window"]


def test_gits_own_encoder_is_compared_where_there_is_a_git(packcore, files):
    require("git")
    shown = told(packcore("delta", *files, "--against", "git", "--json"))
    (ours, gits) = shown["deltas"]
    assert apply_delta(BASE, bytes.fromhex(gits["delta"])) == TARGET
    assert len(ours["delta"]) <= len(gits["delta"])


def test_gits_delta_is_read_from_its_binary_patch():
    require("git")
    found = git_delta(BASE * 30, TARGET + BASE * 29)
    assert found is not None
    assert apply_delta(BASE * 30, found) == TARGET + BASE * 29


def test_two_revisions_of_a_path_are_compared(packcore, repository):
    path = git("ls-tree", "-r", "--name-only", "main~5", cwd=repository).splitlines()[0]
    shown = told(packcore("delta", "--repo", repository, f"main~5:{path}", f"main:{path}", "--json"))
    base = git_bytes("cat-file", "blob", f"main~5:{path}", cwd=repository)
    assert apply_delta(base, bytes.fromhex(shown["deltas"][0]["delta"])) == git_bytes(
        "cat-file", "blob", f"main:{path}", cwd=repository
    )


def test_trees_are_compared_as_trees(packcore, repository):
    assert (
        told(packcore("delta", "--repo", repository, "main~5^{tree}", "main^{tree}", "--json"))["type"]
        == "tree"
    )


def test_objects_of_two_types_are_wrong_usage(packcore, repository):
    shown = packcore("delta", "--repo", repository, "main", "main^{tree}")
    assert shown.exit_code == 2
    assert "a commit and a tree" in shown.stderr


def test_a_file_that_is_not_there_is_told_without_a_traceback(packcore, files):
    shown = packcore("delta", files[0], files[0].parent / "absent")
    assert shown.exit_code == 1
    assert "absent" in shown.stderr


@pytest.mark.parametrize(("base", "target"), [(b"", b"x"), (b"x", b""), (b"", b""), (b"same", b"same")])
def test_tiny_texts_are_drawn_too(packcore, tmp_path, base, target):
    (tmp_path / "b").write_bytes(base)
    (tmp_path / "t").write_bytes(target)
    assert packcore("delta", tmp_path / "b", tmp_path / "t").exit_code == 0


@given(st.lists(st.tuples(st.integers(0, 80), st.integers(1, 40)), max_size=12))
def test_the_ranges_of_the_base_follow_one_another_and_fill_it(copies):
    size = 120
    steps = [Step(0, 0, 0, length, start) for start, length in copies]
    ranges = used_ranges(steps, size)
    assert [start for start, _, _ in ranges] == [0, *(end for _, end, _ in ranges[:-1])]
    assert ranges[-1][1] == size
    for start, end, used in ranges:
        for byte in range(start, end):
            assert used == any(first <= byte < first + length for first, length in copies)
