"""Our HTTP server, running beside a test, and what a test looks at in a repository that it serves."""

from __future__ import annotations

import re
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from transport.server.http import GitHttpServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["ask", "serving", "snapshot", "statuses"]


@contextmanager
def serving(root: Path, **settings: Any) -> Iterator[GitHttpServer]:
    """Serve the repositories below `root` on a free port while the block runs."""
    server = GitHttpServer(root, **{"allow_push": True, "linger_seconds": 5, **settings})
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join()


def ask(server: GitHttpServer, request: bytes | str, *, end: bool = True) -> bytes:
    """Send raw bytes, and return all that comes back until the server closes."""
    data = request.encode() if isinstance(request, str) else request
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(data)
        if end:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while block := connection.recv(65536):
                answer += block
        except ConnectionResetError:
            pass
        return answer


def statuses(answer: bytes) -> list[int]:
    """Return the status of each answer in what came back over one connection."""
    return [int(code) for code in re.findall(rb"^HTTP/1\.1 ([0-9]{3}) ", answer, re.MULTILINE)]


def snapshot(repository: Path) -> dict[str, bytes]:
    """Return every file of a repository with its bytes, and every folder of its objects."""
    files = {str(path): path.read_bytes() for path in sorted(repository.rglob("*")) if path.is_file()}
    folders = {str(path): b"" for path in sorted((repository / "objects").rglob("*")) if path.is_dir()}
    return files | folders
