"""What a shell can complete: refs of a remote, strategies, folders.

A remote is asked for a moment only, without a word on what goes wrong: a prompt must not hang.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click
    from click.shell_completion import CompletionItem

__all__ = ["branches", "endpoints", "refs", "strategies"]

_PATIENCE_SECONDS = 3.0
_SHOWN_MAX = 500


def strategies(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the name of a delta selection strategy."""
    from click.shell_completion import CompletionItem

    from packcore.search.registry import strategies as known

    return [
        CompletionItem(name, help=found.description)
        for name, found in known().items()
        if name.startswith(incomplete)
    ]


def branches(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Complete a branch of the source, if that was typed before; of several, the last."""
    before, comma, last = incomplete.rpartition(",")
    return [
        f"{before}{comma}{name.removeprefix('refs/heads/')}"
        for name in _refs_of_source(context, f"refs/heads/{last}")
    ]


def refs(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Complete the full name of a ref of the source, with or without an exclamation mark."""
    mark = "!" if incomplete.startswith("!") else ""
    prefix = incomplete.removeprefix("!")
    if not prefix.startswith("refs/"):
        prefix = "refs/" if "refs/".startswith(prefix) else f"refs/heads/{prefix}"
    return [mark + name for name in _refs_of_source(context, prefix)]


def endpoints(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete a repository on this disk."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="dir")]


def _refs_of_source(context: click.Context, prefix: str) -> list[str]:
    # After an option without its value, click leaves the arguments before it unparsed.
    words = [context.params.get("source_url"), *(context.params.get("endpoints") or ()), *context.args]
    source = next((word for word in words if word and not word.startswith("-")), None)
    if source is None:
        return []
    from packcore.errors import PackcoreError
    from transport.listing import list_refs
    from transport.options import TransportOptions
    from transport.schemes import open_transport

    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "SSH_ASKPASS": ""}
    options = TransportOptions(
        side="source",
        connect_timeout=_PATIENCE_SECONDS,
        idle_timeout=_PATIENCE_SECONDS,
        stall_timeout=_PATIENCE_SECONDS,
        token=environment.get("PACKCORE_SOURCE_TOKEN"),
        environment=environment,
    )
    with suppress(PackcoreError, OSError):
        transport = open_transport(source, options)
        try:
            found = list_refs(transport, prefixes=(prefix,)).refs
        finally:
            transport.close()
        return [name for name in found if name.startswith(prefix)][:_SHOWN_MAX]
    return []
