"""`packcore fsck`: is a repository whole? In the words of `git fsck`, and with its options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.command import command, option
from cli.job_options import check_jobs
from cli.params import output_options

if TYPE_CHECKING:
    from cli.console import Console
    from packcore.ids import ObjectId
    from packcore.store.repository import Repository

BAD_DATA = 3

_TO_STDOUT = frozenset({"broken link", "missing", "dangling", "unreachable", "root", "tagged"})
"""Kinds of findings that are git's result; the others it tells on stderr, as errors and notices are."""
_WHAT = "What to check"
_SHOW = "What to report"


@command("fsck", short_help="Check every object, link and ref of a repository.")
@click.argument("repo", type=click.Path())
@click.argument("heads", metavar="[OBJECT]...", nargs=-1)
@option("--strict", is_flag=True, section=_WHAT, help="Treat warnings as errors.")
@option(
    "--full/--no-full",
    default=True,
    section=_WHAT,
    help="Check packs too, or only loose objects. Default: packs too.",
)
@option(
    "--connectivity-only",
    is_flag=True,
    section=_WHAT,
    help="Only check that nothing in use is missing, without reading blobs.",
)
@option(
    "--reflogs/--no-reflogs",
    default=True,
    section=_WHAT,
    help="Count what reflogs name as in use. Default: yes.",
)
@option(
    "--references/--no-references",
    default=False,
    section=_WHAT,
    help="Check how refs are written down, too, as git 2.50 does. Default: no.",
)
@option(
    "--cache",
    "index",
    is_flag=True,
    section=_WHAT,
    help="Count what the index names as in use, even if OBJECTs are given.",
)
@option(
    "--dangling/--no-dangling",
    default=True,
    section=_SHOW,
    help="Report objects that nothing refers to. Default: yes.",
)
@option(
    "--unreachable",
    is_flag=True,
    section=_SHOW,
    help="Report all objects that nothing in use leads to.",
)
@option("--root", is_flag=True, section=_SHOW, help="Report commits without parents.")
@option("--tags", is_flag=True, section=_SHOW, help="Report what each tag names.")
@option(
    "--name-objects",
    is_flag=True,
    section=_SHOW,
    help="Say how a reachable object is reached, such as HEAD~2:docs/.",
)
@option(
    "--lost-found",
    is_flag=True,
    section=_SHOW,
    help="Write dangling objects into lost-found/ in the git directory. Ignores reflogs.",
)
@check_jobs(_WHAT)
@output_options()
def run(
    *,
    repo: str,
    heads: tuple[str, ...],
    lost_found: bool,
    jobs: int | None,
    console: Console,
    **options: Any,
) -> int:
    """Check that every object of REPO matches its id, and that none is missing.

    With OBJECTs, these are what is in use, instead of refs, HEADs, reflogs and the index. The repository's
    settings fsck.<msg-id> and fsck.skipList hold. Exit code 3 means that something is broken. Dangling and
    unreachable objects are no error.
    """
    from cli.reading import open_as_git
    from packcore.checks.fsck import FsckOptions, check_repository
    from packcore.checks.lost_found import keep_lost
    from transport.safe_text import one_line

    if lost_found:
        options |= {"full": True, "reflogs": False}
    errors = 0
    shown = []
    with open_as_git(repo) as repository, console.progress() as progress:
        named = tuple((text, _head(repository, text)) for text in heads)
        chosen = FsckOptions(heads=named, **options)
        for finding in check_repository(repository, chosen, jobs=jobs, progress=progress):
            errors += finding.is_error
            if lost_found and finding.kind == "dangling" and finding.oid is not None:
                keep_lost(repository, finding.oid)
            if console.verbosity.json:
                oid = finding.oid.hex() if finding.oid else None
                shown.append(
                    {"kind": finding.kind, "error": finding.is_error, "oid": oid, "text": finding.text}
                )
            elif finding.kind in _TO_STDOUT:
                console.show(_safe_lines(finding.text))
            elif finding.kind == "notice":
                console.tell(one_line(finding.text))
            else:
                console.tell_error(one_line(finding.text))
    if console.verbosity.json:
        console.show_json({"ok": not errors, "errors": errors, "findings": shown})
    return BAD_DATA if errors else 0


def _head(repository: Repository, text: str) -> ObjectId | None:
    """Return the object that a text names, whether or not it is here; None if it names none."""
    from packcore.errors import CorruptData, UnknownRevision
    from packcore.revision import resolve_revision

    try:
        return resolve_revision(repository, text)
    except (UnknownRevision, CorruptData):
        try:
            return repository.object_format.from_hex(text)
        except ValueError:
            return None


def _safe_lines(text: str) -> list[str]:
    from transport.safe_text import sanitise

    return sanitise(text).splitlines()
