"""`ssh://[user@]host[:port]/path`, `user@host:path`, `git+ssh://…`: git's services through the user's ssh.

Keys, agents, jump hosts and known hosts are all ssh's, with the user's configuration. It runs in batch mode
and without a terminal: it never asks, unless the options say that it may. What it says on standard error
goes to the trace, and into the error when it fails. Options, tokens and netrc play no part. How it is
called: `transport.ssh_rules`.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from transport.schemes.lasting import LastingTransport
from transport.schemes.links import ProgramLink
from transport.schemes.patience import Patience
from transport.ssh_rules import SshProgram, remote_command, ssh_arguments, ssh_error, ssh_program

if TYPE_CHECKING:
    from collections.abc import Mapping

    from transport.base import Service
    from transport.endpoint import Endpoint
    from transport.options import TransportOptions
    from transport.schemes.links import Link
    from transport.trace import RequestTrace

__all__ = ["SCHEMES", "open_scheme"]

SCHEMES = ("ssh",)

_QUIET = {"SSH_ASKPASS_REQUIRE": "never"}


def open_scheme(endpoint: Endpoint, options: TransportOptions) -> LastingTransport:
    """Return the transport for an ssh endpoint.

    Raises InvalidOption for a GIT_SSH_COMMAND or GIT_SSH_VARIANT that can't be used.
    """
    program = ssh_program(options.environment)
    url = str(endpoint)
    found: list[str] = []

    def connect(service: Service, version: int, trace: RequestTrace) -> Link:
        environment = {**options.environment, **({} if options.may_ask else _QUIET)}
        environment.pop("GIT_PROTOCOL", None)
        if version:
            environment["GIT_PROTOCOL"] = f"version={version}"
        if not found:
            found.append(program.variant or _ask_variant(program, endpoint, environment))
        command = ssh_arguments(
            program,
            found[0],
            endpoint,
            remote_command(service, endpoint.path),
            version=version,
            connect_timeout=options.connect_timeout,
            may_ask=options.may_ask,
        )
        trace.say(f"runs {program.words[0]} for {service} of {url}")
        return ProgramLink(
            command,
            environment=environment,
            name=url,
            idle_timeout=options.idle_timeout,
            patience=Patience(options.stall_timeout, side=options.side),
            on_line=lambda line: trace.say(f"stderr: {line}"),
            explain=lambda code, said: ssh_error(url, code, said),
            has_terminal=options.may_ask,
        )

    return LastingTransport(url, options, connect, scheme="ssh")


def _ask_variant(program: SshProgram, endpoint: Endpoint, environment: Mapping[str, str]) -> str:
    """Find out, as git does, whether the program takes OpenSSH's options: only OpenSSH knows -G."""
    try:
        asked = subprocess.run(
            [*program.words, "-G", endpoint.host],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=dict(environment),
            start_new_session=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "simple"
    return "ssh" if asked.returncode == 0 else "simple"
