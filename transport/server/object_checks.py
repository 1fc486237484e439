"""The strict checks of a push's objects, where receive.fsckObjects or transfer.fsckObjects asks for them.

`packcore.checks.arrivals` judges each object, with git's own message ids; `receive.fsck.*` says how bad each
finding is. The pusher is told of warnings. A setting that can't be read refuses every push. Without
receive.fsckObjects objects are only what every pack must be: whole, and named by their bytes. Of ids that no
check has, the pusher is warned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.checks.arrivals import check_content
from packcore.checks.findings import MESSAGE_IDS
from packcore.checks.settings import ArrivalSettings
from transport.safe_text import one_line

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
        prefix = "receive.fsck."
        for name in (key.removeprefix(prefix) for key in config.keys(prefix)):
            if name != "skiplist" and name not in MESSAGE_IDS:
                say(f"warning: skipping unknown msg id '{one_line(name, limit=40)}'")
        check_content(spool, ArrivalSettings.of_pushes(repository), repository, added=spool.added, say=say)
