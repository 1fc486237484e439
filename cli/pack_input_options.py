"""The options of `pack-objects` that say what is packed: see `cli.pack_inputs`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from cli.command import group, option
from cli.pack_inputs import CruftChoice, PackInputs

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["WHAT", "input_options"]

WHAT = "What to pack"


def _inputs(
    *,
    all_refs: bool,
    stdin_revs: bool,
    stdin_packs: bool,
    unpacked: bool,
    include_tag: bool,
    thin: bool,
    incremental: bool,
    local: bool,
    honor_pack_keep: bool,
    keep_pack: tuple[str, ...],
    filters: tuple[str, ...],
    missing: Literal["error", "allow-any", "allow-promisor"],
    use_bitmap_index: bool,
    sparse: bool | None,  # noqa: ARG001 - see its help
    keep_true_parents: bool,  # noqa: ARG001 - see its help
    reflog: bool,
    indexed_objects: bool,
    cruft: bool,
    cruft_expiration: str | None,
) -> PackInputs:
    from packcore.store.stored_where import LeaveOut

    if stdin_packs and filters:
        raise click.UsageError("cannot use --filter with --stdin-packs")
    if stdin_packs and (all_refs or stdin_revs or thin or reflog or indexed_objects):
        raise click.UsageError(
            "cannot use internal rev list with --stdin-packs: leave out --all, --revs and --thin"
        )
    if (filters or missing != "error") and not (all_refs or stdin_revs or unpacked):
        raise click.UsageError("--filter and --missing hold for what revisions reach: give --revs or --all")
    choice = None
    if cruft or cruft_expiration is not None:
        if all_refs or stdin_revs or thin or unpacked or stdin_packs or reflog or indexed_objects:
            raise click.UsageError(
                "--cruft names packs on stdin: leave out --stdin-packs, --thin, and what names revisions"
            )
        choice = CruftChoice(_expiration(cruft_expiration))
    rules = LeaveOut(incremental, local, honor_pack_keep, frozenset(keep_pack))
    return PackInputs(
        all_refs=all_refs,
        revs=stdin_revs,
        stdin_packs=stdin_packs,
        unpacked=unpacked,
        include_tag=include_tag,
        thin=thin,
        leave_out=rules,
        filters=filters,
        missing=missing,
        use_bitmaps=use_bitmap_index,
        cruft=choice,
        reflog=reflog,
        indexed=indexed_objects,
    )


def _expiration(text: str | None) -> int | None:
    from cli.dates import parse_date

    return None if text in (None, "", "never", "false") else parse_date(text)


def _flag(*names: str, help_text: str) -> Callable[[Callable[..., object]], Callable[..., object]]:
    return option(*names, is_flag=True, section=WHAT, envvar=None, help=help_text)


input_options = group(
    "inputs",
    _inputs,
    _flag("--all", "all_refs", help_text="Pack all that refs and HEAD reach."),
    _flag(
        "--stdin-revs",
        "--revs",
        "stdin_revs",
        help_text="Pack all that the revisions on stdin reach (`main`, `^v1`, `--not`).",
    ),
    _flag(
        "--stdin-packs", help_text="Pack what the packs named on stdin hold (`pack-1.pack`), and ^packs lack."
    ),
    _flag(
        "--cruft",
        help_text="Pack what nothing needs, with its ages as .mtimes: objects that are loose, or in packs "
        "named on stdin as -pack-1.pack, and not in those named as pack-2.pack.",
    ),
    option(
        "--cruft-expiration",
        bare="",
        section=WHAT,
        metavar="DATE",
        envvar=None,
        help="With --cruft: only what was touched after DATE, and what that refers to. Default: never, which "
        "packs objects of any age.",
    ),
    _flag("--thin", help_text="Allow deltas against objects of the ^revisions."),
    _flag(
        "--unpacked",
        help_text="Of revisions, only commits that are in no pack. With --stdin-packs: loose objects too.",
    ),
    _flag("--reflog", help_text="Pack what reflogs name too, and all that it reaches."),
    _flag("--indexed-objects", help_text="Pack what the index of a work tree names too."),
    _flag("--keep-true-parents", help_text="Accepted, and always so: grafts are not read."),
    _flag("--include-tag", help_text="Pack annotated tags too whose object is packed."),
    option(
        "--filter",
        "filters",
        multiple=True,
        section=WHAT,
        metavar="SPEC",
        envvar=None,
        help="Of what revisions reach, leave out what SPEC says: blob:none, blob:limit=1m, tree:N, "
        "object:type=T, sparse:oid=BLOB, combine:…; repeatable.",
    ),
    option(
        "--missing",
        type=click.Choice(["error", "allow-any", "allow-promisor"]),
        default="error",
        section=WHAT,
        envvar=None,
        help="What to do if an object isn't here: fail, leave out any, or leave out what a promisor has. "
        "Default: fail.",
    ),
    option(
        "--use-bitmap-index/--no-use-bitmap-index",
        default=True,
        section=WHAT,
        envvar=None,
        help="Copy from one pack what its bitmaps list, without a walk, if that is everything. Default: yes.",
    ),
    option(
        "--sparse/--no-sparse",
        default=None,
        section=WHAT,
        envvar=None,
        help="Accepted, as git has it, and without effect: what ^revisions have is always found out exactly.",
    ),
    _flag("--incremental", help_text="Leave out objects that are in any pack."),
    _flag("--local", help_text="Leave out objects that an alternate has."),
    _flag("--honor-pack-keep", help_text="Leave out objects of packs that have a .keep file."),
    option(
        "--keep-pack",
        multiple=True,
        section=WHAT,
        metavar="NAME",
        envvar=None,
        help="Leave out objects of the pack NAME (pack-….pack); repeatable.",
    ),
)
