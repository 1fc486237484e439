"""`file:///path`, `/path`, `./path`: a repository on this disk, served in this process by our own code.

A path may also mean a bundle file: see `bundle`.

A path may leave out `.git`, and begin with `~` or `~user` (if a shell has not expanded that already). There
is no git binary and no connection: the blocks of a request go straight to `transport.server`, and those of
the answer come straight back. Each request is separate, as over HTTP. As in git, a push to the checked-out
branch of a work tree is refused.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from packcore.errors import PackcoreError, RepositoryError
from packcore.store.repository import Repository
from transport.base import TransferStats
from transport.errors import RemoteError
from transport.home_paths import expand_home
from transport.schemes.bundle import BundleTransport, is_bundle
from transport.wire.limits import WireLimits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from packcore.history import History
    from transport.base import Body, Service, Transport
    from transport.endpoint import Endpoint
    from transport.options import TransportOptions
    from transport.server.receive_pack import ReceivePack
    from transport.server.upload_pack import UploadPack
    from transport.wire.advertisement import Advertisement
    from transport.wire.headway import Headway

__all__ = ["SCHEMES", "LocalTransport", "open_scheme"]

SCHEMES: tuple[str, ...] = ("file",)

_HOST_AND_PATH = r"(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}|localhost)/[^/]"
"""`github.com/foo/bar`: a URL as a browser shows it, without the scheme."""


def open_scheme(endpoint: Endpoint, options: TransportOptions) -> Transport:
    """Return the transport for a path. It uses two of the options: the environment and the limits."""
    path = expand_home(endpoint.path, options.environment.get("HOME"))
    if is_bundle(Path(path)):
        return BundleTransport(path, options.wire_limits)
    return LocalTransport(path, limits=options.wire_limits, environment=options.environment)


class _Head:
    """The HEAD of a repository, with the operations that a sync needs."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def name(self) -> str | None:
        """Return the branch that it names; None in a work tree, or if HEAD is detached."""
        found = self._repository.head()
        return found if isinstance(found, str) and self._repository.is_bare else None

    def is_born(self) -> bool:
        """Return whether that branch exists."""
        return self._repository.read_ref("HEAD") is not None

    def is_empty(self) -> bool:
        """Return whether the repository has no refs."""
        refs = self._repository.refs()
        return not (refs.known or refs.unreadable)

    def point_to(self, branch: str) -> None:
        """Make HEAD name another branch."""
        self._repository.set_head(branch)


class LocalTransport:
    """The transport for a repository on this disk, opened when first needed and kept open until `close`."""

    stateless = True

    def __init__(
        self, path: str, *, limits: WireLimits | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        """`environment` says who pushes, as in git."""
        self._environment = environment or {}
        self.url = path
        self.stats = TransferStats()
        self.limits = limits or WireLimits()
        self._repository: Repository | None = None

    @contextmanager
    def advertise(
        self,
        service: Service,
        *,
        version: int,
        headway: Headway | None = None,  # noqa: ARG002 - no wait
    ) -> Iterator[Iterator[bytes]]:
        """Yield the advertisement. Raises RepositoryError if there is no repository."""
        with self._in_own_words():
            yield self.stats.counting_received(self._server(service).advertise(version))

    @contextmanager
    def request(
        self,
        service: Service,
        body: Body,
        *,
        version: int,
        headway: Headway | None = None,  # noqa: ARG002 - no wait
    ) -> Iterator[Iterator[bytes]]:
        """Yield the answer to one request; the body is read while the answer is."""
        server = self._server(service)
        self.stats.requests += 1
        with self._in_own_words():
            yield self.stats.counting_received(
                server.answer(self.stats.counting_sent(body.blocks()), version)
            )

    @contextmanager
    def _in_own_words(self) -> Iterator[None]:
        """Name the repository in an error instead of "remote": nothing here is remote."""
        try:
            yield
        except RemoteError as error:
            words = str(error).removeprefix("remote error: ")
            error.args = (words if words.startswith(self.url) else f"{self.url}: {words}", *error.args[1:])
            raise

    def refs_at_hand(
        self, service: Service, prefixes: Sequence[str], limits: WireLimits
    ) -> Advertisement | None:
        """Return the refs as the server would list them; None if that fails, since it says why."""
        from transport.schemes.file_refs import source_refs, target_refs

        try:
            if service == "git-receive-pack":
                return target_refs(self._opened(service), limits)
            return source_refs(self._opened(service), prefixes, limits)
        except PackcoreError:
            return None

    def history(self) -> History:
        """Return the graph of the repository's commits. Raises RepositoryError, CorruptData."""
        from packcore.history import History

        repository = self._opened()
        return History(repository, repository.shallow())

    @property
    def default_branch(self) -> _Head:
        """The repository's HEAD; see `transport.syncing.deliver.default_branch`."""
        return _Head(self._opened())

    def close(self) -> None:
        """Close the repository. Idempotent."""
        if self._repository is not None:
            self._repository.close()
            self._repository = None

    def _server(self, service: Service) -> UploadPack | ReceivePack:
        repository = self._opened(service)
        if service == "git-receive-pack":
            from transport.identity import own_signature
            from transport.server.receive_pack import ReceivePack

            config, environment = repository.config, self._environment
            return ReceivePack(repository, signed=lambda: own_signature(environment, config))
        from transport.server.upload_pack import UploadPack
        from transport.server.words import own_words

        # The bytes stay on this machine, so existing deltas are reused and no new ones are searched.
        return UploadPack(repository, strategy="reuse", words=own_words)

    def _opened(self, service: Service = "git-upload-pack") -> Repository:
        if self._repository is None:
            try:
                self._repository = Repository.open(self.url)
            except RepositoryError as error:
                error.hint = error.hint or self._meant(service)
                raise
        return self._repository

    def _meant(self, service: Service) -> str | None:
        """Return a hint at a path that doesn't exist."""
        if Path(self.url).exists():
            return None
        if not re.match(_HOST_AND_PATH, self.url):
            is_target = service == "git-receive-pack"
            return f"an empty repository is made by: packcore init {self.url}" if is_target else None
        return f"missing https://? The URL would be https://{self.url}"
