"""Checks of the objects in a pack that has arrived, before it is stored: their content, and their links.

    content    each commit, tree and tag, and each blob that git acts on, is well-formed
    links      what an object refers to is in the pack or in the repository, and has the right type

As in git, `--strict` of index-pack and unpack-objects checks both; `--fsck-objects` and receive.fsckObjects
check the content alone. Bases that completed a thin pack came from the repository, and are not checked.
Memory for links: about 130 bytes for each object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.checks.fsck import object_links
from packcore.checks.objects import check_object, special_blobs
from packcore.checks.special import check_special_blob
from packcore.errors import CorruptObject, CorruptPack, MissingObject
from packcore.objects import ObjectType

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from packcore.checks.findings import Finding
    from packcore.checks.settings import ArrivalSettings
    from packcore.ids import ObjectId
    from packcore.store.base import ObjectStore

__all__ = ["check_content", "check_links"]

_WARNINGS_TOLD_MAX = 20


def check_content(
    arriving: ObjectStore,
    settings: ArrivalSettings,
    here: ObjectStore | None = None,
    *,
    added: Container[ObjectId] = (),
    say: Callable[[str], None] = lambda _: None,
) -> list[ObjectId]:
    """Check every object except those in `added`; `say` gets the warnings.

    `here` may have blobs that trees refer to.
    Returns the blobs that trees call `.gitmodules` and that are in neither store, unchecked.
    Raises CorruptObject for the first error.
    """
    judge = _Judge(settings, say)
    object_format = arriving.object_format
    special: dict[tuple[bytes, ObjectId], None] = {}
    for oid in arriving.storage_order(arriving):
        if oid in added or arriving.header(oid).type is ObjectType.BLOB:
            continue
        type_, data = arriving.read(oid)
        judge.take(oid, check_object(type_, data, object_format, strict=True, severities=judge.severities))
        if type_ is ObjectType.TREE:
            special.update(dict.fromkeys(special_blobs(data, object_format)))
    missing = []
    for kind, oid in special:
        holder = next((store for store in (arriving, here) if store is not None and oid in store), None)
        if holder is not None:
            judge.take(oid, judge.severities.judged(check_special_blob(holder, kind, oid)))
        elif kind == b"gitmodules":
            missing.append(oid)
    return missing


def check_links(
    arriving: ObjectStore,
    here: ObjectStore | None = None,
    *,
    added: Container[ObjectId] = (),
    shallow: Container[ObjectId] = (),
    promised: Container[ObjectId] = (),
    entries: int | None = None,
) -> int:
    """Check that everything the objects refer to is among them or `here`; return how much is only there.

    What is in `added` counts as only there. Parents of commits in `shallow` are not looked for, and what is
    in `promised` isn't either: a partial clone lacks it on purpose.
    `entries` is the number of entries, if no object may come twice, as with git.
    Raises MissingObject, CorruptObject for an object of another type than a link says, and CorruptPack for an
    object that comes twice.
    """
    types = {oid: arriving.header(oid).type for oid in arriving if oid not in added}
    if entries is not None and len(types) < entries:
        raise CorruptPack(f"{entries - len(types)} of its {entries} entries are objects that come twice")
    outside: dict[ObjectId, ObjectType] = {}
    for oid in arriving.storage_order(arriving):
        if types.get(oid, ObjectType.BLOB) is ObjectType.BLOB:
            continue
        type_, data = arriving.read(oid)
        for number, (target, wanted) in enumerate(object_links(type_, data, arriving.object_format, oid)):
            if number and type_ is ObjectType.COMMIT and oid in shallow:
                break
            found = types.get(target) or outside.get(target)
            if found is None:
                if target in promised:
                    continue
                if here is None or target not in here:
                    raise MissingObject(
                        target.hex(), context=f"a {wanted.name.lower()} that {_named(type_, oid)} refers to"
                    )
                found = outside[target] = here.header(target).type
            if found is not wanted:
                is_not = f"a {found.name.lower()}, not a {wanted.name.lower()}"
                raise CorruptObject(f"it is {is_not} as {_named(type_, oid)} says", oid=target.hex())
    return len(outside)


def _named(type_: ObjectType, oid: ObjectId) -> str:
    return f"{type_.name.lower()} {oid.hex()}"


class _Judge:
    """Decides on findings, and tells of those that refuse nothing."""

    def __init__(self, settings: ArrivalSettings, say: Callable[[str], None]) -> None:
        self.severities = settings.severities
        self._skipped = settings.skipped
        self._say = say
        self._told = 0

    def take(self, oid: ObjectId, findings: list[Finding]) -> None:
        """Raise CorruptObject for the first error."""
        if oid in self._skipped:
            return
        for found in findings:
            words = f"{found.message_id}: {found.text}"
            if found.severity.is_error(strict=False):
                raise CorruptObject(words, oid=oid.hex())
            self._told += 1
            if self._told <= _WARNINGS_TOLD_MAX:
                self._say(f"warning: object {oid.hex()}: {words}")
