"""A clone of a repository with bitmaps: nothing is walked, and the pack is the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.packcore.store.test_bitmap import made
from tests.support import git
from transport.fetch import fetch_pack
from transport.listing import list_refs
from transport.schemes.file import LocalTransport

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_clone_is_served_by_bitmaps_with_the_same_bytes_as_by_a_walk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = made(tmp_path / "a.git")
    packs = []
    for use in (True, False):
        git("config", "pack.useBitmaps", str(use).lower(), cwd=path)
        transport = LocalTransport(str(path))
        listed = list_refs(transport)
        if use:
            monkeypatch.setattr("transport.server.packing.list_objects", None)
        with fetch_pack(transport, listed, wants=sorted(set(listed.refs.values()))) as answer:
            packs.append(b"".join(answer.blocks or ()))
        monkeypatch.undo()
        transport.close()
    assert packs[0] == packs[1]
