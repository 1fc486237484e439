"""Groups of options that commands share, and the frozen values made from them.

    group                     value                                   used by
    transport_options(…)      TransportOptions for each side          sync plan probe fetch ls-refs
    scope_options             Scope: which refs                       sync plan probe fetch
    policy_options            Policy: how refs may change             sync plan
    selection_options         SelectionOptions: how packs are made    sync pack-objects repack
    output_options(…)         Console: the streams, and how much      all

A group decorates a command's function; the function gets one keyword for the group, not one for each
option, so that commands pass values on and no function has twenty parameters. Each option reads
`PACKCORE_<NAME>`, then, where git-sync has a variable for it, `GITSYNC_<NAME>`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from cli.command import option
from cli.console import Console, Verbosity
from cli.values import COMMA_LIST, HEADER, LINES, SECONDS, SIZE, is_true

if TYPE_CHECKING:
    from collections.abc import Callable

    from transport.options import TransportOptions
    from transport.sync.request import Policy, Scope, SelectionOptions

__all__ = [
    "NetworkOptions",
    "endpoint_arguments",
    "fetch_scope_options",
    "group",
    "output_options",
    "plan_policy_options",
    "policy_options",
    "probe_scope_options",
    "protocol_option",
    "scope_options",
    "selection_options",
    "transport_options",
]

FunctionT = TypeVar("FunctionT", bound="Callable[..., Any]")

REFS, CHANGES, PACKING, NETWORK, OUTPUT = (
    "Which refs",
    "How refs may change",
    "Making the pack",
    "Network",
    "Output",
)
BOTH_SIDES = "Each side (--source-…, and the same as --target-…)"
ONE_SIDE = "The source"


def group(
    keyword: str, make: Callable[..., Any], *options: Callable[[Any], Any]
) -> Callable[[FunctionT], FunctionT]:
    """Make a decorator that adds the options, and hands the function `keyword=make(**their values)`."""

    def decorate(function: FunctionT) -> FunctionT:
        known = _names_of(options)

        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            values = {name: kwargs.pop(name) for name in known}
            kwargs[keyword] = make(**values)
            return function(*args, **kwargs)

        decorated: Any = call
        for add in reversed(options):
            decorated = add(decorated)
        return decorated  # type: ignore[no-any-return]

    return decorate


def _names_of(options: tuple[Callable[[Any], Any], ...]) -> list[str]:
    """Ask click which keyword each option will hand over."""

    def nothing() -> None:
        """Carry the options."""

    for add in reversed(options):
        add(nothing)
    parameters: list[click.Parameter] = getattr(nothing, "__click_params__", [])
    return [str(parameter.name) for parameter in parameters]


# --- which refs ---------------------------------------------------------------------------------------


def _scope(
    tags: bool,
    all_refs: bool,
    exclude_ref_prefix: tuple[str, ...],
    branch: tuple[tuple[str, ...], ...] = (),
    map_: tuple[str, ...] = (),
) -> Scope:
    from transport.sync.request import RefMapping, Scope

    branches = tuple(dict.fromkeys(name for names in branch for name in names))
    if all_refs and branches:
        raise click.UsageError("--all-refs and --branch exclude each other")
    if map_ and branches:
        raise click.UsageError("--map and --branch exclude each other; map the other branches to themselves")
    mappings = tuple(RefMapping.parse(text) for text in map_)
    return Scope(branches, tags, all_refs, mappings, exclude_ref_prefix)


_BRANCH = option(
    "--branch",
    type=COMMA_LIST,
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
    help="Source ref to target ref, short names for branches; repeatable.",
)
_EXCLUDE = option(
    "--exclude-ref-prefix",
    multiple=True,
    section=REFS,
    metavar="PREFIX",
    help="Leave these out on both sides, e.g. refs/pull/; repeatable.",
)

scope_options = group("scope", _scope, _BRANCH, _TAGS, _ALL_REFS, _MAP, _EXCLUDE)
fetch_scope_options = group("scope", _scope, _BRANCH, _TAGS, _ALL_REFS, _EXCLUDE)
probe_scope_options = group("scope", _scope, _TAGS, _ALL_REFS, _EXCLUDE)


# --- how refs may change ------------------------------------------------------------------------------


def _policy(
    prune: bool,
    force_with_lease: bool,
    force_blind: bool,
    atomic: bool = False,
    push_option: tuple[str, ...] = (),
) -> Policy:
    from transport.sync.request import Policy

    if force_with_lease and force_blind:
        typed = [name for name in ("force_with_lease", "force_blind") if _was_typed(name)]
        if len(typed) != 1:
            raise click.UsageError("--force-with-lease and --force-blind exclude each other")
        # What was typed outranks the environment.
        force_with_lease, force_blind = typed == ["force_with_lease"], typed == ["force_blind"]
    return Policy(prune, force_with_lease, force_blind, atomic, push_options=push_option)


def _was_typed(name: str) -> bool:
    return click.get_current_context().get_parameter_source(name) is ParameterSource.COMMANDLINE


_PRUNE = option(
    "--prune",
    is_flag=True,
    section=CHANGES,
    help="Delete target refs in scope that the source no longer has.",
)
_LEASE = option(
    "--force-with-lease",
    is_flag=True,
    section=CHANGES,
    help="Allow non-fast-forwards and moved tags, if the target is still as seen at the start.",
)
_BLIND = option("--force-blind", is_flag=True, section=CHANGES, help="Allow them whatever the target is now.")
_ATOMIC = option("--atomic", is_flag=True, section=CHANGES, help="All refs or none, if the target can.")
_PUSH_OPTION = option(
    "--push-option",
    type=LINES,
    multiple=True,
    section=CHANGES,
    metavar="TEXT",
    help="Hand this to the target's hooks; repeatable.",
)

policy_options = group("policy", _policy, _PRUNE, _LEASE, _BLIND, _ATOMIC, _PUSH_OPTION)
plan_policy_options = group("policy", _policy, _PRUNE, _LEASE, _BLIND)


# --- making the pack ----------------------------------------------------------------------------------


def _selection(
    no_reuse_delta: bool = False, strategy: str | None = None, **limits: int | None
) -> SelectionOptions:
    from packcore.limits import Limits
    from packcore.registry import get_strategy
    from transport.sync.request import SelectionOptions

    chosen = Limits(**{name: value for name, value in limits.items() if value is not None})
    if strategy is None:
        return SelectionOptions(limits=chosen, reuse_deltas=not no_reuse_delta)
    get_strategy(strategy)  # an unknown name ends here, before any work
    return SelectionOptions(strategy, chosen, not no_reuse_delta)


_PACKING = (
    option("--strategy", section=PACKING, metavar="NAME", help="Delta selection; see `packcore strategies`."),
    option(
        "--window",
        type=click.IntRange(0, 10_000),
        section=PACKING,
        metavar="N",
        help="Objects that each one is compared with, where the strategy compares.",
    ),
    option(
        "--window-memory",
        type=SIZE,
        section=PACKING,
        metavar="SIZE",
        help="Memory for the search, e.g. 64m or 1g.",
    ),
    option(
        "--depth", type=click.IntRange(0, 4095), section=PACKING, metavar="N", help="Longest delta chain."
    ),
    option("--compression", type=click.IntRange(0, 9), section=PACKING, metavar="0-9", help="zlib level."),
    option("--no-reuse-delta", is_flag=True, section=PACKING, help="Search every delta anew."),
)

selection_options = group("selection", _selection, *_PACKING)


# --- both sides ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NetworkOptions:
    """One value for each side; `target` is None for commands that have none."""

    source: TransportOptions
    target: TransportOptions


def _side_options(side: str, twins: bool) -> list[Callable[[Any], Any]]:
    """Return the eight options of one side; the target's are listed together with the source's."""
    section = BOTH_SIDES if twins else ONE_SIDE

    def side_option(name: str, **settings: Any) -> Callable[[Any], Any]:
        variable = f"GITSYNC_{side}_{name}".upper().replace("-", "_")
        if settings.pop("in_git_sync", True):
            settings["gitsync"] = (variable,)
        if side == "target":
            settings["twin_of"] = f"--source-{name}"
        names = settings.pop("names", (f"--{side}-{name}",))
        return option(*names, section=section, **settings)

    return [
        side_option("token", metavar="TEXT", help="Token or password of basic authentication."),
        side_option("username", metavar="NAME", help="Its user name."),
        side_option("bearer-token", metavar="TEXT", help="Send this as a bearer token instead."),
        side_option(
            "header",
            type=HEADER,
            multiple=True,
            metavar="'NAME: VALUE'",
            in_git_sync=False,
            help="Send this header too; repeatable.",
        ),
        side_option(
            "ca-bundle",
            type=click.Path(),
            metavar="FILE",
            in_git_sync=False,
            help="Trust these certificates.",
        ),
        side_option("insecure-skip-tls-verify", is_flag=True, help="Trust any certificate."),
        side_option(
            "follow-info-refs-redirect",
            names=(f"--{side}-follow-info-refs-redirect/--{side}-no-follow-info-refs-redirect",),
            default=True,
            help=f"Go on where the first request is sent (default; --{side}-no-… turns it off).",
        ),
    ]


_NETWORK = (
    option(
        "--connect-timeout", type=SECONDS, default=30.0, section=NETWORK, metavar="S", help="Default: 30."
    ),
    option(
        "--idle-timeout",
        type=SECONDS,
        default=120.0,
        section=NETWORK,
        metavar="S",
        help="Give up after so long without a byte either way. Default: 120.",
    ),
    option(
        "--retries",
        type=click.IntRange(0, 100),
        default=0,
        section=NETWORK,
        metavar="N",
        help="Repeat a failed first request this often. Default: 0.",
    ),
    option(
        "--allow-insecure-auth",
        is_flag=True,
        section=NETWORK,
        help="Send credentials over plain http to other machines.",
    ),
)

protocol_option = option(
    "--protocol",
    type=click.Choice(["auto", "v0", "v1", "v2"]),
    default="auto",
    section=NETWORK,
    gitsync=("GITSYNC_PROTOCOL",),
    help="Protocol version with the source. Default: auto.",
)


def transport_options(*, target: bool) -> Callable[[FunctionT], FunctionT]:
    """Add authentication, TLS and patience of the source, and of the target where there is one."""
    sides = _side_options("source", target) + (_side_options("target", True) if target else [])
    return group("network", _network, *sides, *_NETWORK)


def _network(**values: Any) -> NetworkOptions:
    shared = {
        name: values[name] for name in ("connect_timeout", "idle_timeout", "retries", "allow_insecure_auth")
    }
    target = _side("target", values, shared) if "target_token" in values else _side("source", values, shared)
    return NetworkOptions(_side("source", values, shared), target)


def _side(side: str, values: dict[str, Any], shared: dict[str, Any]) -> TransportOptions:
    from transport.options import TransportOptions

    return TransportOptions(
        token=values[f"{side}_token"],
        username=values[f"{side}_username"],
        bearer_token=values[f"{side}_bearer_token"],
        headers=tuple(values[f"{side}_header"]),
        ca_bundle=values[f"{side}_ca_bundle"],
        insecure_skip_tls_verify=values[f"{side}_insecure_skip_tls_verify"],
        follow_redirects=values[f"{side}_follow_info_refs_redirect"],
        environment=os.environ,
        trace=_trace_of(side),
        **shared,
    )


def _trace_of(side: str) -> Callable[[str], None] | None:
    """Return where the life of requests is told, if PACKCORE_HTTP_TRACE or GITSYNC_HTTP_TRACE ask for it."""
    wanted = os.environ.get("PACKCORE_HTTP_TRACE") or os.environ.get("GITSYNC_HTTP_TRACE")
    if not is_true(wanted):
        return None
    context = click.get_current_context()

    def trace(line: str) -> None:
        console = context.meta.get(CONSOLE_KEY)
        text = f"[http {side}] {line}"
        if isinstance(console, Console):
            console.trace(text)
        else:
            click.echo(text, err=True)

    return trace


# --- endpoints ----------------------------------------------------------------------------------------


def endpoint_arguments(*, target: bool | None) -> Callable[[FunctionT], FunctionT]:
    """Add SOURCE, and TARGET (None: optional) - as arguments, or as git-sync's --source-url, --target-url."""

    def decorate(function: FunctionT) -> FunctionT:
        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            words = list(kwargs.pop("endpoints"))
            named = [kwargs.pop("source_url"), kwargs.pop("target_url", None)]
            wanted = ["SOURCE"] if target is False else ["SOURCE", "TARGET"]
            for index in range(len(wanted)):
                if named[index] is None and words:
                    named[index] = words.pop(0)
            if words:
                raise click.UsageError(f"too many arguments: {' and '.join(wanted)} are already given")
            missing = [name for name, value in zip(wanted, named, strict=False) if value is None]
            if missing and not (target is None and missing == ["TARGET"]):
                raise click.UsageError(f"missing argument {missing[0]}")
            kwargs["source"] = named[0]
            if target is not False:
                kwargs["target"] = named[1]
            return function(*args, **kwargs)

        shown = "SOURCE" if target is False else "SOURCE TARGET" if target else "SOURCE [TARGET]"
        decorated: Any = option("--source-url", hidden=True, gitsync=())(call)
        if target is not False:
            decorated = option("--target-url", hidden=True, gitsync=())(decorated)
        return click.argument("endpoints", nargs=-1, metavar=shown)(decorated)  # type: ignore[no-any-return]

    return decorate


