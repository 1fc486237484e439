"""`packcore bench`: delta selection strategies, and other programs, on the same objects."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.command import command, option
from cli.job_options import jobs_options
from cli.params import OUTPUT, limit_options, output_options
from cli.values import COMMA_LIST, SECONDS

if TYPE_CHECKING:
    from cli.bench.values import Comparison, Contender
    from cli.console import Console
    from packcore.limits import Limits

WHO = "Who packs"
RUNS = "Runs"


@command(
    "bench",
    short_help="Compare delta selection strategies, and other programs, on the same objects.",
    examples="""
        packcore bench x.git
        packcore bench x.git --strategy chunk-window --against git,pygit2 --repeat 3
        packcore bench x.git y.git --strategy chunk-window,git-window --html bench.html --json bench.json
    """,
)
@click.argument("repos", metavar="REPO…", nargs=-1, required=True, type=click.Path())
@option(
    "--strategy",
    type=COMMA_LIST,
    multiple=True,
    section=WHO,
    metavar="A[,B…]",
    help="Strategies to run; may have parameters: git-window:names=0. Default: all.",
)
@option(
    "--against",
    type=COMMA_LIST,
    multiple=True,
    section=WHO,
    metavar="A[,B…]",
    help="Other programs to compare with: git, dulwich, pygit2. They run first.",
)
@option(
    "--objects",
    "given",
    type=click.Path(),
    section="What to pack",
    metavar="FILE",
    help="Only the objects listed in FILE, as `git rev-list --objects` prints them. Default: all that "
    "refs reach.",
)
@option(
    "--repeat",
    type=click.IntRange(1, 1000),
    default=1,
    section=RUNS,
    metavar="N",
    help="Run each N times, in turns, and report medians. Default: 1.",
)
@option(
    "--time-limit",
    type=SECONDS,
    default=600.0,
    section=RUNS,
    metavar="S",
    help="Give up on a run after S seconds. Default: 600.",
)
@option(
    "--seed",
    type=click.IntRange(0, 2**32),
    default=1,
    section=RUNS,
    metavar="N",
    help="Seed of the random reading order. Default: 1.",
)
@limit_options
@jobs_options
@option(
    "--json",
    "json_file",
    type=click.Path(),
    section=OUTPUT,
    metavar="FILE",
    help="Write a JSON report; - means stdout.",
)
@option(
    "--html",
    "html_file",
    type=click.Path(),
    section=OUTPUT,
    metavar="FILE",
    help="Write an HTML page with plots.",
)
@output_options(json=False)
def run(
    *,
    repos: tuple[str, ...],
    strategy: tuple[tuple[str, ...], ...],
    against: tuple[tuple[str, ...], ...],
    given: str | None,
    repeat: int,
    time_limit: float,
    seed: int,
    limits: Limits,
    jobs: int,
    json_file: str | None,
    html_file: str | None,
    console: Console,
) -> int | None:
    """Pack all objects that REPO's refs reach with each strategy, and print a table.

    No delta is reused from the packs of REPO: each strategy searches for all of them, in its own process,
    or in --jobs processes (threads, for other programs that have them). Each pack is read back and checked
    before its row is printed, by git too if it is installed. RATIO compares pack bytes with the first row;
    MEAN and MAX are delta chain lengths; SELECT and WRITE are elapsed time; CPU is user time of the whole
    run; MEMORY is the peak of its largest process; READ is the time to inflate every object in pack order,
    RANDOM in random order; REGRET is how much larger the pack is than the oracle's, if `oracle` ran. With
    -v a second table shows where the bytes went, by object type.
    """
    from cli.bench.runner import compare
    from cli.bench.values import Settings
    from cli.render.bench_table import comparison_lines, type_lines

    if given and len(repos) > 1:
        raise click.UsageError("--objects is for one REPO")
    contenders = _contenders(_flat(strategy), _flat(against))
    settings = Settings(limits, repeat, time_limit, seed, jobs)
    comparisons: list[Comparison] = []
    with console.progress() as progress:
        for repo in repos:
            comparison = compare(repo, contenders, settings, given=given, progress=progress)
            if json_file != "-":
                console.show(
                    ("", *comparison_lines(comparison)) if comparisons else comparison_lines(comparison)
                )
                if console.verbosity.verbose:
                    console.show(type_lines(comparison))
            comparisons.append(comparison)
    _write_reports(comparisons, json_file, html_file, console)
    return 1 if any(row.is_wrong for comparison in comparisons for row in comparison.rows) else None


def _flat(lists: tuple[tuple[str, ...], ...]) -> list[str]:
    return list(dict.fromkeys(name for names in lists for name in names))


def _contenders(names: list[str], peers: list[str]) -> list[Contender]:
    """Return all contenders, peers first. An unknown name ends here, before any work."""
    from cli.bench.spelling import spelt_strategy
    from cli.bench.values import PEERS, Contender
    from packcore.search.registry import strategies

    for peer in peers:
        if peer not in PEERS:
            raise click.BadParameter(f"no program {peer!r} to be held against; there are: {', '.join(PEERS)}")
    for name in names:
        spelt_strategy(name)
    return [
        *(Contender(name, is_peer=True) for name in peers),
        *(Contender(name) for name in names or strategies()),
    ]


def _write_reports(
    comparisons: list[Comparison], json_file: str | None, html_file: str | None, console: Console
) -> None:
    from cli.files import AtomicFiles
    from cli.render.bench_html import page

    report = {"repositories": [comparison.as_json() for comparison in comparisons]}
    if json_file == "-":
        console.show_json(report)
    with AtomicFiles() as files:
        if json_file not in {None, "-"}:
            files.open(Path(json_file or "")).write(console.output.json_bytes(report))
        if html_file:
            files.open(Path(html_file)).write(page(comparisons).encode())
