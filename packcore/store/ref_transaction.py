"""Several refs changed together: all of them, or none (what `git push --atomic` asks of a receiver).

    1  every ref's lock is taken, in the order of names, so that two transactions can't block each other
    2  under the locks each ref is compared with what the caller saw, and each name with its neighbours
    3  each new value is written beside its ref and synced: a full disk is found before any ref has changed
    4  only then the files are renamed; should that fail, those before are put back

A reader may see step 4 half done, as with git's own files: no file system renames two files at once. A
process that is killed there leaves some refs changed and some not, each of them at a value that was asked
for; its locks are cleared by the next run, which finds what is left to be done.
"""

from __future__ import annotations

from contextlib import ExitStack, suppress
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import PackcoreError, RepositoryError
from packcore.refs import check_ref_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from packcore.ids import ObjectId
    from packcore.store.ref_files import RefFiles

__all__ = ["RefChange", "change_refs"]


class RefChange(NamedTuple):
    """One ref, from `old` to `new`; all-zero ids stand for no such ref."""

    name: str
    old: ObjectId
    new: ObjectId

    @property
    def is_delete(self) -> bool:
        """Whether the ref shall go."""
        return not any(self.new)


def change_refs(refs: RefFiles, changes: Sequence[RefChange]) -> None:
    """Make all changes or none.

    Raises InvalidRefName, RefMoved for a ref that isn't what the caller saw, RepositoryError for a lock
    held by another, a name in the way, or a failed write; every ref is then what it was.
    """
    resolved = _resolved(refs, changes)
    named = {change.name: asked.name for change, asked in zip(resolved, changes, strict=True)}
    ordered = sorted(resolved)
    _refuse_clashes_within(ordered)
    done: list[RefChange] = []
    try:
        with refs.locks.deferred(), ExitStack() as locks:
            steps: list[tuple[RefChange, Callable[[], None]]] = []
            for change in ordered:
                if not change.is_delete:
                    refs.refuse_clash(change.name)
                step = locks.enter_context(refs.locked_change(*change, named=named[change.name]))
                steps.append((change, step))
            for change, step in steps:
                step()
                done.append(change)
    except BaseException:
        _put_back(refs, done)
        raise


def _resolved(refs: RefFiles, changes: Sequence[RefChange]) -> list[RefChange]:
    """Follow symbolic refs: what they point to is what an update changes; a deletion removes them."""
    resolved = []
    for change in changes:
        check_ref_name(change.name)
        name = change.name if change.is_delete else refs.names_to(change.name)[-1]
        resolved.append(change._replace(name=name))
    return resolved


def _refuse_clashes_within(changes: Sequence[RefChange]) -> None:
    for before, after in pairwise(changes):
        if before.name == after.name:
            raise RepositoryError(f"{after.name} is changed twice in one transaction")
    made = {change.name for change in changes if not change.is_delete}
    for name in made:
        parts = name.split("/")
        for length in range(2, len(parts)):
            if (parent := "/".join(parts[:length])) in made:
                raise RepositoryError(f"can't make {name}: {parent} is in the way")


def _put_back(refs: RefFiles, done: Sequence[RefChange]) -> None:
    for change in reversed(done):
        # Best effort: whoever changed the ref after us has the last word.
        with suppress(PackcoreError):
            if not any(change.old):
                refs.delete(change.name, change.new)
            else:
                refs.update(change.name, change.old, change.new)
