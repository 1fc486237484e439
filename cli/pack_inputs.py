"""What `pack-objects` packs: a list of objects, what revisions or refs reach, or what packs hold.

    stdin                   options              objects
    ids and paths                                those
    main, ^v1, --not        --revs               what they reach
                            --all                what refs and HEAD reach
                            --reflog             what reflogs name, and what that reaches
                            --indexed-objects    what an index names
    pack-1.pack, ^pack-2.pack  --stdin-packs     what the first has and the second lacks
    pack-1.pack, -pack-2.pack  --cruft           what nothing needs: what the first lacks, be it in the second
                                                 or loose, unless it is too old

Then the rules of `packcore.store.stored_where` take objects out, and --include-tag adds tags.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from cli.object_list import read_object_list
from cli.streams import binary_input

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from packcore.ids import ObjectId
    from packcore.plans.entries import Candidate
    from packcore.progress import Progress
    from packcore.revision_set import RevisionSet
    from packcore.store.packfile import PackFile
    from packcore.store.repository import Repository
    from packcore.store.stored_where import LeaveOut
    from packcore.tree_path import TreePath

__all__ = ["CruftChoice", "PackInputs", "ToPack"]

_TAGS = "refs/tags/"


@dataclass(slots=True)
class ToPack:
    """The objects of a pack."""

    objects: list[Candidate]
    bases: list[Candidate] = field(default_factory=list)
    """What the receiver has, for deltas of a thin pack."""
    unreadable: dict[str, str] = field(default_factory=dict)
    """Why refs can't be read; the objects lack what these reach."""
    mtimes: dict[ObjectId, int] | None = None
    """When each object of a cruft pack was last touched."""


@dataclass(frozen=True, slots=True)
class CruftChoice:
    """That a cruft pack is made."""

    expiration: int | None
    """Of older objects, only what younger ones refer to is packed; None: all, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class PackInputs:
    """The options that say what is packed."""

    all_refs: bool
    revs: bool
    stdin_packs: bool
    unpacked: bool
    include_tag: bool
    thin: bool
    leave_out: LeaveOut
    filters: tuple[str, ...] = ()
    missing: Literal["error", "allow-any", "allow-promisor"] = "error"
    use_bitmaps: bool = True
    cruft: CruftChoice | None = None
    reflog: bool = False
    indexed: bool = False

    @property
    def by_revisions(self) -> bool:
        """Whether stdin names revisions, or refs are packed."""
        found = self.all_refs or self.revs or self.unpacked or self.reflog or self.indexed
        return found and not self.stdin_packs

    @property
    def is_default(self) -> bool:
        """Whether none of the options is given."""
        return self.is_plain and not (self.by_revisions or self.stdin_packs or self.cruft or self.thin)

    @property
    def is_plain(self) -> bool:
        """Whether everything listed is packed, and nothing else."""
        limited = self.unpacked or self.leave_out or self.filters
        return not (limited or self.include_tag or self.missing != "error")

    def chosen(self, repository: Repository, warn: Callable[[str], None]) -> RevisionSet:
        """Return the revisions. Raises UnknownRevision, UnreadableRef, UsageError, CorruptData."""
        from packcore.logged_objects import logged_objects
        from packcore.revision_set import parse_revisions

        revisions = list(_revisions(sys.stdin.read().splitlines())) if self.revs else []
        if self.indexed:
            revisions.insert(0, "--indexed-objects")  # before a --not
        found = parse_revisions(repository, revisions, all_refs=self.all_refs)
        if self.reflog:
            logged, missing = logged_objects(repository)
            if missing:
                warn(f"{missing} objects that reflogs name are not here any more")
            found = found._replace(wants=[*found.wants, *logged])
        return found

    def reached(self, repository: Repository, chosen: RevisionSet, progress: Progress) -> ToPack:
        """Return what revisions reach. Raises MissingObject, CorruptData."""
        from packcore.walk import list_bases

        objects = self._listed(repository, chosen, progress)
        if self.unpacked:
            objects = _unpacked(
                repository,
                chosen.wants,
                objects,
                lambda trees: self._listed(repository, chosen._replace(wants=trees), progress),
            )
        limits = repository.limits
        bases = list_bases(repository, chosen.haves, objects, limits=limits) if self.thin else []
        unreadable = {fault.ref: fault.reason for fault in chosen.unreadable}
        return self._adjusted(repository, ToPack(objects, bases, unreadable))

    def _listed(self, repository: Repository, chosen: RevisionSet, progress: Progress) -> list[Candidate]:
        from packcore.walk import list_objects

        if self.filters or self.missing != "error":
            return self._filtered(repository, chosen, progress)
        return list_objects(
            repository,
            chosen.wants,
            chosen.haves,
            shallow=repository.shallow(),
            limits=repository.limits,
            progress=progress,
            haves_complete=True,
        )

    def _filtered(self, repository: Repository, chosen: RevisionSet, progress: Progress) -> list[Candidate]:
        from cli.object_filters import combined_filter
        from packcore.rev_list import Listing, list_revisions

        filter_ = combined_filter(repository, self.filters) if self.filters else None
        listing = Listing(objects=True, filter=filter_, missing=self.missing)
        found = list_revisions(repository, chosen, listing, progress=progress).items
        return _candidates(repository, {each.oid: each.where or b"" for each in found})

    def listed(self, repository: Repository) -> tuple[dict[ObjectId, bytes], dict[ObjectId, bytes]]:
        """Return the paths of the objects that stdin lists, and of those that the receiver has."""
        return read_object_list(binary_input(), repository.object_format)

    def named(
        self, repository: Repository, wanted: dict[ObjectId, bytes], held: dict[ObjectId, bytes]
    ) -> ToPack:
        """Return objects with their types and sizes. Raises MissingObject."""
        bases = {oid: path for oid, path in held.items() if oid not in wanted} if self.thin else {}
        return self._adjusted(
            repository, ToPack(_candidates(repository, wanted), _candidates(repository, bases))
        )

    def packed(self, repository: Repository) -> ToPack:
        """Return what packs hold. Raises RepositoryError for one that isn't there."""
        included, excluded = _named_packs(repository, "^")
        oids = _stored(repository, included, excluded, loose=self.unpacked)
        return self._adjusted(repository, ToPack(_candidates(repository, dict.fromkeys(oids, b""))))

    def unneeded(self, repository: Repository, expiration: int | None, progress: Progress) -> ToPack:
        """Return what goes into a cruft pack. Raises RepositoryError, MissingObject, CorruptData."""
        from packcore.cruft import find_cruft

        kept, discarded = _named_packs(repository, "-")
        found = find_cruft(repository, kept, discarded, expiration=expiration, progress=progress)
        return self._adjusted(repository, ToPack(found.objects, mtimes=found.mtimes))

    def _adjusted(self, repository: Repository, found: ToPack) -> ToPack:
        if self.include_tag:
            refs = repository.refs()
            tags = {name: ref.oid for name, ref in refs.known.items() if name.startswith(_TAGS)}
            found.objects += _tags(repository, tags.values(), {each.oid for each in found.objects})
            unreadable = {
                name: fault.reason for name, fault in refs.unreadable.items() if name.startswith(_TAGS)
            }
            found.unreadable = {**unreadable, **found.unreadable}
        if self.leave_out:
            out = self.leave_out.find(repository, [each.oid for each in found.objects])
            found.objects = [each for each in found.objects if each.oid not in out]
        return found


