"""Requests that are small to send and would be dear to answer: what is kept and done for them is counted."""

from __future__ import annotations

import os
from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcore.ids import SHA1, ObjectId
from packcore.objects import ObjectType
from packcore.store.memory import MemoryStore
from packcore.store.repository import Repository
from packcore.walk import list_objects
from tests.object_makers import commit
from tests.support import git, git_bytes, history, init_repository, make_repository
from transport.server import one_push
from transport.server import view as view_module
from transport.server.budget import BadRequest, Budget, RequestLimits
from transport.server.connectivity import broken_tips
from transport.server.packing import enough_in_common
from transport.server.push_request import PushRequest, read_push
from transport.server.receive_pack import ReceivePack
from transport.server.ref_prefixes import RefPrefixes
from transport.server.requests import KnownIds, read_command, read_fetch_v2
from transport.server.shown_refs import fetchable_refs
from transport.server.upload_pack import UploadPack
from transport.server.view import RepositoryView
from transport.server.words import public_words
from transport.wire.pktline import DELIM, FLUSH, PacketReader, encode_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FEW = RequestLimits(lines=1000, repeated_lines=10)


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    made = make_repository(tmp_path_factory.mktemp("budgets") / "x.git", history(tag="v1"), repack=True)
    for number in range(20):
        git("branch", f"b{number}", f"main~{number}", cwd=made)
    git("config", "uploadpack.allowRefInWant", "true", cwd=made)
    return made


@pytest.fixture
def repository(path) -> Iterator[Repository]:
    with Repository.open(path) as opened:
        yield opened


@pytest.fixture
def listings(monkeypatch) -> list[str]:
    """Return a list that grows by one whenever the refs are listed."""
    calls: list[str] = []
    real = fetchable_refs

    def counted(*arguments):
        calls.append("listed")
        return real(*arguments)

    monkeypatch.setattr(view_module, "fetchable_refs", counted)
    return calls


def body(command: str, *lines: str | bytes) -> bytes:
    return encode_text(f"command={command}") + DELIM + b"".join(map(encode_text, lines)) + FLUSH


def read_fetch(repository: Repository, data: bytes, limits: RequestLimits | None = None):
    reader, budget = PacketReader([data]), Budget(limits or RequestLimits())
    command = read_command(reader, SHA1, budget)
    assert command is not None
    return read_fetch_v2(command.arguments, RepositoryView(repository, public_words), budget)


def tip(repository: Repository, name: str = "main") -> ObjectId:
    return repository.refs().known[f"refs/heads/{name}"].oid


def answer(repository: Repository, data: bytes, version: int = 2, limits: RequestLimits = FEW) -> bytes:
    return b"".join(UploadPack(repository, request_limits=limits).answer([data], version))


# Equal lines are one


@pytest.mark.parametrize("kind", ["have", "shallow", "want"])
def test_an_id_is_kept_once_however_often_it_is_named(repository, kind):
    main = tip(repository)
    request = read_fetch(repository, body("fetch", *[f"{kind} {main.hex()}"] * 9000))
    kept = {"have": request.common, "shallow": request.shallow, "want": request.wants}[kind]
    assert list(kept) == [main]


@pytest.mark.parametrize("kind", ["have", "shallow"])
def test_ids_that_are_not_here_are_not_kept(repository, kind):
    request = read_fetch(repository, body("fetch", *(f"{kind} {number:040x}" for number in range(3000))))
    assert not request.common
    assert not request.shallow
    assert request.has_haves == (kind == "have")


def test_what_is_not_here_is_looked_up_once_and_remembered_within_bounds():
    asked: list[ObjectId] = []

    def has(oid: ObjectId) -> bool:
        asked.append(oid)
        return False

    ids = KnownIds(has, Budget())
    for _ in range(5):
        ids.add(ObjectId(b"\1" * 20))
    assert len(asked) == 1
    for number in range(150_000):
        ids.add(ObjectId(number.to_bytes(20, "big")))
    assert len(ids._absent) <= 65_536


