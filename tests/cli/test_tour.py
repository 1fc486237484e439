"""The tour: every byte it makes is right, every question has the answer it says, and C git agrees."""

from __future__ import annotations

import re
import zlib

import pytest

from cli.tour.chapters import CHAPTERS
from cli.tour.guide import Guide, Stopped, is_right
from cli.tour.workshop import FIRST, SECOND, Workshop
from packcore.delta.codec import apply_delta
from tests.support import git, git_bytes, require

ANSWERS = {
    # Worked out by hand, from the texts of the chapters.
    "blob": "68",
    "tree": "36",
    "commit": "40",
    "header": "00000006",
    "entry": "bd",
    "stream": "32768",
    "delta": "90",
    "trailer": "20",
    "index": "4",
    "push": "0065",
}


def answers() -> list[str]:
    return [chapter.question.answer(Workshop()) for chapter in CHAPTERS]


def test_the_ids_are_those_that_git_gives(tmp_path):
    require("git")
    for made in Workshop().objects:
        path = tmp_path / "object"
        path.write_bytes(made.data)
        told = git("hash-object", "-t", made.type.label.decode(), str(path), cwd=tmp_path)
        assert told == made.oid.hex()


def test_the_delta_made_by_hand_makes_the_first_version_from_the_second():
    assert apply_delta(SECOND, Workshop().delta) == FIRST


@pytest.mark.parametrize("name", ANSWERS)
def test_a_question_has_the_answer_that_follows_from_the_text(name):
    (chapter,) = (chapter for chapter in CHAPTERS if chapter.name == name)
    assert chapter.question.answer(Workshop()) == ANSWERS[name]


def test_the_distance_is_the_size_of_the_entry_before():
    shop = Workshop()
    base = shop.entries[4]
    assert zlib.decompress(base.stream) == SECOND
    assert int(shop.entries[5].distance.hex(), 16) == 2 + len(base.stream)


def test_git_finds_the_pack_right_and_gives_the_same_index(packcore, tmp_path):
    require("git")
    result = packcore("tour", "--auto", "--keep", tmp_path / "kept")
    assert result.exit_code == 0, result.stderr
    assert "git index-pack --strict: ok, the same index to the byte" in result.stdout
    repository = tmp_path / "kept" / "poem.git"
    assert git_bytes("cat-file", "blob", "refs/heads/poem:poem.txt", cwd=repository) == SECOND
    assert git_bytes("cat-file", "blob", "refs/heads/poem~1:poem.txt", cwd=repository) == FIRST


def test_right_answers_lead_to_the_end(packcore):
    result = packcore("tour", stdin="\n".join(answers()).encode() + b"\n")
    assert result.exit_code == 0, result.stderr
    assert f"You knew {len(CHAPTERS)} of {len(CHAPTERS)}." in result.stdout


def test_a_wrong_answer_gets_a_hint_and_the_third_one_the_answer(packcore):
    first, *rest = answers()
    lines = ["1", "2", "3", *rest]
    result = packcore("tour", stdin="\n".join(lines).encode() + b"\n")
    assert result.stdout.count("Not quite.") == 3
    assert f"It is {first}." in result.stdout
    assert f"You knew {len(CHAPTERS) - 1} of {len(CHAPTERS)}." in result.stdout


def test_a_question_mark_asks_for_the_hint():
    said: list[str] = []
    lines = iter(["?", "68"])
    score = Guide(Workshop(), said.append, lambda _: next(lines)).walk(CHAPTERS[:1])
    assert "Hint: add up the three lines." in said
    assert score.right == 1


@pytest.mark.parametrize("stdin", [b"", b"q\n", b"68\nquit\n"])
def test_who_stops_is_told_where_to_go_on(packcore, stdin):
    result = packcore("tour", stdin=stdin)
    assert result.exit_code == 1
    assert re.search(r"Go on with: packcore tour --from [12]\n", result.stdout)


def test_stopping_names_the_chapter():
    with pytest.raises(Stopped) as stopped:
        Guide(Workshop(), lambda _: None, lambda _: None).walk(first=5)
    assert stopped.value.chapter == 5


def test_the_chapters_are_listed(packcore):
    result = packcore("tour", "--list")
    assert len(result.stdout.splitlines()) == len(CHAPTERS)


def test_a_chapter_that_is_not_there_is_wrong_usage(packcore):
    assert packcore("tour", "--from", "99").exit_code == 2


def test_a_folder_with_files_in_it_is_left_alone(packcore, tmp_path):
    (tmp_path / "mine").write_text("precious")
    assert packcore("tour", "--auto", "--keep", tmp_path).exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("given", "answer"), [("BD", "bd"), ("0xbd", "bd"), ("00 00 00 06", "00000006"), ("32,768", "32768")]
)
def test_answers_are_taken_as_people_write_them(given, answer):
    assert is_right(given, answer)


@pytest.mark.parametrize(("given", "answer"), [("", "bd"), ("d", "bd"), ("6", "00000006")])
def test_other_answers_are_not(given, answer):
    assert not is_right(given, answer)
