"""Revisions that users type for sets of commits and objects (see gitrevisions and git-rev-list).

    a  ^b            all that a reaches, without what b reaches
    a..b             ^a b
    a...b            a and b, without what both reach
    a^@  a^!  a^-2   a's parents; a without them; a without the second
    --all            every ref, and HEAD
    --branches[=G]  --tags[=G]  --remotes[=G]  --glob=G    the refs of a kind, or those that a glob fits
    --exclude=G      leaves out refs of the next such option
    --indexed-objects    what the index of each work tree names    packcore.indexed_objects
    --not            exchanges both sides for what follows
    --end-of-options    what follows is a revision even if it begins with dashes

Dots may also be part of a path or a message: text that is not a range is tried as a single name.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from packcore.ancestry import list_commits
from packcore.errors import UnknownRevision, UnreadableRef
from packcore.indexed_objects import indexed_objects
from packcore.objects import commit_links
from packcore.refs import encode_ref_name
from packcore.revision import resolve_revision, resolve_with_path
from packcore.wildcards import has_wildcard, wildcard_fits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packcore.ids import ObjectId
    from packcore.store.repository import Repository

__all__ = ["RevisionSet", "parse_revisions"]

_RANGE = re.compile(r"(?!\.\.?/)(.*?)(\.\.\.?)(.*)\Z", re.DOTALL)
_KINDS = {"--branches": b"refs/heads/", "--tags": b"refs/tags/", "--remotes": b"refs/remotes/"}
_PARENTS = re.compile(r"(.+)\^(@|!|-([0-9]*))\Z", re.DOTALL)


class RevisionSet(NamedTuple):
    """The wants and haves of a command line."""

    wants: list[ObjectId]
    haves: list[ObjectId]
    paths: dict[ObjectId, bytes]
    """The paths of wanted trees and blobs that were given as `x:path`."""
    unreadable: list[UnreadableRef]
    """The refs that can't be read, of those that options chose; the set lacks what those reach."""


def parse_revisions(
    repository: Repository,
    revisions: Iterable[str],
    *,
    all_refs: bool = False,
    paths: list[str] | None = None,
) -> RevisionSet:
    """Return the set for `a ^b c..d e...f`, with options for refs among them; `all_refs` is `--all` first.

    If `paths` are taken, a word that names no revision may be a path, as in git: one of the work tree or of
    HEAD, or with wildcards. It and all words after it are added to `paths`.

    Raises UnknownRevision, and UnreadableRef for a ref that is given by name. Other unreadable refs are part
    of the result.
    """
    found = _Parsed(repository)
    words = [*(("--all",) if all_refs else ()), *revisions]
    for number, text in enumerate(words):
        try:
            found.add(text)
        except UnknownRevision:
            if paths is None or not all(_is_path(repository, word) for word in words[number:]):
                raise
            paths += words[number:]
            break
    return RevisionSet(list(found.wants), list(found.haves), found.paths, found.unreadable)


def _is_path(repository: Repository, text: str) -> bool:
    """Return whether a word that is no revision can be meant as a path."""
    if text.startswith(("-", "/")):
        return False
    if has_wildcard(encode_ref_name(text)):
        return True
    has_work_tree = repository.path.name == ".git"
    if has_work_tree and os.path.lexists(repository.path.parent / text):
        return True
    try:
        resolve_revision(repository, f"HEAD:{text}")
    except UnknownRevision:
        return False
    return True


class _Parsed:
    """The words of a command line so far."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self.wants: dict[ObjectId, None] = {}
        self.haves: dict[ObjectId, None] = {}
        self.paths: dict[ObjectId, bytes] = {}
        self.unreadable: list[UnreadableRef] = []
        self._is_not = False
        self._only_revisions = False
        self._excluded: list[bytes] = []

    def add(self, text: str) -> None:
        """Add a revision, a range, or what an option chooses. Raises UnknownRevision, UnreadableRef."""
        if text.startswith("--") and not self._only_revisions:
            self._add_option(text)
            return
        wants, haves = (self.haves, self.wants) if self._is_not else (self.wants, self.haves)
        if text.startswith("^") and (match := _PARENTS.match(text[1:])):
            _add_parents(self._repository, match, haves, wants)
        elif text.startswith("^"):
            haves[resolve_revision(self._repository, text[1:])] = None
        elif not _add_range(self._repository, text, wants, haves):
            oid, path = resolve_with_path(self._repository, text)
            wants[oid] = None
            if path:
                self.paths.setdefault(oid, path)

    def _add_option(self, text: str) -> None:
        name, equals, value = text.partition("=")
        glob = value.encode("utf-8", "surrogateescape")
        if text == "--end-of-options":
            self._only_revisions = True
        elif text == "--not":
            self._is_not = not self._is_not
        elif name == "--exclude" and equals:
            self._excluded.append(glob)
        elif text == "--indexed-objects":
            self._add_indexed()
        elif text == "--all":
            self._add_refs(b"refs/", b"")
            self._add_heads()
        elif name == "--glob" and equals:
            self._add_refs(_whole_glob(glob if glob.startswith(b"refs/") else b"refs/" + glob), b"")
        elif name in _KINDS:
            prefix = _KINDS[name]
            self._add_refs(_whole_glob(prefix + glob) if equals else prefix, prefix)
        else:
            raise UnknownRevision(f"{text[:80]!r}: no such option among revisions")

    def _add_refs(self, glob: bytes, prefix: bytes) -> None:
        """Add refs by a glob, or below a folder; those to exclude are named without the prefix."""
        excluded, self._excluded = self._excluded, []
        side = self.haves if self._is_not else self.wants

        def fits(name: str) -> bool:
            encoded = encode_ref_name(name)
            found = encoded.startswith(glob) if glob.endswith(b"/") else wildcard_fits(glob, encoded)
            inner = encoded.removeprefix(prefix)
            return found and not any(wildcard_fits(pattern, inner) for pattern in excluded)

        refs = self._repository.refs()
        side.update(
            (refs.known[name].oid, None) for name in sorted(refs.known, key=encode_ref_name) if fits(name)
        )
        self.unreadable += [error for name, error in refs.unreadable.items() if fits(name)]

    def _add_indexed(self) -> None:
        """Add what the index files name, each with its path."""
        side = self.haves if self._is_not else self.wants
        for oid, path in indexed_objects(self._repository):
            side.setdefault(oid, None)
            if path and not self._is_not:
                self.paths.setdefault(oid, path)

    def _add_heads(self) -> None:
        """Add HEAD, and those of other worktrees."""
        side = self.haves if self._is_not else self.wants
        others = (other.refs.read for other in self._repository.other_worktrees())
        for read in (self._repository.read_ref, *others):
            try:
                head = read("HEAD")
            except UnreadableRef as error:
                self.unreadable.append(error)
            else:
                side.update({} if head is None else {head.oid: None})


def _whole_glob(glob: bytes) -> bytes:
    """Return a glob for a name without wildcards: all below it."""
    return glob if has_wildcard(glob) else glob.rstrip(b"/") + b"/"


def _add_range(
    repository: Repository, text: str, wants: dict[ObjectId, None], haves: dict[ObjectId, None]
) -> bool:
    """Add the commits of a range, and return whether `text` is one."""
    if match := _PARENTS.match(text):
        _add_parents(repository, match, wants, haves)
        return True
    match = _RANGE.match(text)
    if match is None or text == "..":
        return False
    left, dots, right = match[1] or "HEAD", match[2], match[3] or "HEAD"
    try:
        if dots == "..":
            without = [resolve_revision(repository, left, "committish")]
            ends = [resolve_revision(repository, right, "committish")]
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
