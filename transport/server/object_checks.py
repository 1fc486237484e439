"""The strict checks of a push's objects, where receive.fsckObjects or transfer.fsckObjects asks for them.

    receive.fsck.<msg-id>    error, warn or ignore: how bad such a finding is
    receive.fsck.skipList    a file of object ids, one a line, that may have any finding; `#` begins a comment

`packcore.checks` judges each object, with git's own message ids. As in git's receive-pack a finding that is a
warning by default refuses a push, too, unless a setting names it; the pusher is told of warnings. A setting
that can't be read refuses every push. Without receive.fsckObjects objects are only what every pack must be:
whole, and named by their bytes. Specified in git-config and git-fsck; ids that no check has mean nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.checks.findings import Severities, Severity
from packcore.checks.objects import check_object, special_blobs
from packcore.checks.special import check_special_blob
from packcore.errors import CorruptObject, RepositoryError
from packcore.objects import ObjectType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from packcore.checks.findings import Finding
    from packcore.ids import ObjectFormat, ObjectId
    from packcore.store.config import GitConfig
    from packcore.store.repository import Repository
    from packcore.store.spool import SpooledPack

__all__ = ["check_objects", "push_severities", "read_skip_list"]

_PREFIX = "receive.fsck."
_SKIP_LIST = "receive.fsck.skiplist"
_SEVERITIES = {"error": Severity.ERROR, "warn": Severity.WARN, "ignore": Severity.IGNORE}
_SKIP_LIST_BYTES_MAX = 64 * 1024 * 1024
_WARNINGS_TOLD_MAX = 20


def check_objects(
    repository: Repository, spool: SpooledPack, say: Callable[[str], None] = lambda _: None
) -> None:
    """Check what has arrived, if the repository wants that; `say` gets the warnings.

    Raises CorruptObject, and RepositoryError for settings that can't be read.
    """
    config = repository.config
    default = config.get_bool("transfer.fsckobjects")
    if not config.get_bool("receive.fsckobjects", default=default):
        return
    skipped: set[ObjectId] = set()
    for name in config.get_all(_SKIP_LIST):
        skipped |= read_skip_list(repository, name)
    judge = _Judge(push_severities(config), skipped, say)
    special: dict[tuple[bytes, ObjectId], None] = {}
    for oid in spool.storage_order(spool):
        if spool.header(oid).type is ObjectType.BLOB:
            continue
        type_, data = spool.read(oid)
        judge.take(
            oid, check_object(type_, data, spool.object_format, strict=True, severities=judge.severities)
        )
        if type_ is ObjectType.TREE:
            special.update(dict.fromkeys(special_blobs(data, spool.object_format)))
    for kind, oid in special:
        if oid in spool:
            judge.take(oid, judge.severities.judged(check_special_blob(spool, kind, oid)))


def push_severities(config: GitConfig) -> Severities:
    """Return how bad each finding is in a push. Raises RepositoryError for a setting that git refuses."""
    changed = {}
    for key in config.keys(_PREFIX):
        if key == _SKIP_LIST:
            continue
        value = config.get(key) or ""
        if value not in _SEVERITIES:
            raise RepositoryError(f"{key} must be error, warn or ignore, not {value[:40]!r}")
        changed[key.removeprefix(_PREFIX)] = _SEVERITIES[value]
    try:
        return Severities(changed, strict=True)
    except ValueError as error:
        raise RepositoryError(f"{_PREFIX}{error} can't be less than an error") from None


def read_skip_list(repository: Repository, name: str) -> set[ObjectId]:
    """Return the ids in a skip list; a relative path begins at the git directory. Raises RepositoryError."""
    if name.startswith("~"):
        raise RepositoryError(f"{_SKIP_LIST}: {name[:200]!r} is read without a home: give an absolute path")
    path = repository.path / name
    try:
        with path.open("rb") as file:
            data = file.read(_SKIP_LIST_BYTES_MAX + 1)
    except OSError as error:
        raise RepositoryError(f"{_SKIP_LIST}: {path} can't be read: {error.strerror}") from None
    if len(data) > _SKIP_LIST_BYTES_MAX:
        raise RepositoryError(f"{_SKIP_LIST}: {path} is longer than {_SKIP_LIST_BYTES_MAX} bytes")
    return set(_listed(data.splitlines(), repository.object_format))


def _listed(lines: Iterable[bytes], object_format: ObjectFormat) -> Iterable[ObjectId]:
    for line in lines:
        text = line.partition(b"#")[0].strip()
        if text:
            try:
                yield object_format.from_hex(text.lower())
            except ValueError:
                raise RepositoryError(f"{_SKIP_LIST}: no object id: {text[:80]!r}") from None


class _Judge:
    """Decides on findings, and tells of those that refuse nothing."""

    def __init__(self, severities: Severities, skipped: set[ObjectId], say: Callable[[str], None]) -> None:
        self.severities = severities
        self._skipped = skipped
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
