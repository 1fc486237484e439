"""What `packcore upload-pack` and `packcore receive-pack` share: their options, the repository, the pipes."""

from __future__ import annotations

import os
import sys
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
    from transport.server.session import Session
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
    """Open the repository to serve, of which GIT_NAMESPACE may show only one ref namespace.

    `strict`: only the path itself. Raises RepositoryError, InvalidRequest.
    """
    from pathlib import Path

    from packcore.errors import RepositoryError
    from packcore.store.git_directory import is_git_directory, is_repository_named
    from transport.home_paths import expand_home
    from transport.outer_config import outer_config
    from transport.server.namespaces import Namespace

    kind = Namespace.parse(os.environ.get("GIT_NAMESPACE", "")).repository_type
    outer = outer_config(os.environ)
    if not strict:
        path = Path(expand_home(directory, os.environ.get("HOME")))
        if not is_repository_named(path):
            # git's own words: a client at the other end may know them.
            raise RepositoryError(f"'{directory}' does not appear to be a git repository")
        return kind.open(path, outer=outer)
    if not is_git_directory(Path(directory)):
        raise RepositoryError(f"{directory}: no git directory", hint="without --strict its name is completed")
    return kind(Path(directory), outer=outer)


def serve_standard_streams(
    name: str,
    make: Callable[[Session], UploadPack | ReceivePack],
    pipes: PipeOptions,
    *,
    timeout: float | None = None,
) -> None:
    """Serve the client at the other end of stdin and stdout. Raises the fault that ended it.

    `make` returns the service of this name. GIT_TRACE2_EVENT may ask for its events.
    """
    from transport.server.pipes import named_version, read_blocks, serve_pipes
    from transport.server.session import Session, new_session_id
    from transport.server.trace2 import Trace2Events

    if is_terminal():
        raise click.UsageError("this speaks git's protocol on stdin and stdout: let git or ssh start it")
    output = raw_output()

    def write(data: bytes) -> None:
        output.write(data)
        output.flush()

    session_id = new_session_id(os.environ.get("GIT_TRACE2_PARENT_SID", ""))
    events = Trace2Events(os.environ.get("GIT_TRACE2_EVENT", ""), session_id)
    version = named_version(os.environ.get("GIT_PROTOCOL", ""))
    events.begin(name, sys.argv)
    events.data("negotiated-version", str(version))
    code = 1
    try:
        fault = serve_pipes(
            make(Session(session_id, events.data)),
            read_blocks(binary_input().fileno(), seconds=timeout),
            write,
            version=version,
            mode=pipes.mode,
        )
        if fault is not None:
            code = fault.exit_code
            raise fault
        code = 0
    finally:
        events.end(code)
