"""`packcore pack-objects`: objects of a repository into one pack, in two phases."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from cli.command import command, option
from cli.object_list import read_object_list
from cli.params import OUTPUT, output_options, selection_options
from cli.streams import binary_input, binary_output

if TYPE_CHECKING:
    from cli.console import Console
    from packcore.ids import ObjectId
    from packcore.plans.entries import Candidate
    from packcore.plans.plan import PackPlan
    from packcore.progress import Progress
    from packcore.revision_set import RevisionSet
    from packcore.store.repository import Repository
    from transport.selection import SelectionOptions

WHAT = "What to pack"


@command(
    "pack-objects",
    short_help="Make a pack of a repository's objects.",
    examples="""
        packcore pack-objects x.git --all -o all.pack
        git -C x.git rev-list --objects main | packcore pack-objects x.git > main.pack
        echo "main ^v1.0" | tr ' ' '\\n' | packcore pack-objects x.git --stdin-revs --thin > update.pack
        packcore pack-objects x.git --all --save-plan x.plan -o x.pack
        packcore pack-objects x.git --plan x.plan -o the-same.pack
    """,
)
@click.argument("repo", type=click.Path())
@option(
    "--all", "all_refs", is_flag=True, section=WHAT, help="Pack all that refs and HEAD reach.", envvar=None
)
@option(
    "--stdin-revs",
    is_flag=True,
    section=WHAT,
    help="Pack all that the revisions on stdin reach (`main`, `^v1`).",
)
@option("--thin", is_flag=True, section=WHAT, help="Allow deltas against objects of the ^revisions.")
@option(
    "--plan",
    "plan_file",
    type=click.Path(dir_okay=False),
    section=WHAT,
    metavar="FILE",
    help="Follow this plan, without a search: a saved plan, or lines of object and base.",
)
@option(
    "--save-plan",
    type=click.Path(dir_okay=False),
    section=OUTPUT,
    metavar="FILE",
    help="Save the plan, as JSON lines, before the pack is written.",
)
@option("-o", "--output", type=click.Path(), section=OUTPUT, metavar="FILE", help="Write FILE and its index.")
@selection_options
@output_options(json=False)
@option(
    "--json", "as_json", is_flag=True, section=OUTPUT, help="Print the report on stderr as one JSON object."
)
def run(
    *,
    repo: str,
    all_refs: bool,
    stdin_revs: bool,
    thin: bool,
    plan_file: str | None,
    save_plan: str | None,
    output: str | None,
    as_json: bool,
    selection: SelectionOptions,
    console: Console,
) -> int:
    """Pack objects of REPO, and write the pack to stdout, or to FILE with its .idx and .rev.

    Stdin lists the objects as `git rev-list --objects` does: one per line, an id and optionally a path. A
    line that begins with `-` names an object that the receiver has. All deltas are selected before the
    first byte is written. Exit code 1 means that --all met refs that can't be read. They are named on
    stderr, and the pack may lack what they reach.
    """
    from cli.unreadable_refs import report_unreadable
    from packcore.store.repository import Repository

    if plan_file and (all_refs or stdin_revs or thin):
        raise click.UsageError("--plan lists the objects itself: leave out --all, --stdin-revs and --thin")
    if thin and output:
        raise click.UsageError("a thin pack has no index: leave out -o, and give it to index-pack --fix-thin")
    if all_refs and stdin_revs:
        raise click.UsageError("--all and --stdin-revs exclude each other")
    stream = None if output else binary_output()
    unreadable: dict[str, str] = {}
    with ExitStack() as stack:
        repository = stack.enter_context(Repository.open(repo, selection.limits))
        progress = stack.enter_context(console.progress())
        if plan_file:
            started = time.monotonic()
            plan = _read_plan(plan_file, repository, progress, whole_pack=output is not None)
        elif all_refs or stdin_revs:
            chosen = _chosen(repository, all_refs)
            unreadable = {fault.ref: fault.reason for fault in chosen.unreadable}
            started = time.monotonic()
            copied = _copied(repository, chosen, selection, progress)
            if copied is not None:
                plan = copied
            else:
                objects, bases = _by_revisions(repository, chosen, thin, progress)
                started = time.monotonic()
                plan = _select(repository, objects, bases, selection, progress)
        else:
            wanted, held = read_object_list(binary_input(), repository.object_format)
            started = time.monotonic()
            plan = _select_listed(repository, wanted, held if thin else {}, selection, progress)
        for fault in repository.shortcuts.faults:
            progress.message("left aside", fault)
        if save_plan:
            _save_plan(plan, save_plan)
        selected = time.monotonic()
        if stream is not None:
            size, checksum = _write(plan, stream, progress)
            stream.flush()
        else:
            size, checksum = _write_files(plan, Path(output or ""), progress)
        written = time.monotonic()
    if as_json:
        report = _report(plan, size, checksum, selected - started, written - selected)
        console.report_json(report)
    elif output:
        console.show(checksum)
    return report_unreadable(unreadable, console)


def _select(
    repository: Repository,
    objects: list[Candidate],
    bases: list[Candidate],
    selection: SelectionOptions,
    progress: Progress,
) -> PackPlan:
    from packcore.search.select import select

    return select(
        repository,
        objects,
        strategy=selection.strategy,
        limits=selection.limits,
        reuse_deltas=selection.reuse_deltas,
        thin_bases=bases,
        should_stop=selection.stopper(),
        jobs=selection.jobs,
        progress=progress,
    )


def _read_plan(path: str, repository: Repository, progress: Progress, *, whole_pack: bool) -> PackPlan:
    """Read a saved plan, or a forest, and bind it to the repository's objects."""
    from packcore.plans.bind import bind_plan
    from packcore.plans.file import SavedPlan, bounded_lines
    from packcore.plans.grow import plan_from_forest

    with Path(path).open("rb") as file:
        if file.peek(1)[:1] == b"{":
            saved = SavedPlan.read(bounded_lines(file), path)
        else:
            saved = plan_from_forest(bounded_lines(file), repository, limits=repository.limits, name=path)
    if whole_pack and saved.is_thin:
        raise click.UsageError("the plan is of a thin pack, which has no index: leave out -o")
    return bind_plan(saved, repository, limits=repository.limits, progress=progress)


