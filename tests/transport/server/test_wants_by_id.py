"""Which objects can be wanted by id, held against git's own stateless upload-pack, and that they are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packcore.store.config import GitConfig
from packcore.store.repository import Repository
from tests.support import git, git_bytes, init_repository, run_git
from transport.server.upload_pack import UploadPack
from transport.server.want_rules import WantRules, want_rules
from transport.wire.pktline import DELIM, FLUSH, PacketReader, encode_text
from transport.wire.sideband import demultiplex

if TYPE_CHECKING:
    from pathlib import Path

OBJECTS = (
    "main",
    "main~1",
    "main~1^{tree}",
    "main:f",
    "annotated",
    "annotated^{}",
    "refs/hidden/x",
    "refs/hidden/x~1",
    "lost",
    "lost_tag",
    "lost_blob",
)
ALLOW = {
    "nothing": [],
    "tip": [("allowTipSHA1InWant", "true")],
    "reachable": [("allowReachableSHA1InWant", "true")],
    "any": [("allowAnySHA1InWant", "true")],
    "any but tips": [("allowAnySHA1InWant", "true"), ("allowTipSHA1InWant", "false")],
    "none in the end": [("allowReachableSHA1InWant", "true"), ("allowAnySHA1InWant", "false")],
}


def commit(repository: Path, text: str, *parents: str) -> str:
    """Write a commit of one file that no ref points to."""
    blob = git("hash-object", "-w", "--stdin", cwd=repository, stdin=text.encode())
    tree = git("mktree", cwd=repository, stdin=f"100644 blob {blob}\tf\n".encode())
    options = [word for parent in parents for word in ("-p", parent)]
    return git("commit-tree", *options, "-m", text, tree, cwd=repository)


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    path = init_repository(tmp_path_factory.mktemp("wants") / "source.git")
    first = commit(path, "1")
    second = commit(path, "2", first)
    for name, oid in (
        ("refs/heads/main", second),
        ("refs/hidden/x", commit(path, "4", commit(path, "3", first))),
    ):
        git("update-ref", name, oid, cwd=path)
    git("tag", "-a", "-m", "x", "annotated", first, cwd=path)
    git("config", "transfer.hideRefs", "refs/hidden", cwd=path)
    return path


@pytest.fixture(scope="module")
def ids(source) -> dict[str, str]:
    """Return the id of each of OBJECTS."""
    lost = commit(source, "5", "main")
    git("tag", "-a", "-m", "x", "lost", lost, cwd=source)
    found = {"lost": lost, "lost_tag": git("rev-parse", "lost", cwd=source)}
    git("tag", "-d", "lost", cwd=source)
    found["lost_blob"] = git("rev-parse", f"{lost}:f", cwd=source)
    return found | {name: git("rev-parse", name, cwd=source) for name in OBJECTS if name not in found}


def allow_nothing(source: Path) -> None:
    for key in ("allowTipSHA1InWant", "allowReachableSHA1InWant", "allowAnySHA1InWant"):
        run_git("config", "--unset-all", f"uploadpack.{key}", cwd=source)


@pytest.fixture(params=ALLOW)
def allowed(request, source) -> str:
    """Allow in the source what the name says, and return the name."""
    allow_nothing(source)
    for key, value in ALLOW[request.param]:
        git("config", "--add", f"uploadpack.{key}", value, cwd=source)
    return str(request.param)


def request_v0(*wants: str, haves: tuple[str, ...] = (), options: tuple[str, ...] = ()) -> bytes:
    first, *others = wants
    lines = [f"want {first} side-band-64k ofs-delta no-progress filter", *(f"want {oid}" for oid in others)]
    asked = b"".join(map(encode_text, [*lines, *options])) + FLUSH
    return asked + b"".join(encode_text(f"have {oid}") for oid in haves) + encode_text("done")


def request_v2(*wants: str, haves: tuple[str, ...] = (), options: tuple[str, ...] = ()) -> bytes:
    lines = [f"want {oid}" for oid in wants] + [f"have {oid}" for oid in haves]
    words = [*lines, *options, "no-progress", "done"]
    return encode_text("command=fetch") + DELIM + b"".join(map(encode_text, words)) + FLUSH


def answer(repository: Path, request: bytes, version: int = 0) -> bytes:
    with Repository.open(repository) as opened:
        return b"".join(UploadPack(opened).answer([request], version))


def is_refused(text: bytes) -> bool:
    return b"ERR upload-pack: not our ref" in text


def sent(repository: Path, target: Path, request: bytes, version: int) -> set[str]:
    """Return the ids of the objects that are sent."""
    reader = PacketReader([answer(repository, request, version)])
    assert reader.read("the line before the pack") in (b"NAK\n", b"packfile\n") or version == 0
    init_repository(target)
    git_bytes("index-pack", "--stdin", cwd=target, stdin=b"".join(demultiplex(reader)))
    return set(git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)", cwd=target).split())


@pytest.mark.parametrize("name", OBJECTS)
def test_v0_takes_the_wants_that_gits_stateless_upload_pack_takes(source, ids, allowed, name):
    request = request_v0(ids[name])
    theirs = run_git("upload-pack", "--stateless-rpc", ".", cwd=source, stdin=request)
    assert is_refused(answer(source, request)) == is_refused(theirs.stdout), allowed


def test_v0_advertises_what_it_allows_as_git_does(source, allowed):
    with Repository.open(source) as opened:
        ours = b"".join(UploadPack(opened).advertise(0))
    theirs = git_bytes("upload-pack", "--advertise-refs", "--stateless-rpc", ".", cwd=source)
    for token in (b" allow-tip-sha1-in-want", b" allow-reachable-sha1-in-want"):
        assert (token in ours) == (token in theirs), allowed


def test_a_tip_that_moved_on_since_the_advertisement_is_still_served(source, ids):
    assert not is_refused(answer(source, request_v0(ids["main"], ids["main~1"])))


def test_the_want_that_no_ref_reaches_is_named(source, ids):
    allow_nothing(source)
    text = answer(source, request_v0(ids["main"], ids["main~1"], ids["lost"]))
    assert f"not our ref {ids['lost']}".encode() in text


def test_a_want_that_is_not_here_is_refused(source):
    assert is_refused(answer(source, request_v0("1" * 40)))


def test_the_last_setting_counts_for_each_of_its_own_flags():
    text = "[uploadpack]\nallowAnySHA1InWant\nallowTipSHA1InWant = no\n"
    assert want_rules(GitConfig.parse(text)) is WantRules.REACHABLE | WantRules.LOST
    assert want_rules(GitConfig.parse(text + "allowAnySHA1InWant = no")) is WantRules.NONE


@pytest.mark.parametrize(("version", "request_of"), [(0, request_v0), (2, request_v2)])
@pytest.mark.parametrize("name", ["main:f", "main^{tree}"])
def test_what_is_wanted_by_id_is_sent_even_where_a_have_reaches_it(
    source, tmp_path, version, request_of, name
):
    oid = git("rev-parse", name, cwd=source)
    have = git("rev-parse", "main", cwd=source)
    found = sent(source, tmp_path / "x.git", request_of(oid, haves=(have,)), version)
    assert found == set(git("rev-list", "--objects", "--no-object-names", oid, cwd=source).split())


@pytest.mark.parametrize(("version", "request_of"), [(0, request_v0), (2, request_v2)])
@pytest.mark.parametrize("spec", ["tree:0", "blob:none"])
def test_a_filter_leaves_in_what_a_wanted_tag_comes_to(source, ids, tmp_path, version, request_of, spec):
    tree, blob = ids["main~1^{tree}"], ids["main:f"]
    tags = []
    for oid in (tree, blob):
        git("tag", "-f", "-a", "-m", "x", "inner", oid, cwd=source)
        git("tag", "-f", "-a", "-m", "y", "outer", "inner", cwd=source)
        tags += [git("rev-parse", name, cwd=source) for name in ("outer", "inner")]
    for name in ("inner", "outer"):
        git("tag", "-d", name, cwd=source)
    git("config", "uploadpack.allowAnySHA1InWant", "true", cwd=source)
    found = sent(
        source, tmp_path / "x.git", request_of(tags[0], tags[2], options=(f"filter {spec}",)), version
    )
    assert found == {*tags, tree, blob}


@pytest.mark.parametrize("kind", ["commit", "tree", "blob", "tag"])
def test_object_type_leaves_in_what_is_of_the_type_or_given(source, tmp_path, kind):
    allow_nothing(source)
    tips = [git("rev-parse", name, cwd=source) for name in ("main", "annotated")]
    request = request_v0(*tips, options=(f"filter object:type={kind}",))
    theirs = git(
        "rev-list", "--objects", "--no-object-names", f"--filter=object:type={kind}", *tips, cwd=source
    )
    assert sent(source, tmp_path / "x.git", request, 0) >= set(theirs.split())
    assert sent(source, tmp_path / "y.git", request, 0) - set(theirs.split()) <= {
        git("rev-parse", "annotated^{}", cwd=source)
    }
