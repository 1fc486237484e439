"""The options of `packcore rev-list`, and what they ask of the engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import click

from cli.command import group, option
from cli.object_filters import combined_filter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from packcore.rev_list import Listing
    from packcore.store.repository import Repository

__all__ = ["RevListOptions", "ref_options", "rev_list_options"]

START = "Where to start"
COMMITS = "Which commits"
WHAT = "What to list"
OBJECTS = "Which objects"


@dataclass(frozen=True, slots=True)
class RevListOptions:
    """The values of the options, by their names."""

    stdin: bool
    max_count: int | None
    skip: int
    since: str | None
    until: str | None
    max_age: int | None
    min_age: int | None
    first_parent: bool
    no_walk: Literal["sorted", "unsorted"] | None
    reverse: bool
    order: Literal["topo", "date"] | None
    objects: bool
    objects_edge: bool
    objects_edge_aggressive: bool
    in_commit_order: bool
    object_names: bool
    parents: bool
    boundary: bool
    header: bool
    count: bool
    disk_usage: Literal["bytes", "human"] | None
    use_bitmap_index: bool
    test_bitmap: bool
    filters: tuple[str, ...]
    no_filter: bool
    filter_provided_objects: bool
    filter_print_omitted: bool
    missing: Literal["error", "print", "allow-any", "allow-promisor"]

    def listing(self, repository: Repository, paths: Sequence[str]) -> Listing:
        """Return what is to be listed. Raises UsageError, InvalidFilter, UnknownRevision."""
        from packcore.pathspec import Pathspec
        from packcore.rev_list import Listing

        objects = self.objects or self.objects_edge or self.objects_edge_aggressive or self.in_commit_order
        if self.filters and not objects:
            raise click.UsageError("--filter needs --objects")
        edges: Literal["parents", "all"] | None = "parents" if self.objects_edge else None
        return Listing(
            objects=objects,
            parents=self.parents,
            boundary=self.boundary,
            max_count=self.max_count if (self.max_count or 0) >= 0 else None,
            skip=self.skip,
            reverse=self.reverse,
            order=self.order,
            no_walk=self.no_walk,
            first_parent=self.first_parent,
            since=_date(self.since, self.max_age),
            until=_date(self.until, self.min_age),
            paths=Pathspec.parse(paths) if paths else None,
            filter=combined_filter(repository, self.filters) if self.filters and not self.no_filter else None,
            filter_given=self.filter_provided_objects,
            omitted=self.filter_print_omitted,
            missing=self.missing,
            in_commit_order=self.in_commit_order,
            edges="all" if self.objects_edge_aggressive else edges,
        )


def _date(text: str | None, seconds: int | None) -> int | None:
    if text is None:
        return seconds
    from cli.dates import parse_date

    return parse_date(text)


def _ref_option(name: str, help_text: str, **settings: Any) -> Callable[[Any], Any]:
    return option(
        name, section=START, help=help_text, envvar=None, expose_value=False, in_order=True, **settings
    )


def _flag(name: str, section: str, help_text: str) -> Callable[[Any], Any]:
    return option(name, is_flag=True, section=section, help=help_text, envvar=None)


_REF_OPTIONS = (
    _ref_option("--all", "Every ref, and HEAD.", is_flag=True),
    _ref_option("--branches", "All branches, or those that GLOB fits.", bare="", metavar="GLOB"),
    _ref_option("--tags", "The same for tags.", bare="", metavar="GLOB"),
    _ref_option("--remotes", "The same for refs/remotes/.", bare="", metavar="GLOB"),
    _ref_option("--glob", "All refs that GLOB fits, in refs/ if it doesn't say so.", metavar="GLOB"),
    _ref_option("--exclude", "Leave refs out of the next of these options.", metavar="GLOB"),
    _ref_option("--indexed-objects", "What the index of a work tree names.", is_flag=True),
    _ref_option("--not", "From here on, REV means ^REV.", is_flag=True),
    _ref_option("--end-of-options", "From here on, every word is a REV.", is_flag=True),
)


def ref_options(function: Any) -> Any:
    """Add the options that choose refs: they stay in order among the arguments."""
    for add in reversed(_REF_OPTIONS):
        function = add(function)
    return function


def rev_list_options() -> Callable[[Any], Any]:
    """Add the other options; the function gets `options`."""
    return group(
        "options",
        RevListOptions,
        _flag("--stdin", START, "Read more revisions from stdin, one a line; after `--`, paths."),
        option(
            "-n",
            "--max-count",
            type=int,
            is_count=True,
            metavar="N",
            section=COMMITS,
            help="At most N; also -N.",
            envvar=None,
        ),
        option(
            "--skip",
            type=click.IntRange(min=0),
            default=0,
            section=COMMITS,
            help="Not the first N.",
            envvar=None,
        ),
        option(
            "--since", "--after", metavar="DATE", section=COMMITS, help="Not those before DATE.", envvar=None
        ),
        option(
            "--until", "--before", metavar="DATE", section=COMMITS, help="Not those after DATE.", envvar=None
        ),
        option(
            "--max-age",
            type=int,
            metavar="SECONDS",
            section=COMMITS,
            help="--since, since 1970.",
            envvar=None,
        ),
        option(
            "--min-age",
            type=int,
            metavar="SECONDS",
            section=COMMITS,
            help="--until, since 1970.",
            envvar=None,
        ),
        _flag("--first-parent", COMMITS, "Follow only the first parent of each."),
        option(
            "--no-walk",
            bare="sorted",
            type=click.Choice(["sorted", "unsorted"]),
            metavar="ORDER",
            section=COMMITS,
            help="Only those that are given; `sorted` by date, or `unsorted`.",
            envvar=None,
        ),
        option(
            "--topo-order",
            "order",
            flag_value="topo",
            section=COMMITS,
            help="None before its children, and lines of history together.",
            envvar=None,
        ),
        option(
            "--date-order",
            "order",
            flag_value="date",
            section=COMMITS,
            help="None before its children, otherwise by date.",
            envvar=None,
        ),
        _flag("--reverse", COMMITS, "The last ones first."),
        option(
            "--objects", is_flag=True, section=WHAT, help="List trees, blobs and tags too, with their paths."
        ),
        _flag(
            "--objects-edge", WHAT, "Before these, the excluded parents of listed commits, marked with `-`."
        ),
        _flag("--objects-edge-aggressive", WHAT, "The same, and the commits that are excluded by name."),
        _flag("--in-commit-order", WHAT, "List the objects of each commit after it."),
        option(
            "--object-names/--no-object-names",
            default=True,
            section=WHAT,
            help="With paths (default).",
            envvar=None,
        ),
        _flag("--parents", WHAT, "Print the parents of each commit."),
        _flag("--boundary", WHAT, "After the commits, list parents that were left out, marked with `-`."),
        _flag("--header", WHAT, "Print each commit's header and message, too, up to a NUL."),
        option("--count", is_flag=True, section=WHAT, help="Only print how many there are."),
        option(
            "--disk-usage",
            bare="bytes",
            type=click.Choice(["bytes", "human"]),
            metavar="human",
            section=WHAT,
            help="Only print how many bytes they take here.",
            envvar=None,
        ),
        _flag(
            "--use-bitmap-index",
            WHAT,
            "Count by bitmaps: exact, where a walk may count what both sides have.",
        ),
        _flag("--test-bitmap", WHAT, "Only check that the bitmap of a commit has what a walk finds."),
        option(
            "--filter",
            "filters",
            multiple=True,
            metavar="SPEC",
            section=OBJECTS,
            help="As for clones.",
            envvar=None,
        ),
        _flag("--no-filter", OBJECTS, "Take back --filter."),
        _flag("--filter-provided-objects", OBJECTS, "Filter what is given by name, too."),
        _flag("--filter-print-omitted", OBJECTS, "Print what the filter leaves out, marked with `~`."),
        option(
            "--missing",
            type=click.Choice(["error", "print", "allow-any", "allow-promisor"]),
            default="error",
            section=OBJECTS,
            help="What isn't here ends the run (default), is printed with `?`, or is skipped.",
            envvar=None,
        ),
    )
