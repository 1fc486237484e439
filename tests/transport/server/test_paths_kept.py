"""No answer says where on the disk the server's repositories are, whatever is broken and whatever was asked.

The folder's name holds blanks, a colon and a quote, where a path in an error could seem to end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import copy_of, git, git_bytes, history, make_repository
from tests.transport.server.serving import ask, serving
from transport.wire.pktline import DELIM, FLUSH, encode_packet, encode_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KEPT = b"a secret"
ZERO = "0" * 40


def _rewrite(suffix: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Return what changes the files of `objects/pack` with this suffix."""

    def change_all(path: Path) -> None:
        git("repack", "-qad", cwd=path)
        for file in (path / "objects/pack").glob(f"*{suffix}"):
            file.chmod(0o644)
            file.write_bytes(change(file.read_bytes()))

    return change_all


def _loose(data: bytes) -> Callable[[Path], None]:
    def write_all(path: Path) -> None:
        for file in (path / "objects").glob("??/*"):
            file.chmod(0o644)
            file.write_bytes(data)

    return write_all


def _file(name: str, data: bytes) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)

    return write


def _lost_alternate(path: Path) -> None:
    elsewhere = path.parent.parent / "another place" / "objects"
    _file("objects/info/alternates", f"{elsewhere}\n".encode())(path)
    git("repack", "-qad", cwd=path)
    for pack in (path / "objects/pack").glob("*.pack"):
        pack.unlink()


def _cut_and_borrowing(path: Path) -> None:
    """Borrow from a repository elsewhere, whose pack is cut off."""
    elsewhere = make_repository(path.parent.parent / "another place", history(commits=5))
    _rewrite(".pack", lambda data: data[:60])(elsewhere)
    _file("objects/info/alternates", f"{elsewhere / 'objects'}\n".encode())(path)
    _loose(b"")(path)


BROKEN: dict[str, Callable[[Path], object]] = {
    "nothing": lambda _: None,
    "empty loose objects": _loose(b""),
    "loose objects that are none": _loose(b"garbage"),
    "an index cut off": _rewrite(".idx", lambda data: data[:500]),
    "a pack cut off": _rewrite(".pack", lambda data: data[:60]),
    "a pack overwritten": _rewrite(".pack", lambda data: data[:20] + b"\xff" * 180 + data[200:]),
    "an alternate that is gone": _lost_alternate,
    "an alternate that is broken": _cut_and_borrowing,
    "packed-refs that are none": _file("packed-refs", b"garbage\n"),
    "packed-refs that are a folder": lambda path: (path / "packed-refs").mkdir(),
    "HEAD that is none": _file("HEAD", b"garbage"),
    "a ref that is none": _file("refs/heads/bad", b"garbage"),
    "a ref that is a circle": lambda path: (path / "refs/heads/bad").symlink_to("bad"),
    "cut points that are none": _file("shallow", b"garbage\n"),
    "a format of tomorrow": _file("config", b"[core]\nbare = true\nrepositoryformatversion = 9\n"),
    "a limit that is none": _file("config", b"[core]\nbare = true\n[receive]\nmaxInputSize = many\n"),
    "locks": _file("packed-refs.lock", b""),
    "a folder where a ref would be": _file("refs/heads/new/below", b"garbage"),
}


def _post(service: str, body: bytes, version: int) -> bytes:
    head = (
        f"POST /x.git/git-{service} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
        f"Content-Type: application/x-git-{service}-request\r\n"
        f"Git-Protocol: version={version}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def requests(path: Path, outside: Path) -> Iterator[bytes]:
    """Yield requests of all kinds; `outside` has commits that the repository lacks."""
    for service in ("upload-pack", "receive-pack"):
        for version in range(3):
            yield (
                f"GET /x.git/info/refs?service=git-{service} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                f"Git-Protocol: version={version}\r\n\r\n"
            ).encode()
    main, new = (git("rev-parse", "main", cwd=each) for each in (path, outside))
    ls_refs = ["peel", "symrefs", "unreadable", "unborn"]
    yield _post("upload-pack", encode_text("command=ls-refs") + DELIM + _lines(ls_refs) + FLUSH, 2)
    for more in ("include-tag", "deepen 1", "deepen-not main", "want-ref refs/heads/bad", "filter tree:0"):
        lines = _lines([f"want {main}", more, f"have {main}", "done"])
        yield _post("upload-pack", encode_text("command=fetch") + DELIM + lines + FLUSH, 2)
    for capabilities in ("", " side-band-64k"):
        yield _post("upload-pack", encode_text(f"want {main}{capabilities}") + FLUSH + _lines(["done"]), 0)
    whole = git_bytes("pack-objects", "--stdout", "-q", "--revs", cwd=outside, stdin=b"main\n")
    part = git_bytes("pack-objects", "--stdout", "-q", cwd=outside, stdin=f"{new}\n".encode())
    for command, pack in (
        (f"{ZERO} {new} refs/heads/new", whole),
        (f"{ZERO} {new} refs/heads/new", part),
        (f"{ZERO} {new} refs/heads/new", whole[:-30]),
        (f"{ZERO} {new} refs/heads/bad", whole),
        (f"{main} {new} refs/heads/main", whole),
        (f"{main} {ZERO} refs/heads/main", b""),
        (f"{ZERO} {new} refs/heads/main/below", whole),
        (f"{ZERO} {new} refs/heads/{'n' * 300}", whole),
        (f"{main} {ZERO} refs/heads/{'d' * 300}", b""),
    ):
        for capabilities in ("report-status", "report-status side-band-64k atomic"):
            line = encode_packet(f"{command}\0 {capabilities}".encode())
            yield _post("receive-pack", line + FLUSH + pack, 0)


def _lines(lines: list[str]) -> bytes:
    return b"".join(map(encode_text, lines))


def make_served(path: Path) -> None:
    make_repository(path, history(commits=4, tag="v1"))


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_repository(tmp_path_factory.mktemp("outside") / "y.git", history(commits=6))


@pytest.mark.parametrize("broken", BROKEN)
def test_no_answer_holds_a_path_of_the_server(tmp_path, outside, broken):
    root = tmp_path / "a secret: it's here" / "served"
    path = copy_of("four commits and a tag", make_served, root / "x.git")
    asked = list(requests(path, outside))
    BROKEN[broken](path)
    with serving(root, linger_seconds=1) as server:
        for request in asked:
            answer = ask(server, request)
            assert answer.startswith(b"HTTP/1.1 "), request
            for kept in (KEPT, b"a%20secret", b"another place", b"another%20place", str(tmp_path).encode()):
                assert kept not in answer, request
