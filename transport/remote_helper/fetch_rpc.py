"""`fetch` from a server of an older protocol: git's own `git fetch-pack`, carried by our transports.

    to git        the wants: "<id> <name>", flush; the server's list of refs
    from git      a request in packets, flush      ->  one request of the transport
    to git        the answer as it comes
    from git      flush, then lines for the caller: "lock <file>", "connectivity-ok"

`git fetch-pack --stateless-rpc` keeps the objects, the shallow file and the promises of a partial clone, as
in any fetch of git.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from transport.base import Body
from transport.remote_helper.carrier import FLUSH, SERVICE, read_packets
from transport.remote_helper.options import FETCH_FLAGS
from transport.wire.pktline import encode_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transport.base import Transport
    from transport.remote_helper.carrier import Greeting
    from transport.remote_helper.commands import Fetch
    from transport.remote_helper.options import HelperOptions

__all__ = ["answer_requests", "fetch_pack_words", "lines_for_git"]


def fetch_pack_words(options: HelperOptions) -> list[str]:
    """Return the options of `git fetch-pack` that say what git asked of us."""
    words = ["--stdin", "--lock-pack", "--thin"]
    words += [word for name, word in FETCH_FLAGS.items() if name in options.flags]
    if options.depth:
        words.append(f"--depth={options.depth}")
    if options.deepen_since is not None:
        words.append(f"--shallow-since={options.deepen_since}")
    words += [f"--shallow-exclude={ref}" for ref in options.deepen_not]
    if options.filter_spec is not None:
        words.append(f"--filter={options.filter_spec}")
    if not options.progress:
        words.append("--no-progress")
    if options.verbosity >= 3:
        words += ["-v", "-v"]
    return words


def answer_requests(
    transport: Transport, greeting: Greeting, wants: Sequence[Fetch], to_git: IO[bytes], from_git: IO[bytes]
) -> None:
    """Tell `git fetch-pack` what is wanted, and carry its requests. Raises TransportError."""
    for want in wants:
        to_git.write(encode_text(f"{want.oid} {want.name}"))
    to_git.write(FLUSH)
    to_git.write(greeting.raw)
    to_git.flush()
    while request := read_packets(from_git, joined=True):
        with transport.request(SERVICE, Body.of(request), version=0) as blocks:
            for block in blocks:
                to_git.write(block)
        to_git.flush()
    to_git.close()


def lines_for_git(output: bytes) -> list[bytes]:
    """Return those lines of the last output that the caller is to have."""
    return [line for line in output.split(b"\n") if line.startswith(b"lock ") or line == b"connectivity-ok"]
