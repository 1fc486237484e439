"""Which refs a client gets to see, and which further objects of a repository it may count on.

    transfer.hideRefs, uploadpack.hideRefs, receive.hideRefs    refs that are neither listed nor to be changed
    objects/info/alternates                                     tips there are `.have` lines for a push

A value hides the ref of that name and all below it; `!` before it shows them again, and of several that fit
the last one counts. Specified in git-config. Namespaces are left out, so `^` changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.store.alternates import find_alternates
from packcore.store.ref_files import RefFiles

if TYPE_CHECKING:
    from packcore.ids import ObjectId
    from packcore.refs import Ref
    from packcore.store.config import GitConfig
    from packcore.store.repository import Repository

__all__ = ["HiddenRefs", "alternate_tips", "shown_refs"]


class HiddenRefs:
    """The rules of one repository for one service (`uploadpack` or `receive`)."""

    def __init__(self, config: GitConfig, service: str) -> None:
        rules = [*config.get_all("transfer.hiderefs"), *config.get_all(f"{service}.hiderefs")]
        self._rules = [
            (rule.removeprefix("!").removeprefix("^").rstrip("/"), not rule.startswith("!"))
            for rule in reversed(rules)
        ]

    def hides(self, name: str) -> bool:
        """Tell whether a ref is hidden."""
        for prefix, hidden in self._rules:
            if prefix and (name == prefix or name.startswith(f"{prefix}/")):
                return hidden
        return False


def shown_refs(repository: Repository, service: str) -> dict[str, Ref]:
    """Return the refs that a service shows, sorted by the names' bytes."""
    hidden = HiddenRefs(repository.config, service)
    return {name: ref for name, ref in repository.refs().items() if not hidden.hides(name)}


def alternate_tips(repository: Repository) -> list[ObjectId]:
    """Return the tips of the repositories that this one borrows objects from, each once, sorted.

    An objects directory without a repository around it has none.
    """
    tips: set[ObjectId] = set()
    for objects in find_alternates(repository.common_path / "objects"):
        around = objects.parent
        if (around / "HEAD").is_file() and (around / "refs").is_dir():
            refs = RefFiles(around, around, repository.object_format).all()
            tips.update(ref.oid for ref in refs.values() if ref.oid in repository)
    return sorted(tips)
