"""`packcore index-pack`: check a pack, and write the index that git would write."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.arrival_checks import CHECKS, MAX_INPUT_SIZE, STRICT, ArrivalChecks, limited
from cli.command import command, group, option
from cli.git_phases import GitPhases
from cli.index_version import INDEX_VERSION, default_form
from cli.index_work import Beside, IndexTask
from cli.job_options import check_jobs
from cli.pack_argument import format_around
from cli.params import OBJECT_FORMAT, OUTPUT, output_options
from cli.values import SIZE

if TYPE_CHECKING:
    from cli.console import Console
    from cli.index_work import Indexed
    from packcore.ids import ObjectFormat
    from packcore.pack.index_write import IndexForm
    from packcore.store.repository import Repository

PACK = "The pack"


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the options say of that; None means as the repository's settings have it."""

    form: IndexForm | None
    reverse_index: bool | None
    marks: dict[str, bytes]

    def settled(self, repository: Repository | None) -> Beside:
        """Return what is written. Raises RepositoryError for a setting that can't be read."""
        from cli.reading import config_as_git

        config = config_as_git(repository)
        reverse = self.reverse_index
        if reverse is None:
            reverse = config.get_bool("pack.writeReverseIndex", default=True)
        return Beside(self.form or default_form(config), reverse, self.marks)


def _asked(
    index_version: IndexForm | None, rev_index: bool | None, keep: str | None, promisor: str | None
) -> _Asked:
    marks = {".keep": keep, ".promisor": promisor}
    lines = {
        suffix: f"{text}\n".encode() if text else b"" for suffix, text in marks.items() if text is not None
    }
    return _Asked(index_version, rev_index, lines)


_beside_options = group(
    "beside",
    _asked,
    INDEX_VERSION,
    option("--rev-index/--no-rev-index", default=None, section=OUTPUT, help="Write the .rev. Default: yes."),
    option(
        "--keep",
        bare="",
        section=OUTPUT,
        metavar="MESSAGE",
        envvar=None,
        help="Write a .keep file too, so that git gc leaves the pack alone.",
    ),
    option(
        "--promisor",
        bare="",
        section=OUTPUT,
        metavar="MESSAGE",
        envvar=None,
        help="Write a .promisor file too: in a partial clone, the pack's origin has what it refers to.",
    ),
)

_checks_options = group(
    "checks",
    lambda strict, fsck_objects, check_self_contained_and_connected: ArrivalChecks(
        strict, fsck_objects, links=check_self_contained_and_connected
    ),
    STRICT,
    option(
        "--fsck-objects",
        bare="",
        section=CHECKS,
        metavar="ID=SEVERITY,…",
        envvar=None,
        help="Refuse objects with broken content; don't check links.",
    ),
    option(
        "--check-self-contained-and-connected",
        is_flag=True,
        section=CHECKS,
        help="Refuse missing links. Exit code 1 means that the pack refers to objects outside of it.",
    ),
)


