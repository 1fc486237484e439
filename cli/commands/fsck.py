"""`packcore fsck`: is a repository whole? In the words of `git fsck`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.command import command, option
from cli.params import output_options

if TYPE_CHECKING:
    from cli.console import Console

BAD_DATA = 3

_TO_STDERR = frozenset({"object", "unreadable", "ref"})
"""Kinds of findings that git tells on stderr; missing and dangling objects are its result."""


@command("fsck", short_help="Check every object, link and ref of a repository.")
@click.argument("repo", type=click.Path())
@option("--strict", is_flag=True, section="What to check", help="Treat warnings as errors.")
@option(
    "--dangling/--no-dangling",
    default=True,
    section="What to check",
    help="Report objects that nothing refers to. Default: yes.",
)
@output_options()
def run(*, repo: str, strict: bool, dangling: bool, console: Console) -> int:
    """Check that every object of REPO matches its id, and that none is missing.

    Exit code 3 means that something is broken. Dangling objects are no error.
    """
    from packcore import open_repository
    from packcore.checks.fsck import check_repository
    from transport.safe_text import one_line

    errors = 0
    shown = []
    with open_repository(repo) as repository, console.progress() as progress:
        for finding in check_repository(repository, strict=strict, dangling=dangling, progress=progress):
            errors += finding.is_error
            if console.verbosity.json:
                oid = finding.oid.hex() if finding.oid else None
                shown.append(
                    {"kind": finding.kind, "error": finding.is_error, "oid": oid, "text": finding.text}
                )
            elif finding.kind in _TO_STDERR:
                console.tell_error(one_line(finding.text))
            else:
                console.show(_safe_lines(finding.text))
    if console.verbosity.json:
        console.show_json({"ok": not errors, "errors": errors, "findings": shown})
    return BAD_DATA if errors else 0


def _safe_lines(text: str) -> list[str]:
    from transport.safe_text import sanitise

    return sanitise(text).splitlines()
