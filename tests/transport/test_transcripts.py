"""Recorded conversations with git's own servers, replayed whole and a byte at a time, without a git.

Each file in tests/transcripts holds the exchanges and, after `=`, what came of them. To record them anew
(with the git on PATH) after a deliberate change, run these tests with RECORD_TRANSCRIPTS=1.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

from packcore.ids import ObjectId
from tests.support import ROOT, fast_import, git, history, init_repository, make_repository
from tests.transport.process_transport import ProcessTransport, ReplayTransport, dump_transcript
from transport.errors import RemoteError
from transport.fetch import fetch_pack
from transport.listing import advertise_push, list_refs
from transport.send_pack import push
from transport.wire.receive_pack import RefUpdate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from transport.base import Transport
    from transport.listing import Protocol
    from transport.wire.advertisement import Advertisement

    Scenario = Callable[[Transport], dict[str, Any]]

FOLDER = ROOT / "tests" / "transcripts"
RECORDING = bool(os.environ.get("RECORD_TRANSCRIPTS"))
STRANGERS = [ObjectId(bytes([n]) * 20) for n in range(1, 30)]


def advertised(advertisement: Advertisement) -> dict[str, Any]:
    return {
        "version": advertisement.version,
        "object_format": advertisement.object_format.name,
        "head": advertisement.head and advertisement.head.hex(),
        "symrefs": advertisement.symrefs,
        "refs": {name: oid.hex() for name, oid in advertisement.refs.items()},
        "peeled": {name: oid.hex() for name, oid in advertisement.peeled.items()},
        "shallow": [oid.hex() for oid in advertisement.shallow],
    }


def fetching(protocol: Protocol, *, below: bool = False, depth: int | None = None) -> Scenario:
    """Fetch main; with `below`, offer unknown ids and the branch `old`."""

    def run(transport: Transport) -> dict[str, Any]:
        messages: list[str] = []
        advertisement = list_refs(transport, protocol=protocol)
        haves: Sequence[ObjectId] = [*STRANGERS, advertisement.refs["refs/heads/old"]] if below else ()
        wants = [advertisement.refs["refs/heads/main"]]
        with fetch_pack(
            transport, advertisement, wants=wants, haves=haves, depth=depth, on_message=messages.append
        ) as response:
            pack = b"".join(response.blocks or ())
        return {
            **advertised(advertisement),
            "common": [oid.hex() for oid in response.common],
            "cut": [oid.hex() for oid in response.shallow],
            "rounds": response.rounds,
            "pack": hashlib.sha256(pack).hexdigest(),
            "messages": messages,
        }

    return run


def listing(protocol: Protocol) -> Scenario:
    return lambda transport: advertised(list_refs(transport, protocol=protocol))


def refused(protocol: Protocol) -> Scenario:
    """Want what the server doesn't have."""

    def run(transport: Transport) -> dict[str, Any]:
        advertisement = list_refs(transport, protocol=protocol)
        with (
            pytest.raises(RemoteError) as caught,
            fetch_pack(transport, advertisement, wants=STRANGERS[:1]),
        ):
            pass
        return {"error": str(caught.value)}

    return run


def pushing(transport: Transport) -> dict[str, Any]:
    """Create, delete, and be refused in three ways, by refs to what the server has already."""
    advertisement = advertise_push(transport)
    main, old = (advertisement.refs[f"refs/heads/{name}"] for name in ("main", "old"))
    zero = advertisement.object_format.zero
    updates = [
        RefUpdate("refs/heads/new", zero, main),
        RefUpdate("refs/heads/gone", advertisement.refs["refs/heads/gone"], zero),
        RefUpdate("refs/secret/x", zero, main),
        RefUpdate("refs/heads/main", main, old),
        RefUpdate("refs/heads/old", main, main),
    ]
    messages: list[str] = []
    status = push(transport, advertisement, updates, None, on_message=messages.append)
    refs = {ref.name: ref.reason or "ok" for ref in status.refs.values()}
    lost = [ref.name for ref in status.refs.values() if ref.lost_race]
    return {**advertised(advertisement), "status": refs, "lost": lost, "messages": messages}


SCENARIOS: dict[str, Scenario] = {
    "clone-v0": fetching("v0"),
    "clone-v1": fetching("v1"),
    "clone-v2": fetching("v2"),
    "clone-v2-sha256": fetching("v2"),
    "update-v0": fetching("v0", below=True),
    "update-v2": fetching("v2", below=True),
    "shallow-v0": fetching("v0", depth=1),
    "shallow-update-v0": fetching("v0", depth=1, below=True),
    "shallow-v2": fetching("v2", depth=1),
    "empty-v0": listing("v0"),
    "empty-v2": listing("v2"),
    "refused-v0": refused("v0"),
    "refused-v2": refused("v2"),
    "push": pushing,
}


@pytest.fixture(autouse=True)
def _one_agent(monkeypatch):
    """Requests name our version; transcripts must outlive it."""
    for module in ("fetch", "fetch_rounds", "listing", "send_pack"):
        monkeypatch.setattr(sys.modules[f"transport.{module}"], "agent", lambda: "packcore/test")


def make_server(path: Path, name: str) -> ProcessTransport:
    """Make the repository that a scenario talks to."""
    object_format = "sha256" if name.endswith("sha256") else "sha1"
    if name.startswith("empty"):
        return ProcessTransport(init_repository(path, object_format=object_format))
    make_repository(path, history(commits=2, files=2, tag="v1"), object_format=object_format)
    git("branch", "old", "main", cwd=path)
    git("branch", "gone", "main", cwd=path)
    fast_import(path, history(commits=2, files=2, seed=2, start="refs/heads/main^0"))
    settings = {"receive.denyNonFastForwards": "true", "receive.hideRefs": "refs/secret"}
    return ProcessTransport(path, configuration=settings)


if RECORDING:

    @pytest.mark.parametrize("name", SCENARIOS)
    def test_record(name, tmp_path):
        transport = make_server(tmp_path / "server.git", name)
        outcome = SCENARIOS[name](transport)
        version = git("--version")
        text = f"# {name}: recorded from {version}\n\n{dump_transcript(transport.exchanges)}\n= "
        (FOLDER / f"{name}.txt").write_text(text + json.dumps(outcome, indent=1) + "\n", encoding="utf-8")


@pytest.mark.parametrize("block_bytes", [None, 1, 4096], ids=["whole", "bytes", "blocks"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_recorded_conversation_comes_out_the_same(name, block_bytes):
    conversation, _, outcome = (FOLDER / f"{name}.txt").read_text(encoding="utf-8").partition("\n= ")
    transport = ReplayTransport(conversation, block_bytes=block_bytes)
    assert SCENARIOS[name](transport) == json.loads(outcome)
    assert transport.finished


@pytest.mark.parametrize("protocol", ["v0", "v1", "v2"])
def test_versions_bring_the_same_objects(protocol):
    outcomes = [(FOLDER / f"clone-{version}.txt").read_text(encoding="utf-8") for version in ("v0", protocol)]
    packs = [json.loads(text.partition("\n= ")[2])["pack"] for text in outcomes]
    assert packs[0] == packs[1]
