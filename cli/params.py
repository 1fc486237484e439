"""Groups of options that commands share, and the frozen values made from them.

    group                     value                                   used by
    scope_options             Scope: which refs                       sync plan probe fetch
    policy_options            Policy: how refs may change             sync plan
    selection_options         SelectionOptions: how packs are made    sync pack-objects repack
    limit_options             Limits: of the search                   bench
    output_options(…)         Console: the streams, and how much      all

A group decorates a command's function; the function gets one keyword for the group, not one for each
option, so that commands pass values on and no function has twenty parameters. Each option reads
`PACKCORE_<NAME>`, then, where git-sync has a variable for it, `GITSYNC_<NAME>`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from cli import completion
from cli.command import group, option
from cli.console import CONSOLE_KEY, Console, Verbosity
from cli.job_options import PACKING, SEARCH_JOBS, process_count
from cli.streams import Output
from cli.values import COMMA_LIST, LINES, SECONDS, SIZE

if TYPE_CHECKING:
    from collections.abc import Callable

    from packcore.limits import Limits
    from transport.selection import SelectionOptions
    from transport.syncing.request import Policy, Scope

__all__ = [
    "OBJECT_FORMAT",
    "fetch_policy_options",
    "fetch_scope_options",
    "limit_options",
    "metrics_option",
    "output_options",
    "plan_policy_options",
    "policy_options",
    "probe_scope_options",
    "relay_policy_options",
    "scope_options",
    "seed_policy_options",
    "selection_options",
]

FunctionT = TypeVar("FunctionT", bound="Callable[..., Any]")

REFS = "Which refs"
CHANGES = "How refs may change"
OUTPUT = "Output"


# --- which refs ---------------------------------------------------------------------------------------


def _scope(
    *,
    tags: bool,
    all_refs: bool,
    exclude_ref_prefix: tuple[str, ...],
    branch: tuple[tuple[str, ...], ...] = (),
    map_: tuple[str, ...] = (),
    allow_empty_source: bool = False,
    ref: tuple[str, ...] = (),
    include_ref_prefix: tuple[str, ...] = (),
) -> Scope:
    from transport.syncing.request import RefMapping, Scope

    branches = tuple(dict.fromkeys(name for names in branch for name in names))
    if all_refs and branches:
        raise click.UsageError("--all-refs and --branch exclude each other")
    if map_ and branches:
        raise click.UsageError("--map and --branch exclude each other; map the other branches to themselves")
    mappings = tuple(RefMapping.parse(text) for text in map_)
    return Scope(
        branches, tags, all_refs, mappings, exclude_ref_prefix, allow_empty_source, ref, include_ref_prefix
    )


_BRANCH = option(
    "--branch",
    type=COMMA_LIST,
    shell_complete=completion.branches,
    multiple=True,
    section=REFS,
    metavar="NAME[,NAME…]",
    help="Only these branches; repeatable. Default: all.",
)
_TAGS = option("--tags", is_flag=True, section=REFS, help="Tags too.")
_ALL_REFS = option("--all-refs", is_flag=True, section=REFS, help="Everything below refs/.")
_MAP = option(
    "--map",
    "map_",
    multiple=True,
    section=REFS,
    metavar="SRC:DST",
    help="Push source ref SRC to target ref DST; short names mean branches; repeatable.",
)
_EXCLUDE = option(
    "--exclude-ref-prefix",
    multiple=True,
    section=REFS,
    metavar="PREFIX",
    help="Ignore these refs on both sides, e.g. refs/pull/; repeatable.",
)
_REF = option(
    "--ref",
    multiple=True,
    shell_complete=completion.refs,
    section=REFS,
    metavar="GLOB",
    help="Only matching refs: a glob such as 'refs/heads/release/*', or a name. A leading ! excludes "
    "them. Repeatable.",
)
_INCLUDE = option(
    "--include-ref-prefix",
    multiple=True,
    section=REFS,
    metavar="PREFIX",
    help="Refs below PREFIX too, e.g. refs/notes/; repeatable.",
)
_EMPTY = option(
    "--allow-empty-source",
    is_flag=True,
    section=REFS,
    help="Accept a source without refs. --prune-limit still applies.",
)

scope_options = group("scope", _scope, _BRANCH, _TAGS, _ALL_REFS, _REF, _INCLUDE, _MAP, _EXCLUDE, _EMPTY)
fetch_scope_options = group("scope", _scope, _BRANCH, _TAGS, _ALL_REFS, _REF, _INCLUDE, _EXCLUDE)
probe_scope_options = group("scope", _scope, _TAGS, _ALL_REFS, _REF, _INCLUDE, _EXCLUDE)


# --- how refs may change ------------------------------------------------------------------------------


def _policy(
    *,
    prune: bool = False,
    force_with_lease: bool = False,
    force_blind: bool = False,
    atomic: bool = False,
    push_option: tuple[str, ...] = (),
    prune_limit: str | None = None,
) -> Policy:
    from transport.syncing.prune_limit import PruneLimit
    from transport.syncing.request import Policy

    if force_with_lease and force_blind:
        typed = [name for name in ("force_with_lease", "force_blind") if _was_typed(name)]
        if len(typed) != 1:
            raise click.UsageError("--force-with-lease and --force-blind exclude each other")
        # What was typed outranks the environment.
        force_with_lease, force_blind = typed == ["force_with_lease"], typed == ["force_blind"]
    limit = None if prune_limit is None else PruneLimit.parse(prune_limit)
    return Policy(prune, limit, force_with_lease, force_blind, atomic, push_options=push_option)


def _was_typed(name: str) -> bool:
    return click.get_current_context().get_parameter_source(name) is ParameterSource.COMMANDLINE


_PRUNE = option(
    "--prune",
    is_flag=True,
    section=CHANGES,
    help="Delete target refs in scope that the source no longer has.",
)
_PRUNE_LIMIT = option(
    "--prune-limit",
    section=CHANGES,
    metavar="N|N%",
    help="Stop if --prune would delete more than N refs, or more than N%. Default: stop if it would "
    "delete all refs in scope, or more than half when there are ten or more.",
)
_LEASE = option(
    "--force-with-lease",
    is_flag=True,
    section=CHANGES,
    help="Allow non-fast-forwards and moved tags, unless the target's ref has changed since it was listed.",
)
_BLIND = option(
    "--force-blind",
    is_flag=True,
    section=CHANGES,
    help="Allow them even if the target's ref has changed since.",
)
_ATOMIC = option(
    "--atomic", is_flag=True, section=CHANGES, help="Update all refs or none, if the target supports it."
)
_PUSH_OPTION = option(
    "--push-option",
    type=LINES,
    multiple=True,
    section=CHANGES,
    metavar="TEXT",
    help="Pass TEXT to the target's hooks; repeatable.",
)

policy_options = group("policy", _policy, _PRUNE, _PRUNE_LIMIT, _LEASE, _BLIND, _ATOMIC, _PUSH_OPTION)
relay_policy_options = group("policy", _policy, _PRUNE, _PRUNE_LIMIT, _ATOMIC, _PUSH_OPTION)
seed_policy_options = group("policy", _policy, _ATOMIC, _PUSH_OPTION)
fetch_policy_options = group("policy", _policy, _PRUNE, _PRUNE_LIMIT, _LEASE)
plan_policy_options = group("policy", _policy, _PRUNE, _PRUNE_LIMIT, _LEASE, _BLIND)


# --- making the pack ----------------------------------------------------------------------------------


def _selection(
    no_reuse_delta: bool = False,
    strategy: str | None = None,
    select_budget: float | None = None,
    jobs: int | None = None,
    **limits: int | None,
) -> SelectionOptions:
    from packcore.limits import Limits
    from transport.selection import SelectionOptions

    given = {name: value for name, value in limits.items() if value is not None}
    options = SelectionOptions(
        limits=Limits(**given),
        reuse_deltas=not no_reuse_delta,
        budget_seconds=select_budget,
        jobs=process_count(jobs),
        chosen=strategy is not None or bool(given),
    )
    if strategy is not None:
        from packcore.search.registry import get_strategy

        get_strategy(strategy)  # an unknown name ends here, before any work
        options = replace(options, strategy=strategy)
    return options.without_search() if limits.get("window") == 0 else options


def _window(more: str = "") -> Callable[[FunctionT], FunctionT]:
    return option(
        "--window",
        type=click.IntRange(0, 10_000, clamp=True),  # git, too, takes a negative one for 0
        section=PACKING,
        metavar="N",
        help=f"Compare each object with N others, if the strategy compares.{more}",
    )


_LIMITS = (
    option(
        "--window-memory",
        type=SIZE,
        section=PACKING,
        metavar="SIZE",
        help="Memory for the search, e.g. 64m or 1g.",
    ),
    option(
        "--depth",
        type=click.IntRange(0, 4095, clamp=True),
        section=PACKING,
        metavar="N",
        help="Longest delta chain.",
    ),
    option("--compression", type=click.IntRange(0, 9), section=PACKING, metavar="0-9", help="zlib level."),
)


_PACKING = (
    option(
        "--strategy",
        section=PACKING,
        metavar="NAME",
        shell_complete=completion.strategies,
        help="Delta selection strategy: one of `packcore strategies`, or FILE.py:CLASS.",
    ),
    _window(" 0 means no search."),
    *_LIMITS,
    option(
        "--no-reuse-delta",
        is_flag=True,
        section=PACKING,
        help="Search for every delta; reuse none that a pack already holds.",
    ),
    option(
        "--select-budget",
        type=SECONDS,
        section=PACKING,
        metavar="S",
        help="Stop the search after S seconds and use the best plan so far.",
    ),
    SEARCH_JOBS,
)

selection_options = group("selection", _selection, *_PACKING)


def _limits(**limits: int | None) -> Limits:
    from packcore.limits import Limits

    return Limits(**{name: value for name, value in limits.items() if value is not None})


limit_options = group("limits", _limits, _window(), *_LIMITS)


def _format_of(_: click.Context, __: click.Parameter, name: str | None) -> Any:
    from packcore.ids import FORMATS

    return FORMATS[name] if name else None


OBJECT_FORMAT = option(
    "--object-format",
    type=click.Choice(["sha1", "sha256"]),
    callback=_format_of,
    section="The pack",
    help="Object format. Default: that of the repository, else sha1.",
)


# --- output ----------------------------------------------------------------------------------------


def _console(
    json: bool = False, verbose: bool = False, quiet: bool = False, progress: bool | None = None
) -> Console:
    if verbose and quiet:
        raise click.UsageError("--verbose and --quiet exclude each other")
    console = Console(Verbosity(json, verbose, quiet, progress), Output.of_run())
    click.get_current_context().meta[CONSOLE_KEY] = console
    return console


_JSON = option("--json", is_flag=True, section=OUTPUT, help="Print one JSON object.")
_PROGRESS = option(
    "--progress/--no-progress",
    default=None,
    section=OUTPUT,
    help="Show live progress on stderr. Default: on a terminal.",
)
_VERBOSE = option("-v", "--verbose", is_flag=True, section=OUTPUT, help="Print more detail.")
_VERBOSE_PROGRESS = option(
    "-v", "--verbose", is_flag=True, section=OUTPUT, help="Show progress, on a terminal or not."
)
_QUIET = option("-q", "--quiet", is_flag=True, section=OUTPUT, help="Only print errors.")


def _progress_console(*, verbose: bool = False, progress: bool | None = None, **others: bool) -> Console:
    return _console(verbose=verbose, progress=True if verbose and progress is None else progress, **others)


def output_options(
    *, json: bool = True, progress: bool = True, verbose_is_progress: bool = False
) -> Callable[[FunctionT], FunctionT]:
    """Add -v, -q and, where they make sense, --json and --progress; the function gets `console`.

    `verbose_is_progress` is for commands whose -v shows progress off a terminal too, as with git.
    """
    verbose = _VERBOSE_PROGRESS if verbose_is_progress else _VERBOSE
    options = [_JSON] * json + [_PROGRESS] * progress + [verbose, _QUIET]
    return group("console", _progress_console if verbose_is_progress else _console, *options)


metrics_option = option(
    "--metrics",
    section=OUTPUT,
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Write numbers of this run for Prometheus (node_exporter's textfile), also if it fails. An older "
    "FILE is replaced.",
)
