"""`packcore ls-refs`: the refs of a remote, as `git ls-remote` prints them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.command import command, option
from cli.network import endpoint_arguments, protocol_option, transport_options
from cli.params import REFS, output_options

if TYPE_CHECKING:
    from cli.console import Console
    from cli.network import NetworkOptions
    from transport.syncing.request import Protocol


@command(
    "ls-refs",
    short_help="List a remote's refs, as git ls-remote does.",
    examples="""
        packcore ls-refs https://example.com/team/x.git
        packcore ls-refs --tags ./x.git
    """,
)
@endpoint_arguments(target=False)
@option("--branches", "--heads", is_flag=True, section=REFS, help="Only branches.")
@option("--tags", is_flag=True, section=REFS, help="Only tags.")
@option("--symref", is_flag=True, section=REFS, help="Show what symbolic refs point to.")
@output_options(progress=False)
@transport_options(target=False)
@protocol_option
def run(
    *,
    source: str,
    branches: bool,
    tags: bool,
    symref: bool,
    protocol: Protocol,
    network: NetworkOptions,
    console: Console,
) -> int:
    """List the refs of SOURCE: id and name; after an annotated tag, what it tags (`^{}`).

    Exit code 1 means that SOURCE has refs that can't be read. They are named on stderr, with the reason.
    """
    from cli.render.refs import listing_json, listing_lines, unreadable_in
    from cli.unreadable_refs import report_unreadable
    from transport.listing import list_refs
    from transport.schemes import open_transport

    prefixes = ["refs/heads/"] * branches + ["refs/tags/"] * tags
    transport = open_transport(source, network.source)
    try:
        advertisement = list_refs(transport, protocol=protocol, prefixes=prefixes)
    finally:
        transport.close()
    for warning in advertisement.warnings:
        if not warning.startswith("HEAD can't be read: ") or prefixes:
            console.remote("source")(warning)
    if advertisement.hidden:
        from transport.syncing.decide.absence import words_on_hidden

        console.tell_error(f"hidden: {words_on_hidden(advertisement.hidden)}")
    if console.verbosity.json:
        console.show_json(listing_json(advertisement, transport.url, prefixes))
    else:
        console.detail(f"protocol {advertisement.version}, {advertisement.object_format.name}")
        console.show_exact(listing_lines(advertisement, prefixes, symref=symref))
    return report_unreadable(unreadable_in(advertisement, prefixes), console)
