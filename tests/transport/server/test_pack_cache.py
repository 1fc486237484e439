"""Packs that the server keeps: how often one is planned is counted, and every client gets the right bytes."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from packcore.errors import CorruptData
from packcore.store.repository import Repository
from tests.e2e.places import noise
from tests.support import fast_import, fsck, git, history, init_repository, make_repository, run_git
from tests.transport.server.serving import serving
from transport.server import packing
from transport.server.pack_cache import PackCache
from transport.server.upload_pack import UploadPack
from transport.wire.pktline import DELIM, FLUSH, PacketReader, encode_text
from transport.wire.sideband import demultiplex

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

SECONDS = 20
SEVERAL_BLOCKS = 700_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a repository whose pack has several blocks."""
    made = make_repository(tmp_path / "x.git", history(commits=6, tag="v1"))
    fast_import(made, noise(SEVERAL_BLOCKS, branch="noise"))
    return made


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[PackCache]:
    made = PackCache(tmp_path / "packs")
    yield made
    made.close()


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows by one whenever a pack is planned."""
    return counted(monkeypatch, lambda: None)


def counted(monkeypatch: pytest.MonkeyPatch, first: Callable[[], object]) -> list[str]:
    made: list[str] = []
    real = packing.plan_pack

    def plan(*arguments, **options):
        made.append("plan")
        first()
        return real(*arguments, **options)

    monkeypatch.setattr(packing, "plan_pack", plan)
    return made


def asked(path: Path, *lines: str, want: str = "--all") -> bytes:
    """Return the body of a v2 request."""
    wants = [f"want {oid}" for oid in dict.fromkeys(git("rev-parse", want, cwd=path).split())]
    arguments = [*wants, *(lines or ("ofs-delta",)), "done"]
    return encode_text("command=fetch") + DELIM + b"".join(map(encode_text, arguments)) + FLUSH


def blocks(path: Path, body: bytes, cache: PackCache | None, **settings) -> Generator[bytes]:
    """Yield the answer's blocks, from an open repository of the client's own."""
    with Repository.open(path) as repository:
        yield from UploadPack(repository, packs=cache, **settings).answer([body], 2)


def fetched(path: Path, body: bytes, cache: PackCache | None = None, **settings) -> bytes:
    """Return the pack that a client gets."""
    reader = PacketReader(blocks(path, body, cache, **settings))
    while reader.read("a section") != b"packfile\n":
        pass
    return b"".join(demultiplex(reader))


def kept_files(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "packs").rglob("*.pack"))


def test_two_equal_clones_are_planned_once_and_get_the_bytes_that_they_would_get_without(path, cache, plans):
    body = asked(path)
    packs = [fetched(path, body, cache), fetched(path, body, cache)]
    assert len(plans) == 1
    assert packs == [fetched(path, body)] * 2


@pytest.mark.parametrize("number", [0, 2])
def test_git_clones_twice_and_one_pack_is_planned(path, tmp_path, plans, number):
    with serving(path.parent, packs=PackCache(tmp_path / "packs")) as server:
        for name in ("one", "two"):
            clone = tmp_path / name
            git("-c", f"protocol.version={number}", "clone", "-q", "--mirror", f"{server.url}/x.git", clone)
            assert fsck(clone) == []
    assert len(plans) == 1
    assert not list((tmp_path / "packs").iterdir()), "the packs were removed with the server"


@pytest.mark.parametrize(
    "lines",
    [
        ("ofs-delta", "have {early}"),
        ("ofs-delta", "deepen 2"),
        ("ofs-delta", "filter blob:none"),
        ("ofs-delta", "include-tag"),
        ("no-progress",),
    ],
)
def test_a_request_that_asks_for_another_pack_gets_another(path, cache, plans, lines):
    early = git("rev-parse", "main~3", cwd=path)
    other = asked(path, *(line.format(early=early) for line in lines))
    fetched(path, asked(path), cache)
    assert fetched(path, other, cache) == fetched(path, other)
    assert len(plans) == 3


def test_other_wants_and_another_repository_with_the_same_wants_get_packs_of_their_own(
    path, tmp_path, cache, plans
):
    fetched(path, asked(path, want="main"), cache)
    fetched(path, asked(path, want="main~1"), cache)
    git("clone", "-q", "--mirror", path, tmp_path / "y.git")
    fetched(tmp_path / "y.git", asked(path, want="main"), cache)
    assert len(plans) == 3


def test_clients_that_ask_at_once_wait_for_one_maker_and_see_signs_of_life(path, cache, monkeypatch):
    go_on = threading.Event()
    plans = counted(monkeypatch, lambda: go_on.wait(SECONDS))
    body = asked(path)
    silent: list[int] = []

    def client(number: int) -> bytes:
        answer = b""
        for block in blocks(path, body, cache, keepalive_seconds=0.01):
            answer += block
            if block == b"0005\1" and number not in silent:
                silent.append(number)
                if len(silent) == 5:
                    go_on.set()
        return answer.replace(b"0005\1", b"")

    with ThreadPoolExecutor(5) as pool:
        answers = set(pool.map(client, range(5)))
    assert len(plans) == 1
    assert len(answers) == 1
    assert len(silent) == 5


def test_a_slow_client_that_came_first_holds_up_nobody(path, cache, plans):
    body = asked(path)
    slow = blocks(path, body, cache)
    begun = [next(slow) for _ in range(3)]
    assert fetched(path, body, cache) == fetched(path, body)
    assert b"".join([*begun, *slow]) == b"".join(blocks(path, body, None))
    assert len(plans) == 3


def test_a_client_that_came_first_and_went_leaves_the_pack_to_the_others(path, cache, plans):
    body = asked(path)
    first, second = blocks(path, body, cache), blocks(path, body, cache)
    begun = [next(second) for _ in range(3) if next(first)]
    first.close()
    assert b"".join([*begun, *second]) == b"".join(blocks(path, body, None))
    assert len(plans) == 2


def test_a_client_that_goes_while_its_pack_is_planned_takes_it_from_nobody(path, cache, monkeypatch):
    go_on = threading.Event()
    plans = counted(monkeypatch, lambda: go_on.wait(SECONDS))
    body = asked(path)
    first, second = (blocks(path, body, cache, keepalive_seconds=0.01) for _ in range(2))
    for client in (first, second):
        while next(client) != b"0005\1":
            pass
    with ThreadPoolExecutor(1) as pool:
        closing = pool.submit(first.close)
        go_on.set()
        rest = b"".join(second)
        closing.result(SECONDS)
    assert rest.replace(b"0005\1", b"").endswith(b"".join(blocks(path, body, None))[-1000:])
    assert len(plans) == 2


def test_a_pack_that_nobody_reads_any_more_is_not_finished(path, tmp_path, cache):
    body = asked(path)
    gone = blocks(path, body, cache)
    [next(gone) for _ in range(2)]
    gone.close()
    assert all(size.stat().st_size for size in kept_files(tmp_path))
    assert fetched(path, body, cache) == fetched(path, body)


def test_a_maker_that_fails_lets_the_next_client_try(path, cache, monkeypatch):
    failures = [CorruptData("damaged for once")]

    def fail() -> None:
        if failures:
            raise failures.pop()

    plans = counted(monkeypatch, fail)
    body = asked(path)
    assert b"fatal: damaged for once" in b"".join(blocks(path, body, cache))
    assert fetched(path, body, cache) == fetched(path, body, cache)
    assert len(plans) == 2


def test_clients_that_wait_for_a_maker_that_fails_make_the_pack_themselves(path, cache, monkeypatch):
    joined = threading.Event()
    failures = [CorruptData("damaged for once")]

    def fail() -> None:
        joined.wait(SECONDS)
        if failures:
            raise failures.pop()

    plans = counted(monkeypatch, fail)
    body = asked(path)
    real = cache.join

    def join(key: bytes):
        result = real(key)
        if result is not None and result[0].readers == 2:
            joined.set()
        return result

    monkeypatch.setattr(cache, "join", join)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: b"".join(blocks(path, body, cache)), range(2)))
    assert sorted(b"fatal: damaged for once" in answer for answer in answers) == [False, True]
    assert len(plans) == 2


@pytest.mark.parametrize("place", [0, 300_000, -1])
def test_a_damaged_file_is_noticed_before_a_client_gets_any_of_it_and_made_again(
    path, tmp_path, cache, plans, place
):
    body = asked(path)
    pack = fetched(path, body, cache)
    [file] = kept_files(tmp_path)
    data = bytearray(file.read_bytes())
    data[place] ^= 1
    file.write_bytes(data)
    assert fetched(path, body, cache) == pack
    assert len(plans) == 2
    before = len(plans)
    assert fetched(path, body, cache) == fetched(path, body, cache) == pack
    assert len(plans) == before + (place != 0), "kept again, and used"


@pytest.mark.parametrize("size", [0, 10, 300_000])
def test_a_file_cut_short_is_noticed(path, tmp_path, cache, size):
    body = asked(path)
    pack = fetched(path, body, cache)
    [file] = kept_files(tmp_path)
    file.write_bytes(file.read_bytes()[:size])
    assert fetched(path, body, cache) == pack


def test_a_file_that_was_removed_is_made_again(path, tmp_path, cache, plans):
    body = asked(path)
    pack = fetched(path, body, cache)
    kept_files(tmp_path)[0].unlink()
    assert fetched(path, body, cache) == fetched(path, body, cache) == pack
    assert len(plans) == 2


def test_the_least_recently_used_pack_makes_room(path, tmp_path, plans):
    bodies = [asked(path, want=f"main~{number}") for number in range(3)]
    sizes = [len(fetched(path, body)) for body in bodies]
    plans.clear()
    cache = PackCache(tmp_path / "packs", bytes_max=max(sum(sizes) - 1, 2 * max(sizes)))
    for number in (0, 1, 0, 2, 0):
        fetched(path, bodies[number], cache)
    assert len(plans) == 3
    fetched(path, bodies[1], cache)
    assert len(plans) == 4
    assert cache.byte_count == sum(file.stat().st_size for file in kept_files(tmp_path))
    cache.close()


def test_a_pack_too_large_to_keep_reaches_the_client_by_one_plan_and_leaves_nothing(path, tmp_path, plans):
    cache = PackCache(tmp_path / "packs", bytes_max=SEVERAL_BLOCKS)
    body = asked(path)
    assert fetched(path, body, cache) == fetched(path, body)
    assert len(plans) == 2
    assert not kept_files(tmp_path)
    assert cache.byte_count == 0
    assert fetched(path, body, cache) == fetched(path, body, cache)
    assert len(plans) == 4
    cache.close()


def test_a_full_disk_costs_a_client_nothing(path, cache, plans, monkeypatch):
    body = asked(path)
    pack = fetched(path, body)

    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("transport.server.kept_pack.KeptPack.write", full)
    assert fetched(path, body, cache) == pack
    assert len(plans) == 2


def test_a_pack_that_would_be_made_differently_now_is_not_continued(path, tmp_path, cache, monkeypatch):
    body = asked(path)
    fetched(path, body, cache)
    [file] = kept_files(tmp_path)
    file.write_bytes(file.read_bytes()[:300_000])
    real = packing.plan_pack
    monkeypatch.setattr(
        packing, "plan_pack", lambda *given, **options: real(*given, **{**options, "strategy": "reuse"})
    )
    answer = b"".join(blocks(path, body, cache))
    assert b"fatal: " in answer
    assert b"has to be made again" in answer


def test_what_a_hidden_ref_points_to_is_refused_though_its_pack_is_kept(path, tmp_path, plans):
    with serving(path.parent, packs=PackCache(tmp_path / "packs")) as server:
        url = f"{server.url}/x.git"
        wanted = (
            "-c",
            "protocol.version=0",
            "clone",
            "-q",
            "--bare",
            "--single-branch",
            "--branch=noise",
            url,
        )
        git(*wanted, tmp_path / "one")
        git("config", "transfer.hideRefs", "refs/heads/noise", cwd=path)
        done = run_git(*wanted, tmp_path / "two")
        git("init", "-q", "--bare", tmp_path / "three")
        oid = git("rev-parse", "noise", cwd=path)
        by_id = run_git("-c", "protocol.version=0", "fetch", "-q", url, oid, cwd=tmp_path / "three")
    assert done.returncode != 0
    assert by_id.returncode != 0
    assert len(plans) == 1


def test_no_folder_is_made_before_there_is_a_pack(tmp_path):
    init_repository(tmp_path / "served" / "x.git")
    with serving(tmp_path / "served", packs=PackCache(tmp_path / "packs")) as server:
        git("ls-remote", f"{server.url}/x.git")
        assert not list((tmp_path / "packs").iterdir())
