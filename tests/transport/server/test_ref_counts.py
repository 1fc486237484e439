"""How much a list of refs costs, in counts, at two sizes: files opened, lines parsed, objects looked at."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from packcore.store import packed_refs
from packcore.store.repository import Repository
from tests.support import fast_import, git, history, init_repository
from tests.transport.server.serving import serving
from transport.listing import advertise_push, list_refs
from transport.schemes import open_transport
from transport.server.http_connection import HttpConnection
from transport.wire import ls_refs

if TYPE_CHECKING:
    from collections.abc import Callable

    from transport.base import Transport
    from transport.wire.advertisement import Advertisement


def repository_of(path: Path, tags: int) -> Path:
    made = init_repository(path)
    fast_import(made, history(commits=3))
    tip = git("rev-parse", "main", cwd=made)
    stream = "".join(
        f"tag v{number}\nfrom {tip}\ntagger A <a@x> 1112000000 +0000\ndata 2\nt\n" for number in range(tags)
    )
    git("fast-import", "--quiet", cwd=made, stdin=stream.encode() + b"done\n")
    git("pack-refs", "--all", cwd=made)
    git("repack", "-adq", cwd=made)
    return made


def with_branches(path: Path, branches: int) -> Path:
    made = init_repository(path)
    fast_import(made, history(commits=1))
    tip = git("rev-parse", "main", cwd=made)
    lines = "".join(f"{tip} refs/heads/topic/{number:05}\n" for number in range(branches))
    (made / "packed-refs").write_text(f"# pack-refs with: peeled fully-peeled sorted \n{lines}")
    return made


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Return a counter of what is opened, read and taken line by line."""
    calls: Counter[str] = Counter()

    def count(owner: object, name: str, word: str) -> None:
        real: Callable[..., object] = getattr(owner, name)

        def counted(*arguments: object, **more: object) -> object:
            calls[word] += 1
            return real(*arguments, **more)

        monkeypatch.setattr(owner, name, counted)

    count(os, "open", "opened")
    count(Path, "open", "opened")
    count(Repository, "read", "objects")
    count(Repository, "header", "objects")
    count(packed_refs, "_read_carefully", "careful")
    count(ls_refs, "_take_line", "lines")
    return calls


def listed(path: Path | str, *prefixes: str) -> Advertisement:
    transport = open_transport(str(path))
    try:
        return list_refs(transport, prefixes=prefixes)
    finally:
        transport.close()


@pytest.mark.parametrize("is_served", [False, True], ids=["path", "serve"])
def test_a_list_of_tags_opens_as_many_files_and_reads_as_many_objects_whatever_their_number(
    tmp_path: Path, counts: Counter[str], is_served: bool
) -> None:
    found = []
    for tags in (300, 1200):
        made = repository_of(tmp_path / f"{tags}.git", tags)
        with serving(tmp_path) as server:
            counts.clear()
            answer = listed(f"{server.url}/{made.name}" if is_served else made)
        assert len(answer.peeled) == tags
        assert set(answer.peeled.values()) == {answer.refs["refs/heads/main"]}
        if is_served:
            counts.pop("opened")  # the server's own threads open files, too
        found.append(Counter(counts))
    few, many = found
    assert few.pop("lines", 0) <= 3 * is_served  # the first one of each block; a path is read in place
    assert many.pop("lines", 0) <= 3 * 4 * is_served
    assert few == many
    assert few["objects"] <= 2  # HEAD
    assert few["careful"] == 0


@pytest.mark.parametrize("lists", [list_refs, advertise_push], ids=["fetch", "push"])
def test_a_server_sends_hundreds_of_refs_in_one_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lists: Callable[[Transport], Advertisement]
) -> None:
    written: list[int] = []
    real = HttpConnection.write

    def counted(connection: HttpConnection, data: bytes) -> None:
        written.append(len(data))
        real(connection, data)

    monkeypatch.setattr(HttpConnection, "write", counted)
    writes = []
    for branches in (1000, 4000):
        made = with_branches(tmp_path / f"{branches}.git", branches)
        with serving(tmp_path) as server:
            transport = open_transport(f"{server.url}/{made.name}")
            written.clear()
            assert len(lists(transport).refs) == branches + 1
            writes.append(len(written))
            transport.close()
    few, many = writes
    assert few <= 10
    assert many - few <= 3000 / 400


def test_a_server_reads_packed_refs_once_for_many_requests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = repository_of(tmp_path / "root/x.git", 300)
    old = made.stat().st_mtime - 100
    os.utime(made / "packed-refs", (old, old))
    parsed: list[int] = []
    real = packed_refs._checked

    def counted(lines: bytes, hex_size: int) -> object:
        parsed.append(len(lines))
        return real(lines, hex_size)

    monkeypatch.setattr(packed_refs, "_checked", counted)
    with serving(made.parent) as server:
        views = server.settings.views
        monkeypatch.setattr(views, "_clock", lambda: 2**62)
        for number in range(5):
            answer = listed(f"{server.url}/x.git", f"refs/tags/v{number}")
            assert f"refs/tags/v{number}" in answer.refs
        assert len(parsed) == 1
        git("update-ref", "-d", "refs/tags/v7", cwd=made)
        assert "refs/tags/v7" not in listed(f"{server.url}/x.git", "refs/tags/v7").refs
        assert len(parsed) == 2
