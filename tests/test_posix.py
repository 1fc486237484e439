"""A test that needs POSIX is known by what its file speaks of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.posix import words_of_posix

if TYPE_CHECKING:
    from pathlib import Path

SIGNAL = "signal." + "SIGKILL"  # in parts: this file itself needs no POSIX


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"os.kill(1, {SIGNAL})\n", (SIGNAL,)),
        ("import " + "fcntl\n", ("import " + "fcntl",)),
        ("(tmp_path / 'x').sym" + "link_to('y')\n", ("sym" + "link_to(",)),
        ("assert 1 + 1 == 2\n", ()),
        ("imported = 'resources'\n", ()),
    ],
)
def test_the_words_that_need_posix_are_found(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    path = tmp_path / "tests" / "test_it.py"
    path.parent.mkdir()
    path.write_text(text)
    assert words_of_posix(path) == words


def test_this_test_is_not_marked(request: pytest.FixtureRequest) -> None:
    assert request.node.get_closest_marker("posix") is None
