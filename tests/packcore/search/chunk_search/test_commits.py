"""The base of a commit or tag is the latest by the same people, or the one that introduced its lines."""

import pytest

from packcore.limits import Limits
from packcore.objects import ObjectType
from packcore.search.chunk_search.commits import MessageChooser
from tests.packcore.search.chunk_search.searching import Searching

DEFAULT_LIMITS = Limits()
TEXT = b"Explain at some length what is changed here and why it is.\n"


def person(name: bytes, number: int) -> bytes:
    return b"%s <%s@example.org> 17000000%02d +0000" % (name, name.lower(), number)


def commit(author: bytes, text: bytes = TEXT, number: int = 1, committer: bytes = b"") -> bytes:
    tree = b"%040x" % (number * 7919**9)
    people = (person(author, number), person(committer or author, number))
    return b"tree %s\nauthor %s\ncommitter %s\n\n%s" % (tree, *people, text)


def tag(tagger: bytes, text: bytes = TEXT, number: int = 1) -> bytes:
    target = b"%040x" % (number * 7919**9)
    head = b"object %s\ntype commit\ntag v%d\ntagger %s <t@example.org> 17000000%02d +0000\n\n"
    return head % (target, number, tagger, number) + text


def bases(type_: ObjectType, messages: list[bytes], limits: Limits = DEFAULT_LIMITS) -> list[int | None]:
    search = Searching(type_, [(b"", data) for data in messages], limits=limits)
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


def test_where_the_author_is_new_the_committers_latest_is_the_base():
    texts = [b"%d: something else altogether, as %s\n" % (n, b"abcd"[n : n + 1] * 9) for n in range(3)]
    messages = [
        commit(b"Ann", texts[0], 1, committer=b"Octavia"),
        commit(b"Bartholomew", texts[1], 2),
        commit(b"Caroline", texts[2], 3, committer=b"Octavia"),
    ]
    assert bases(ObjectType.COMMIT, messages)[2] == 0


def test_a_commit_by_the_same_two_is_preferred_to_the_authors_latest():
    texts = [b"%d: something else altogether, as %s\n" % (n, b"abcd"[n : n + 1] * 9) for n in range(3)]
    committers = (b"Octavia", b"Ann", b"Octavia")
    messages = [
        commit(b"Ann", text, number, committer)
        for number, (text, committer) in enumerate(zip(texts, committers, strict=True))
    ]
    assert bases(ObjectType.COMMIT, messages)[2] == 0


def test_a_commit_by_new_people_uses_the_latest_commit_if_that_pays():
    messages = [
        commit(b"Ann", TEXT, 1),
        commit(b"Bob", b"Fix it\n", 2),
        commit(b"Zoe", b"Mend\n", 3),
    ]
    assert bases(ObjectType.COMMIT, messages)[2] == 1


def test_a_long_chain_continues_from_further_up_and_not_from_one_commit_forever():
    messages = [commit(b"Bartholomew", b"%x\n" % number**9, number) for number in range(60)]
    found = bases(ObjectType.COMMIT, messages, Limits(depth=10))
    assert found.count(None) == 1
    near = [number - base for number, base in enumerate(found) if base is not None]
    assert near.count(1) > len(near) * 3 / 4


def test_data_that_is_not_a_commit_is_whole():
    assert bases(ObjectType.COMMIT, [b"", b"nonsense"]) == [None, None]
