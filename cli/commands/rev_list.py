"""`packcore rev-list`: commits, and with --objects all that they hold, as `git rev-list` lists them."""

from __future__ import annotations

from binascii import hexlify
from itertools import chain
from typing import TYPE_CHECKING

import click

from cli.command import arguments_in_order, command
from cli.exits import OK
from cli.params import output_options
from cli.reading import open_for_reading, replace_option
from cli.rev_list_options import ref_options, rev_list_options
from cli.streams import binary_input, raw_output

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cli.console import Console
    from cli.rev_list_options import RevListOptions
    from packcore.progress import Progress
    from packcore.rev_list import Listing, RevList
    from packcore.revision_set import RevisionSet
    from packcore.store.repository import Repository
    from packcore.tree_path import TreePath

_KEPT_NAMES_MAX = 1 << 14
_KEPT_NAME_BYTES_MAX = 512


@command(
    "rev-list",
    short_help="List commits, or all objects, that revisions reach.",
    examples="""
        packcore rev-list x.git main ^v1.0
        packcore rev-list x.git -n 3 --first-parent main -- src
        packcore rev-list x.git --objects --all | packcore pack-objects x.git -o all.pack
        packcore rev-list x.git --objects --filter=blob:limit=1m --missing=print --all
        packcore rev-list x.git --branches --not --tags
    """,
)
@click.argument("repo", type=click.Path())
@click.argument("words", nargs=-1, metavar="REV… [-- PATH…]")
@ref_options
@rev_list_options()
@replace_option
@output_options(json=False)
def run(
    *, repo: str, words: tuple[str, ...], options: RevListOptions, no_replace: bool, console: Console
) -> int:
    """List what the revisions of REPO reach, newest first.

    `^a` leaves out what a reaches; `a..b` is `^a b`; `a...b` is what only one of the two reaches. With
    paths, only commits that change something there are listed, and only objects that lie there. Without
    `--`, the first word that is a path and no revision begins the paths. SPEC is
    blob:none, blob:limit=N, tree:N, object:type=T, sparse:oid=REV:PATH or combine:F+G.

    Exit code 1 means that --all and its like met refs that can't be read. They are named on stderr.
    """
    from cli.unreadable_refs import report_unreadable
    from packcore.revision_set import parse_revisions

    arguments, after_dashes = arguments_in_order(words)
    paths = after_dashes or []
    if options.stdin:
        _add_stdin(arguments, paths)
    elif not arguments:
        raise click.UsageError("missing argument REV (or --all)")
    with open_for_reading(repo, no_replace=no_replace) as repository, console.progress() as progress:
        may_have_paths = after_dashes is None and not options.stdin
        chosen = parse_revisions(repository, arguments, paths=paths if may_have_paths else None)
        if options.test_bitmap:
            _test_bitmaps(repository, chosen, progress)
            return OK
        listing = options.listing(repository, paths)
        if options.use_bitmap_index and (prepared := repository.prepared()) is not None:
            prepared.bitmap  # noqa: B018 -- one that can't be used is told, even if this list needs none
        lines = _lines(repository, chosen, listing, options, progress, quiet=console.verbosity.quiet)
        for fault in repository.shortcuts.faults:
            progress.message("left aside", fault)
        if options.header:
            output = raw_output()
            for line in lines:
                output.write(line if line.endswith(b"\0") else line + b"\n")
            output.flush()
        else:
            console.show_exact(lines)
    return report_unreadable({fault.ref: fault.reason for fault in chosen.unreadable}, console)


def _add_stdin(arguments: list[str], paths: list[str]) -> None:
    """Add the revisions of stdin up to an empty line or `--`, and the paths that follow that."""
    if arguments.count("--not") % 2:
        arguments.append("--not")  # one on the command line says nothing about what stdin names
    lines = [line.decode("utf-8", "surrogateescape") for line in binary_input().read().splitlines()]
    for number, line in enumerate(lines):
        if not line:
            return
        if line == "--":
            paths += lines[number + 1 :]
            return
        arguments.append(line)