@pytest.mark.parametrize(
    "line",
    [
        *("have {}", "want {}", "shallow {}", "deepen-not main", "want-ref refs/heads/main", "done"),
        *("deepen 1", "deepen-since 1", "filter blob:none", "thin-pack"),
    ],
)
def test_too_many_equal_lines_end_a_fetch(repository, line):
    lines = [line.format(tip(repository).hex())] * 100
    assert answer(repository, body("fetch", *lines)) == encode_text("ERR too many lines that are equal")


@pytest.mark.parametrize("line", ["ref-prefix refs/heads/", "peel", "symrefs"])
def test_too_many_equal_lines_end_a_listing(repository, line):
    assert answer(repository, body("ls-refs", *[line] * 100)) == encode_text(
        "ERR too many lines that are equal"
    )


@pytest.mark.parametrize("line", ["want {}", "shallow {}"])
def test_too_many_equal_lines_end_a_request_of_v0(repository, line):
    main = tip(repository).hex()
    lines = [f"want {main}", *[line.format(main)] * 100]
    data = b"".join(map(encode_text, lines)) + FLUSH + encode_text("done")
    assert answer(repository, data, 0) == encode_text("ERR too many lines that are equal")


def test_too_many_equal_haves_end_a_negotiation_of_v0(repository):
    main = tip(repository).hex()
    data = encode_text(f"want {main} multi_ack_detailed") + FLUSH + encode_text(f"have {main}") * 100
    answered = answer(repository, data, 0)
    assert answered.count(f"ACK {main} common".encode()) == 1
    assert answered.endswith(encode_text("ERR too many lines that are equal"))


def test_a_request_has_a_bound_of_lines(repository):
    lines = (f"have {number:040x}" for number in range(2000))
    assert answer(repository, body("fetch", *lines)) == encode_text("ERR too many lines")
    head = b"".join(encode_text("agent=x") for _ in range(2000))
    assert answer(repository, head + body("fetch")) == encode_text("ERR too many capabilities")


@pytest.mark.parametrize("kind", ["have", "shallow"])
def test_a_request_has_a_bound_of_ids_that_are_not_here(repository, kind):
    limits = RequestLimits(absent_ids=100)
    main = tip(repository).hex()
    lines = [f"want {main}", *(f"{kind} {number:040x}" for number in range(100))]
    assert b"PACK" in answer(repository, body("fetch", *lines, "done"), limits=limits)
    lines.append(f"{kind} {'a' * 40}")
    refusal = encode_text("ERR too many ids of objects that aren't here")
    assert answer(repository, body("fetch", *lines, "done"), limits=limits) == refusal


def test_haves_of_v0_count_towards_the_same_bound(repository):
    main = tip(repository).hex()
    haves = b"".join(encode_text(f"have {number:040x}") for number in range(101))
    data = encode_text(f"want {main}") + FLUSH + haves + encode_text("done")
    assert b"too many ids" in answer(repository, data, 0, RequestLimits(absent_ids=100))


def test_no_file_is_looked_for_for_an_id_that_is_not_here(repository, monkeypatch):
    looked_for: list[str] = []
    monkeypatch.setattr(os.path, "isfile", looked_for.append)
    lines = (f"have {number:040x}" for number in range(3000))
    read_fetch(repository, body("fetch", *lines))
    assert not looked_for


def test_reading_ends_when_its_time_is_up():
    seconds = count()
    budget = Budget(RequestLimits(cpu_seconds=3), clock=lambda: float(next(seconds)))
    for _ in range(4 * 1024 - 1):
        budget.line()
    with pytest.raises(BadRequest, match="too much work"):
        budget.line()
    assert budget.lines == 4 * 1024


# Refs are listed once


@pytest.mark.parametrize(
    "lines",
    [
        [f"deepen-not b{number}" for number in range(1, 20)],
        [f"deepen-not {name}" for name in ("b7", "heads/b7", "refs/heads/b7")],
        [f"want-ref refs/heads/b{number}" for number in range(20)],
        ["include-tag", "deepen-not b9", "want-ref refs/heads/b1"],
    ],
)
def test_refs_are_listed_once_for_a_request(repository, listings, lines):
    main = tip(repository).hex()
    answered = answer(repository, body("fetch", f"want {main}", *lines, "done"))
    assert b"packfile\n" in answered
    assert listings == ["listed"]


