"""Readers of what users write or keep: plans, lists, manifests, recordings, values of options."""

from __future__ import annotations

import contextlib
import io
import json
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import click

from cli.manifest import Manifest
from cli.object_list import read_object_list
from cli.render.wire import conversation_json, conversation_lines
from cli.sync_job import Reporting
from cli.values import COMMA_LIST, HEADER, SECONDS, SIZE
from cli.values import LINES as TEXT_LINES
from packcore.anatomy.model import leaves
from packcore.errors import PackcoreError
from packcore.ids import SHA1
from packcore.plans.bind import bind_plan
from packcore.plans.file import SavedPlan, bounded_lines
from packcore.plans.grow import plan_from_forest
from packcore.search.select import select
from packcore.walk import list_objects
from tests.fuzz import samples
from tests.fuzz.shapes import LINES
from tests.fuzz.target import scratch, target
from transport.recording import read_conversation
from transport.safe_text import sanitise
from transport.syncing.deliver.host_profile import host_of, load_profile, save_profile
from transport.syncing.prune_limit import PruneLimit
from transport.syncing.request import RefMapping

if TYPE_CHECKING:
    from collections.abc import Iterator

_ID = b"1b" * 20
_JSON = (
    b"{",
    b"}",
    b"[",
    b"null",
    b"true",
    b"-1",
    b"1e999",
    b"NaN",
    b"Infinity",
    b'"\\ud800"',
    b'"\\u001b[2J"',
    b"[" * 2000,
    b"0.5",
)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


# --- plans and lists ----------------------------------------------------------------------------------


@cache
def _saved() -> bytes:

    repository = samples.repository()
    head = repository.refs().known["refs/heads/main"].oid
    objects = list_objects(repository, wants=[head], haves=[])
    return b"".join(SavedPlan.of(select(repository, objects)).lines())


@target(
    seeds=lambda: [_saved()],
    shape=LINES,
    words=(*_JSON, b'"base": ', b'"as": "delta"', b'"pack": ', b'"deltaSize": '),
    bytes_max=4096,
)
def saved_plan(data: bytes) -> None:
    """Load a plan, write it again, and bind it to a repository."""
    plan = SavedPlan.read(bounded_lines(io.BytesIO(data)))
    again = SavedPlan.read(plan.lines())
    assert list(again.lines()) == list(plan.lines())
    bind_plan(plan, samples.repository())


@target(seeds=lambda: [b"\n".join(_forest()) + b"\n"], shape=LINES, words=(_ID, b"#", b" ", b"\t"))
def forest(data: bytes) -> None:
    """Make a plan of children and bases that were computed elsewhere."""
    plan_from_forest(bounded_lines(io.BytesIO(data)), samples.repository())


def _forest() -> list[bytes]:
    blobs = sorted(samples.repository())
    kinds = {oid: samples.repository().header(oid).type for oid in blobs}
    same = [oid for oid in blobs if kinds[oid].name == "BLOB"]
    return [same[0].hex().encode(), same[1].hex().encode() + b" " + same[0].hex().encode() + b" # why"]


@target(
    seeds=lambda: [_ID + b"\n" + b"2c" * 20 + b" src/a.c\n-" + b"3d" * 20 + b"\n"],
    shape=LINES,
    words=(_ID, b"-", b" ", b"\r\n", b"\xff"),
    also=(click.UsageError,),
)
def object_list(data: bytes) -> None:
    """Read the list on standard input, all lines at once and one by one."""
    wanted, held = read_object_list(io.BytesIO(data), SHA1)
    slowly = read_object_list(io.BytesIO(b"-" + b"7f" * 20 + b"\n" + data), SHA1)
    assert slowly[0] == wanted
    assert set(slowly[1]) == {*held, SHA1.from_hex(b"7f" * 20)}


# --- manifests ----------------------------------------------------------------------------------------