@command(
    "index-pack",
    short_help="Check a pack and write its index.",
    examples="""
        packcore index-pack x.pack
        packcore index-pack --stdin -o x.git/objects/pack < x.pack
        packcore index-pack --stdin --fix-thin --strict --repo x.git < thin.pack
    """,
)
@click.argument("file", type=click.Path(), required=False, metavar="[FILE.pack]")
@option("--stdin", "from_stdin", is_flag=True, section=PACK, help="Read the pack from stdin.", envvar=None)
@option(
    "-o",
    "--output",
    type=click.Path(),
    section=PACK,
    metavar="PATH",
    help="Write the index of FILE.pack to PATH. With --stdin alone: write the pack to folder PATH.",
)
@option(
    "--verify",
    "verified",
    flag_value="",
    section=PACK,
    envvar=None,
    help="Only check FILE.pack and the indexes beside it.",
)
@option(
    "--verify-stat",
    "verified",
    flag_value="list",
    section=PACK,
    envvar=None,
    help="The same, and list the objects as `verify-pack -v` does.",
)
@option(
    "--verify-stat-only",
    "verified",
    flag_value="chains",
    section=PACK,
    envvar=None,
    help="The same, and only show how long the delta chains are.",
)
@option("--fix-thin", is_flag=True, section=PACK, help="With --stdin: add missing bases from --repo.")
@option("--repo", type=click.Path(), section=PACK, help="The repository the pack belongs to.")
@option(
    "--memory",
    type=SIZE,
    section=PACK,
    metavar="SIZE",
    help="Keep at most this much of the delta bases in memory, e.g. 16m; others are rebuilt when needed. "
    "Default: 64m.",
)
@MAX_INPUT_SIZE
@_checks_options
@_beside_options
@OBJECT_FORMAT
@check_jobs(PACK)
@output_options(verbose_is_progress=True)
def run(
    *,
    file: str | None,
    from_stdin: bool,
    output: str | None,
    verified: str | None,
    fix_thin: bool,
    repo: str | None,
    memory: int | None,
    max_input_size: int | None,
    checks: ArrivalChecks,
    beside: _Asked,
    object_format: ObjectFormat | None,
    jobs: int | None,
    console: Console,
) -> int:
    """Check every object, delta and checksum of FILE.pack, and write FILE.idx and FILE.rev beside it.

    With --stdin, read the pack from stdin and store it in DIR (or the repository) as pack-<hash>.pack, with
    its index; or as FILE.pack, which must not exist. Print the pack's hash. If anything is wrong, write
    nothing.

    With --repo, objects that the repository has already must have the same bytes, and its receive.fsck.*
    settings say how bad each finding of --strict is.
    """
    from packcore.ids import SHA1
    from packcore.limits import Limits

    if not from_stdin and file is None:
        raise click.UsageError("give FILE.pack, or --stdin")
    if verified is not None and (from_stdin or file is None):
        raise click.UsageError("--verify checks a FILE.pack with its index, not a stream")
    if fix_thin and not from_stdin:
        raise click.UsageError("--fix-thin goes with --stdin")
    if fix_thin and repo is None:
        raise click.UsageError("--fix-thin needs --repo, which has the bases")
    with ExitStack() as stack:
        repository = _opened(repo, stack)
        known = repository.object_format if repository else file and format_around(Path(file))
        chosen = object_format or known or SHA1
        checks.check_words(chosen)
        limits = Limits() if memory is None else Limits(resolve_memory=memory, base_cache=memory)
        limits = limited(limits, max_input_size)
        reading = "Receiving objects" if from_stdin else "Indexing objects"
        names = {"reading pack": reading, "indexing": "Resolving deltas"}
        progress = GitPhases(stack.enter_context(console.progress()), names)
        task = IndexTask(
            chosen, limits, repository, checks, beside.settled(repository), jobs, progress, console
        )
        if verified is not None and file is not None:
            return task.verify(Path(file), verified)
        if file is None:
            found = task.take_in(_folder(output, repository), complete=fix_thin)
        elif from_stdin:
            found = task.take_in_as(*_named(file, output), complete=fix_thin)
        else:
            found = task.index_file(*_named(file, output))
    if console.verbosity.json:
        console.show_json(_report(found, chosen))
    else:
        word = "keep\t" if found.kept else "pack\t"
        lines = [f"{word if from_stdin else ''}{found.checksum}"]
        console.show([*lines, *(oid.hex() for oid in found.missing_gitmodules)])
    return int(checks.links and found.outside > 0)


def _report(found: Indexed, object_format: ObjectFormat) -> dict[str, object]:
    return {
        "pack": found.checksum,
        "objects": found.objects,
        "objectFormat": object_format.name,
        "kept": found.kept,
        "missingGitmodules": [oid.hex() for oid in found.missing_gitmodules],
        "outside": found.outside,
    }


def _opened(repo: str | None, stack: ExitStack) -> Repository | None:
    from cli.reading import open_as_git

    return stack.enter_context(open_as_git(repo)) if repo else None


def _folder(output: str | None, repository: Repository | None) -> Path:
    """Return where a pack from stdin goes that is named by its hash."""
    if output is None and repository is not None:
        return repository.pack_directory
    if output is None:
        raise click.UsageError("--stdin needs -o DIR or --repo, or FILE.pack")
    if output.endswith(".idx"):
        raise click.UsageError("without FILE.pack, -o names the folder of the pack, not its index")
    return Path(output)


def _named(file: str, index: str | None) -> tuple[Path, Path]:
    """Return the paths of a pack and of its index."""
    path = Path(file)
    if path.suffix != ".pack":
        raise click.UsageError(f"the name of a pack ends in .pack: {path}")
    index_path = Path(index) if index is not None else path.with_suffix(".idx")
    if index_path.suffix != ".idx":
        raise click.UsageError(f"the name of an index ends in .idx: {index_path}")
    return path, index_path
