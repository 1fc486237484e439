"""`packcore cat-file`: objects of a repository, as `git cat-file` shows them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import click

from cli.batch_format import DEFAULT_FORMAT
from cli.command import command, group, option
from cli.exits import FAILED, OK
from cli.params import OUTPUT, output_options
from cli.reading import open_for_reading, replace_option
from cli.streams import binary_input, raw_output

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.console import Console
    from packcore.ids import ObjectId
    from packcore.store.repository import Repository

BATCH = "Many objects"
MODES = {"type": "-t", "size": "-s", "raw": "--raw", "pretty": "-p", "exists": "-e"}


def _one_of(**chosen: bool) -> str | None:
    """Return what is to be shown; None if no option says it. Raises UsageError for two of them."""
    names = [name for name, is_chosen in chosen.items() if is_chosen]
    if len(names) > 1:
        raise click.UsageError(f"option '{MODES[names[0]]}' is incompatible with {MODES[names[1]]}")
    return names[0] if names else None


def _mode(*names: str, help_text: str) -> Callable[[Any], Any]:
    return option(*names, is_flag=True, section=OUTPUT, help=help_text, envvar=None)


shown_options = group(
    "shown",
    _one_of,
    _mode("--type", "-t", help_text="Print its type."),
    _mode("--size", "-s", help_text="Print its size in bytes."),
    _mode("--raw", help_text="Print its bytes unchanged."),
    _mode("--pretty", "-p", help_text="Print it readably, a tree as a list (the default)."),
    _mode("--exists", "-e", help_text="Print nothing; exit code 1 if it isn't there."),
)


@command(
    "cat-file",
    short_help="Show objects: type, size or content.",
    examples="""
        packcore cat-file x.git HEAD
        packcore cat-file x.git main:src --pretty
        packcore cat-file x.git v1.0^{tree} --raw > tree.bin
        packcore cat-file x.git commit v1.0
        packcore rev-list x.git --objects main | packcore cat-file x.git --batch-check
    """,
)
@click.argument("repo", type=click.Path())
@click.argument("words", nargs=-1, metavar="[TYPE] OID")
@shown_options
@option(
    "--batch",
    bare=DEFAULT_FORMAT,
    metavar="FORMAT",
    section=BATCH,
    help="Print a line and the content of each object that stdin names.",
    envvar=None,
)
@option(
    "--batch-check",
    bare=DEFAULT_FORMAT,
    metavar="FORMAT",
    section=BATCH,
    help="Print a line for each.",
    envvar=None,
)
@option(
    "--batch-command",
    bare=DEFAULT_FORMAT,
    metavar="FORMAT",
    section=BATCH,
    help="Read `contents OID`, `info OID` and, with --buffer, `flush`.",
    envvar=None,
)
@option(
    "--batch-all-objects",
    "all_objects",
    is_flag=True,
    section=BATCH,
    help="Print all objects of the repository and of its alternates; read nothing from stdin.",
    envvar=None,
)
@option(
    "--unordered",
    is_flag=True,
    section=BATCH,
    help="Print these in the order in which they are stored, not by id: faster.",
    envvar=None,
)
@option(
    "--buffer/--no-buffer",
    default=None,
    section=BATCH,
    help="Don't flush the output after each answer. Default: only with --batch-all-objects.",
    envvar=None,
)
@option("-z", "nul_in", is_flag=True, section=BATCH, help="Names end with a NUL.", envvar=None)
@option(
    "-Z",
    "nul",
    is_flag=True,
    section=BATCH,
    help="Names, and the lines of answers, end with a NUL.",
    envvar=None,
)
@option(
    "--follow-symlinks",
    "follow_links",
    is_flag=True,
    section=BATCH,
    help="Follow symbolic links within the tree of REV:PATH.",
    envvar=None,
)
@replace_option
@output_options(json=False, progress=False)
def run(
    *,
    repo: str,
    words: tuple[str, ...],
    shown: str | None,
    batch: str | None,
    batch_check: str | None,
    batch_command: str | None,
    all_objects: bool,
    unordered: bool,
    buffer: bool | None,
    nul_in: bool,
    nul: bool,
    follow_links: bool,
    no_replace: bool,
    console: Console,
) -> int:
    """Show the object OID of REPO: an id, a ref, or anything else that names one (`main~2:README`).

    With TYPE (commit, tree, blob or tag), tags, and commits if a tree is wanted, are followed to it, and its
    bytes are printed unchanged.

    With --batch, --batch-check or --batch-command, standard input names objects, one a line, and each is
    answered at once. FORMAT has %(objectname), %(objecttype), %(objectsize), %(objectsize:disk),
    %(deltabase) and %(rest), which is what follows the name; the default is the first three. A name without
    an object is answered with `NAME missing`, a short id that fits several with `NAME ambiguous`.
    """
    formats = [text for text in (batch, batch_check, batch_command) if text is not None]
    if len(formats) > 1:
        raise click.UsageError("only one of --batch, --batch-check and --batch-command can be used")
    given = {
        "--batch-all-objects": all_objects,
        "--unordered": unordered,
        "--buffer": bool(buffer),
        "-z": nul_in,
        "-Z": nul,
        "--follow-symlinks": follow_links,
    }
    batch_options = [name for name, is_given in given.items() if is_given]
    if shown is not None and (formats or batch_options):
        other = "a batch mode" if formats else batch_options[0]
        raise click.UsageError(f"option '{MODES[shown]}' is incompatible with {other}")
    if batch_options and not formats:
        raise click.UsageError(
            f"'{batch_options[0]}' requires a batch mode: --batch, --batch-check or --batch-command"
        )
    if not formats:
        return _show_one(repo, words, shown, console, no_replace=no_replace)
    if words:
        raise click.UsageError("batch modes take no arguments: the names of objects come from stdin")
    from cli.batch_format import BatchFormat
    from cli.cat_file_batch import Batch, names_from

    format_ = BatchFormat.parse(formats[0])
    with open_for_reading(repo, no_replace=no_replace or all_objects) as repository:
        answers = Batch(
            repository,
            raw_output(),
            format_,
            end=b"\0" if nul else b"\n",
            buffered=all_objects if buffer is None else buffer,
            follow_links=follow_links,
            on_missing=cache(lambda: _tell_promisor(repository, console)),
        )
        if all_objects:
            answers.answer_ids(_all(repository, unordered=unordered), contents=batch is not None)
            return _report_faults(repository, console)
        lines = names_from(binary_input(), nul=nul or nul_in)
        if batch_command is not None:
            answers.answer_commands(lines)
        else:
            answers.answer_names(lines, contents=batch is not None)
    return OK


def _show_one(
    repo: str, words: tuple[str, ...], shown: str | None, console: Console, *, no_replace: bool
) -> int:
    """Show one object, named by `OID` or `TYPE OID`; return the exit code."""
    from cli.render.objects import tree_lines
    from packcore import ObjectType, resolve_revision

    if not words:
        raise click.UsageError("the argument OID is required" + (f" with '{MODES[shown]}'" if shown else ""))
    if len(words) > (2 if shown is None else 1):
        raise click.UsageError("too many arguments")
    with open_for_reading(repo, no_replace=no_replace) as repository:
        if len(words) == 2:
            name, shown = _of_type(repository, *words), "raw"
        else:
            name = resolve_revision(repository, words[0])
        if shown == "exists":
            return OK if name in repository else FAILED
        header = repository.header(name)
        if shown == "type":
            console.show_exact([header.type.label])
        elif shown == "size":
            console.show_exact([b"%d" % header.size])
        elif header.type is ObjectType.TREE and shown != "raw":
            console.show_exact(tree_lines(repository.read(name).data, repository.object_format, name))
        else:
            output = raw_output()
            for block in repository.stream(name):
                output.write(block)
            output.flush()
    return OK


def _of_type(repository: Repository, type_name: str, text: str) -> ObjectId:
    """Return the object of a type that a name leads to. Raises UsageError, UnknownRevision."""
    from packcore.objects import ObjectType
    from packcore.revision import peel_to, resolve_revision

    names = [type_.label.decode() for type_ in ObjectType]
    if type_name not in names:
        raise click.ClickException(f"invalid object type {type_name!r}: there are {', '.join(names)}")
    return peel_to(repository, resolve_revision(repository, text), type_name, text)


def _all(repository: Repository, *, unordered: bool) -> list[ObjectId]:
    oids = list(repository)
    return repository.storage_order(oids) if unordered else sorted(oids)


def _tell_promisor(repository: Repository, console: Console) -> None:
    """Say that what is called missing may be elsewhere, if this is a partial clone."""
    from packcore.store.promises import promisor_of

    promisor = promisor_of(repository.config)
    if promisor is not None:
        console.warn(f"this is a partial clone: its remote {promisor} may have what is called missing here")


def _report_faults(repository: Repository, console: Console) -> int:
    """Name the packs that can't be opened, whose objects are therefore not listed; return the exit code."""
    from transport.safe_text import one_line

    for name, fault in repository.pack_faults.items():
        console.tell_error(f"packcore: error: {one_line(name)} is left out: {one_line(str(fault))}")
    return max((fault.exit_code for fault in repository.pack_faults.values()), default=OK)
