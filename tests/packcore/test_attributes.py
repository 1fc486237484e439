"""Attributes of paths are those that `git check-attr` tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packcore.attributes import Attributes
from tests.support import git, git_bytes

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    ".gitattributes": r"""
# a comment
*.txt text eol=crlf
*.bin binary
*.odd  -text	!diff
!*.not text
/top.c one
src/*.c two=2
**/deep three
src/** four
folder/ five
"with blank" six
"tab\there" seven
[attr]mine one=1 -two three
*.m mine
mean.m one=other
[attr]outer mine seven
x.outer outer
*.[ch] class
-bad text
*.v value=a=b
""",
    "src/.gitattributes": "*.c two=inner\nlib/x.c !two\n[attr]no text\n*.m -one\n/only eight\n",
    "src/lib/.gitattributes": "x.c eight nine=\n",
}
INFO = "top.c info\n*.m info=yes\n"
PATHS = [
    *(
        "a.txt",
        "x/a.txt",
        "a.bin",
        "a.odd",
        "a.not",
        "top.c",
        "x/top.c",
        "src/a.c",
        "src/lib/x.c",
        "src/lib/y.c",
    ),
    *(
        "deep",
        "x/y/deep",
        "src/deep",
        "folder/a",
        "folder",
        "with blank",
        "tab\there",
        "a.m",
        "mean.m",
        "src/a.m",
    ),
    *("x.outer", "x.h", "-bad", "src/only", "only", "src/lib/only", "a.v", "src", ".gitattributes"),
]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tree")
    git("init", "-q", path, cwd=path)
    for name, text in FILES.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    (path / ".git/info").mkdir(exist_ok=True)
    (path / ".git/info/attributes").write_text(INFO)
    return path


def told_by_git(path: Path, name: str) -> dict[str, str]:
    fields = git_bytes("check-attr", "-z", "-a", "--", name, cwd=path).decode().split("\0")
    return dict(zip(fields[1::3], fields[2::3], strict=True))


def shown(state: bool | str | None) -> str:
    return state if isinstance(state, str) else "set" if state else "unset"


@pytest.mark.parametrize("name", PATHS)
def test_each_path_has_the_attributes_that_git_tells(tree, name):
    found = Attributes(lambda path: FILES.get(path.decode(), "").encode() or None, INFO.encode())
    assert {key: shown(state) for key, state in found.of(name.encode()).items()} == told_by_git(tree, name)


def test_a_line_that_is_too_long_says_nothing():
    files = {b".gitattributes": b"*.c one\n*.c " + b"x" * 3000 + b"\n"}
    assert Attributes(files.get).of(b"a.c") == {"one": True}


def test_macros_in_a_circle_end():
    files = {b".gitattributes": b"[attr]a b\n[attr]b a\n* a\n"}
    assert Attributes(files.get).of(b"x") == {"a": True, "b": True}
