"""Names that can't be beside each other: what is a folder of what."""

from __future__ import annotations

from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from packcore.ids import SHA1
from transport.syncing.decide.ref_names import RefNames, names_in_the_way
from transport.syncing.decide.ref_plan import RefAction, RefPlan

_NAMES = st.lists(st.sampled_from(["a", "b", "a-", "a0", "\x7f"]), min_size=1, max_size=5).map("/".join)
A = SHA1.hash_object(b"blob", b"a")


def folders(name: str) -> list[str]:
    return list(accumulate(name.split("/")[:-1], lambda one, other: f"{one}/{other}"))


@given(st.sets(_NAMES), _NAMES)
def test_a_folder_and_what_is_below_are_found_among_any_names(names: set[str], name: str):
    known = RefNames(names)
    assert known.folder_of(name) == next((one for one in folders(name) if one in names), None)
    below = {one for one in names if name in folders(one)}
    assert (known.below(name) in below) if below else known.below(name) is None


@given(st.sets(_NAMES), st.sets(_NAMES))
def test_of_wanted_names_that_clash_the_shorter_is_created(wanted: set[str], present: set[str]):
    taken, expected = set(present), set()
    for name in sorted(wanted):
        if taken.intersection(folders(name)) or any(name in folders(one) for one in taken):
            expected.add(name)
        else:
            taken.add(name)
    found = names_in_the_way(wanted, present)
    assert set(found) == expected
    for name, neighbour in found.items():
        assert neighbour in folders(name) or name in folders(neighbour)
        assert neighbour in taken


def test_names_with_nul_are_passed_over():
    assert RefNames(["a\0b"]).clash("a") is None


class Counted(str):
    """A name that counts how many characters are taken from it."""

    __slots__ = ()
    taken = 0

    def __getitem__(self, key):
        part = super().__getitem__(key)
        Counted.taken += len(part)
        return part

    def replace(self, *words):
        Counted.taken += len(self)
        return super().replace(*words)


def test_an_order_of_pushes_costs_the_length_of_its_names_however_deep_they_are():
    names = [Counted("refs/" + "a/" * 1000 + f"{n}") for n in range(100)]
    actions = [RefAction("create", "other", name, name, A, None, "") for name in names]
    actions += [RefAction("delete", "other", "", Counted(f"{name}/x"), None, A, "") for name in names]
    Counted.taken = 0
    ordered = RefPlan(tuple(actions), SHA1, None).in_push_order()
    assert [action.action for action in ordered] == ["delete"] * 100 + ["create"] * 100
    assert 0 < Counted.taken < 10 * sum(map(len, names))