def _save_plan(plan: PackPlan, path: str) -> None:
    from cli.files import AtomicFiles
    from packcore.plans.file import SavedPlan

    with AtomicFiles() as files:
        files.open(path).writelines(SavedPlan.of(plan).lines())


def _chosen(repository: Repository, all_refs: bool) -> RevisionSet:
    """Return the revisions that stdin names, or all refs."""
    from packcore.revision_set import parse_revisions

    lines = [] if all_refs else [line.strip() for line in sys.stdin.read().splitlines()]
    return parse_revisions(repository, [line for line in lines if line], all_refs=all_refs)


def _copied(
    repository: Repository, chosen: RevisionSet, selection: SelectionOptions, progress: Progress
) -> PackPlan | None:
    """Plan without reading anything, where bitmaps list it and one pack has all of it."""
    from packcore.reach import reached_ids
    from packcore.search.select import select_copies

    if chosen.haves or repository.shallow() or not selection.reuse_deltas:
        return None
    oids = reached_ids(repository, chosen.wants)
    if oids is None:
        return None
    return select_copies(
        repository, oids, strategy=selection.strategy, limits=selection.limits, progress=progress
    )


def _by_revisions(
    repository: Repository, chosen: RevisionSet, thin: bool, progress: Progress
) -> tuple[list[Candidate], list[Candidate]]:
    """Return the objects to pack, and the bases of thin deltas."""
    from packcore.walk import list_bases, list_objects

    shallow = repository.shallow()
    limits = repository.limits
    objects = list_objects(
        repository,
        chosen.wants,
        chosen.haves,
        shallow=shallow,
        limits=limits,
        progress=progress,
        haves_complete=True,
    )
    bases = list_bases(repository, chosen.haves, objects, limits=limits) if thin else []
    return objects, bases


def _select_listed(
    repository: Repository,
    wanted: dict[ObjectId, bytes],
    held: dict[ObjectId, bytes],
    selection: SelectionOptions,
    progress: Progress,
) -> PackPlan:
    from packcore.search.select import select_copies

    if selection.reuse_deltas and not held:
        # Nothing need be known of objects that are copied with the pack that they are.
        copy = select_copies(
            repository, wanted, strategy=selection.strategy, limits=selection.limits, progress=progress
        )
        if copy is not None:
            return copy
    bases = {oid: path for oid, path in held.items() if oid not in wanted}
    return _select(
        repository, _candidates(repository, wanted), _candidates(repository, bases), selection, progress
    )


def _candidates(repository: Repository, paths: dict[ObjectId, bytes]) -> list[Candidate]:
    """Look up types and sizes. Raises MissingObject."""
    from packcore.plans.entries import Candidate
    from packcore.store.bulk import headers_of

    headers = zip(paths, headers_of(repository, [*paths]), strict=True)
    known = [header or repository.header(oid) for oid, header in headers]
    types, sizes = [header.type for header in known], [header.size for header in known]
    return [*map(Candidate, paths, types, sizes, paths.values(), count())]


def _write(plan: PackPlan, stream: IO[bytes], progress: Progress) -> tuple[int, str]:
    """Write the pack; return its size and checksum."""
    from packcore.plans.write import write_pack

    digest_size = plan.object_format.digest_size
    size, tail = 0, b""
    with progress.phase("writing pack", unit="bytes") as phase:
        for block in write_pack(plan):
            stream.write(block)
            size += len(block)
            tail = (tail + block[-digest_size:])[-digest_size:]
            phase.advance(len(block))
    return size, tail.hex()


def _write_files(plan: PackPlan, path: Path, progress: Progress) -> tuple[int, str]:
    """Write pack and index; all of it is read back and checked before it gets its name."""
    from cli.files import AtomicFiles
    from packcore.pack.indexer import index_pack, read_blocks
    from packcore.pack.mapping import PackSource

    stem = path.with_suffix("") if path.suffix == ".pack" else path
    with AtomicFiles(read_only=True) as files:
        pack = files.open(path)
        size, checksum = _write(plan, pack, progress)
        pack.flush()

        def source() -> PackSource:
            return PackSource(pack, str(path), plan.object_format.digest_size)

        indexed = index_pack(
            read_blocks(pack), source, object_format=plan.object_format, limits=plan.limits, progress=progress
        )
        files.open(f"{stem}.rev").writelines(indexed.reverse_index_blocks())
        files.open(f"{stem}.idx").writelines(indexed.index_blocks())
    return size, checksum


def _report(
    plan: PackPlan, size: int, checksum: str, select_seconds: float, write_seconds: float
) -> dict[str, Any]:
    from packcore.deflate import DEFLATE_LIBRARY
    from packcore.delta.chunks import CHUNK_HASH

    return {
        "objects": plan.object_count,
        "deltas": plan.delta_count,
        "reused": plan.reused_count,
        "bytes": size,
        "checksum": checksum,
        "strategy": plan.strategy,
        "complete": plan.complete,
        "unsearched": plan.unsearched_count,
        "selectSeconds": round(select_seconds, 6),
        "writeSeconds": round(write_seconds, 6),
        "deflate": DEFLATE_LIBRARY,
        "chunkHash": CHUNK_HASH,
    }
