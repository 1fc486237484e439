"""Which branch HEAD is taken to point to, where nobody says it."""

from __future__ import annotations

import pytest

from packcore.ids import ObjectId
from transport.guessed_head import guessed_head

A, B = ObjectId(b"\xaa" * 20), ObjectId(b"\xbb" * 20)


@pytest.mark.parametrize(
    ("refs", "head"),
    [
        ({"HEAD": A, "refs/heads/dev": A, "refs/heads/main": A}, "refs/heads/main"),
        ({"HEAD": A, "refs/heads/dev": A, "refs/heads/main": B}, "refs/heads/dev"),
        ({"HEAD": A, "refs/heads/main": B}, None),
        ({"refs/heads/dev": A}, "refs/heads/dev"),
        ({"refs/heads/dev": A, "refs/heads/main": B}, "refs/heads/main"),
        ({"refs/heads/a": A, "refs/heads/b": B}, None),
        ({"refs/tags/v1": A}, None),
    ],
)
def test_the_branch_of_head_is_guessed_as_a_clone_guesses_it(
    refs: dict[str, ObjectId], head: str | None
) -> None:
    assert guessed_head(refs) == head
