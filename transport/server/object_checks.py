"""The strict checks of a push's objects, where receive.fsckObjects or transfer.fsckObjects asks for them.

`packcore.checks.arrivals` judges each object, with git's own message ids; `receive.fsck.*` says how bad each
finding is. The pusher is told of warnings. A setting that can't be read refuses every push. Without
receive.fsckObjects objects are only what every pack must be: whole, and named by their bytes. Ids of findings
that no check has mean nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.checks.arrivals import check_content
from packcore.checks.settings import ArrivalSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from packcore.store.repository import Repository
    from packcore.store.spool import SpooledPack

__all__ = ["check_objects"]


def check_objects(
    repository: Repository, spool: SpooledPack, say: Callable[[str], None] = lambda _: None
) -> None:
    """Check what has arrived, if the repository wants that; `say` gets the warnings.

    Raises CorruptObject, and RepositoryError for settings that can't be read.
    """
    config = repository.config
    default = config.get_bool("transfer.fsckobjects")
    if config.get_bool("receive.fsckobjects", default=default):
        check_content(spool, ArrivalSettings.of_pushes(repository), repository, added=spool.added, say=say)
