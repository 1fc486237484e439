"""Options of the commands that take in a pack: what is checked, and how large it may be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from cli.command import option
from cli.values import SIZE

if TYPE_CHECKING:
    from collections.abc import Container

    from cli.console import Console
    from packcore.checks.settings import ArrivalSettings
    from packcore.ids import ObjectFormat, ObjectId
    from packcore.limits import Limits
    from packcore.store.base import ObjectStore
    from packcore.store.repository import Repository

__all__ = ["MAX_INPUT_SIZE", "STRICT", "ArrivalChecks", "limited"]

CHECKS = "What to check"

STRICT = option(
    "--strict",
    bare="",
    section=CHECKS,
    metavar="ID=SEVERITY,…",
    envvar=None,
    help="Refuse objects with broken content or missing links. ID is a message of git fsck, or skipList; "
    "SEVERITY is error, warn or ignore.",
)
MAX_INPUT_SIZE = option(
    "--max-input-size",
    type=SIZE,
    section=CHECKS,
    metavar="SIZE",
    help="Refuse a pack larger than SIZE, e.g. 100m. 0 means no limit.",
)


def limited(limits: Limits, max_input_size: int | None) -> Limits:
    """Return the limits with the largest pack that --max-input-size allows."""
    return replace(limits, pack_bytes=max_input_size) if max_input_size else limits


@dataclass(frozen=True, slots=True)
class ArrivalChecks:
    """What is checked besides what every pack must be. The texts change severities; None means unchecked."""

    strict: str | None = None
    fsck_objects: str | None = None
    links: bool = False

    def run(
        self,
        arriving: ObjectStore,
        repository: Repository | None,
        console: Console,
        *,
        added: Container[ObjectId] = (),
        entries: int | None = None,
    ) -> tuple[list[ObjectId], int]:
        """Check a pack; return the blobs of .gitmodules that are nowhere, and how many links lead outside.

        `entries` is how many the pack has, if no object may come twice. Raises CorruptData, UsageError.
        """
        from packcore.checks.arrivals import check_content, check_links
        from packcore.checks.promised import promised_and_missing
        from packcore.checks.settings import ArrivalSettings

        missing: list[ObjectId] = []
        if self.strict is not None or self.fsck_objects is not None:
            settings = ArrivalSettings() if repository is None else ArrivalSettings.of_pushes(repository)
            settings = self._changed(settings, arriving.object_format)
            missing = check_content(arriving, settings, repository, added=added, say=console.tell)
        outside = 0
        if self.strict is not None or self.links:
            shallow = repository.shallow() if repository else ()
            promised = promised_and_missing(repository) if repository else ()
            outside = check_links(
                arriving, repository, added=added, shallow=shallow, promised=promised, entries=entries
            )
        return missing, outside

    def check_words(self, object_format: ObjectFormat) -> None:
        """Raise UsageError now for what `run` could not understand: before a pack is read."""
        from packcore.checks.settings import ArrivalSettings

        self._changed(ArrivalSettings(), object_format)

    def _changed(self, settings: ArrivalSettings, object_format: ObjectFormat) -> ArrivalSettings:
        for name, text in (("--strict", self.strict), ("--fsck-objects", self.fsck_objects)):
            try:
                settings = settings.and_given(text or "", object_format)
            except ValueError as error:
                raise click.UsageError(f"{name}: {error}") from None
        return settings