def _format_of(_: click.Context, __: click.Parameter, name: str | None) -> Any:
    from packcore.ids import FORMATS

    return FORMATS[name] if name else None


OBJECT_FORMAT = option(
    "--object-format",
    type=click.Choice(["sha1", "sha256"]),
    callback=_format_of,
    section="The pack",
    help="How its objects are named. Default: as in --repo, else sha1.",
)


# --- output -------------------------------------------------------------------------------------------

CONSOLE_KEY = "cli.console"


def _console(
    json: bool = False, verbose: bool = False, quiet: bool = False, progress: bool | None = None
) -> Console:
    if verbose and quiet:
        raise click.UsageError("--verbose and --quiet exclude each other")
    console = Console(Verbosity(json, verbose, quiet, progress))
    click.get_current_context().meta[CONSOLE_KEY] = console
    return console


_JSON = option("--json", is_flag=True, section=OUTPUT, help="Print one JSON object.")
_PROGRESS = option(
    "--progress/--no-progress",
    default=None,
    section=OUTPUT,
    help="Live line on stderr. Default: on a terminal.",
)
_VERBOSE = option("-v", "--verbose", is_flag=True, section=OUTPUT, help="Tell more.")
_QUIET = option("-q", "--quiet", is_flag=True, section=OUTPUT, help="Tell nothing but errors.")


def output_options(*, json: bool = True, progress: bool = True) -> Callable[[FunctionT], FunctionT]:
    """Add -v, -q and, where they make sense, --json and --progress; the function gets `console`."""
    options = [_JSON] * json + [_PROGRESS] * progress + [_VERBOSE, _QUIET]
    return group("console", _console, *options)
