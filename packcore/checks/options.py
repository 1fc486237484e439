"""What a check of a repository looks at, and how bad each finding is: the options of `git fsck`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from packcore.checks.findings import Severities
from packcore.checks.settings import config_severities, config_skip_list

if TYPE_CHECKING:
    from packcore.checks.findings import Finding
    from packcore.ids import ObjectId
    from packcore.store.repository import Repository

__all__ = ["FsckOptions", "FsckSettings"]


@dataclass(frozen=True, slots=True)
class FsckOptions:
    """See git-fsck. Nothing here changes what an object must be, except `strict`."""

    strict: bool = False
    """Makes warnings errors."""
    dangling: bool = True
    """Report objects that nothing refers to."""
    unreachable: bool = False
    """Report all objects that nothing in use leads to; then dangling ones aren't reported separately."""
    root: bool = False
    """Report commits without parents."""
    tags: bool = False
    """Report what each tag names."""
    full: bool = True
    """Check packs, too; otherwise only loose objects are read."""
    connectivity_only: bool = False
    """Only check that what is in use is complete: the content of blobs isn't read."""
    reflogs: bool = True
    """Count what a log names as in use."""
    references: bool = False
    """Check how refs are written down, too, as git 2.50 and later do."""
    index: bool = False
    """Count what the index names as in use, also if `heads` are given."""
    name_objects: bool = False
    """Say how a reachable object is reached."""
    heads: tuple[tuple[str, ObjectId | None], ...] = ()
    """What is in use, instead of refs, HEADs, logs and the index: as given, and the id that it names."""

    @property
    def walks(self) -> bool:
        """Whether links must be followed from what is in use, even if all of them are good."""
        return self.unreachable or self.name_objects or self.connectivity_only or not self.full


class FsckSettings(NamedTuple):
    """What a repository's `fsck.<msg-id>` and `fsck.skipList` say."""

    severities: Severities
    skipped: frozenset[ObjectId]

    @classmethod
    def of(cls, repository: Repository, *, strict: bool) -> FsckSettings:
        """Read them. Raises RepositoryError for a setting that git refuses."""
        changed = config_severities(repository.config, "fsck.", are_all_known=True)
        return cls(Severities(changed, strict=strict), config_skip_list(repository, "fsck."))

    def judged(self, oid: ObjectId, findings: list[Finding]) -> list[Finding]:
        """Return the findings for an object that are to be reported, with their severities."""
        return [] if oid in self.skipped else self.severities.judged(findings)
