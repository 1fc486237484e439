"""`packcore convert-sha256`: fetch a SHA-1 repository and rewrite it as SHA-256."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.command import command, option
from cli.exits import FAILED
from cli.network import endpoint_arguments, protocol_option, transport_options
from cli.params import REFS, output_options

if TYPE_CHECKING:
    from cli.console import Console
    from cli.convert_checks import Check
    from cli.network import NetworkOptions
    from transport.local_fetch.convert import ConvertResult
    from transport.syncing.request import Protocol

_WRITTEN = "What is written"


@command(
    "convert-sha256",
    short_help="Convert a SHA-1 repository to SHA-256.",
    examples="""
        packcore convert-sha256 https://example.com/x.git x-sha256.git --check
        packcore convert-sha256 --write-mapping ids.tsv https://example.com/x.git x-sha256.git
        git -C x-sha256.git log --notes=sha1-origin
    """,
)
@endpoint_arguments(target=False)
@click.argument("directory", metavar="DIR", type=click.Path())
@option(
    "--all-refs", is_flag=True, section=REFS, help="Everything below refs/ except pull and merge requests."
)
@option(
    "--exclude-ref-prefix",
    multiple=True,
    section=REFS,
    metavar="PREFIX",
    help="With --all-refs: leave these out; repeatable. Branches and tags are always included.",
)
@option(
    "--include-pull-refs",
    is_flag=True,
    section=REFS,
    help="With --all-refs: include refs/pull/, refs/pull-requests/ and refs/merge-requests/.",
)
@option(
    "--write-mapping",
    section=_WRITTEN,
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Write the old and new id of each object to FILE.",
)
@option("--no-rewrite-messages", is_flag=True, section=_WRITTEN, help="Don't change ids in messages.")
@option("--no-origin-notes", is_flag=True, section=_WRITTEN, help="Don't write refs/notes/sha1-origin.")
@option(
    "--sign-mode",
    type=click.Choice(["none", "tips"]),
    default="none",
    section=_WRITTEN,
    help="tips: sign a tag converted/BRANCH at each branch with `git tag -s`. Default: none.",
)
@option("--sign-key", section=_WRITTEN, metavar="ID", help="Sign with this key. Default: git's choice.")
@option("--check", is_flag=True, section=_WRITTEN, help="Check the result: config, HEAD, refs, fsck.")
@option("--keep-source-objects", is_flag=True, section=_WRITTEN, help="Keep the fetched repository on disk.")
@transport_options(target=False)
@protocol_option
@output_options()
def run(
    *,
    source: str,
    directory: str,
    all_refs: bool,
    exclude_ref_prefix: tuple[str, ...],
    include_pull_refs: bool,
    write_mapping: str | None,
    no_rewrite_messages: bool,
    no_origin_notes: bool,
    sign_mode: str,
    sign_key: str | None,
    check: bool,
    keep_source_objects: bool,
    protocol: Protocol,
    network: NetworkOptions,
    console: Console,
) -> int:
    """Fetch SOURCE's branches and tags and write them to DIR, a new bare repository whose ids are SHA-256.

    Every object gets a new id, and ids inside trees, commits and tags are replaced. So are ids in messages,
    if they stand for exactly one commit or tag. Notes move to the new ids, and refs whose names contain an
    id (refs/replace/) are renamed. Signatures are dropped, because what they sign has changed.
    refs/notes/sha1-origin records each commit's old id. The same source always gives the same new ids.
    """
    from cli.convert_checks import check_repository, sign_tips
    from cli.render.units import count_of
    from transport.local_fetch.convert import ConvertRequest, convert_sha256
    from transport.safe_text import one_line
    from transport.schemes import open_transport

    request = ConvertRequest(
        all_refs=all_refs,
        exclude_ref_prefixes=exclude_ref_prefix,
        include_pull_refs=include_pull_refs,
        rewrite_messages=not no_rewrite_messages,
        origin_notes=not no_origin_notes,
        keep_source=keep_source_objects,
        protocol=protocol,
        notes_seconds=_source_date(),
    )
    with closing(open_transport(source, network.source)) as transport, console.progress() as progress:
        result = convert_sha256(transport, directory, request, progress=progress)
    told = result.to_json()
    if write_mapping is not None:
        _write_mapping(write_mapping, result)
        told["mappingFile"] = write_mapping
    signed = sign_tips(result, sign_key, console) if sign_mode == "tips" else []
    if signed:
        told["signedTags"] = signed
    checks = check_repository(result, signed) if check else []
    if checks:
        told["checks"] = [each._asdict() for each in checks]
    if console.verbosity.json:
        console.show_json(told)
    else:
        console.show(_lines(result, told, checks))
    failed = [each for each in checks if not each.ok]
    if failed:
        console.tell_error(
            f"packcore: error: {result.target} is converted, but {count_of(len(failed), 'checks')} failed: "
            f"{failed[0].name}: {one_line(failed[0].detail)}"
        )
    return FAILED if failed else 0


def _source_date() -> int:
    """Return SOURCE_DATE_EPOCH, the date that reproducible builds share; 0 where it isn't set."""
    value = os.environ.get("SOURCE_DATE_EPOCH", "0")
    return int(value) if value.isdecimal() else 0


