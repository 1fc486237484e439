"""`packcore cat-file`: objects of a repository, as `git cat-file` shows them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import click

from cli.cat_file_options import CatFileOptions, cat_file_options
from cli.command import command
from cli.exits import FAILED, OK
from cli.params import output_options
from cli.reading import open_for_reading, replace_option
from cli.streams import binary_input, raw_output

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.console import Console
    from packcore.ids import ObjectId
    from packcore.store.repository import Repository


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
@cat_file_options()
@replace_option
@output_options(json=False, progress=False)
def run(
    *, repo: str, words: tuple[str, ...], options: CatFileOptions, no_replace: bool, console: Console
) -> int:
    """Show the object OID of REPO: an id, a ref, or anything else that names one (`main~2:README`).

    With TYPE (commit, tree, blob or tag), tags, and commits if a tree is wanted, are followed to it, and its
    bytes are printed unchanged.

    With --batch, --batch-check or --batch-command, standard input names objects, one a line, and each is
    answered at once. FORMAT has %(objectname), %(objecttype), %(objectsize), %(objectsize:disk),
    %(deltabase) and %(rest), which is what follows the name; the default is the first three. A name without
    an object is answered with `NAME missing`, a short id that fits several with `NAME ambiguous`.

    --filters and --textconv follow .gitattributes (of the work tree, its index, or HEAD in a bare repository)
    and run the programs that the settings of a repository of your own name. With a batch mode, a path
    follows each name, after a blank.
    """
    options.check(words)
    no_replace = no_replace or options.all_objects
    with open_for_reading(repo, no_replace=no_replace) as repository:
        if options.format is None:
            return _show_one(repository, words, options, console)
        return _answer_all(repository, options.format, options, console)


def _show_one(
    repository: Repository, words: tuple[str, ...], options: CatFileOptions, console: Console
) -> int:
    """Show one object, named by `OID` or `TYPE OID`; return the exit code."""
    from cli.object_names import header_of, named_object, no_object
    from cli.render.objects import tree_lines
    from packcore.objects import ObjectType

    shown, text = options.shown, words[-1]
    if len(words) == 2:
        name, shown = _of_type(repository, words[0], text), "raw"
    else:
        name = named_object(repository, text)
    if shown == "exists":
        return OK if name in repository else FAILED
    absent = "could not get object info" if shown in ("type", "size") else no_object(text)
    header = header_of(repository, name, absent, allow_unknown=options.allow_unknown_type)
    if options.form is not None and _show_converted(repository, name, text, options, console):
        return OK
    if shown == "type":
        console.show_exact([header.label])
    elif shown == "size":
        console.show_exact([b"%d" % header.size])
    elif header.label == ObjectType.TREE.label and shown not in ("raw", "filters"):
        console.show_exact(tree_lines(repository.read(name).data, repository.object_format, name))
    else:
        output = raw_output()
        for block in repository.stream(name):
            output.write(block)
        output.flush()
    return OK


def _show_converted(
    repository: Repository, oid: ObjectId, text: str, options: CatFileOptions, console: Console
) -> bool:
    """Show the object as its attributes say; return False if it stays as it is. Raises UsageError."""
    from cli.content_forms import ContentForms, is_symbolic_link
    from packcore.refs import encode_ref_name
    from packcore.revision import resolve_with_path

    assert options.form is not None
    if options.path is not None:
        path = encode_ref_name(options.path)
    else:
        _, path = resolve_with_path(repository, text)
    if not path:
        raise click.UsageError(f"<object>:<path> required, only <object> '{text}' given")
    if is_symbolic_link(repository, text):
        return False
    content = ContentForms(repository, options.form, console).converted(oid, path)
    if content is None:
        return False
    output = raw_output()
    output.write(content)
    output.flush()
    return True


def _of_type(repository: Repository, type_name: str, text: str) -> ObjectId:
    """Return the object of a type that a name leads to. Raises UsageError, UnknownRevision."""
    from cli.object_names import named_object
    from packcore.errors import UnknownRevision
    from packcore.objects import ObjectType
    from packcore.revision import peel_to

    names = [type_.label.decode() for type_ in ObjectType]
    if type_name not in names:
        raise UnknownRevision(f'invalid object type "{type_name}"', hint=f"there are {', '.join(names)}")
    return peel_to(repository, named_object(repository, text), type_name, text)


def _answer_all(repository: Repository, form: str, options: CatFileOptions, console: Console) -> int:
    """Answer about each object that stdin names, or about all; return the exit code."""
    from cli.batch_format import BatchFormat
    from cli.cat_file_batch import Batch, names_from

    answers = Batch(
        repository,
        raw_output(),
        BatchFormat.parse(form),
        end=b"\0" if options.nul else b"\n",
        buffered=options.all_objects if options.buffer is None else options.buffer,
        follow_links=options.follow_links,
        on_missing=cache(lambda: _tell_promisor(repository, console)),
        converted=_conversion(repository, options, console),
    )
    contents = options.batch is not None
    if options.all_objects:
        answers.answer_ids(_all(repository, unordered=options.unordered), contents=contents)
        return _report_faults(repository, console)
    lines = names_from(binary_input(), nul=options.nul or options.nul_in)
    if options.batch_command is not None:
        answers.answer_commands(lines)
    else:
        answers.answer_names(lines, contents=contents)
    return OK


def _conversion(
    repository: Repository, options: CatFileOptions, console: Console
) -> Callable[[ObjectId, bytes], bytes | None] | None:
    if options.form is None:
        return None
    from cli.content_forms import ContentForms

    return ContentForms(repository, options.form, console).converted


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