def test_refs_are_listed_once_for_a_request_of_v0(repository, listings):
    main = tip(repository).hex()
    lines = [f"want {main} include-tag side-band-64k", *(f"deepen-not b{number}" for number in range(5, 15))]
    data = b"".join(map(encode_text, lines)) + FLUSH + encode_text("done")
    assert b"PACK" in answer(repository, data, 0)
    assert listings == ["listed"]


def test_no_refs_are_listed_where_none_is_asked_for(repository, listings):
    main = tip(repository).hex()
    assert b"packfile\n" in answer(repository, body("fetch", f"want {main}", "done"))
    assert listings == []


def asked_of(monkeypatch: pytest.MonkeyPatch, method: str) -> list[ObjectId]:
    """Return a list of the ids for which a method of repositories is called from now on."""
    asked: list[ObjectId] = []
    real = getattr(Repository, method)

    def counted(self: Repository, oid: ObjectId) -> object:
        asked.append(oid)
        return real(self, oid)

    monkeypatch.setattr(Repository, method, counted)
    return asked


def test_all_that_is_cut_off_is_walked_in_one_go(repository, monkeypatch):
    reads = asked_of(monkeypatch, "read")
    names = [f"deepen-not b{number}" for number in range(1, 20)]
    answer(repository, body("fetch", f"want {tip(repository).hex()}", *names, "done"))
    commits = int(git("rev-list", "--count", "main", cwd=repository.path))
    assert reads.count(tip(repository, "b19")) <= 4, "a commit is read once a walk, not once a line"
    assert len(reads) < 4 * commits + 200


def test_whether_the_haves_are_enough_is_one_walk_for_all_wants(repository, monkeypatch):
    commits = [SHA1.from_hex(line) for line in git("rev-list", "main", cwd=repository.path).split()]
    reads = asked_of(monkeypatch, "read")
    assert enough_in_common(repository, commits, [commits[-1]], frozenset())
    assert len(reads) <= len(commits) + 1
    assert not enough_in_common(repository, commits, [commits[0]], frozenset())


def test_only_the_objects_of_refs_that_are_told_are_looked_at(repository, monkeypatch):
    looked_at = asked_of(monkeypatch, "header")
    assert (
        answer(repository, body("ls-refs", "peel", "symrefs", "ref-prefix refs/heads/b7")).count(b"refs/")
        == 1
    )
    assert looked_at == [tip(repository, "b7")]
    looked_at.clear()
    main = tip(repository).hex()
    assert b"PACK" in answer(repository, body("fetch", f"want {main}", "deepen-not b9", "done"))
    assert tip(repository, "b8") not in looked_at, "this ref was not asked for"


# Prefixes

NAMES = st.text("ab/", max_size=5).map(str.encode)


@given(prefixes=st.lists(NAMES, max_size=8), name=NAMES)
def test_a_ref_is_listed_if_its_name_begins_with_a_prefix(prefixes, name):
    asked = RefPrefixes(100, 1000)
    for prefix in prefixes:
        asked.add(prefix)
    wanted = not prefixes or name.startswith(tuple(prefixes))
    assert asked.wants(name) == wanted
    assert asked.want_below(name) == (wanted or any(prefix.startswith(name + b"/") for prefix in prefixes))


@pytest.mark.parametrize("limits", [RequestLimits(ref_prefixes=50), RequestLimits(ref_prefix_bytes=100)])
def test_with_too_many_prefixes_all_refs_are_listed(repository, limits):
    lines = [f"ref-prefix refs/none/{number}" for number in range(51)]
    assert answer(repository, body("ls-refs", *lines), limits=limits) == answer(repository, body("ls-refs"))


# Pushes


