"""The result of a sync for people: one line for each ref that matters, then a summary line.

    created   refs/heads/main                        new at 1a2b3c4d
    blocked   refs/heads/topic                       not a fast-forward (…); --force-with-lease would …
    updated   refs/heads/main -> refs/heads/stable   1a2b3c4d -> 5e6f7a8b, fast-forward
    relayed (incremental): refs are only created or fast-forwarded, so the source's pack is passed on as it is
    2 refs pushed, 1 blocked, 12 up to date; sent 1,204 objects (883 deltas, 640 reused), 1.2 MiB

Names and reasons may come from a remote: both are made safe here.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from cli.render import units
from cli.render.table import columns, width_of
from transport.safe_text import one_line
from transport.syncing.decide.ref_plan import short_id
from transport.syncing.decide.up_to_date import others_of
from transport.syncing.outcome.result import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from transport.local_fetch.pack_count import PackCount
    from transport.syncing.measure import Measurement, Stats
    from transport.syncing.outcome.result import PackSummary, Price, RefResult, SyncResult
    from transport.syncing.outcome.verification import Verification

__all__ = [
    "choice_lines",
    "count_line",
    "fetched_pack_line",
    "measurement_lines",
    "problem_line",
    "problem_refs",
    "ref_lines",
    "stats_lines",
    "summary_line",
    "verification_lines",
    "verification_problem",
]

_ALONE = {
    Outcome.UNREADABLE: ("synced", "the source can't read {them}"),
    Outcome.HIDDEN: ("pruned", "the source may hide {them}"),
    Outcome.REFUSED: ("synced", "the target refused {them}"),
}
"""What was not done and why, if all refs with a problem have the same outcome."""
_PUSHED = {"create": "created", "update": "updated", "delete": "deleted"}
_REF_CELLS_MAX = 60
"""A longer name moves only its own reason to the right."""


def ref_lines(refs: Sequence[RefResult], *, dry_run: bool = False, all_refs: bool = False) -> Iterator[str]:
    """Yield a line for each ref; refs that were up to date are included only with `all_refs`."""
    changed = [ref for ref in others_of(refs) if ref.outcome is not Outcome.UP_TO_DATE]
    shown = refs if all_refs else changed
    rows = [(_word(ref, dry_run), _names(ref), one_line(ref.reason)) for ref in shown]
    words = max((len(word) for word, _, _ in rows), default=0)
    names_width = max(
        (width_of(names) for _, names, _ in rows if width_of(names) <= _REF_CELLS_MAX), default=0
    )
    for word, names, reason in rows:
        blanks = " " * (names_width - width_of(names))
        yield f"{word.ljust(words)}  {names}{blanks}  {reason}".rstrip()


def _word(ref: RefResult, dry_run: bool) -> str:
    if ref.outcome is Outcome.PUSHED:
        return _PUSHED[ref.planned.action]
    if dry_run and ref.outcome is Outcome.NOT_PUSHED:
        return ref.planned.action
    return _in_words(ref.outcome)


def _in_words(outcome: Outcome) -> str:
    return outcome.value.replace("-", " ")


def _names(ref: RefResult) -> str:
    source, target = ref.planned.source_ref, ref.planned.target_ref
    return one_line(target if not source or source == target else f"{source} -> {target}")


def summary_line(result: SyncResult) -> str:
    """Return the summary line of a sync or its dry run."""
    sent = f"; sent {_pack(result.pack)}" if result.pack and result.pack.objects else ""
    batches = f" in {result.batch_count} batches" if result.batch_count > 1 else ""
    return count_line(result.refs, dry_run=result.dry_run) + sent + batches


def count_line(refs: Sequence[RefResult], *, dry_run: bool = False, pushed: str = "pushed") -> str:
    """Return the number of refs per outcome: `2 refs pushed, 1 blocked`. `pushed` is the word to use."""
    parts: list[str] = []

    def add(number: int, words: str) -> None:
        if number:
            parts.append(f"{number:,} {words}" if parts else f"{units.count_of(number, 'refs')} {words}")

    others = others_of(refs)
    found = Counter(ref.outcome for ref in others)
    found[Outcome.UP_TO_DATE] += len(refs) - len(others)
    if dry_run:
        planned = Counter(ref.planned.action for ref in others if ref.outcome is Outcome.NOT_PUSHED)
        for action in ("create", "update", "delete"):
            add(planned[action], f"to {action}")
        del found[Outcome.NOT_PUSHED]
    for outcome in Outcome:
        add(found[outcome], pushed if outcome is Outcome.PUSHED else _in_words(outcome))
    return ", ".join(parts) or "no refs"


def choice_lines(result: SyncResult) -> Iterator[str]:
    """Yield how the objects are sent, or would be sent, and why; for a plan also its price."""
    if not result.explanation:
        return
    if result.relay:
        word = "would relay" if result.dry_run else "relayed"
        yield f"{word} ({result.relay_mode}): {result.explanation}"
    else:
        yield f"{'would materialize' if result.dry_run else 'materialized'}: {result.explanation}"
    if result.dry_run and result.relay and result.operation_mode == "sync":
        yield "--optimize bandwidth would select a smaller pack; relaying takes less time and memory"
    if result.price is not None:
        yield f"price: {_price(result.price)}"


def _price(price: Price) -> str:
    parts = (
        None if price.objects is None else f"at most {units.count_of(price.objects, 'objects')}",
        None if price.pack_bytes is None else f"{units.size(price.pack_bytes)} to send",
        None if price.memory_bytes is None else f"{units.size(price.memory_bytes)} of memory at most",
    )
    unknown = None if price.objects is not None else "only the source's pack tells how much there is"
    known = ", ".join(part for part in parts if part)
    return "; ".join(part for part in (known, unknown) if part)


def _pack(pack: PackSummary) -> str:
    if pack.strategy == "relay":
        return (
            f"{units.count_of(pack.objects, 'objects')} ({units.count_of(pack.deltas, 'deltas')}) as they "
            f"came, {units.size(pack.bytes)}"
        )
    return (
        f"{units.count_of(pack.objects, 'objects')} ({units.count_of(pack.deltas, 'deltas')}, "
        f"{pack.reused:,} reused), {units.size(pack.bytes)}"
    )


def problem_refs(refs: Sequence[RefResult]) -> list[RefResult]:
    """Return the refs that have a problem."""
    fine = {Outcome.PUSHED, Outcome.DELETED, Outcome.UP_TO_DATE, Outcome.IGNORED}
    return [ref for ref in others_of(refs) if ref.outcome not in fine]


def problem_line(refs: Sequence[RefResult]) -> str:
    """Return briefly why the run failed."""
    counts = Counter(ref.outcome for ref in problem_refs(refs))
    number = counts.total()
    were, them = ("was", "it") if number == 1 else ("were", "them")
    if len(counts) == 1:
        (outcome,) = counts
        done, why = _ALONE.get(outcome, ("synced", _in_words(outcome)))
        return f"{units.count_of(number, 'refs')} {were} not {done}: {why.format(them=them)}"
    found = ", ".join(f"{number:,} {_in_words(outcome)}" for outcome, number in counts.items())
    return f"{units.count_of(number, 'refs')} {were} not synced: {found}"


def left_line(names: Sequence[str]) -> str:
    """Return a line that says how many temporary refs are left, and which one is the first."""
    return (
        f"{units.count_of(len(names), 'temporary refs')} could not be deleted on the target, beginning with "
        f"{one_line(names[0])}; the next run tries again"
    )


def verification_lines(found: Verification) -> Iterator[str]:
    """Yield the results of reading the target back."""
    for ref, expected, seen in found.differences:
        ids = [short_id(oid) if oid else "absent" for oid in (expected, seen)]
        yield f"differs  {one_line(ref)}  should be {ids[0]}, reads back as {ids[1]}"
    if not found.exit_code:
        yield f"verified: {units.count_of(found.checked, 'refs')} read back as they should be"


def verification_problem(found: Verification) -> str:
    """Return briefly what is wrong with it."""
    if found.error is not None:
        return f"the target can't be read back: {one_line(str(found.error))}"
    return (
        f"{len(found.differences):,} of {units.count_of(found.checked, 'refs')} read back from the target "
        "differ from what was done"
    )


def stats_lines(stats: Stats, pack: PackSummary | None = None) -> Iterator[str]:
    """Yield the traffic of each side, and the timings of the pack that was sent."""
    rows = [
        (
            side.side,
            side.service,
            f"{side.requests:,} requests",
            f"{units.size(side.bytes_sent)} sent",
            f"{units.size(side.bytes_received)} received",
            f"{side.wants:,} wants, {side.haves:,} haves"
            if side.service == "git-upload-pack"
            else f"{side.commands:,} commands",
        )
        for side in stats.sides
    ]
    if rows:
        yield from columns(rows, right=(2, 3, 4))
    if pack:
        gap = pack.longest_gap_seconds
        stall = pack.longest_stall_seconds
        first = pack.first_byte_seconds
        origin = (
            "relayed"
            if pack.strategy == "relay"
            else f"selected in {units.seconds(pack.select_seconds)} by {pack.strategy}"
        )
        yield (
            f"pack: {origin}, written in {units.seconds(pack.write_seconds)}"
            + (f", first byte after {first * 1000:.0f} ms" if first is not None else "")
            + (f", longest gap {gap * 1000:.0f} ms" if gap is not None else "")
            + (f", of it our own at most {stall * 1000:.0f} ms" if stall is not None else "")
        )


def fetched_pack_line(pack: PackCount) -> str:
    """Return what a pack that was fetched holds.

    >>> from transport.local_fetch.pack_count import PackCount
    >>> fetched_pack_line(PackCount(5, 1, 900, commits=1, trees=1, blobs=3, longest_chain=1))
    'pack: 5 objects (1 commit, 1 tree, 3 blobs, 0 tags), 1 delta in chains of at most 1, 900 bytes'
    """
    kinds = ("commits", "trees", "blobs", "tags")
    of_each = ", ".join(units.count_of(getattr(pack, kind), kind) for kind in kinds)
    return (
        f"pack: {units.count_of(pack.objects, 'objects')} ({of_each}), "
        f"{units.count_of(pack.deltas, 'deltas')} in chains of at most {pack.longest_chain}, "
        f"{units.size(pack.bytes)}"
    )


def measurement_lines(measurement: Measurement) -> Iterator[str]:
    """Yield the time and memory of the run."""
    peak = measurement.peak_rss_bytes
    memory = (
        f"peak memory {units.size(peak)}" if peak is not None else "peak memory is not told by this system"
    )
    yield f"elapsed {units.seconds(measurement.elapsed_seconds)}, {memory}"
