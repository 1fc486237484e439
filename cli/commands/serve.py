"""`packcore serve`: the repositories below a folder, over smart HTTP."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from cli.command import command, option
from cli.hook_options import HookOptions, hook_options
from cli.params import output_options
from cli.values import SECONDS, SIZE

if TYPE_CHECKING:
    from cli.console import Console

SERVING = "Serving"
_NAME_CELLS = 20
_LOOPBACK = ("127.", "::1", "localhost")


def _faults() -> str:
    """Return the list of faults for the help, one per line."""
    from transport.server.faults import FAULTS

    names = ((f"{fault.name}={fault.value}" if fault.value else fault.name, fault.text) for fault in FAULTS)
    return "\b\nFaults:\n" + "\n".join(f"  {name:<{_NAME_CELLS}}  {text}" for name, text in names)


@command(
    "serve",
    short_help="Serve the repositories below a folder over smart HTTP.",
    examples="""
        packcore serve /srv/git
        packcore serve /srv/git --allow-push --htpasswd users --port 8080
        packcore serve /srv/git --allow-push --simulate idle-cut=3s,no-chunked,body-limit=1M
    """,
    notes=_faults,
)
@click.argument("directory", metavar="DIR", type=click.Path())
@option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8417,
    section=SERVING,
    metavar="N",
    help="Port to listen on; 0 picks a free one. Default: 8417.",
)
@option(
    "--host",
    default="127.0.0.1",
    section=SERVING,
    metavar="ADDRESS",
    help="Address to listen on. Default: 127.0.0.1, this machine only.",
)
@option(
    "--export-all",
    is_flag=True,
    section=SERVING,
    help="Also serve repositories of work trees and hidden ones (.x/y.git).",
)
@option("--allow-push", is_flag=True, section=SERVING, help="Accept pushes too.")
@hook_options()
@option(
    "--htpasswd",
    type=click.Path(),
    section=SERVING,
    metavar="FILE",
    help="Only let in the users in FILE (as `htpasswd -B` or `-m` writes it).",
)
@option(
    "--max-push",
    type=SIZE,
    section=SERVING,
    metavar="SIZE",
    help="Refuse packs larger than SIZE. Default: each repository's receive.maxInputSize.",
)
@option(
    "--max-connections",
    type=click.IntRange(min=1),
    default=64,
    section=SERVING,
    metavar="N",
    help="Answer 503 to connections beyond N. Default: 64.",
)
@option(
    "--max-connections-per-client",
    type=click.IntRange(min=1),
    section=SERVING,
    metavar="N",
    help="The same for one address (IPv6: a /64 network). Default: three quarters of --max-connections.",
)
@option(
    "--metrics-port",
    type=click.IntRange(0, 65535),
    section=SERVING,
    metavar="N",
    help="Answer GET /metrics on this port of --host, for Prometheus; 0 picks a free one.",
)
@option(
    "--idle-timeout",
    type=SECONDS,
    default=120,
    section=SERVING,
    metavar="S",
    help="Drop a client that is silent for S seconds. Default: 120.",
)
@option(
    "--pack-cache",
    type=click.Path(),
    section=SERVING,
    metavar="DIR",
    envvar=None,
    help="Keep packs for the next client below this folder. Default: the system's temporary folder.",
)
@option(
    "--pack-cache-bytes",
    type=SIZE,
    default=256 << 20,
    section=SERVING,
    metavar="SIZE",
    envvar=None,
    help="Keep at most this much; 0 keeps none. Default: 256m.",
)
@option(
    "--simulate",
    default="",
    section=SERVING,
    metavar="FAULT[,FAULT…]",
    help="Misbehave on purpose, to test your pipelines against it; see below.",
)
@output_options(json=False, progress=False)
def run(
    *,
    directory: str,
    port: int,
    host: str,
    export_all: bool,
    allow_push: bool,
    hooks: HookOptions,
    htpasswd: str | None,
    max_push: int | None,
    max_connections: int,
    max_connections_per_client: int | None,
    metrics_port: int | None,
    idle_timeout: float,
    pack_cache: str | None,
    pack_cache_bytes: int,
    simulate: str,
    console: Console,
) -> None:
    """Serve the bare repositories below DIR to any git client, in protocols v0, v1 and v2.

    Repositories of work trees and hidden ones are only served with --export-all. What a symbolic link
    reaches outside DIR is never served.

    Each request is logged on stderr, in one line with the time. The server speaks plain HTTP: on a network
    you don't trust, put a TLS proxy in front. All clients then share the proxy's address, so set
    --max-connections-per-client to the value of --max-connections, and let the proxy limit each client.

    Hooks only run with --hooks. They are the repositories' programs, and see this program's environment
    except its own variables. GIT_NAMESPACE serves one ref namespace of each repository. Ctrl-C stops the
    server, with exit code 0; nothing else does.
    """
    from pathlib import Path

    from cli.allocator import stay_small
    from packcore.limits import Limits
    from transport.server.faults import Simulation
    from transport.server.htpasswd import Passwords
    from transport.server.http import GitHttpServer
    from transport.server.namespaces import Namespace
    from transport.server.pack_cache import PackCache

    stay_small()
    settings = {
        "simulation": Simulation.parse(simulate),
        "passwords": Passwords.read(Path(htpasswd)) if htpasswd else None,
        "limits": Limits() if max_push is None else Limits(pack_bytes=max_push),
        "connections": max_connections,
        "connections_per_client": max_connections_per_client,
        "idle_seconds": idle_timeout,
        "hooks": hooks.settings,
        "namespace": Namespace.parse(os.environ.get("GIT_NAMESPACE", "")),
        "packs": PackCache(pack_cache, bytes_max=pack_cache_bytes) if pack_cache_bytes else None,
        "log": lambda line: console.tell(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {line}"),
    }
    with GitHttpServer(
        directory,
        host=host,
        port=port,
        metrics_port=metrics_port,
        export_all=export_all,
        allow_push=allow_push,
        **settings,
    ) as server:
        if htpasswd is None and allow_push and not host.startswith(_LOOPBACK):
            console.tell("warning: whoever reaches this address may push; --htpasswd asks for a password")
        console.show(f"serving {directory} at {server.url}{', pushing allowed' if allow_push else ''}")
        if server.metrics_url is not None:
            console.show(f"metrics at {server.metrics_url}")
        # A reader that waits for the port must not wait for a buffer to fill.
        console.output.flush()
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            console.tell("stopping")
