"""`packcore doctor`: what a host accepts, and which limit would break a push."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.command import command, option
from cli.network import endpoint_arguments, protocol_option, transport_options
from cli.params import output_options
from cli.values import SECONDS

if TYPE_CHECKING:
    from cli.console import Console
    from cli.network import NetworkOptions
    from cli.render.doctor import Found, Push
    from packcore.progress import Progress
    from transport.base import Transport
    from transport.syncing.request import Protocol

ASKED = "What is asked"


@command(
    "doctor",
    short_help="Find out what a host accepts, and what would break a push.",
    examples="""
        packcore doctor https://example.com/x.git
        packcore doctor https://example.com/x.git --for path/to/clone --idle 60
        packcore doctor https://example.com/x.git --refs 5000
        packcore doctor https://example.com/x.git --host-profile hosts.json
    """,
)
@endpoint_arguments(target=False)
@option(
    "--for",
    "directory",
    type=click.Path(exists=True, file_okay=False),
    section=ASKED,
    metavar="DIR",
    help="Say what would break a push of the branches of the local repository DIR.",
)
@option(
    "--idle",
    type=SECONDS,
    default=10.0,
    section=ASKED,
    metavar="S",
    help="Keep a request silent for S seconds, to see if the host cuts it. Default: 10.",
)
@option(
    "--refs",
    "refs",
    type=click.IntRange(min=1, max=1_000_000),
    section=ASKED,
    metavar="N",
    help="Test if one request may hold N refs, or how many: requests ask to delete refs that don't exist.",
)
@option(
    "--host-profile",
    type=click.Path(dir_okay=False, path_type=Path),
    section=ASKED,
    metavar="FILE",
    help="Save the findings to FILE, for `sync --host-profile`.",
)
@transport_options(target=False)
@protocol_option
@output_options()
def run(
    *,
    source: str,
    directory: str | None,
    idle: float,
    refs: int | None,
    host_profile: Path | None,
    protocol: Protocol,
    network: NetworkOptions,
    console: Console,
) -> int:
    """Find out what SOURCE's host accepts (protocol, sign-in, chunks, sizes, silence), without a push.

    Nothing changes: requests stop before they name a ref. Those of --refs name refs that don't exist; the
    host's hooks see them. Exit code 1 means that the push of --for would break, or that SOURCE accepts no
    push at all.
    """
    from contextlib import ExitStack

    from cli.render.doctor import doctor_json, doctor_lines
    from transport.schemes import open_transport

    with ExitStack() as stack:
        progress = stack.enter_context(console.progress(source=source))
        transport = open_transport(source, network.source)
        stack.callback(transport.close)
        found = _examined(transport, protocol, idle, progress)
        if refs is not None:
            _count_refs(transport, refs, found, progress)
        _remember(host_profile, found)
        push = None if directory is None else _push(directory, found, progress)
    if console.verbosity.json:
        console.show_json(doctor_json(found, push))
    else:
        console.show(doctor_lines(found, push))
    return 1 if found.push_refused or (push is not None and push.breaks) else 0


def _examined(transport: Transport, protocol: Protocol, idle: float, progress: Progress) -> Found:
    from cli.render.doctor import Found
    from packcore.errors import PackcoreError
    from transport.listing import advertise_push, list_refs
    from transport.schemes.http import HttpTransport
    from transport.schemes.http.examine import Examination
    from transport.sided import SidedTransport
    from transport.spelling import spelled_hint, spelled_message

    found = Found(url=transport.url, idle_asked=idle)
    try:
        listed = list_refs(transport, protocol=protocol)
        found.protocol, found.object_format = listed.version, listed.object_format.name
        found.refs = len(listed.refs)
    except PackcoreError as error:
        found.read_refused = spelled_message(error)
    try:
        found.target = advertise_push(transport)
    except PackcoreError as error:
        if found.read_refused is not None:
            raise
        found.push_refused = spelled_message(error)
        found.hint = spelled_hint(error)
        return found
    http = transport.inner if isinstance(transport, SidedTransport) else transport
    if not isinstance(http, HttpTransport):
        return found
    found.is_http = True
    asking = Examination(http)
    with progress.phase("source: asking what it accepts", unit="bytes"):
        found.chunked = asking.takes_chunks()
        found.size = asking.size_limit()
        if found.chunked:
            found.cut_after = asking.silence(idle)
    found.credentials_from = http.stats.credentials_from
    return found


def _count_refs(transport: Transport, count: int, found: Found, progress: Progress) -> None:
    """Find out how many refs a request may hold, where pushing is allowed."""
    from transport.syncing.deliver.refs_per_request import refs_per_request

    if found.target is None or not found.target.capabilities.delete_refs:
        return
    with progress.phase("source: asking how many refs it takes", unit="refs") as phase:
        found.refs_limit = refs_per_request(transport, found.target, count, on_try=phase.advance)


def _remember(path: Path | None, found: Found) -> None:
    """Complete the findings by what the profile knows of the host, and save them."""
    from transport.syncing.deliver.host_profile import host_of, load_profile, save_profile

    if path is None or not found.is_http:
        return
    profile = load_profile(path, host_of(found.url))
    if found.refs_limit is None:
        found.refs_known = profile.ref_updates_max
    elif found.refs_limit.taken and not found.refs_limit.is_of_body:
        profile.ref_updates_max = found.refs_max
    profile.chunked = found.chunked
    if found.size is not None and found.size.refused is not None:
        profile.body_bytes_max, profile.body_bytes_refused = found.size.taken, found.size.refused
    save_profile(path, host_of(found.url), profile)


def _push(directory: str, found: Found, progress: Progress) -> Push | None:
    """Find out how large the push of a repository's branches would be, with the deltas that are there."""
    import time

    from cli.render.doctor import Push
    from packcore import list_objects, open_repository, select, write_pack

    if found.target is None:
        return None
    with open_repository(directory) as repository:
        known = repository.refs().known
        branches = {name: ref.oid for name, ref in known.items() if name.startswith("refs/heads/")}
        there = found.target.refs
        wanted = {name: oid for name, oid in branches.items() if there.get(name) != oid}
        begun = time.monotonic()
        objects = list_objects(
            repository,
            [*wanted.values()],
            haves=[*there.values()],
            shallow=repository.shallow(),
            progress=progress,
        )
        plan = select(repository, objects, progress=progress)
        silent = time.monotonic() - begun
        size = sum(len(block) for block in write_pack(plan)) if objects else 0
    return Push(directory, len(wanted), len(objects), size, silent, found)
