"""Changes several refs together: all or none, as `git push --atomic` requires of a receiver.

    1  every ref's lock is taken, ordered by name, so that two transactions can't block each other
    2  under the locks each ref is compared with what the caller saw, and each name with its neighbours
    3  each new value is written beside its ref and synced: a full disk shows before any ref has changed
    4  only then are the files renamed; if one fails, the earlier ones are restored

A reader may see step 4 half done, as with git's own files: no file system renames two files in one step. A
process killed there leaves some refs changed and some not, each at its old or its requested value. The next
run clears its locks, and finds what is left to do.
"""

from __future__ import annotations

from contextlib import ExitStack, suppress
from itertools import pairwise
from typing import TYPE_CHECKING

from packcore.errors import PackcoreError, RefMoved, RepositoryError
from packcore.refs import check_ref_name, encode_ref_name
from packcore.store.ref_batch import Peeled, RefBatch, neighbour

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from packcore.store.ref_change import RefChange
    from packcore.store.ref_files import RefFiles

__all__ = ["MANY_CHANGES", "change_refs", "change_refs_apart"]

MANY_CHANGES = 300
"""More changes go into a new packed-refs, which is faster than a file and a sync for each."""


def change_refs(refs: RefFiles, changes: Sequence[RefChange], peeled: Peeled | None = None) -> None:
    """Make all changes or none.

    Above MANY_CHANGES they go into packed-refs: see `packcore.store.ref_batch`, which uses `peeled`. Raises
    InvalidRefName, RefMoved for a ref that isn't what the caller saw, RepositoryError for a lock held by
    another process, a conflicting name, or a failed write; every ref is then unchanged.
    """
    resolved = _resolved(refs, changes)
    named = {change.name: asked.name for change, asked in zip(resolved, changes, strict=True)}
    ordered = sorted(resolved)
    _refuse_clashes_within(ordered)
    if len(ordered) > MANY_CHANGES and all(refs.is_shared(change.name) for change in ordered):
        batch = RefBatch(refs, ordered, peeled)
        with refs.locks.deferred():
            batch.make(named, together=True)
        if batch.faults:  # a file that could not be removed
            _put_back(refs, [change for change in ordered if change.name not in batch.faults])
            raise next(iter(batch.faults.values()))
        return
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


def change_refs_apart(
    refs: RefFiles, changes: Sequence[RefChange], peeled: Peeled | None = None
) -> dict[str, PackcoreError]:
    """Make each change separately, in order; return why some are not made, by the given name.

    Above MANY_CHANGES they go into packed-refs, if they can be made there.
    """
    faults: dict[str, PackcoreError] = {}
    with refs.locks.deferred():
        for part in _parts(refs, changes):
            if len(part) > MANY_CHANGES:
                faults |= _changed_at_once(refs, part, peeled)
                continue
            for change in part:
                try:
                    if change.is_delete:
                        refs.delete(change.name, change.old)
                    else:
                        refs.update(change.name, change.new, change.old)
                except PackcoreError as error:
                    faults[change.name] = error
    return faults


def _parts(refs: RefFiles, changes: Sequence[RefChange]) -> list[list[RefChange]]:
    """Split changes, in order, into those to make one by one and those to make together."""
    if len(changes) <= MANY_CHANGES:
        return [list(changes)]
    alone = [change for change in changes if not refs.is_shared(change.name)]
    shared = [change for change in changes if refs.is_shared(change.name)]
    removed = {encode_ref_name(change.name) for change in shared if change.is_delete}
    ordered = sorted(removed)
    made = [change for change in shared if not change.is_delete]
    makes_room = any(neighbour(encode_ref_name(change.name), removed, ordered) for change in made)
    if not makes_room:
        return [alone, shared]
    return [alone, [change for change in shared if change.is_delete], made]


def _changed_at_once(
    refs: RefFiles, changes: Sequence[RefChange], peeled: Peeled | None
) -> dict[str, PackcoreError]:
    faults: dict[str, PackcoreError] = {}
    chosen: dict[str, RefChange] = {}
    named: dict[str, str] = {}
    names = _final_names(refs, changes)
    for asked in changes:
        try:
            check_ref_name(asked.name)
            final = asked.name if asked.is_delete else names(asked.name)
        except PackcoreError as error:
            faults[asked.name] = error
            continue
        if final in chosen:
            faults[asked.name] = RefMoved(final, "it is changed twice at once")
        else:
            chosen[final], named[final] = asked._replace(name=final), asked.name
    batch = RefBatch(refs, list(chosen.values()), peeled)
    try:
        batch.make(named, together=False)
    except PackcoreError as error:
        return faults | dict.fromkeys(named.values(), error)
    return faults | {named[name]: fault for name, fault in batch.faults.items()}


def _final_names(refs: RefFiles, changes: Sequence[RefChange]) -> Callable[[str], str]:
    """Return a function that follows symbolic refs: one scan for many, since only files can be symbolic."""
    if len(changes) <= MANY_CHANGES:
        return lambda name: refs.names_to(name)[-1]
    loose = refs.loose()
    symbolic = {name for name, value in loose.values.items() if isinstance(value, str)}
    unsure = {*symbolic, *loose.faults}
    return lambda name: name if name.startswith("refs/") and name not in unsure else refs.names_to(name)[-1]


def _resolved(refs: RefFiles, changes: Sequence[RefChange]) -> list[RefChange]:
    """Follow symbolic refs: an update changes their target; a deletion removes them."""
    resolved = []
    final_name = _final_names(refs, changes)
    for change in changes:
        check_ref_name(change.name)
        resolved.append(change if change.is_delete else change._replace(name=final_name(change.name)))
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
        # Best effort: a change of the ref after ours wins.
        with suppress(PackcoreError):
            if not any(change.old):
                refs.delete(change.name, change.new)
            else:
                refs.update(change.name, change.old, change.new)
