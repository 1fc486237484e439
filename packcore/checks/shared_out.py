"""Checks packs and loose objects in several processes: each gets some packs and some loose ones.

    pack 1  pack 2  pack 3  pack 4 ...  loose 00..7f     one process
                                        loose 80..ff     another: about the same work each

A pack that is much of the work is left out: its own objects are shared (`packcore.pack.indexed_check`). The
processes only find out what is intact, and note what is to be reported of it; the rest is looked at again by
one process, which says what is wrong. Everything is reported in the order of the storage.
"""

from __future__ import annotations

import pickle
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from packcore.checks.whole_pack import check_whole_pack
from packcore.errors import CorruptData, LimitExceeded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from packcore.checks.content import ContentChecks
    from packcore.ids import ObjectId
    from packcore.store.copies import Copies
    from packcore.store.loose import LooseStore
    from packcore.store.packfile import PackFile

__all__ = ["SharedOut", "share_out"]

_TELL_OBJECTS = 256


class SharedOut(NamedTuple):
    """What was checked, and the result."""

    packs: dict[str, bool]
    """For each pack by its name, whether it is intact."""
    doubtful: set[tuple[int, ObjectId]] | None
    """The loose objects that need a closer look, each with the number of its store; None if all do."""


class _Share(NamedTuple):
    """What one process does."""

    packs: list[PackFile]
    low: bytes
    high: bytes
    """The loose objects whose ids begin with a byte in this range."""


_NOTHING = SharedOut({}, None)


def share_out(
    copies: Copies,
    packs: Sequence[PackFile],
    checks: ContentChecks,
    *,
    jobs: int | None,
    advance: Callable[[int], None],
) -> SharedOut:
    """Check packs and all loose objects in up to `jobs` processes, None for as many as are worth it.

    Raises WorkerLost if one is killed.
    """
    if jobs == 1:
        return _NOTHING
    # Imported only here: processes and pipes are more than all else that a check imports.
    from packcore.pack.shares import ENTRY_BYTES, SHARED_BYTES, run_shares
    from packcore.processes import automatic_jobs, can_fork

    if not can_fork():
        return _NOTHING
    work = {pack.name: pack.source.pack_bytes + ENTRY_BYTES * len(pack) for pack in packs}
    objects = checks.marks.flags
    loose_work = ENTRY_BYTES * max(0, len(objects) - sum(len(pack) for pack in packs))
    total = sum(work.values()) + loose_work
    if jobs is None:
        jobs = automatic_jobs(total, SHARED_BYTES * len(objects))
    few = [pack for pack in packs if work[pack.name] * jobs <= total]
    if jobs == 1 or sum(work[pack.name] for pack in few) + loose_work < total // jobs:
        return _NOTHING
    stores = [copies.own_loose(), *copies.borrowed_loose()]

    def check(share: _Share, tell: Callable[[int], None]) -> Iterator[bytes]:
        intact = {pack.name: check_whole_pack(pack, checks, tell) for pack in share.packs}
        doubtful = set()
        number = 0
        for at, store in enumerate(stores):
            for oid in store.ids_between(share.low, share.high):
                number += 1
                if not number % _TELL_OBJECTS:
                    tell(_TELL_OBJECTS)
                if oid in objects and not _check_loose(store, oid, checks):
                    doubtful.add((at, oid))
        yield pickle.dumps((intact, doubtful, checks.noted()), pickle.HIGHEST_PROTOCOL)

    results = run_shares(_cut(few, work, jobs), check, task="checked objects", advance=advance)
    if results is None:
        return _NOTHING
    all_packs: dict[str, bool] = {}
    all_doubtful: set[tuple[int, ObjectId]] = set()
    for result in results:
        intact, doubtful, noted = pickle.loads(result)  # noqa: S301 - our own process sent it
        all_packs.update(intact)
        all_doubtful.update(doubtful)
        checks.take_over(noted)
    return SharedOut(all_packs, all_doubtful)


def _check_loose(store: LooseStore, oid: ObjectId, checks: ContentChecks) -> bool:
    """Check a loose object that is short; return False if it needs a closer look."""
    short = store.read_short(oid)
    if short is None:
        return False
    try:
        checks.check_first(oid, short.type, short.data)
    except (CorruptData, LimitExceeded):
        return False
    return True


def _cut(packs: Sequence[PackFile], work: dict[str, int], jobs: int) -> list[_Share]:
    """Return shares of about equal work. The largest packs go first, each to the share with the least."""
    bounds = [256 * number // jobs for number in range(jobs + 1)]
    shares = [_Share([], bytes([low]), bytes([end - 1])) for low, end in pairwise(bounds) if low < end]
    done = [0] * len(shares)
    for pack in sorted(packs, key=lambda pack: (-work[pack.name], pack.name)):
        least = done.index(min(done))
        shares[least].packs.append(pack)
        done[least] += work[pack.name]
    return shares
