"""Readers of the small files of a repository, and of what a user types about its objects."""

from __future__ import annotations

import contextlib
import zlib
from typing import TYPE_CHECKING

from packcore.errors import PackcoreError
from packcore.ids import SHA1
from packcore.limits import KIB, Limits
from packcore.refs import check_ref_name, decode_ref_name, encode_ref_name
from packcore.revision_set import parse_revisions
from packcore.store.alternates import find_alternates
from packcore.store.config import GitConfig, object_format_of
from packcore.store.git_directory import find_git_directory
from packcore.store.index_file import read_index
from packcore.store.loose import LooseStore
from packcore.store.loose_refs import read_loose_ref
from packcore.store.ref_files import RefFiles
from packcore.store.reflogs import read_log
from packcore.store.reftable import Reftable
from packcore.store.reftable_refs import ReftableRefs
from packcore.store.reftable_write import table_bytes
from packcore.store.repository import Repository
from packcore.store.shallow import read_shallow
from tests.fuzz import samples
from tests.fuzz.shapes import LINES, REFTABLE, SEALED, WORDS, ZLIB
from tests.fuzz.target import agree, scratch, target
from tests.reftables import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LIMITS = Limits(object_bytes=256 * KIB)
_ID = b"1b" * 20
_PATHS = (b"../", b"/", b"a" * 300, b"/dev/null", b"//", b"\xff", b'"', b"\\101", b"#", b"gitdir: ")


def _written(name: str, data: bytes) -> Path:
    path = scratch(name)
    path.write_bytes(data)
    return path


# --- objects ------------------------------------------------------------------------------------------


def _loose_seeds() -> Iterator[bytes]:
    for kind, data in (
        (b"blob", samples.BASE),
        (b"commit", samples.COMMIT),
        (b"tree", samples.TREE),
        (b"blob", b""),
    ):
        yield zlib.compress(b"%s %d\0" % (kind, len(data)) + data)


@target(seeds=_loose_seeds, shape=ZLIB, words=(b"blob ", b"commit ", b"\0", b"0"))
def loose_object(data: bytes) -> None:
    """Read a loose object that is named by what it holds: whole and in blocks it is the same."""
    with contextlib.suppress(zlib.error):
        inflater = zlib.decompressobj()
        oid = SHA1.hash_object(b"", b"")
        oid = type(oid)(SHA1.new_hash(inflater.decompress(data, 256 * KIB)).digest())
        store = LooseStore(scratch("loose/x").parent, SHA1, _LIMITS)
        path = scratch(f"loose/{oid.hex()[:2]}/{oid.hex()[2:]}")
        path.write_bytes(data)
        try:
            assert oid in store
            agree(lambda: store.read(oid).data, lambda: b"".join(store.stream(oid)))
            assert len(store.read(oid).data) == store.header(oid).size
        finally:
            path.unlink()


# --- refs ---------------------------------------------------------------------------------------------


@target(
    seeds=lambda: [_ID + b"\n", b"ref: refs/heads/main\n", b"ref:\trefs/heads/a/b"],
    words=(b"ref: ", b"refs/heads/", b"..", b".lock", b"@{", b"0" * 40, _ID),
    bytes_max=512,
)
def loose_ref(data: bytes) -> None:
    """Read a ref's file."""
    read_loose_ref(_written("ref", data), "refs/heads/x", SHA1)


@target(
    seeds=lambda: [
        b"# pack-refs with: peeled fully-peeled sorted \n"
        + _ID
        + b" refs/heads/a\n"
        + _ID
        + b" refs/tags/v1\n^"
        + _ID
        + b"\n",
        _ID + b" refs/heads/\xff\n",
    ],
    shape=LINES,
    words=(b"# pack-refs with:", b"^" + _ID, _ID + b" refs/heads/", b"0" * 40),
)
def packed_refs(data: bytes) -> None:
    """Read packed-refs alone, then list all refs through it."""
    folder = _written("packed.git/packed-refs", data).parent
    scratch("packed.git/refs/heads/x")
    refs = RefFiles(folder, folder, SHA1)
    try:
        packed = refs.packed()
        listed = refs.all()
        assert {*packed} - {"HEAD"} == {*listed.known, *listed.unreadable}
    finally:
        refs.locks.close()


@target(
    seeds=lambda: [path.read_bytes() for path in sorted(TABLES.glob("*.ref")) if path.stem != "sha256"],
    shape=REFTABLE,
    words=(b"REFT", b"r\0", b"i\0", b"g\0", b"refs/heads/", b"\x80", b"\xff" * 3),
    bytes_max=8192,
)
def reftable(data: bytes) -> None:
    """Read a table, write what it says, and read that; then as the only table of a repository."""
    folder = _written("tables.git/reftable/x.ref", data).parent
    table = Reftable(data, "x.ref", SHA1)
    refs, logs = list(table.refs()), list(table.logs())
    indexes = table.update_index_min, max((table.update_index_max, *(ref.update_index for ref in refs)))
    if indexes[1] < 1 << 63:
        again = Reftable(table_bytes(refs, logs, indexes, SHA1), "y.ref", SHA1)
        assert list(again.refs()) == refs
        assert list(again.logs()) == logs
    (folder / "tables.list").write_bytes(b"x.ref\n")
    kept = ReftableRefs(folder.parent, folder.parent, SHA1)
    listed = kept.all()
    told = {ref.name for ref in refs if ref.kind and ref.name.startswith(b"refs/")}
    assert told == set(map(encode_ref_name, (*listed.known, *listed.unreadable)))