def _revisions(lines: Iterable[str]) -> Iterable[str]:
    """Yield revisions, and `--not`, which turns those behind it around; no other option is allowed here."""
    for line in lines:
        text = line.strip()
        if text.startswith("-") and text != "--not":
            raise click.UsageError(f"not a revision: {text!r}")
        if text:
            yield text


def _candidates(repository: Repository, paths: Mapping[ObjectId, TreePath | bytes]) -> list[Candidate]:
    """Look up types and sizes. Raises MissingObject."""
    from packcore.plans.entries import Candidate
    from packcore.store.bulk import headers_of

    headers = zip(paths, headers_of(repository, [*paths]), strict=True)
    known = [header or repository.header(oid) for oid, header in headers]
    types, sizes = [header.type for header in known], [header.size for header in known]
    return [*map(Candidate, paths, types, sizes, paths.values(), count())]


def _named_packs(repository: Repository, mark: str) -> tuple[list[PackFile], list[PackFile]]:
    """Return the packs that stdin names, and those whose names begin with a mark. Raises RepositoryError."""
    from packcore.errors import RepositoryError

    packs = {Path(pack.name).name: pack for pack in repository.copies.packs()}
    plain: list[PackFile] = []
    marked: list[PackFile] = []
    for text in sorted(map(str.strip, sys.stdin.read().splitlines())):
        name = text.removeprefix(mark)
        if text and name not in packs:
            raise RepositoryError(f"could not find pack {name!r}")
        if text:
            (plain if name == text else marked).append(packs[name])
    return plain, marked


def _unpacked(
    repository: Repository,
    wants: list[ObjectId],
    objects: list[Candidate],
    listed: Callable[[list[ObjectId]], list[Candidate]],
) -> list[Candidate]:
    """Return tags, the commits that are in no pack, and their trees and blobs, packed or not.

    Trees and blobs that are wanted themselves stay, too.
    """
    from packcore.objects import ObjectType, commit_links
    from packcore.store.stored_where import in_packs

    commits = [each.oid for each in objects if each.type is ObjectType.COMMIT]
    packed = in_packs(repository.copies.packs(), commits)
    new = [oid for oid in commits if oid not in packed]
    trees = [commit_links(repository.read(oid).data, repository.object_format, oid).tree for oid in new]
    named = {each.oid for each in objects if each.type in (ObjectType.TREE, ObjectType.BLOB)}
    trees += [oid for oid in wants if oid in named]
    below = {each.oid for each in listed(trees)} if trees else set()
    kept = below.union(new)
    return [each for each in objects if each.oid in kept or each.type is ObjectType.TAG]


def _stored(
    repository: Repository, included: list[PackFile], excluded: list[PackFile], *, loose: bool
) -> list[ObjectId]:
    """Return the objects of some packs, and perhaps loose ones, that are not in others."""
    from packcore.store.stored_where import in_packs

    found: dict[ObjectId, None] = {}
    for pack in included:
        found.update(dict.fromkeys(pack.storage_order(pack)))
    if loose:
        found.update(dict.fromkeys(repository.copies.own_loose()))
    out = in_packs(excluded, list(found))
    return [oid for oid in found if oid not in out]


def _tags(repository: Repository, tips: Iterable[ObjectId], packed: Collection[ObjectId]) -> list[Candidate]:
    """Return the tags that come to a packed object, with the tags between. Raises LimitExceeded."""
    from packcore.ancestry import too_many_tags
    from packcore.objects import ObjectType, tag_target

    found: dict[ObjectId, bytes] = {}
    for tip in tips:
        chain: list[ObjectId] = []
        oid = tip
        while oid in repository and repository.header(oid).type is ObjectType.TAG:
            if len(chain) == repository.limits.tag_depth:
                raise too_many_tags(oid, repository.limits.tag_depth)
            chain.append(oid)
            oid = tag_target(repository.read(oid).data, repository.object_format, oid)[0]
        if oid in packed:
            found.update(dict.fromkeys((tag for tag in chain if tag not in packed), b""))
    return _candidates(repository, found)
