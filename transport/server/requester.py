"""Who sends an HTTP request, as the server itself knows it: no header of the request sets any of this.

    address               the connection's other end, or REMOTE_ADDR of a web server before us
    user                  who has signed in, here or there (REMOTE_USER)
    committer             GIT_COMMITTER_NAME and …_EMAIL, where a web server sets them, instead of the user
    namespace             GIT_NAMESPACE: the ref namespace that is seen

Specified in git-http-backend.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from transport.identity import Identity, http_identity
from transport.safe_text import one_line
from transport.server.namespaces import NO_NAMESPACE, Namespace

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Requester"]


@dataclass(slots=True)
class Requester:
    """The sender of one request."""

    address: str
    user: str | None = None
    committer_name: str = ""
    committer_email: str = ""
    namespace: Namespace = NO_NAMESPACE

    @classmethod
    def of(cls, variables: Mapping[str, str], *, namespace: Namespace | None = None) -> Requester:
        """Return what a web server says in a request's variables. Raises InvalidRequest.

        `namespace` is that of a request without GIT_NAMESPACE.
        """
        named = variables.get("GIT_NAMESPACE")
        return cls(
            variables.get("REMOTE_ADDR") or "local",
            variables.get("REMOTE_USER") or None,
            variables.get("GIT_COMMITTER_NAME", ""),
            variables.get("GIT_COMMITTER_EMAIL", ""),
            (namespace or NO_NAMESPACE) if named is None else Namespace.parse(named),
        )

    @property
    def shown_user(self) -> str:
        """The user, as the log shows it."""
        return one_line(self.user, limit=40) if self.user else "-"

    @property
    def identity(self) -> Identity:
        """Who a push is logged as."""
        known = http_identity(self.user, self.address)
        return Identity(self.committer_name or known.name, self.committer_email or known.email)

    def told_to_hooks(self) -> dict[str, str]:
        """Return the variables that say to hooks who pushes."""
        name, email = self.identity
        told = {"GIT_COMMITTER_NAME": name, "GIT_COMMITTER_EMAIL": email, "REMOTE_ADDR": self.address}
        return told if self.user is None else {**told, "REMOTE_USER": self.user}
