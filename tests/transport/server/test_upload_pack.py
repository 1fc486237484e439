"""Our upload-pack behind our HTTP server, with git itself as the client, in each version of the protocol."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packcore.store.repository import Repository
from tests.e2e.places import noise
from tests.support import fast_import, fsck, git, history, init_repository, make_repository, require, run_git
from tests.transport.server.serving import serving
from transport.server.upload_pack import UploadPack
from transport.wire.pktline import DELIM, FLUSH, PacketReader, encode_packet, encode_text
from transport.wire.sideband import demultiplex

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    require("git")
    path = Path(tmp_path_factory.mktemp("served"))
    for name in ("sha1", "sha256"):
        repository = make_repository(path / f"{name}.git", history(tag="v1"), object_format=name)
        git("branch", "early", "main~20", cwd=repository)
    return path


@pytest.fixture(scope="module")
def url(root) -> Iterator[str]:
    with serving(root) as server:
        yield server.url


BODIES = st.lists(
    st.one_of(
        st.binary(max_size=40).map(encode_packet),
        st.sampled_from([FLUSH, DELIM, b"junk", b"00"]),
        st.sampled_from(
            ("command=fetch", "command=ls-refs", "object-format=sha1", "done", "deepen 0", "deepen 9", "peel")
        ).map(encode_text),
        st.sampled_from(("want", "have", "shallow")).map(lambda word: encode_text(f"{word} {'1' * 40}")),
    ),
    max_size=8,
).map(b"".join)


@given(body=BODIES, number=st.sampled_from([0, 1, 2]), known=st.booleans())
@settings(deadline=None)
def test_any_request_gets_an_answer_and_never_an_exception(root, body, number, known):
    with Repository.open(root / "sha1.git") as repository:
        if known:
            body = body.replace(b"1" * 40, next(iter(repository.refs().known.values())).oid.hex().encode())
        answer = b"".join(UploadPack(repository).answer([body], number))
    assert isinstance(answer, bytes)


@pytest.mark.parametrize(("band", "data_bytes"), [("side-band-64k", 65515), ("side-band", 995)])
def test_the_packets_of_a_pack_are_full(tmp_path, band, data_bytes):
    path = init_repository(tmp_path / "noise.git")
    fast_import(path, noise(700_000))
    with Repository.open(path) as repository:
        tip = repository.refs().known["refs/heads/main"].oid.hex()
        body = encode_text(f"want {tip} {band} ofs-delta no-progress") + FLUSH + encode_text("done")
        reader = PacketReader(UploadPack(repository).answer([body], 0))
        assert reader.read("NAK") == b"NAK\n"
        sizes = [len(data) for data in demultiplex(reader)]
    trailer_bytes = 20
    assert sizes[-1] == trailer_bytes
    assert set(sizes[:-2]) == {data_bytes}
    assert len(sizes) == math.ceil((sum(sizes) - trailer_bytes) / data_bytes) + 1


def refs(path: Path | str) -> str:
    return git("ls-remote", path)


def version(number: int) -> list[str]:
    return ["-c", f"protocol.version={number}", "-c", "transfer.fsckObjects=true"]


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("name", ["sha1", "sha256"])
def test_git_clones(root, url, tmp_path, name, number):
    target = tmp_path / "clone.git"
    git(*version(number), "clone", "-q", "--mirror", f"{url}/{name}.git", target)
    assert refs(target) == refs(root / f"{name}.git")
    assert fsck(target) == []


@pytest.mark.parametrize("number", [0, 1, 2])
def test_git_lists_refs(root, url, number):
    assert git(*version(number), "ls-remote", "--symref", f"{url}/sha1.git") == git(
        "ls-remote", "--symref", root / "sha1.git"
    )


@pytest.mark.parametrize("number", [0, 1, 2])
def test_git_fetches_what_is_new(tmp_path, root, url, number):
    """Both sides have commits that the other lacks, many rounds of them."""
    source = make_repository(root / f"moving{number}.git", history(commits=5))
    target = tmp_path / "clone.git"
    git("clone", "-q", "--bare", source, target)
    fast_import(source, history(commits=20, seed=2, start="refs/heads/main^0"))
    ours = history(commits=60, seed=3, branch="refs/heads/ours", start="refs/heads/main^0")
    fast_import(target, ours)
    done = run_git(
        *version(number), "fetch", "-q", f"{url}/moving{number}.git", "main:refs/heads/theirs", cwd=target
    )
    assert done.returncode == 0, done.stderr
    assert git("rev-parse", "theirs", cwd=target) == git("rev-parse", "main", cwd=source)
    assert fsck(target) == []


@pytest.mark.parametrize("number", [0, 1, 2])
def test_git_clones_a_part_of_history_and_more_of_it_later(tmp_path, root, url, number):
    target = tmp_path / "clone.git"
    git(*version(number), "clone", "-q", "--bare", "--depth=3", f"{url}/sha1.git", target)
    assert git("rev-list", "--count", "main", cwd=target) == "3"
    git(*version(number), "fetch", "-q", "--depth=6", f"{url}/sha1.git", "main", cwd=target)
    assert git("rev-list", "--count", "FETCH_HEAD", cwd=target) == "6"
    git(*version(number), "fetch", "-q", "--unshallow", f"{url}/sha1.git", "main", cwd=target)
    assert git("rev-list", "--count", "FETCH_HEAD", cwd=target) == "30"
    assert fsck(target) == []


@pytest.mark.parametrize("number", [0, 2])
def test_git_is_told_why_it_gets_nothing(tmp_path, url, number):
    target = tmp_path / "target.git"
    git("init", "-q", "--bare", target)
    done = run_git(*version(number), "fetch", f"{url}/sha1.git", "1" * 40, cwd=target)
    assert done.returncode != 0
    assert b"not our ref" in done.stderr or b"unadvertised object" in done.stderr


@pytest.mark.parametrize("number", [0, 2])
@pytest.mark.parametrize(
    "spec",
    [
        "blob:none",
        "tree:0",
        "blob:limit=2k",
        "blob:limit=1000000",
        "object:type=commit",
        *("tree:1", "tree:2", "tree:3", "tree:4"),
        "combine:blob:limit=2k+tree:0",
        "combine:blob:limit=2k+blob%3Alimit=3k",
    ],
)
def test_git_clones_without_what_a_filter_leaves_out_and_fetches_it_later(root, url, tmp_path, number, spec):
    def clone(source: str | Path, name: str) -> Path:
        target = Path(tmp_path / name)
        git(*version(number), "clone", "-q", "--bare", f"--filter={spec}", source, target)
        return target

    theirs = make_repository(tmp_path / "theirs.git", history(tag="v1"))
    git("config", "uploadpack.allowFilter", "true", cwd=theirs)
    listings = [
        git("rev-list", "--objects", "--all", "--missing=print", "--no-object-names", cwd=one).split()
        for one in (clone(f"{url}/sha1.git", "ours.git"), clone(f"file://{theirs}", "git.git"))
    ]
    lacking = [{line for line in listing if line.startswith("?")} for listing in listings]
    assert lacking[0] == lacking[1]
    assert git("show", "main:src/part0/file0.txt", cwd=tmp_path / "ours.git")


@pytest.mark.parametrize("spec", ["combine:tree:0+combine:tree:1", "combine:combine:tree:0"])
def test_a_filter_that_is_not_understood_is_refused_by_name(url, tmp_path, spec):
    done = run_git("clone", "-q", "--bare", f"--filter={spec}", f"{url}/sha1.git", tmp_path / "x.git")
    assert b"invalid filter-spec 'combine:tree:" in done.stderr


@pytest.mark.parametrize("name", ["sha1", "sha256"])
def test_haves_alone_are_answered_with_what_is_here(root, name):
    with Repository.open(root / f"{name}.git") as repository:
        tip = repository.refs().known["refs/heads/main"].oid.hex()
        lines = "command=fetch", f"object-format={name}"
        haves = "wait-for-done", f"have {tip}", f"have {'1' * len(tip)}"
        body = b"".join(map(encode_text, lines)) + DELIM + b"".join(map(encode_text, haves)) + FLUSH
        answer = b"".join(UploadPack(repository).answer([body], 2))
    assert answer == b"".join(map(encode_text, ["acknowledgments", f"ACK {tip}"])) + FLUSH


@pytest.mark.parametrize("number", [0, 2])
def test_shallow_lines_end_without_a_line_feed_as_gits_do(tmp_path, number):
    # libgit2 takes a line feed there for a broken packet; git upload-pack sends none.
    path = make_repository(tmp_path / "x.git", history(commits=3))
    with Repository.open(path) as repository:
        tip = repository.refs().known["refs/heads/main"].oid.hex()
        wants = encode_text(f"want {tip}") if number == 2 else encode_text(f"want {tip} shallow")
        head = encode_text("command=fetch") + DELIM if number == 2 else b""
        body = head + wants + encode_text("deepen 1") + (encode_text("done") if number == 2 else b"") + FLUSH
        answer = b"".join(UploadPack(repository).answer([body], number))
    assert encode_packet(b"shallow " + tip.encode()) in answer


@pytest.mark.parametrize(("end", "is_fault"), [(b"", False), (b"\n", False), (b"\n\n", True), (b"00", True)])
def test_a_line_feed_after_the_last_request_is_taken_for_the_end(tmp_path, end, is_fault):
    path = make_repository(tmp_path / "x.git", history(commits=1))
    asked = encode_text("command=ls-refs") + DELIM + FLUSH
    with Repository.open(path) as repository:
        service = UploadPack(repository)
        answer = b"".join(service.converse([asked + end], 2))
        assert (b"ERR " in answer) == is_fault
        assert b"ERR " in b"".join(service.converse([b"\n"], 2))
