"""Our HTTP server, running beside a test, and what a test looks at in a repository that it serves."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from transport.server.http import GitHttpServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["serving", "snapshot"]


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


def snapshot(repository: Path) -> dict[str, bytes]:
    """Return every file of a repository with its bytes, and every folder of its objects."""
    files = {str(path): path.read_bytes() for path in sorted(repository.rglob("*")) if path.is_file()}
    folders = {str(path): b"" for path in sorted((repository / "objects").rglob("*")) if path.is_dir()}
    return files | folders
