"""A target that takes no more than so much in one request, and may lose or cut one."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.git_transport import GitTransport
from tests.support import ls_remote
from transport.base import Body
from transport.errors import HttpStatusError, TransportError
from transport.syncing.request import TEMP_REFS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from transport.base import Service
    from transport.wire.headway import Headway

__all__ = ["LimitedTarget", "refused", "temp_refs", "users_refs"]


def refused(status: int) -> HttpStatusError:
    return HttpStatusError(f"HTTP {status}", status=status, url="http://target/")


def users_refs(repository: Path) -> dict[str, str]:
    """Refs as users see them."""
    return {name: oid for name, oid in ls_remote(repository).items() if not name.startswith(TEMP_REFS)}


def temp_refs(repository: Path) -> list[str]:
    return [name for name in ls_remote(repository) if name.startswith(TEMP_REFS)]


class LimitedTarget(GitTransport):
    """Refuses bodies above `body_bytes_max`; asks `fault(number, size)` of each other push what to raise.

    `taken` says whether a push that is then lost was carried out all the same. Before each push the
    users' refs are noted in `seen`.
    """

    def __init__(
        self,
        path: Path,
        *,
        body_bytes_max: int | None = None,
        fault: Callable[[int, int], TransportError | None] = lambda number, size: None,
        taken: bool = False,
    ) -> None:
        super().__init__(path)
        self.sizes: list[int] = []
        """Of the bodies that were taken."""
        self.seen: list[dict[str, str]] = []
        self._body_bytes_max = body_bytes_max
        self._fault = fault
        self._taken = taken
        self._number = 0

    @contextmanager
    def request(
        self, service: Service, body: Body, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
        sent = b"".join(body.blocks())
        if service == "git-receive-pack":
            self.seen.append(users_refs(self.path))
            self._number += 1
            if self._body_bytes_max is not None and len(sent) > self._body_bytes_max:
                raise refused(413)
            fault = self._fault(self._number, len(sent))
            if fault is not None and not self._taken:
                raise fault
            self.sizes.append(len(sent))
            with super().request(service, Body.of(sent), version=version, headway=headway) as blocks:
                answer = list(blocks)
            if fault is not None:
                raise fault
            yield iter(answer)
            return
        with super().request(service, Body.of(sent), version=version, headway=headway) as blocks:
            yield blocks
