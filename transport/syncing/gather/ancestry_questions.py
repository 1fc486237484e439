"""Asks the source for the history between two commits, if what was fetched can't tell which is older.

    wants    where the ways from `new` ended: commits that are not here        have    one `old`

The first pairs are asked about one by one, since most need little history, and the rest together, so that
forty branches far behind cost a few requests. A commit is requested once: each question begins where the
history at hand ends. A server that only gives tips, or can't leave out trees and blobs, is asked about one
pair at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.ids import ObjectId
from packcore.progress import SILENT
from packcore.store.spool import SpooledPack
from transport.errors import RemoteError
from transport.fetch import fetch_pack
from transport.syncing.gather.listing import commits_only_filter

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from packcore.limits import Limits
    from transport.base import Transport
    from transport.syncing.gather.ancestry import Ancestry, Pair
    from transport.wire.advertisement import Advertisement

__all__ = ["ask_ancestry"]

SINGLE_QUESTIONS = 4
"""Pairs that are asked about alone before the rest are asked about together."""


def ask_ancestry(
    source: Transport,
    advertisement: Advertisement,
    known: Ancestry,
    pairs: Sequence[Pair],
    *,
    unknown: Collection[ObjectId] = frozenset(),
    limits: Limits,
    directory: Path | None = None,
) -> dict[Pair, bool | None]:
    """Ask the source until each pair (old, new) is decided; None only for a shallow source.

    `unknown` are ids that the source may not know. Raises TransportError, CorruptData, LimitExceeded.
    """
    questions = _Questions(source, advertisement, known, unknown=unknown, limits=limits, directory=directory)
    answers: dict[Pair, bool | None] = {}
    open_ = list(dict.fromkeys(pairs))
    while open_:
        for pair, (answer, ends) in zip(open_, known.compare(open_, questions.settled), strict=True):
            # Without ends there is nothing to ask: a shallow commit hides what is not decided.
            if answer is not None or pair in questions.settled or not ends:
                answers[pair] = None if pair in questions.hidden else answer
            questions.ends[pair] = ends
        open_ = [pair for pair in open_ if pair not in answers]
        if open_:
            questions.ask(open_)
    return answers


class _Questions:
    """What was asked in one run."""

    def __init__(
        self,
        source: Transport,
        advertisement: Advertisement,
        known: Ancestry,
        *,
        unknown: Collection[ObjectId],
        limits: Limits,
        directory: Path | None,
    ) -> None:
        self._source = source
        self._advertisement = advertisement
        self._known = known
        self._unknown = frozenset(unknown)
        self._limits = limits
        self._directory = directory
        self._filter = commits_only_filter(advertisement)
        self._gives_any = advertisement.version == 2
        """Whether the source may give commits that no ref shows."""
        self._is_shallow = bool(advertisement.shallow)
        self._count = 0
        self.ends: dict[Pair, frozenset[ObjectId]] = {}
        """Commits where the ways of each pair end now."""
        self.settled: set[Pair] = set()
        """Pairs with nothing left to ask."""
        self.hidden: set[Pair] = set()
        """Pairs that the source can't decide, since it is shallow and does not know `old`."""

    def ask(self, pairs: Sequence[Pair]) -> None:
        """Ask about the first pair, or about all pairs together."""
        if self._count >= SINGLE_QUESTIONS and self._gives_any and self._filter is not None:
            self._ask(pairs, min(old for old, _ in pairs))
        else:
            self._ask(pairs[:1], pairs[0][0])
        self._count += 1

    def _ask(self, pairs: Sequence[Pair], have: ObjectId) -> None:
        """Ask for the commits between the ends of these pairs and one `old`."""
        own = [pair for pair in pairs if pair[0] == have]
        came = None
        if self._gives_any:
            olds = {old for old, _ in pairs} - self._unknown - {have}
            ends = frozenset[ObjectId]().union(*(self.ends[pair] for pair in pairs))
            try:
                came = self._fetched(sorted(ends | olds), have)
            except RemoteError:
                self._gives_any = False
        if not self._gives_any:
            pairs = own
            came = self._fetched(sorted({new for _, new in own}), have)
        self.settled.update(own)
        if came is not None:
            self.settled.update(pair for pair in pairs if pair[0] in came)
        elif self._is_shallow:
            self.hidden.update(own)

    def _fetched(self, wants: Sequence[ObjectId], have: ObjectId) -> set[ObjectId] | None:
        """Fetch and learn; return the commits that came, or None if the source does not know `have`."""
        with fetch_pack(
            self._source, self._advertisement, wants=wants, haves=[have], filter_spec=self._filter
        ) as response:
            self._known.add_shallow(response.shallow)
            self._is_shallow |= bool(response.shallow)
            if not response.common:
                return None
            spool = SpooledPack.receive(
                response.blocks or (),
                object_format=self._advertisement.object_format,
                limits=self._limits,
                progress=SILENT,
                directory=self._directory,
            )
        with spool:
            return self._known.learn(spool, wants)