def _test_bitmaps(repository: Repository, chosen: RevisionSet, progress: Progress) -> None:
    """Compare the bitmap of each commit with a walk. Raises CorruptData, RepositoryError."""
    from packcore.rev_list import check_bitmap

    for commit in chosen.wants:
        count = check_bitmap(repository, commit, progress=progress)
        progress.message("bitmap", f"{commit.hex()}: its {count} objects are those that a walk finds")


def _lines(
    repository: Repository,
    chosen: RevisionSet,
    listing: Listing,
    options: RevListOptions,
    progress: Progress,
    *,
    quiet: bool,
) -> Iterable[bytes]:
    """List, and return what is to be printed; `quiet`: only what is left out or missing."""
    from packcore.rev_list import Listing, list_revisions, listed_by_bitmaps

    is_exact = not chosen.haves  # with haves, a walk lists some objects that these reach, too, as git's does
    if listing == Listing(objects=True) and (options.use_bitmap_index or (options.count and is_exact)):
        oids = listed_by_bitmaps(repository, chosen)
        if oids is not None and options.count:
            return [b"%d" % len(oids)]
        if oids is not None and options.disk_usage is None:
            return () if quiet else (oid.hex().encode() for oid in oids)
    found = list_revisions(repository, chosen, listing, progress=progress)
    if options.count:
        return [b"%d" % len(found.items)]
    if options.disk_usage is not None:
        total = sum(repository.stored_size(each.oid) for each in found.items)
        return [b"%d" % total if options.disk_usage == "bytes" else _readable(total)]
    return chain(() if quiet else _listed(repository, found, options), _not_listed(found, options))


def _listed(repository: Repository, found: RevList, options: RevListOptions) -> Iterator[bytes]:
    """Yield a line for each, without its end; with --header those of commits end in a NUL."""
    from cli.render.commit_headers import commit_record

    for oid in found.edges:
        yield b"-" + oid.hex().encode()
    names = _NamesBehind()
    for oid, where in found.items:
        line = hexlify(oid)
        if oid in found.boundary:
            line = b"-" + line
        if where is not None:
            if options.object_names:
                line += names.behind(where)
        elif options.parents:
            line = b" ".join([line, *(parent.hex().encode() for parent in found.parents.get(oid, ()))])
        if options.header and where is None:
            line = commit_record(line, repository.read(oid).data)
        yield line


class _NamesBehind:
    """The names behind the ids of a list. Versions of a file share a path, which is made into bytes once."""

    def __init__(self) -> None:
        self._made: dict[int, bytes] = {}

    def behind(self, where: TreePath | bytes) -> bytes:
        """Return a blank and the name; `where` must exist as long as this."""
        made = self._made.get(id(where))
        if made is None:
            # A line feed in a path would forge a line of its own: git cuts there, too.
            made = b" " + bytes(where).partition(b"\n")[0]
            if len(made) <= _KEPT_NAME_BYTES_MAX:
                if len(self._made) >= _KEPT_NAMES_MAX:
                    self._made.clear()
                self._made[id(where)] = made
        return made


def _not_listed(found: RevList, options: RevListOptions) -> Iterator[bytes]:
    for oid in found.omitted:
        yield b"~" + oid.hex().encode()
    for oid in found.missing if options.missing == "print" else ():
        yield b"?" + oid.hex().encode()


def _readable(size: int) -> bytes:
    """Return a size as git's --disk-usage=human prints it."""
    if size < 1024:
        return b"%d byte%b" % (size, b"" if size == 1 else b"s")
    shift, unit = next(
        (shift, unit)
        for shift, unit in ((30, b"GiB"), (20, b"MiB"), (10, b"KiB"))
        if size > 1 << shift or shift == 10
    )
    hundredths = (size * 100 + (0 if shift == 30 else (1 << shift) // 2)) >> shift
    return b"%d.%02d %b" % (*divmod(hundredths, 100), unit)
