"""A bundle file on this disk as SOURCE or TARGET: a part of `file`, which gets every path first.

x.bundle     recognized by its name, unless that is a folder; it need not exist yet
any file     that begins like a bundle
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from packcore.store.git_directory import is_repository_named
from packcore.store.path_kind import is_file, is_folder
from transport.base import TransferStats

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transport.base import Body, Service
    from transport.bundle.reading import BundleReader
    from transport.bundle.writing import BundleWriter
    from transport.wire.headway import Headway
    from transport.wire.limits import WireLimits

__all__ = ["BundleTransport", "is_bundle"]

_SUFFIX = ".bundle"


def is_bundle(path: Path) -> bool:
    """Return whether a path means a bundle rather than a repository."""
    if is_folder(path):
        return False
    if not is_file(path):
        return path.name.endswith(_SUFFIX) and not is_repository_named(path)
    from transport.bundle.header import SIGNATURES

    try:
        with path.open("rb") as file:
            return path.name.endswith(_SUFFIX) or file.read(len(SIGNATURES[0])) in SIGNATURES
    except OSError:
        return path.name.endswith(_SUFFIX)


class BundleTransport:
    """The transport for a bundle file, which is read when first needed."""

    stateless = True

    def __init__(self, path: str, limits: WireLimits) -> None:
        self.url = path
        self.stats = TransferStats()
        self.limits = limits
        self._reader: BundleReader | None = None
        self._writer: BundleWriter | None = None

    @contextmanager
    def advertise(
        self,
        service: Service,
        *,
        version: int,  # noqa: ARG002 - a bundle is read in protocol v2
        headway: Headway | None = None,  # noqa: ARG002 - no wait
    ) -> Iterator[Iterator[bytes]]:
        """Yield the advertisement. Raises RepositoryError, CorruptData, UnsupportedByRemote."""
        pushed = service == "git-receive-pack"
        yield self.stats.counting_received(self._made().advertise() if pushed else self._opened().advertise())

    @contextmanager
    def request(
        self,
        service: Service,
        body: Body,
        *,
        version: int,  # noqa: ARG002 - see `advertise`
        headway: Headway | None = None,  # noqa: ARG002 - no wait
    ) -> Iterator[Iterator[bytes]]:
        """Yield the answer to one request."""
        self.stats.requests += 1
        server = self._made() if service == "git-receive-pack" else self._opened()
        yield self.stats.counting_received(server.answer(self.stats.counting_sent(body.blocks())))

    def close(self) -> None:
        """Remove the temporary repository. Idempotent."""
        if self._reader is not None:
            self._reader.close()

    # A path that is a repository's comes here too, to be looked at: it loads neither reader nor writer.

    def _opened(self) -> BundleReader:
        if self._reader is None:
            from transport.bundle.reading import BundleReader

            self._reader = BundleReader(Path(self.url))
        return self._reader

    def _made(self) -> BundleWriter:
        if self._writer is None:
            from transport.bundle.writing import BundleWriter

            self._writer = BundleWriter(Path(self.url))
        return self._writer
