"""Fetching over one connection that lasts, as ssh and git:// have it: nothing is sent twice."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from packcore.ids import ObjectId
from tests.support import git, git_environment, make_repository, require
from tests.support import history as make_history
from transport.base import Body, Service, TransferStats
from transport.fetch import fetch_pack
from transport.listing import list_refs
from transport.wire.limits import WireLimits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from transport.wire.headway import Headway


class PipeTransport:
    """One `git upload-pack` process, talked to over its standard input and output."""

    stateless = False
    limits = WireLimits()
    url = "pipe"

    def __init__(self, path: Path) -> None:
        require("git")
        self.stats = TransferStats()
        self.bodies: list[bytes] = []
        self._path = path
        self._process: subprocess.Popen[bytes] | None = None

    @contextmanager
    def advertise(
        self, service: Service, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
        self._process = subprocess.Popen(
            ["git", "upload-pack", str(self._path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=git_environment({"GIT_PROTOCOL": f"version={version}"} if version else {}),
        )
        yield self._blocks()

    @contextmanager
    def request(
        self, service: Service, body: Body, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
        assert self._process is not None
        assert self._process.stdin is not None
        self.bodies.append(b"".join(body.blocks()))
        self._process.stdin.write(self.bodies[-1])
        self._process.stdin.flush()
        yield self._blocks()

    def close(self) -> None:
        if self._process is not None:
            self._process.communicate()

    def _blocks(self) -> Iterator[bytes]:
        assert self._process is not None
        assert self._process.stdout is not None
        while block := os.read(self._process.stdout.fileno(), 65536):
            yield block


@pytest.mark.parametrize("protocol", ["v0", "v1", "v2"])
@pytest.mark.parametrize("depth", [None, 2])
def test_many_rounds_and_a_pack(tmp_path, protocol, depth):
    source = make_repository(tmp_path / "source.git", make_history())
    transport = PipeTransport(source)
    advertisement = list_refs(transport, protocol=protocol)
    have = ObjectId(bytes.fromhex(git("rev-parse", "main~3", cwd=source)))
    strangers = [ObjectId(bytes([n]) * 20) for n in range(1, 60)]
    wants = [advertisement.refs["refs/heads/main"]]
    with fetch_pack(transport, advertisement, wants=wants, haves=[*strangers, have], depth=depth) as response:
        pack = b"".join(response.blocks or ())
    transport.close()
    assert pack.startswith(b"PACK")
    assert response.common == (have,)
    assert len(response.shallow) == (depth is not None)
    if protocol != "v2":
        assert sum(body.count(b"want ") for body in transport.bodies) == 1
        assert sum(body.count(have.hex().encode()) for body in transport.bodies) == 1