@target(
    seeds=lambda: [
        (
            b'[defaults]\ntags = true\ntime-limit = "10m"\n[[pair]]\nname = "d"\nsource = "https://a.example/d.git"\n'
            b'target = "/srv/d.git"\nbranch = ["main"]\nmode = "replicate"\n'
        ),
        (
            b'[[pair]]\nsource = "/a"\ntarget = "/b"\nprune = true\nprune-limit = "5%"\nwindow = 5\n'
            b'source-token-env = "T"\n'
        ),
    ],
    shape=LINES,
    words=(
        b"[[pair]]\n",
        b"source = ",
        b"map = ['a:b']",
        b"depth = 99",
        b"target-header = 'A: b'",
        b"nan",
        b"1979-05-27",
        b"0x1",
        b"'''",
        b"\\ud800",
        b"[" * 2000,
        b"jobs = ",
    ),
    also=(click.UsageError,),
)
def manifest(data: bytes) -> None:
    """Read a manifest and make its pairs."""
    path = scratch("manifest.toml")
    path.write_bytes(data)
    read = Manifest(str(path), {"T": "a token"})
    for number, table in enumerate(read._tables, 1):
        read._make(number, {**read._defaults_for(table), **table}, _job())


@cache
def _job() -> Any:
    """Return of a job what a manifest asks it for."""

    return SimpleNamespace(reporting=Reporting(), dry_run=False)


# --- recordings ---------------------------------------------------------------------------------------


def _recording() -> Iterator[bytes]:
    events: list[dict[str, object]] = [
        {"packcore": "conversation", "version": 1},
        {
            "open": 0, "side": "source", "url": "https://h/x", "service": "git-upload-pack",
            "kind": "request", "protocol": 2, "t": 0.5,
        },
        {"block": ">", "id": 0, "t": 0.6, "bytes": 24, "asked": 0.5},
        {"packet": ">", "id": 0, "at": 0, "bytes": 20, "head": b"command=fetch".hex()},
        {"packet": ">", "id": 0, "at": 20, "bytes": 4, "head": b"0000".hex(), "special": "flush"},
        {"block": "<", "id": 0, "t": 0.9, "bytes": 50},
        {"unframed": "<", "id": 0, "at": 0, "bytes": 50, "head": b"PACK".hex()},
        {"close": 0, "t": 1.0, "fault": "cut"},
    ]  # fmt: skip
    yield "".join(json.dumps(event) + "\n" for event in events).encode()


@target(
    seeds=_recording,
    shape=LINES,
    words=(
        *_JSON,
        b'"t": ',
        b'"bytes": ',
        b'"at": ',
        b'"head": "',
        b'"head": "30303030", "special": "flush"',
        b'"id": ',
        b'"open": ',
        b'"url": "',
    ),
    bytes_max=4096,
)
def recording(data: bytes) -> None:
    """Read a recorded conversation and draw it: what is printed has no control characters."""

    found = read_conversation(io.StringIO(_text(data)), "x")
    for exchange in found.exchanges:
        for stream in (exchange.said, exchange.heard):
            for leaf in leaves(stream.anatomy("x").root):
                if leaf.size < 1 << 16:  # of a pack there are no bytes, only how many there were
                    stream.anatomy("x").bytes_of(leaf)
    json.dumps(conversation_json([("x", found)]), allow_nan=False)
    for line in map(click.unstyle, conversation_lines(found, "x", every_line=True)):
        assert sanitise(line) == line, f"{line!r} is printed"


# --- what is remembered -------------------------------------------------------------------------------


@target(
    seeds=lambda: [b'{"https://h:8443": {"bodyBytesMax": 1048576, "chunked": false, "refUpdatesMax": 10}}'],
    words=(*_JSON, b'"bodyBytesMax": ', b'"https://h:8443": '),
)
def host_profile(data: bytes) -> None:
    """Load what is remembered of a host, and remember it again."""
    path = scratch("profiles/hosts.json")
    path.write_bytes(data)
    found = load_profile(path, "https://h:8443")
    save_profile(path, "https://h:8443", found)
    assert load_profile(path, "https://h:8443") == found


# --- values of options --------------------------------------------------------------------------------


@target(
    seeds=lambda: [
        b"64m",
        b"10%",
        b"main:backup",
        b"refs/heads/a:refs/heads/b",
        b"X-Y: z",
        b"5m",
        b"a,b",
        b"https://h:1/x",
    ],
    words=(b"%", b":", b"refs/heads/", b"GiB", b".5s", b",", "\u0664".encode(), "\u00b2".encode()),
    also=(click.UsageError,),
    bytes_max=128,
)
def option_values(data: bytes) -> None:
    """Read a text as each kind of value that options take."""
    text = _text(data)
    for kind in (SIZE, SECONDS, COMMA_LIST, TEXT_LINES, HEADER):
        with contextlib.suppress(click.UsageError):
            kind.convert(text, None, None)
    for parse in (PruneLimit.parse, RefMapping.parse, host_of):
        with contextlib.suppress(PackcoreError):
            parse(text)
