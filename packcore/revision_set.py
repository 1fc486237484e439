"""Revisions that users type for sets of commits and objects (see gitrevisions and git-rev-list).

    a  ^b            all that a reaches, without what b reaches
    a..b             ^a b
    a...b            a and b, without what both reach
    a^@  a^!  a^-2   a's parents; a without them; a without the second

Dots may also be part of a path or a message: text that is not a range is tried as a single name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from packcore.ancestry import list_commits
from packcore.errors import UnknownRevision, UnreadableRef
from packcore.objects import ObjectType, commit_links, parse_tag
from packcore.progress import SILENT, Progress
from packcore.reach import reached_ids
from packcore.revision import resolve_revision, resolve_with_path
from packcore.walk import list_objects

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from packcore.ids import ObjectId
    from packcore.store.repository import Repository
    from packcore.tree_path import TreePath

__all__ = ["ListedObject", "RevisionSet", "count_revisions", "list_revisions", "parse_revisions"]

_RANGE = re.compile(r"(?!\.\.?/)(.*?)(\.\.\.?)(.*)\Z", re.DOTALL)
_PARENTS = re.compile(r"(.+)\^(@|!|-([0-9]*))\Z", re.DOTALL)


class RevisionSet(NamedTuple):
    """The wants and haves of a command line."""

    wants: list[ObjectId]
    haves: list[ObjectId]
    paths: dict[ObjectId, bytes]
    """The paths of wanted trees and blobs that were given as `x:path`."""
    unreadable: list[UnreadableRef]
    """With `all_refs`, the refs that can't be read; the wants lack what those reach."""


class ListedObject(NamedTuple):
    """A line of `rev-list`."""

    oid: ObjectId
    where: TreePath | bytes | None
    """Its path, as in `Candidate.where`; None for a commit; the name of the tag for a tag."""

    @property
    def path(self) -> bytes | None:
        """The same as bytes, made on each access."""
        return None if self.where is None else bytes(self.where)


def list_revisions(
    repository: Repository,
    revisions: Sequence[str] | RevisionSet,
    *,
    objects: bool = False,
    all_refs: bool = False,
    progress: Progress = SILENT,
) -> list[ListedObject]:
    """List what `git rev-list [--objects] [--all] REVISION…` lists, newest first.

    `revisions` may be a result of `parse_revisions`. Raises UnknownRevision, MissingObject, CorruptData, and
    with `all_refs` UnreadableRef if a ref can't be read.
    """
    if isinstance(revisions, RevisionSet):
        chosen = revisions
    else:
        chosen = parse_revisions(repository, revisions, all_refs=all_refs)
        for error in chosen.unreadable:
            raise error
    shallow = repository.shallow()
    if not objects:
        commits = list_commits(repository, chosen.wants, chosen.haves, shallow=shallow, haves_complete=True)
        return [ListedObject(oid, None) for oid in commits]
    found = list_objects(
        repository,
        chosen.wants,
        chosen.haves,
        shallow=shallow,
        limits=repository.limits,
        progress=progress,
        haves_complete=True,
        want_paths=chosen.paths,
    )
    names = {ObjectType.COMMIT: None, ObjectType.TAG: None}
    return [
        ListedObject(one.oid, _tag_name(repository, one.oid))
        if one.type is ObjectType.TAG
        else ListedObject(one.oid, names.get(one.type, one.where))
        for one in found
    ]


def count_revisions(repository: Repository, chosen: RevisionSet) -> int | None:
    """Return how many objects `list_revisions` would list, where bitmaps tell; None where they don't."""
    if repository.shallow() or chosen.paths:
        return None
    had = set(chosen.haves)
    found = reached_ids(repository, [want for want in chosen.wants if want not in had], chosen.haves)
    return None if found is None else len(found)


def _tag_name(repository: Repository, oid: ObjectId) -> bytes:
    return parse_tag(repository.read(oid).data, repository.object_format, oid).name


def parse_revisions(
    repository: Repository, revisions: Iterable[str], *, all_refs: bool = False
) -> RevisionSet:
    """Return the set for `a ^b c..d e...f` and `--all` (every ref, and HEAD).

    Raises UnknownRevision, and UnreadableRef for a ref that is given by name. With `all_refs`, other
    unreadable refs are part of the result.
    """
    wants: dict[ObjectId, None] = {}
    haves: dict[ObjectId, None] = {}
    paths: dict[ObjectId, bytes] = {}
    unreadable: list[UnreadableRef] = []
    if all_refs:
        refs = repository.refs()
        wants.update(dict.fromkeys(ref.oid for ref in refs.known.values()))
        unreadable += refs.unreadable.values()
        try:
            head = repository.read_ref("HEAD")
        except UnreadableRef as error:
            unreadable.append(error)
        else:
            wants.update({} if head is None else {head.oid: None})
    for text in revisions:
        if text.startswith("^"):
            haves[resolve_revision(repository, text[1:])] = None
        elif not _add_range(repository, text, wants, haves):
            oid, path = resolve_with_path(repository, text)
            wants[oid] = None
            if path:
                paths.setdefault(oid, path)
    return RevisionSet(list(wants), list(haves), paths, unreadable)


def _add_range(
    repository: Repository, text: str, wants: dict[ObjectId, None], haves: dict[ObjectId, None]
) -> bool:
    """Add the commits of a range, and return whether `text` is one."""
    if match := _PARENTS.match(text):
        _add_parents(repository, match, wants, haves)
        return True
    match = _RANGE.match(text)
    if match is None:
        return False
    left, dots, right = match[1] or "HEAD", match[2], match[3] or "HEAD"
    try:
        if dots == "..":
            without, ends = [resolve_revision(repository, left)], [resolve_revision(repository, right)]
        else:
            ends = [_commit(repository, left), _commit(repository, right)]
            without = _common_commits(repository, *ends)
    except UnknownRevision:
        # The dots may be part of a path (x:a..b) or of a message (x^{/a..b}).
        if "{" in left or ":" in left:
            return False
        raise
    wants.update(dict.fromkeys(ends))
    haves.update(dict.fromkeys(without))
    return True


def _add_parents(
    repository: Repository,
    match: re.Match[str],
    wants: dict[ObjectId, None],
    haves: dict[ObjectId, None],
) -> None:
    """Add the commits of `a^@` (its parents), `a^!` (a without them) or `a^-n` (a without the nth)."""
    commit = _commit(repository, match[1])
    if match[3] is None:
        parents = commit_links(repository.read(commit).data, repository.object_format, commit).parents
        shown = () if commit in repository.shallow() else parents
    else:
        shown = (resolve_revision(repository, f"{match[1]}^{match[3]}"),)
    if match[2] == "@":
        wants.update(dict.fromkeys(shown))
    else:
        wants[commit] = None
        haves.update(dict.fromkeys(shown))


def _commit(repository: Repository, text: str) -> ObjectId:
    return resolve_revision(repository, f"{text}^{{commit}}")


def _common_commits(repository: Repository, left: ObjectId, right: ObjectId) -> list[ObjectId]:
    """Return the newest commits that both sides reach: those that no other common commit reaches."""
    shallow = repository.shallow()
    of_left = set(list_commits(repository, [left], shallow=shallow))
    common = [oid for oid in list_commits(repository, [right], shallow=shallow) if oid in of_left]
    below: set[ObjectId] = set()
    for oid in common:
        below.update(commit_links(repository.read(oid).data, repository.object_format, oid).parents)
    return [oid for oid in common if oid not in below]
