"""Commits and tags hang on the latest of their author, or on whoever brought in their lines."""

import pytest

from packcore.delta.chunk_search.messages import MessageChooser
from packcore.objects import ObjectType
from tests.packcore.delta.chunk_search.searching import Searching

TEXT = b"Explain at some length what is changed here and why it is.\n"


def commit(author: bytes, text: bytes = TEXT, number: int = 1) -> bytes:
    who = b"%s <%s@example.org> 17000000%02d +0000" % (author, author.lower(), number)
    tree = b"%040x" % (number * 7919**9)
    return b"tree %s\nauthor %s\ncommitter %s\n\n%s" % (tree, who, who, text)


def tag(tagger: bytes, text: bytes = TEXT, number: int = 1) -> bytes:
    target = b"%040x" % (number * 7919**9)
    head = b"object %s\ntype commit\ntag v%d\ntagger %s <t@example.org> 17000000%02d +0000\n\n"
    return head % (target, number, tagger, number) + text


def bases(type_: ObjectType, messages: list[bytes]) -> list[int | None]:
    search = Searching(type_, [(b"", data) for data in messages])
    chooser = MessageChooser(search.state, type_)
    return [search.place(chooser.choose(number)).base for number in range(len(messages))]


@pytest.mark.parametrize(("type_", "message"), [(ObjectType.COMMIT, commit), (ObjectType.TAG, tag)])
def test_the_latest_of_the_same_author_is_the_base(type_, message):
    texts = [b"%d: something else altogether, as %s\n" % (n, b"abcdef"[n : n + 1] * 9) for n in range(4)]
    authors = (b"Ann", b"Bartholomew", b"Ann", b"Bartholomew")
    messages = [message(author, text, n) for n, (author, text) in enumerate(zip(authors, texts, strict=True))]
    assert bases(type_, messages)[2:] == [0, 1]


def test_a_rebased_commit_hangs_on_its_twin_and_not_on_its_authors_latest():
    twin = commit(b"Ann", TEXT * 3, 1)
    other = commit(b"Ann", b"Quite another subject.\n" * 2, 2)
    rebased = commit(b"Ann", TEXT * 3, 3)
    assert bases(ObjectType.COMMIT, [twin, other, rebased])[2] == 0


def test_lines_of_few_bytes_in_common_make_no_base():
    messages = [commit(author, b"Fix\n", number) for number, author in enumerate((b"Ann", b"Bob"))]
    assert bases(ObjectType.COMMIT, messages) == [None, None]


def test_what_is_no_commit_at_all_is_whole():
    assert bases(ObjectType.COMMIT, [b"", b"nonsense"]) == [None, None]
