"""`packcore pack-objects`: objects of a repository into one pack, in two phases."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from cli.command import command, group, option
from cli.index_version import INDEX_VERSION, default_form
from cli.pack_input_options import WHAT, input_options
from cli.pack_outputs import PackOutput, Written, write_stream
from cli.pack_settings import with_settings
from cli.params import OUTPUT, output_options, selection_options
from cli.streams import binary_output
from cli.values import SIZE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cli.console import Console
    from cli.pack_inputs import PackInputs, ToPack
    from packcore.ids import ObjectId
    from packcore.pack.index_write import IndexForm
    from packcore.plans.plan import PackPlan
    from packcore.progress import Progress
    from packcore.revision_set import RevisionSet
    from packcore.store.repository import Repository
    from transport.selection import SelectionOptions

_PACK_BYTES_MIN = 1 << 20
"""The smallest limit that git takes for packs."""


@dataclass(frozen=True, slots=True)
class _Form:
    """How the pack is written."""

    ofs_delta: bool
    index: IndexForm | None
    """None means what the repository's settings say."""
    pack_bytes_max: int | None
    non_empty: bool


def _form(
    delta_base_offset: bool, index_version: IndexForm | None, max_pack_size: int | None, non_empty: bool
) -> _Form:
    return _Form(delta_base_offset, index_version, max_pack_size or None, non_empty)


_form_options = group(
    "form",
    _form,
    option(
        "--delta-base-offset/--no-delta-base-offset",
        default=True,
        section=OUTPUT,
        help="Name bases of deltas by distance, or by id, which is longer. Default: by distance.",
    ),
    INDEX_VERSION,
    option(
        "--max-pack-size",
        type=SIZE,
        section=OUTPUT,
        metavar="SIZE",
        help="Write several packs, each of at most SIZE, at least 1m: FILE, FILE-2, … Not for stdout. "
        "Default: the repository's pack.packSizeLimit.",
    ),
    option("--non-empty", is_flag=True, section=OUTPUT, help="Write nothing if there is nothing to pack."),
)


@command(
    "pack-objects",
    short_help="Make a pack of a repository's objects.",
    examples="""
        packcore pack-objects x.git --all -o all.pack
        git -C x.git rev-list --objects main | packcore pack-objects x.git > main.pack
        echo "main ^v1.0" | tr ' ' '\\n' | packcore pack-objects x.git --revs --thin > update.pack
        ls x.git/objects/pack | grep pack$ | packcore pack-objects x.git --stdin-packs new
        packcore pack-objects x.git --all --save-plan x.plan -o x.pack
        packcore pack-objects x.git --plan x.plan -o the-same.pack
    """,
)
@click.argument("repo", type=click.Path())
@click.argument("base", type=click.Path(), required=False)
@input_options
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
@option("--stdout", is_flag=True, section=OUTPUT, envvar=None, help="Write the pack to stdout (the default).")
@_form_options
@selection_options
@output_options(json=False)
@option(
    "--json", "as_json", is_flag=True, section=OUTPUT, help="Print the report on stderr as one JSON object."
)
def run(
    *,
    repo: str,
    base: str | None,
    inputs: PackInputs,
    plan_file: str | None,
    save_plan: str | None,
    output: str | None,
    stdout: bool,
    form: _Form,
    as_json: bool,
    selection: SelectionOptions,
    console: Console,
) -> int:
    """Pack objects of REPO, and write the pack to stdout, or to FILE with its .idx and .rev.

    With BASE, the files are BASE-<hash>.pack, .idx and .rev, and the hash is printed, as with git.

    Stdin lists the objects as `git rev-list --objects` does: one per line, an id and optionally a path. A
    line that begins with `-` names an object that the receiver has. All deltas are selected before the
    first byte is written. Exit code 1 means that --all met refs that can't be read. They are named on
    stderr, and the pack may lack what they reach.
    """
    from cli.reading import open_as_git
    from cli.unreadable_refs import report_unreadable

    place = _place(base, output, stdout)
    _check_words(place, plan_file, inputs, form)
    stream = None if place else binary_output()
    with ExitStack() as stack:
        repository = stack.enter_context(open_as_git(repo, selection.limits))
        selection = with_settings(selection, repository.config)
        progress = stack.enter_context(console.progress())
        if plan_file:
            made = _Made(_read_plan(plan_file, repository, progress, whole_pack=place is not None))
        else:
            made = _planned(repository, inputs, selection, progress, console)
        plan = made.plan
        for fault in repository.shortcuts.faults:
            progress.message("left aside", fault)
        if save_plan:
            _save_plan(plan, save_plan)
        started = time.monotonic()
        packs: list[Written] = []
        if not (form.non_empty and not plan.object_count):
            if stream is not None:
                size, checksum = write_stream(plan, stream, progress, ofs_delta=form.ofs_delta)
                stream.flush()
                packs.append(Written(checksum, size, plan.object_count))
            else:
                files = _files(Path(place or ""), base is not None, form, repository)
                plans = [plan] if inputs.cruft else _split(plan, form, repository, console)
                packs = files.write(plans, progress, made.mtimes)
        written = time.monotonic()
    if console.shows_progress and not as_json:
        # git's own words: scripts look for the number of deltas here.
        console.tell(f"Total {plan.object_count} (delta {plan.delta_count}), reused {plan.reused_count}")
    if as_json:
        console.report_json(_report(plan, packs, made.seconds, written - started))
    elif place:
        console.show([pack.checksum for pack in packs])
    return report_unreadable(made.unreadable, console)


