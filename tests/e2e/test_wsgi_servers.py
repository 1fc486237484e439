"""The server under gunicorn and waitress: clones, pushes with and without a length, and 100 MB of them."""

from __future__ import annotations

import random
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from scripts.free_port import free_port
from tests.e2e.servers import Child, Listening
from tests.support import (
    ROOT,
    fsck,
    git,
    git_environment,
    history,
    init_repository,
    ls_remote,
    make_repository,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.e2e

_MIB = 1024 * 1024


class _Wsgi(Listening):
    """A WSGI server with our application, which it is told of by variables."""

    def __init__(self, folder: Path, root: Path, command: list[str], environment: dict[str, str]) -> None:
        self.port = free_port()
        self.log = folder / "wsgi.log"
        command = [word.replace("PORT", str(self.port)) for word in command]
        variables = {"PYTHONPATH": str(ROOT), "HOME": str(folder), "PACKCORE_ROOT": str(root)}
        self._child = Child(
            [sys.executable, "-m", *command],
            self.log,
            environment=git_environment({**variables, **environment}),
            cwd=folder,
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def peak_mib(self) -> int:
        """Return the most memory that any of its processes held."""
        group = self._child.process.pid
        return max(peak for pid, peak in _peaks() if _group_of(pid) == group)


def _peaks() -> Iterator[tuple[int, int]]:
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = status.read_text().splitlines()
        except OSError:
            continue
        for line in lines:
            if line.startswith("VmHWM:"):
                yield int(status.parent.name), int(line.split()[1]) // 1024


def _group_of(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[2])
    except OSError:
        return 0


def gunicorn(folder: Path, root: Path, **environment: str) -> _Wsgi:
    pytest.importorskip("gunicorn", reason="gunicorn is not in the test group here")
    options = ["--worker-class", "gthread", "--threads", "8", "--bind", "127.0.0.1:PORT"]
    return _Wsgi(folder, root, ["gunicorn", *options, "transport.server.wsgi:application"], environment)


def waitress(folder: Path, root: Path, **environment: str) -> _Wsgi:
    pytest.importorskip("waitress", reason="waitress is not in the test group here")
    options = ["--threads", "8", "--listen", "127.0.0.1:PORT"]
    return _Wsgi(folder, root, ["waitress", *options, "transport.server.wsgi:application"], environment)


@pytest.fixture(params=[gunicorn, waitress], ids=lambda made: made.__name__)
def server(request: Any) -> Any:
    return request.param


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "served"
    folder.mkdir()
    make_repository(folder / "source.git", history(tag="v1"), repack=True)
    init_repository(folder / "target.git")
    return folder


def test_git_clones(server, root, tmp_path):
    with server(tmp_path, root) as running:
        git("clone", "-q", "--mirror", f"{running.url}/source.git", tmp_path / "clone.git")
    assert ls_remote(tmp_path / "clone.git") == ls_remote(root / "source.git")
    assert fsck(tmp_path / "clone.git") == []


@pytest.mark.parametrize("version", ["0", "1", "2"])
def test_every_protocol_fetches_what_is_new(server, root, tmp_path, version):
    git("clone", "-q", "--mirror", "--depth=2", root.joinpath("source.git").as_uri(), tmp_path / "c.git")
    with server(tmp_path, root) as running:
        url = f"{running.url}/source.git"
        git("-c", f"protocol.version={version}", "fetch", "-q", "--unshallow", url, cwd=tmp_path / "c.git")
    assert fsck(tmp_path / "c.git") == []


@pytest.mark.parametrize("buffer", ["1000000000", "1000"], ids=["length", "chunked"])
def test_git_pushes_with_a_length_and_in_chunks(server, root, tmp_path, buffer):
    with server(tmp_path, root, PACKCORE_ALLOW_PUSH="1") as running:
        url = f"{running.url}/target.git"
        git("-c", f"http.postBuffer={buffer}", "push", "-q", "--mirror", url, cwd=root / "source.git")
    assert ls_remote(root / "target.git") == ls_remote(root / "source.git")
    assert fsck(root / "target.git") == []


def test_a_push_is_refused_where_it_is_not_allowed(server, root, tmp_path):
    with server(tmp_path, root) as running:
        request = f"{running.url}/target.git/info/refs?service=git-receive-pack"
        with pytest.raises(urllib.error.HTTPError, match="403") as caught:
            urllib.request.urlopen(request, timeout=20)
        caught.value.close()


def test_packcore_syncs_from_and_to_it(server, root, tmp_path):
    from transport.syncing import sync

    with server(tmp_path, root, PACKCORE_ALLOW_PUSH="1") as running:
        result = sync(f"{running.url}/source.git", f"{running.url}/target.git")
    assert (result.exit_code, result.pushed) == (0, 1)


def test_a_push_that_breaks_off_changes_nothing_and_the_server_goes_on(server, root, tmp_path):
    head = (
        b"POST /target.git/git-receive-pack HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
        b"Content-Type: application/x-git-receive-pack-request\r\n\r\n"
    )
    tip = ls_remote(root / "source.git")["refs/heads/main"].encode()
    line = b"0" * 40 + b" " + tip + b" refs/heads/main\0report-status\n"
    body = b"%04x" % (len(line) + 4) + line + b"0000PACK\0\0\0\2"
    with server(tmp_path, root, PACKCORE_ALLOW_PUSH="1") as running:
        with socket.create_connection(("127.0.0.1", running.port), timeout=20) as connection:
            connection.sendall(head + b"%x\r\n" % len(body) + body + b"\r\n")
        assert ls_remote(f"{running.url}/source.git") == ls_remote(root / "source.git")
    assert ls_remote(root / "target.git") == {}


@pytest.mark.slow
def test_100_mb_are_pushed_in_chunks_and_cloned_in_little_memory(server, root, tmp_path):
    work = init_repository(tmp_path / "work", bare=False)
    blocks = random.Random(1)
    with (work / "large").open("wb") as file:
        for _ in range(100):
            file.write(blocks.randbytes(_MIB))
    git("add", "large", cwd=work)
    git("commit", "-q", "-m", "large", cwd=work)
    with server(tmp_path, root, PACKCORE_ALLOW_PUSH="1") as running:
        url = f"{running.url}/target.git"
        git("push", "-q", url, "HEAD:refs/heads/main", cwd=work)
        git("clone", "-q", "--bare", url, tmp_path / "clone.git")
        peak = running.peak_mib()
    assert git("rev-parse", "main", cwd=tmp_path / "clone.git") == git("rev-parse", "HEAD", cwd=work)
    assert peak < 120
