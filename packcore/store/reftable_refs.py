"""The refs of a repository that keeps them in reftables: `packcore.store.reftable_reading`, and changes."""

from __future__ import annotations

from itertools import starmap
from typing import TYPE_CHECKING

from packcore.errors import PackcoreError, RepositoryError
from packcore.refs import check_ref_name
from packcore.store.reftable_reading import ReftableReading
from packcore.store.reftable_transaction import Asked, Transaction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packcore.ids import ObjectId
    from packcore.store.ref_batch import Peeled
    from packcore.store.ref_change import RefChange

__all__ = ["ReftableRefs"]


class ReftableRefs(ReftableReading):
    """The refs below a git directory. Each change raises as those of `RefStorage` do."""

    def update(self, name: str, new: ObjectId, old: ObjectId | None) -> None:
        """Point a ref, or what a symbolic one points to, to an id if it still holds `old`."""
        Transaction(self).make([Asked(name, old, new)], together=True)

    def delete(self, name: str, old: ObjectId | None) -> None:
        """Remove a ref itself if it still holds `old`."""
        Transaction(self).make([Asked(name, old, self.object_format.zero)], together=True)

    def set_symbolic(self, name: str, target: str) -> None:
        """Make HEAD, or a ref, a symbolic ref."""
        check_ref_name(target)
        if not target.startswith("refs/"):
            raise RepositoryError(f"{name} can't point to {target!r}: not below refs/")
        Transaction(self).make([Asked(name, None, target)], together=True)

    def change_together(self, changes: Sequence[RefChange], peeled: Peeled | None) -> None:
        """Make all changes or none, in one table."""
        Transaction(self, peeled).make(list(starmap(Asked, changes)), together=True)

    def change_apart(self, changes: Sequence[RefChange], peeled: Peeled | None) -> dict[str, PackcoreError]:
        """Make each change separately, in one table; return why some are not made."""
        transaction = Transaction(self, peeled)
        try:
            transaction.make(list(starmap(Asked, changes)), together=False)
        except PackcoreError as error:
            return {change.name: error for change in changes}
        return transaction.faults