def push_lines(repository: Repository, names: list[str], *more: str | bytes) -> bytes:
    main, zero = tip(repository).hex(), "0" * 40
    first, *others = [f"{zero} {main} {name}" for name in names]
    lines = [f"{first}\0 report-status push-options", *others]
    return b"".join(map(encode_text, lines)) + FLUSH + b"".join(map(encode_text, more)) + FLUSH


def read(data: bytes, limits: RequestLimits) -> PushRequest:
    request = read_push(PacketReader([data]), SHA1, limits)
    assert request is not None
    return request


def test_ids_that_many_commands_share_are_held_once(repository):
    request = read(push_lines(repository, [f"refs/heads/{n}" for n in range(500)]), RequestLimits())
    assert len({id(update.new) for update in request.updates}) == 1
    assert len({id(update.old) for update in request.updates}) == 1


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (RequestLimits(push_commands=10), "too many ref updates"),
        (RequestLimits(push_bytes=1000), "more than 1000 bytes before the pack"),
    ],
)
def test_a_push_has_a_bound_of_commands(repository, limits, words):
    names = [f"refs/heads/{number}" for number in range(20)]
    with pytest.raises(BadRequest, match=words):
        read(push_lines(repository, names), limits)


def test_a_push_has_a_bound_of_shallow_lines(repository):
    data = b"".join(encode_text(f"shallow {number:040x}") for number in range(20))
    for limits in (RequestLimits(push_commands=10), RequestLimits(push_bytes=500)):
        with pytest.raises(BadRequest):
            read(data + push_lines(repository, ["refs/heads/x"]), limits)


@pytest.mark.parametrize("options", [["x" * 60_000] * 2, ["x"] * 1001], ids=["long", "many"])
def test_push_options_are_bounded_together(repository, options):
    with pytest.raises(BadRequest, match="push options"):
        read(push_lines(repository, ["refs/heads/x"], *options), RequestLimits())
    assert read(push_lines(repository, ["refs/heads/x"], *["x"] * 1000), RequestLimits()).push_options


def test_what_is_missing_is_found_in_one_walk_for_all_tips(path, monkeypatch):
    """Two thousand commits in a row, each a tip, whose first one has a parent that isn't there."""
    objects = MemoryStore(SHA1)
    tree = objects.add(ObjectType.TREE, b"")
    whole = objects.add(*commit(tree))
    broken = [ObjectId(b"\x11" * 20)]
    for number in range(2000):
        broken.append(objects.add(*commit(tree, broken[-1:], date=number)))
    reads = 0
    real = objects.read

    def counted(oid):
        nonlocal reads
        reads += 1
        return real(oid)

    monkeypatch.setattr(objects, "read", counted)
    found = broken_tips(objects, [whole, *broken[1:]], [])
    assert set(found) == set(broken[1:])
    assert set(found.values()) == {f"object {'11' * 20} is missing (parent of commit {broken[1].hex()})"}
    assert reads < 4 * len(broken)


def test_many_commands_for_one_incomplete_tip_are_one_walk(path, tmp_path, monkeypatch):
    target = init_repository(tmp_path / "target.git")
    orphan = git("commit-tree", "-m", "x", "-p", "main", "main^{tree}", cwd=path)
    pack = git_bytes("pack-objects", "--stdout", "-q", cwd=path, stdin=f"{orphan}\n".encode())
    walks = []

    def counted(*arguments, **options):
        walks.append(arguments)
        return list_objects(*arguments, **options)

    monkeypatch.setattr(one_push, "list_objects", counted)
    commands = [f"{'0' * 40} {orphan} refs/heads/{number}" for number in range(2000)]
    lines = [f"{commands[0]}\0 report-status side-band-64k", *commands[1:]]
    data = b"".join(map(encode_text, lines)) + FLUSH + pack
    with Repository.open(target) as repository:
        answered = b"".join(ReceivePack(repository).answer([data], 0))
    assert answered.count(b"missing necessary objects") == 2000
    assert answered.count(b"error: ") == 1, "the reason is told once, not once a ref"
    assert len(walks) == 1
