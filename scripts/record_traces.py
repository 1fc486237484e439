"""Records the two conversations that the documentation draws: `python -m scripts.record_traces REPOSITORY`.

    docs/traces/selected-inside.jsonl    deltas are selected while the body of the push stands open
    docs/traces/selected-before.jsonl    the same objects, the same strategy, by `sync`

Both go to `packcore serve` with an edge that cuts who is silent for five seconds within a body. The first is
the mistake that this project was born from: it lives in this file, and in tests/e2e/wrong_writer.py, alone.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import packcore
import transport
from transport.agent import agent
from transport.base import Body
from transport.errors import NetworkError
from transport.listing import advertise_push
from transport.recording import Recorder
from transport.wire.receive_pack import PushOptions, RefUpdate, encode_commands

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transport.base import Service, Transport
    from transport.wire.headway import Headway

FOLDER = Path(__file__).resolve().parent.parent / "docs/traces"
STRATEGY = "union"
PATIENCE = "5s"
BRANCH = "refs/heads/main"


class OpenBody:
    """A transport that opens the connection first, and pulls the body from its generator then."""

    stateless = True

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self.url, self.stats, self.limits = inner.url, inner.stats, inner.limits
        self.advertise = inner.advertise

    @contextmanager
    def request(
        self, service: Service, body: Body, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
        """Send one request, as `http.client` sends a generator."""
        del version, headway
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        headers = {"Content-Type": f"application/x-{service}-request"}
        try:
            connection.request("POST", f"{parts.path}/{service}", body.blocks(), headers, encode_chunked=True)
            with connection.getresponse() as answer:
                yield iter((answer.read(),))
        except (OSError, http.client.HTTPException) as error:
            raise NetworkError(f"the connection was lost within the body: {error}") from error
        finally:
            connection.close()

    def close(self) -> None:
        """Close the wrapped transport."""
        self._inner.close()


def push_while_selecting(store: packcore.Repository, tip: packcore.ObjectId, wire: Transport) -> None:
    """Push `tip`; the objects are listed beforehand, their deltas are selected in the wrong place."""
    advertisement = advertise_push(wire)
    objects = packcore.list_objects(store, wants=[tip], haves=[])
    update = RefUpdate(BRANCH, packcore.ObjectId(bytes(len(tip))), tip)

    def blocks() -> Iterator[bytes]:
        yield encode_commands([update], advertisement.capabilities, PushOptions(), agent=agent())
        plan = packcore.select(store, objects, strategy=STRATEGY, reuse_deltas=False)
        yield from packcore.write_pack(plan)

    with wire.request("git-receive-pack", Body(blocks), version=0) as answer:
        for _ in answer:
            pass


def main() -> None:
    """Record both."""
    source = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        for name in ("inside", "before"):
            packcore.Repository.init(f"{folder}/{name}.git").close()
        command = [sys.executable, "-m", "cli", "serve", folder, "--allow-push", "--port", "0"]
        with subprocess.Popen(
            [*command, "--simulate", f"idle-cut={PATIENCE}"], stdout=subprocess.PIPE, text=True
        ) as server:
            assert server.stdout is not None
            url = next(word for word in server.stdout.readline().split() if word.startswith("http")).rstrip(
                "/,"
            )
            try:
                _record_inside(source, f"{url}/inside.git")
                _record_before(source, f"{url}/before.git")
            finally:
                server.terminate()
    for path in FOLDER.glob("selected-*.jsonl"):
        _rename(path)


def _record_inside(source: str, target: str) -> None:
    with packcore.open_repository(source) as store, (FOLDER / "selected-inside.jsonl").open("w") as file:
        tip = packcore.resolve_revision(store, "HEAD")
        wire = Recorder(file).wrap(OpenBody(transport.open_transport(target)), "target")
        try:
            push_while_selecting(store, tip, wire)
        except NetworkError as error:
            print(f"selected inside the body: {error}")
        finally:
            wire.close()


def _record_before(source: str, target: str) -> None:
    with packcore.open_repository(source) as store:
        head = str(store.head()).removeprefix("refs/heads/")
    with (FOLDER / "selected-before.jsonl").open("w") as file:
        result = transport.sync(
            source,
            target,
            transport.SyncRequest(
                scope=transport.Scope(mappings=(transport.RefMapping.parse(f"{head}:main"),)),
                selection=transport.SelectionOptions(strategy=STRATEGY, reuse_deltas=False),
                materialize=True,
            ),
            recorder=Recorder(file),
        )
    print(f"selected before: {result.pushed} refs pushed")


def _rename(path: Path) -> None:
    """Give both sides names that say what they are, not where they were recorded."""
    lines = []
    for line in path.read_text().splitlines():
        event = json.loads(line)
        if "url" in event:
            event["url"] = (
                "/srv/requests.git" if event["side"] == "source" else "https://edge.example/requests.git"
            )
        lines.append(json.dumps(event, separators=(",", ":")))
    path.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
