"""Alternates: relative, nested, quoted, in circles, too deep."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packcore.errors import RepositoryError
from packcore.store.alternates import find_alternates
from packcore.store.lost_places import lost_places

if TYPE_CHECKING:
    from pathlib import Path


def objects(root: Path, name: str, *lines: str) -> Path:
    path = root / name / "objects"
    (path / "info").mkdir(parents=True)
    if lines:
        (path / "info" / "alternates").write_text("\n".join(lines) + "\n")
    return path


def names(root: Path, found: list[Path]) -> list[str]:
    return [path.resolve().relative_to(root.resolve()).parts[0] for path in found]


def test_none_without_the_file(tmp_path: Path):
    assert find_alternates(objects(tmp_path, "a")) == []


def test_absolute_relative_quoted_and_comment_lines(tmp_path: Path):
    for name in ("b", "c", "dé"):
        objects(tmp_path, name)
    lines = [
        "# comment",
        f"{tmp_path}/b/objects",
        "../../c/objects",
        '"../../d\\303\\251/objects"',
        "",
        "../nowhere",
    ]
    assert names(tmp_path, find_alternates(objects(tmp_path, "a", *lines))) == ["b", "c", "dé"]


def test_nested_ones_are_followed_and_circles_end(tmp_path: Path):
    objects(tmp_path, "c", "../../a/objects", "../../b/objects")
    objects(tmp_path, "b", "../../c/objects")
    assert names(tmp_path, find_alternates(objects(tmp_path, "a", "../../b/objects"))) == ["b", "c"]


def test_nesting_too_deep_is_refused(tmp_path: Path):
    for number in range(8):
        objects(tmp_path, f"n{number}", f"../../n{number + 1}/objects")
    with pytest.raises(RepositoryError, match="deeper than 5"):
        find_alternates(tmp_path / "n0" / "objects")


def test_five_levels_are_followed(tmp_path: Path):
    for number in range(6):
        objects(tmp_path, f"n{number}", *([f"../../n{number + 1}/objects"] if number < 5 else []))
    assert len(find_alternates(tmp_path / "n0" / "objects")) == 5


@pytest.mark.parametrize("data", [b"a\0b\n", b'"a\\000b"\n'], ids=["NUL", "an escaped NUL"])
def test_a_file_that_is_no_list_of_paths_is_refused(tmp_path: Path, data: bytes):
    path = objects(tmp_path, "a", "x")
    (path / "info" / "alternates").write_bytes(data)
    with pytest.raises(RepositoryError, match="not a list"):
        find_alternates(path)


def test_a_name_too_long_for_the_file_system_names_nothing(tmp_path: Path):
    objects(tmp_path, "b")
    too_long = "/" + "x" * 300
    found = objects(tmp_path, "a", too_long, "../../b/objects")
    assert names(tmp_path, find_alternates(found)) == ["b"]
    assert lost_places([found]) == [f"{found}/info/alternates names {too_long}, which is not there"]