def _write_mapping(name: str, result: ConvertResult) -> None:
    from cli.files import AtomicFiles

    with AtomicFiles() as files:
        file = files.open(Path(name))
        for line in result.mapping_lines():
            file.write(f"{line}\n".encode())


def _lines(result: ConvertResult, told: dict[str, Any], checks: list[Check]) -> list[str]:
    from cli.render.units import count_of, size
    from transport.safe_text import one_line
    from transport.syncing.decide.absence import words_on_hidden

    counts = ", ".join(f"{number:,} {name}" for name, number in result.counts._asdict().items())
    lines = [
        f"converted {counts} into one pack of {size(result.pack_bytes)}",
        f"wrote {count_of(len(result.refs), 'refs')} to {result.target}; HEAD is {result.head or 'not set'}",
    ]
    if result.message_rewrites:
        lines.append(f"replaced {result.message_rewrites:,} ids in messages")
    if result.signatures:
        lines.append(f"left out {result.signatures:,} signatures: what they signed is gone")
    if result.merged:
        lines.append(
            f"merged {count_of(result.merged, 'objects')} with others that differed only in signatures"
        )
    if result.ambiguous:
        shown = ", ".join(result.ambiguous[:5])
        lines.append(f"left {len(result.ambiguous):,} ids in messages that fit several objects: {shown}")
    if result.notes_renamed:
        lines.append(f"renamed the notes of {count_of(result.notes_renamed, 'objects')}")
    if result.notes_kept:
        shown = ", ".join(oid.hex() for oid in result.notes_kept[:5])
        lines.append(
            f"kept the notes of {count_of(len(result.notes_kept), 'objects')} under their old names, since "
            f"the repository has no such objects: {shown}{', …' if len(result.notes_kept) > 5 else ''}"
        )
    lines += [f"renamed {one_line(old)} to {one_line(new)}" for old, new in result.refs_renamed.items()]
    lines += [f"left out {one_line(name)}: {reason}" for name, reason in result.refs_left_out.items()]
    if (hidden := words_on_hidden(result.source_hides)) is not None:
        lines.append(f"left out hidden refs: {hidden}")
    if result.origin_notes_ref:
        lines.append("old ids: git log --notes=sha1-origin")
    if "mappingFile" in told:
        lines.append(f"mapping: {told['mappingFile']}")
    lines += [f"signed {name}" for name in told.get("signedTags", ())]
    if result.kept_source is not None:
        lines.append(f"kept the fetched repository: {result.kept_source}")
    marks = {(True, False): "ok", (True, True): "skipped", (False, False): "FAILED"}
    lines += [
        f"check {each.name}: {marks[each.ok, each.skipped]}, {one_line(each.detail)}" for each in checks
    ]
    return lines
