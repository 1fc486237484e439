"""The strict checks of a push's objects, where receive.fsckObjects or transfer.fsckObjects asks for them.

`packcore.checks` judges each object, with git's own message ids and severities; the first finding that is an
error refuses the push. Without these settings objects are only what every pack must
be: whole, and named by their bytes. Left out: `receive.fsck.<msg-id>`, so no finding can be excused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.checks.objects import check_object, special_blobs
from packcore.checks.special import check_special_blob
from packcore.errors import CorruptObject
from packcore.objects import ObjectType

if TYPE_CHECKING:
    from packcore.checks.findings import Finding
    from packcore.ids import ObjectId
    from packcore.store.repository import Repository
    from packcore.store.spool import SpooledPack

__all__ = ["check_objects"]


def check_objects(repository: Repository, spool: SpooledPack) -> None:
    """Check what has arrived, if the repository wants that. Raises CorruptObject."""
    config = repository.config
    default = config.get_bool("transfer.fsckobjects")
    if not config.get_bool("receive.fsckobjects", default=default):
        return
    special: dict[tuple[bytes, ObjectId], None] = {}
    for oid in spool.storage_order(spool):
        if spool.header(oid).type is ObjectType.BLOB:
            continue
        type_, data = spool.read(oid)
        _refuse(oid, check_object(type_, data, spool.object_format))
        if type_ is ObjectType.TREE:
            special.update(dict.fromkeys(special_blobs(data, spool.object_format)))
    for kind, oid in special:
        if oid in spool:
            _refuse(oid, check_special_blob(spool, kind, oid))


def _refuse(oid: ObjectId, findings: list[Finding]) -> None:
    for found in findings:
        if found.severity.is_error(strict=False):
            raise CorruptObject(f"{found.message_id}: {found.text}", oid=oid.hex())