def _index_seeds() -> Iterator[bytes]:
    entry = bytes(24) + (0o100644).to_bytes(4, "big") + bytes(12) + b"\x1b" * 20 + b"\0\1" + b"a\0"
    trees = b"\0" + b"1 1\n" + b"\x1b" * 20 + b"d\0" + b"-1 0\n"
    undo = b"a\0" + b"100644\0" + 2 * b"0\0" + b"\x1b" * 20
    body = b"DIRC\0\0\0\2\0\0\0\1" + entry
    for name, part in ((b"TREE", trees), (b"REUC", undo)):
        body += name + len(part).to_bytes(4, "big") + part
    yield body + SHA1.new_hash(body).digest()


@target(seeds=_index_seeds, shape=SEALED, words=(b"DIRC", b"TREE", b"REUC", b"link", b"\0\0\0\4", b"-1 "))
def index_file(data: bytes) -> None:
    """Read what an index names."""
    read_index(_written("index", data), SHA1)


@target(
    seeds=lambda: [b"refs/heads/main", b"HEAD", b"refs/tags/v1.0/x"],
    words=(b"..", b".lock", b"@{", b"//", b"/.", b"refs/", b"~", b"\x7f"),
    bytes_max=512,
)
def ref_name(data: bytes) -> None:
    """Judge a ref's name, which is the same bytes again."""
    name = decode_ref_name(data)
    assert encode_ref_name(name) == data
    check_ref_name(name, one_level=True)


# --- where a repository is ----------------------------------------------------------------------------


@target(
    seeds=lambda: [b"/nowhere/objects\n", b'# a\n"q\\101.git/objects"\n../x\n'],
    shape=LINES,
    words=_PATHS,
    bytes_max=6000,
)
def alternates(data: bytes) -> None:
    """Follow what info/alternates names."""
    find_alternates(_written("alternates/info/alternates", data).parent.parent)


@target(seeds=lambda: [b"gitdir: sample.git\n", b"gitdir: ./sample.git"], words=_PATHS, bytes_max=9000)
def gitfile(data: bytes) -> None:
    """Follow a .git file."""
    samples.repository()
    find_git_directory(_written("gitfile", data))


@target(seeds=lambda: [b"../sample.git\n", b"."], words=_PATHS, bytes_max=9000)
def commondir(data: bytes) -> None:
    """Follow the commondir file of a linked work tree, alone and when its folder is opened."""
    path = _written("linked/commondir", data)
    _written("linked/HEAD", b"ref: refs/heads/main\n")
    with contextlib.suppress(PackcoreError):
        find_git_directory(_written("work-tree", b"gitdir: linked\n"))
    with Repository(path.parent) as repository:
        repository.refs()
        repository.shallow()
        assert samples.COMMIT[:20] not in repository


@target(
    seeds=lambda: [
        b"[core]\n\trepositoryformatversion = 1\n\tbare = true ; c\n[extensions]\n\tobjectFormat = sha256\n",
        b'[remote "O\\"x"]\n\turl = "a # b" \\\n\t c\n\tmirror\n# c\n',
    ],
    shape=LINES,
    words=(
        b"[",
        b"]",
        b'"',
        b"\\\n",
        b"\\t",
        b" = ",
        b"core.bare",
        b"extensions",
        b"refStorage",
        b";",
        b"\xef\xbb\xbf",
        b"\r\n",
    ),
)
def config(data: bytes) -> None:
    """Parse a config file, and ask it what is asked of each repository."""
    parsed = GitConfig.read(_written("config", data))
    for key in parsed.keys():  # noqa: SIM118 -- a method of its own
        parsed.get_all(key)
        with contextlib.suppress(PackcoreError):
            parsed.get_bool(key)
    object_format_of(parsed, source="config")


@target(seeds=lambda: [_ID + b"\n" + b"2c" * 20 + b"\n", b""], shape=LINES, words=(_ID, b"\r\n", b"\xff"))
def shallow(data: bytes) -> None:
    """Read the list of cut points."""
    read_shallow(_written("shallow", data), SHA1)


@target(
    seeds=lambda: [b"%s %s A <a@b> 1 +0000\tcheckout: moving from x to y\n" % (_ID, b"2c" * 20)],
    shape=LINES,
    words=(_ID, b"\t", b"\r\n", b"\0"),
)
def reflog(data: bytes) -> None:
    """Read the former values of a ref."""
    list(read_log(_written("log", data), SHA1))


@target(
    seeds=lambda: [
        b"HEAD~1^{tree}",
        b"main..topic",
        b"v1^{}",
        b"^topic main",
        b"@",
        b"main:run",
        b"HEAD^0 topic...main",
    ],
    shape=WORDS,
    words=(
        b"^{",
        b"}",
        b"~",
        b"^",
        b"..",
        b"...",
        b"@{0}",
        b"@{",
        b":",
        b"HEAD",
        b"main",
        b"v1",
        b"^0",
        b"^!",
        b"^@",
        b"^-1",
        b"~99999",
    ),
    bytes_max=256,
)
def revision(data: bytes) -> None:
    """Resolve what a user types."""
    parse_revisions(samples.repository(), data.decode("utf-8", "surrogateescape").split(" "))
