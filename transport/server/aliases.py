"""Two names of one ref in one push: a symbolic ref, and the ref that it comes to.

    both ask for the same change      it is made once, and both get its verdict
    they ask for different changes    inconsistent aliased update, for both
    the symbolic ref alone            what it comes to is changed

That is how git's receive-pack judges them. One thing differs: to delete a symbolic ref removes it, and not
the ref that it comes to, as git would; deleting both names removes both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import PackcoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packcore.store.repository import Repository
    from transport.wire.receive_pack import RefUpdate

__all__ = ["Aliases", "find_aliases"]

_MANY = 100
INCONSISTENT = "inconsistent aliased update"


class Aliases(NamedTuple):
    """What follows from a push's names."""

    followed: dict[str, str]
    """A symbolic ref whose update is the same as that of the ref it comes to; this second one is made."""
    refused: dict[str, str]
    """The reason by the ref's name."""
    removed: frozenset[str]
    """Symbolic refs that go, and what they come to as well: they have to go first."""


def find_aliases(repository: Repository, updates: Sequence[RefUpdate]) -> Aliases:
    """Find the symbolic refs of a push that are updated along with what they come to."""
    found = Aliases({}, {}, frozenset())
    if len(updates) == 1:
        return found
    by_name = {update.name: update for update in updates}
    removed = set()
    # Of very many, only those can be symbolic that one list of all refs says so of.
    symbolic = None if len(updates) < _MANY else repository.symbolic_refs()
    for update in updates:
        if symbolic is not None and update.name.startswith("refs/") and update.name not in symbolic:
            continue
        final = by_name.get(_final_name(repository, update.name))
        if final is None or final.name == update.name:
            continue
        if (final.old, final.new) != (update.old, update.new):
            found.refused[update.name] = found.refused[final.name] = INCONSISTENT
        elif update.is_delete:
            removed.add(update.name)
        else:
            found.followed[update.name] = final.name
    return found._replace(removed=frozenset(removed))


def _final_name(repository: Repository, name: str) -> str:
    try:
        return repository.final_ref_name(name)
    except PackcoreError:
        return name  # refused for its own sake
