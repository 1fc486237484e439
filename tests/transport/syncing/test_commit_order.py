"""Orders of commits: parents first, any piece fetched by its heads, nothing twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from packcore.ids import ObjectId
from transport.syncing.gather.commit_order import first_parents, heads, parents_first, reach


def oid(number: int) -> ObjectId:
    return ObjectId(number.to_bytes(20))


def table(text: str) -> dict[ObjectId, tuple[ObjectId, ...]]:
    """Read `D:BC` as a commit and its parents."""
    rows = [row.split(":") for row in text.split()]
    return {ObjectId(row[0].encode()): tuple(ObjectId(c.encode()) for c in row[1]) for row in rows}


FORK = table("A: B:A C:B D:C E:B F:E M:DF")


def names(oids: list[ObjectId]) -> str:
    return b"".join(oids).decode()


def test_the_drawing_in_the_module_is_right():
    tip = ObjectId(b"M")
    assert names(parents_first(FORK, [tip])) == "ABCDEFM"
    assert names(first_parents(FORK, tip)) == "ABCDM"
    assert names(heads([ObjectId(c.encode()) for c in "CE"], FORK)) == "EC"


def test_what_is_done_is_left_out():
    done: set[ObjectId] = set()
    assert reach(FORK, [ObjectId(b"C")], done) == 3
    assert names(parents_first(FORK, [ObjectId(b"M")], done)) == "DEFM"
    assert names(first_parents(FORK, ObjectId(b"M"), done)) == "DM"


@st.composite
def histories(draw: st.DrawFn) -> dict[ObjectId, tuple[ObjectId, ...]]:
    count = draw(st.integers(1, 25))
    return {
        oid(number): tuple(
            map(oid, draw(st.lists(st.integers(max(0, number - 5), number - 1), unique=True, max_size=3)))
        )
        if number
        else ()
        for number in range(count)
    }


@given(histories(), st.data())
def test_any_number_of_commits_from_the_start_is_a_history_reached_from_its_heads(parents, data):
    tips = data.draw(st.lists(st.sampled_from(list(parents)), min_size=1))
    order = parents_first(parents, tips)
    reached: set[ObjectId] = set()
    reach(parents, tips, reached)
    assert len(order) == len(set(order))
    assert set(order) == reached
    cut = data.draw(st.integers(0, len(order)))
    beginning: set[ObjectId] = set()
    assert reach(parents, heads(order[:cut], parents), beginning) == cut
    assert beginning == set(order[:cut])


def test_a_long_history_is_no_recursion():
    parents = {oid(number): (oid(number - 1),) if number else () for number in range(50_000)}
    assert len(parents_first(parents, [oid(49_999)])) == len(first_parents(parents, oid(49_999))) == 50_000