def _place(base: str | None, output: str | None, stdout: bool) -> str | None:
    """Return what names the files; None for stdout."""
    if sum((base is not None, output is not None, stdout)) > 1:
        raise click.UsageError("give one of BASE, -o FILE and --stdout")
    return base or output


def _check_words(place: str | None, plan_file: str | None, inputs: PackInputs, form: _Form) -> None:
    if plan_file and not inputs.is_default:
        raise click.UsageError("--plan lists the objects itself: leave out the other options of what to pack")
    if inputs.thin and place:
        raise click.UsageError("a thin pack has no index: leave out -o, and give it to index-pack --fix-thin")
    if inputs.cruft and not place:
        raise click.UsageError("--cruft writes an .mtimes file beside the pack: give -o FILE or BASE")
    if inputs.cruft and form.pack_bytes_max:
        raise click.UsageError("--cruft makes one pack: leave out --max-pack-size")
    if form.pack_bytes_max and not place:
        raise click.UsageError("--max-pack-size makes several packs, which need files: give -o FILE or BASE")


class _Made(NamedTuple):
    """A plan, and what there is to say of it."""

    plan: PackPlan
    unreadable: Mapping[str, str] = MappingProxyType({})
    """Why refs can't be read."""
    seconds: float = 0
    """How long the selection took."""
    mtimes: Mapping[ObjectId, int] | None = None
    """When each object of a cruft pack was last touched."""


def _planned(
    repository: Repository,
    inputs: PackInputs,
    selection: SelectionOptions,
    progress: Progress,
    console: Console,
) -> _Made:
    from packcore.search.select import select_copies

    copied: PackPlan | None = None
    if inputs.by_revisions:
        chosen = inputs.chosen(repository, console.warn)
        unreadable = {fault.ref: fault.reason for fault in chosen.unreadable}
        started = time.monotonic()
        if inputs.is_plain and inputs.use_bitmaps:
            copied = _copied(repository, chosen, selection, progress)
        if copied is not None:
            return _Made(copied, unreadable, time.monotonic() - started)
        found = inputs.reached(repository, chosen, progress)
    elif inputs.cruft:
        found = inputs.unneeded(repository, inputs.cruft.expiration, progress)
    elif inputs.stdin_packs:
        found = inputs.packed(repository)
    else:
        wanted, held = inputs.listed(repository)
        started = time.monotonic()
        if inputs.is_plain and selection.reuse_deltas and not (inputs.thin and held):
            # Nothing need be known of objects that are copied with the pack that they are.
            copied = select_copies(
                repository, wanted, strategy=selection.strategy, limits=selection.limits, progress=progress
            )
        if copied is not None:
            return _Made(copied, seconds=time.monotonic() - started)
        found = inputs.named(repository, wanted, held)
    started = time.monotonic()
    plan = _select(repository, found, selection, progress)
    return _Made(plan, found.unreadable, time.monotonic() - started, found.mtimes)


def _select(
    repository: Repository, found: ToPack, selection: SelectionOptions, progress: Progress
) -> PackPlan:
    from packcore.search.select import select

    return select(
        repository,
        found.objects,
        strategy=selection.strategy,
        limits=selection.limits,
        reuse_deltas=selection.reuse_deltas,
        thin_bases=found.bases,
        should_stop=selection.stopper(),
        jobs=selection.jobs,
        progress=progress,
    )


def _files(path: Path, by_hash: bool, form: _Form, repository: Repository) -> PackOutput:
    config = repository.config
    return PackOutput(
        path,
        by_hash,
        form.ofs_delta,
        form.index or default_form(config),
        config.get_bool("pack.writeReverseIndex", default=True),
    )


def _split(plan: PackPlan, form: _Form, repository: Repository, console: Console) -> Iterable[PackPlan]:
    from packcore.plans.split import split_plan

    limit = form.pack_bytes_max or repository.config.get_size("pack.packSizeLimit")
    if limit is None:
        return [plan]
    if limit < _PACK_BYTES_MIN:
        console.warn("the smallest size of a pack is 1m, which is used")
    return split_plan(plan, max(limit, _PACK_BYTES_MIN))


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


def _report(
    plan: PackPlan, packs: list[Written], select_seconds: float, write_seconds: float
) -> dict[str, Any]:
    from packcore.deflate import DEFLATE_LIBRARY
    from packcore.delta.chunks import CHUNK_HASH

    return {
        "objects": plan.object_count,
        "deltas": plan.delta_count,
        "reused": plan.reused_count,
        "bytes": sum(pack.size for pack in packs),
        "checksum": packs[0].checksum if packs else None,
        "packs": [pack._asdict() for pack in packs],
        "strategy": plan.strategy,
        "complete": plan.complete,
        "unsearched": plan.unsearched_count,
        "selectSeconds": round(select_seconds, 6),
        "writeSeconds": round(write_seconds, 6),
        "deflate": DEFLATE_LIBRARY,
        "chunkHash": CHUNK_HASH,
    }
