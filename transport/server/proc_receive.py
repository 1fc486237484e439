"""Refs that a repository leaves to its hook proc-receive: receive.procReceiveRefs.

    refs/for           pushes to refs/for and below it
    ad:refs/heads      only those that add or delete a ref there; m: those that modify one
    !:refs/heads       pushes to all other refs

The hook itself is `server.proc_receive_hook`. Where no hooks are run, a push to such a ref is refused, since
to make a plain ref of it is never what is meant. Specified in git-config.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from packcore.store.config import GitConfig
    from transport.wire.receive_pack import RefUpdate

__all__ = ["PROC_RECEIVE", "ProcReceiveRefs"]

PROC_RECEIVE = "left to the hook proc-receive, which is not run here"


class _Rule(NamedTuple):
    signs: str
    prefix: str

    def takes(self, update: RefUpdate) -> bool:
        kind = "a" if update.is_create else "d" if update.is_delete else "m"
        kinds = self.signs.replace("!", "")
        if kinds and kind not in kinds:
            return False
        is_within = update.name == self.prefix or update.name.startswith(f"{self.prefix}/")
        return is_within != ("!" in self.signs)


class ProcReceiveRefs:
    """The rules of one repository."""

    def __init__(self, config: GitConfig) -> None:
        self._rules = []
        for text in config.get_all("receive.procreceiverefs"):
            signs, colon, prefix = text.partition(":")
            self._rules.append(_Rule(signs, prefix.rstrip("/")) if colon else _Rule("", text.rstrip("/")))

    def takes(self, update: RefUpdate) -> bool:
        """Return whether an update is left to the hook."""
        return any(rule.takes(update) for rule in self._rules)
