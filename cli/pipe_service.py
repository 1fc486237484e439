"""What `packcore upload-pack` and `packcore receive-pack` share: their options, the repository, the pipes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cli.command import group, option
from cli.streams import binary_input, is_terminal, raw_output

if TYPE_CHECKING:
    from collections.abc import Callable

    from packcore.store.repository import Repository
    from transport.server.pipes import PipeMode
    from transport.server.receive_pack import ReceivePack
    from transport.server.upload_pack import UploadPack

__all__ = ["PipeOptions", "open_served", "pipe_options", "serve_standard_streams"]

FunctionT = TypeVar("FunctionT", bound="Callable[..., Any]")

KEEPALIVE_SECONDS = 5.0
_SECTION = "Serving"


@dataclass(frozen=True, slots=True)
class PipeOptions:
    """What part of a conversation is asked for."""

    stateless_rpc: bool
    http_backend_info_refs: bool

    @property
    def mode(self) -> PipeMode:
        """The part to be served."""
        if self.http_backend_info_refs:
            return "advertise"
        return "stateless" if self.stateless_rpc else "lasting"


def pipe_options() -> Callable[[FunctionT], FunctionT]:
    """Add the options of both services; the function gets `pipes`."""
    return group(
        "pipes",
        PipeOptions,
        option(
            "--stateless-rpc",
            is_flag=True,
            section=_SECTION,
            envvar=None,
            help="Answer one request, as sent by one HTTP POST.",
        ),
        option(
            "--http-backend-info-refs",
            "--advertise-refs",
            is_flag=True,
            section=_SECTION,
            envvar=None,
            help="Only write the answer to GET /info/refs, without its service line.",
        ),
    )


def open_served(directory: str, *, strict: bool) -> Repository:
    """Open the repository to serve; `strict`: only the path itself. Raises RepositoryError."""
    from pathlib import Path

    from cli.reading import open_as_git
    from packcore.errors import RepositoryError
    from packcore.store.git_directory import is_git_directory, is_repository_named
    from packcore.store.repository import Repository
    from transport.home_paths import expand_home
    from transport.outer_config import outer_config

    if not strict:
        path = Path(expand_home(directory, os.environ.get("HOME")))
        if not is_repository_named(path):
            # git's own words: a client at the other end may know them.
            raise RepositoryError(f"'{directory}' does not appear to be a git repository")
        return open_as_git(str(path))
    if not is_git_directory(Path(directory)):
        raise RepositoryError(f"{directory}: no git directory", hint="without --strict its name is completed")
    return Repository(Path(directory), outer=outer_config(os.environ))


def serve_standard_streams(
    service: UploadPack | ReceivePack, pipes: PipeOptions, *, timeout: float | None = None
) -> None:
    """Serve the client at the other end of stdin and stdout. Raises the fault that ended it."""
    from transport.server.pipes import named_version, read_blocks, serve_pipes

    if is_terminal():
        raise click.UsageError("this speaks git's protocol on stdin and stdout: let git or ssh start it")
    output = raw_output()

    def write(data: bytes) -> None:
        output.write(data)
        output.flush()

    fault = serve_pipes(
        service,
        read_blocks(binary_input().fileno(), seconds=timeout),
        write,
        version=named_version(os.environ.get("GIT_PROTOCOL", "")),
        mode=pipes.mode,
    )
    if fault is not None:
        raise fault
