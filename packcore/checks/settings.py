"""How bad each finding is in objects that arrive: from a repository's settings, and from a command line.

    receive.fsck.<msg-id> = warn      error, warn or ignore
    receive.fsck.skipList = FILE      ids of objects that may have any finding; `#` begins a comment
    badTimezone=warn,skipList=FILE    the same as one text, for `--strict=`

As in git's index-pack, a finding that is a warning by default is an error, unless a setting names it.
Specified in git-config and git-fsck.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from packcore.checks.findings import MESSAGE_IDS, Severities, Severity
from packcore.errors import RepositoryError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packcore.ids import ObjectFormat, ObjectId
    from packcore.store.config import GitConfig
    from packcore.store.repository import Repository

__all__ = ["ArrivalSettings", "config_severities", "config_skip_list", "read_skip_list"]

_SKIP_LIST = "skiplist"
_SEVERITIES = {"error": Severity.ERROR, "warn": Severity.WARN, "ignore": Severity.IGNORE}
_SKIP_LIST_BYTES_MAX = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ArrivalSettings:
    """What may be wrong with arriving objects. Raises ValueError where a fatal finding would be allowed."""

    changed: dict[str, Severity] = field(default_factory=dict)
    """Severities by message id, in lower case."""
    skipped: frozenset[ObjectId] = frozenset()
    """Objects that may have any finding."""

    def __post_init__(self) -> None:
        """Refuse what `Severities` refuses."""
        _ = self.severities

    @property
    def severities(self) -> Severities:
        """The severity of each message."""
        return Severities(self.changed, strict=True)

    @classmethod
    def of_pushes(cls, repository: Repository) -> ArrivalSettings:
        """Return what `receive.fsck.*` says. Raises RepositoryError for a setting that git refuses."""
        prefix = "receive.fsck."
        changed = config_severities(repository.config, prefix)
        return cls(changed, config_skip_list(repository, prefix))

    def and_given(self, text: str, object_format: ObjectFormat) -> ArrivalSettings:
        """Return these settings, changed by `<msg-id>=<severity>,…` from a command line.

        Raises ValueError for an unknown id or severity, RepositoryError for a skip list that can't be read.
        """
        changed, skipped = dict(self.changed), self.skipped
        for part in re.split("[ ,|]+", text.strip(" ,|")):
            if not part:
                continue
            found = re.fullmatch("([^=:]*)[=:](.*)", part)
            if found is None:
                raise ValueError(f"{part!r} is no <msg-id>=<severity>")
            message_id, value = found[1].lower(), found[2]
            if message_id == _SKIP_LIST:
                skipped |= read_skip_list(Path(value), object_format, "skipList")
            elif message_id not in MESSAGE_IDS:
                raise ValueError(f"there is no finding {found[1]!r}; git-fsck's manual lists them")
            elif value not in _SEVERITIES:
                raise ValueError(f"{found[1]} must be error, warn or ignore, not {value[:40]!r}")
            else:
                changed[message_id] = _SEVERITIES[value]
        try:
            return ArrivalSettings(changed, skipped)
        except ValueError as error:
            raise ValueError(f"{error} can't be less than an error") from None


def config_skip_list(repository: Repository, prefix: str) -> frozenset[ObjectId]:
    """Return the ids that `<prefix>skipList` names; a relative path begins at the git directory.

    Raises RepositoryError.
    """
    skipped: set[ObjectId] = set()
    for name in repository.config.get_all(prefix + _SKIP_LIST):
        if name.startswith("~"):
            raise RepositoryError(
                f"{prefix}{_SKIP_LIST}: {name[:200]!r} is read without a home: give an absolute path"
            )
        path = repository.path / name
        skipped |= read_skip_list(path, repository.object_format, f"{prefix}{_SKIP_LIST}")
    return frozenset(skipped)


def config_severities(config: GitConfig, prefix: str, *, are_all_known: bool = False) -> dict[str, Severity]:
    """Return the severities set below `prefix`, by message id in lower case.

    Unknown ids mean nothing, unless `are_all_known`. Raises RepositoryError for a setting that git refuses.
    """
    changed = {}
    for key in config.keys(prefix):
        if key == prefix + _SKIP_LIST:
            continue
        value = config.get(key) or ""
        if are_all_known and key.removeprefix(prefix) not in MESSAGE_IDS:
            raise RepositoryError(f"{key}: there is no such finding; git-fsck's manual lists them")
        if value not in _SEVERITIES:
            raise RepositoryError(f"{key} must be error, warn or ignore, not {value[:40]!r}")
        changed[key.removeprefix(prefix)] = _SEVERITIES[value]
    try:
        Severities(changed)
    except ValueError as error:
        raise RepositoryError(f"{prefix}{error} can't be less than an error") from None
    return changed


def read_skip_list(path: Path, object_format: ObjectFormat, setting: str) -> frozenset[ObjectId]:
    """Return the ids in a skip list; `setting` is for errors. Raises RepositoryError."""
    try:
        with path.open("rb") as file:
            data = file.read(_SKIP_LIST_BYTES_MAX + 1)
    except OSError as error:
        raise RepositoryError(f"{setting}: {path} can't be read: {error.strerror}") from None
    if len(data) > _SKIP_LIST_BYTES_MAX:
        raise RepositoryError(f"{setting}: {path} is longer than {_SKIP_LIST_BYTES_MAX} bytes")
    return frozenset(_listed(data.splitlines(), object_format, setting))


def _listed(lines: Iterable[bytes], object_format: ObjectFormat, setting: str) -> Iterable[ObjectId]:
    for line in lines:
        text = line.partition(b"#")[0].strip()
        if text:
            try:
                yield object_format.from_hex(text.lower())
            except ValueError:
                raise RepositoryError(f"{setting}: no object id: {text[:80]!r}") from None
