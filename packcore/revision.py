"""What a user types for an object, and for a set of commits (gitrevisions in git's documentation).

    main  v1.0  refs/heads/main  HEAD  @     refs, tried as x, refs/x, refs/tags/x, refs/heads/x, ...
    ce013625…  ce01                          ids, whole or the first four digits and more
    x~3  x^  x^2  x^0                        ancestors by first parent; parents by number
    x^{commit}  x^{tree}  x^{}               the object of that type behind x; x with tags followed
    x:src/a.c                                what a tree holds at a path

    a  ^b  a..b  a...b                       sets of commits, for `list_revisions`

Left out: what asks a reflog (`@{…}`), a message (`:/text`, `^{/text}`), or an index (`:path`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from packcore.ancestry import list_commits, peel
from packcore.errors import UnknownRevision, UnreadableRef
from packcore.objects import ObjectType, commit_links, iter_tree, parse_tag
from packcore.progress import SILENT, Progress
from packcore.refs import encode_ref_name, is_valid_ref_name
from packcore.walk import list_objects

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from packcore.ids import ObjectId
    from packcore.store.repository import Repository
    from packcore.tree_path import TreePath

__all__ = ["ListedObject", "RevisionSet", "list_revisions", "parse_revisions", "resolve_revision"]

ABBREVIATION_DIGITS_MIN = 4
AMBIGUOUS_SHOWN_MAX = 8

_REF_RULES = (
    "{}",
    "refs/{}",
    "refs/tags/{}",
    "refs/heads/{}",
    "refs/remotes/{}",
    "refs/remotes/{}/HEAD",
)
_TOP_LEVEL = re.compile(r"[A-Z][A-Z_]*\Z")
"""What may stand beside refs/: HEAD, FETCH_HEAD, ORIG_HEAD …"""
_HEX = re.compile(r"[0-9a-fA-F]+\Z")
_SUFFIX = re.compile(r"\^\{([a-z]*)\}|\^([0-9]*)|~([0-9]*)")
_DESCRIBED = re.compile(r".+-g([0-9a-f]{4,})\Z")
_TYPE_NAMES = {type_.name.lower(): type_ for type_ in ObjectType}


class RevisionSet(NamedTuple):
    """Wants and haves, as a command line names them."""

    wants: list[ObjectId]
    haves: list[ObjectId]
    paths: dict[ObjectId, bytes]
    """Of wanted trees and blobs that were named as `x:path`."""
    unreadable: list[UnreadableRef]
    """With `all_refs`: the refs that can't be read, so what they reach is not among the wants."""


class ListedObject(NamedTuple):
    """A line of `rev-list`."""

    oid: ObjectId
    where: TreePath | bytes | None
    """Its path, as `Candidate.where` has it; None for a commit; a tag's own name for a tag."""

    @property
    def path(self) -> bytes | None:
        """The same as bytes, made at each call."""
        return None if self.where is None else bytes(self.where)


def resolve_revision(repository: Repository, text: str) -> ObjectId:
    """Return the id of the object that `text` names.

    Raises UnknownRevision if nothing answers to it, or too much does (the message lists the choices).
    """
    return _resolve(repository, text)[0]


def list_revisions(
    repository: Repository,
    revisions: Sequence[str] | RevisionSet,
    *,
    objects: bool = False,
    all_refs: bool = False,
    progress: Progress = SILENT,
) -> list[ListedObject]:
    """List as `git rev-list [--objects] [--all] REVISION…` does, newest first.

    `revisions` may be what `parse_revisions` made of them. Raises UnknownRevision, MissingObject,
    CorruptData; with `all_refs`, UnreadableRef if a ref can't be read.
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


def _tag_name(repository: Repository, oid: ObjectId) -> bytes:
    return parse_tag(repository.read(oid).data, repository.object_format, oid).name


def parse_revisions(
    repository: Repository, revisions: Iterable[str], *, all_refs: bool = False
) -> RevisionSet:
    """Return what `a ^b c..d e...f` and `--all` (every ref, and HEAD) come to.

    Raises UnknownRevision, and UnreadableRef for a ref that is named itself; with `all_refs`, refs that
    can't be read are part of the result.
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
        elif "..." in text:
            left, _, right = text.partition("...")
            both = [_commit(repository, side or "HEAD") for side in (left, right)]
            wants.update(dict.fromkeys(both))
            haves.update(dict.fromkeys(_common_commits(repository, *both)))
        elif ".." in text and not text.startswith("../") and ":" not in text.partition("..")[0]:
            left, _, right = text.partition("..")
            haves[_commit(repository, left or "HEAD")] = None
            wants[_commit(repository, right or "HEAD")] = None
        else:
            oid, path = _resolve(repository, text)
            wants[oid] = None
            if path:
                paths.setdefault(oid, path)
    return RevisionSet(list(wants), list(haves), paths, unreadable)


def _commit(repository: Repository, text: str) -> ObjectId:
    return _peel_to(repository, resolve_revision(repository, text), "commit", text)


def _common_commits(repository: Repository, left: ObjectId, right: ObjectId) -> list[ObjectId]:
    """Return the newest commits that both sides reach: those that no other common one reaches."""
    shallow = repository.shallow()
    of_left = set(list_commits(repository, [left], shallow=shallow))
    common = [oid for oid in list_commits(repository, [right], shallow=shallow) if oid in of_left]
    below: set[ObjectId] = set()
    for oid in common:
        below.update(commit_links(repository.read(oid).data, repository.object_format, oid).parents)
    return [oid for oid in common if oid not in below]


def _resolve(repository: Repository, text: str) -> tuple[ObjectId, bytes]:
    """Return the id, and the path if `text` is `x:path`."""
    base, colon, path = _split_path(text)
    if "@{" in base:
        raise UnknownRevision(f"{_shown(text)}: reflogs are not read")
    end = _base_end(base)
    suffixes = base[end:]
    wanted = "tree" if colon else "commit" if suffixes and not suffixes.startswith("^{") else ""
    oid = _resolve_base(repository, base[:end], text, wanted)
    at = 0
    while at < len(suffixes):
        match = _SUFFIX.match(suffixes, at)
        if match is None:
            raise UnknownRevision(f"{_shown(text)}: {suffixes[at:][:40]!r} is not understood")
        at = match.end()
        oid = _step(repository, oid, match, text)
    if not colon:
        return oid, b""
    name = encode_ref_name(path)
    return _at_path(repository, _peel_to(repository, oid, "tree", text), name, text), name.strip(b"/")


def _split_path(text: str) -> tuple[str, str, str]:
    depth = 0
    for at, char in enumerate(text):
        if char == "{":
            depth += 1
        elif char == "}":
            depth -= 1
        elif char == ":" and depth <= 0:
            if at == 0:
                raise UnknownRevision(f"{_shown(text)}: neither an index nor messages are searched")
            return text[:at], ":", text[at + 1 :]
    return text, "", ""


def _base_end(base: str) -> int:
    # No ref name holds either sign, so the first one ends the name.
    places = [place for place in (base.find("^"), base.find("~")) if place >= 0]
    return min(places, default=len(base))


def _resolve_base(repository: Repository, name: str, text: str, wanted: str) -> ObjectId:
    object_format = repository.object_format
    name = "HEAD" if name == "@" else name
    is_hex = bool(_HEX.match(name))
    if is_hex and len(name) == object_format.hex_size:
        return object_format.from_hex(name.lower())
    for rule in _REF_RULES:
        full = rule.format(name)
        if (full.startswith("refs/") and is_valid_ref_name(full)) or _TOP_LEVEL.match(full):
            ref = repository.read_ref(full)
            if ref is not None:
                return ref.oid
    described = _DESCRIBED.match(name)
    digits = described[1] if described else name.lower() if is_hex else ""
    if ABBREVIATION_DIGITS_MIN <= len(digits) < object_format.hex_size:
        return _resolve_abbreviation(repository, digits, text, wanted)
    raise UnknownRevision(
        f"{_shown(text)}: no such revision", hint="name a ref, or an id of at least four hex digits"
    )


def _resolve_abbreviation(repository: Repository, digits: str, text: str, wanted: str) -> ObjectId:
    odd = len(digits) % 2
    low, high = bytes.fromhex(digits + "0" * odd), bytes.fromhex(digits + "f" * odd)
    found = set(repository.ids_between(low, high))
    if len(found) > 1 and wanted:
        fitting = {oid for oid in found if _comes_to(repository, oid, wanted)}
        found = fitting or found
    if len(found) == 1:
        return found.pop()
    if not found:
        raise UnknownRevision(f"{_shown(text)}: no object's id starts so")
    shown = [
        f"{oid.hex()[: max(len(digits) + 6, 12)]} {repository.header(oid).type.name.lower()}"
        for oid in sorted(found)[:AMBIGUOUS_SHOWN_MAX]
    ]
    more = f" and {len(found) - len(shown)} more" if len(found) > len(shown) else ""
    raise UnknownRevision(
        f"{_shown(text)}: the short id {digits} is ambiguous", hint=f"it may be {', '.join(shown)}{more}"
    )


def _comes_to(repository: Repository, oid: ObjectId, wanted: str) -> bool:
    _, type_ = peel(repository, oid)
    return type_ is ObjectType.COMMIT or (wanted == "tree" and type_ is ObjectType.TREE)


def _step(repository: Repository, oid: ObjectId, match: re.Match[str], text: str) -> ObjectId:
    """Apply one suffix: ^{type}, ^n or ~n."""
    type_name, parent_digits, generation_digits = match.groups()
    if type_name is not None:
        return _peel_to(repository, oid, type_name, text)
    oid = _peel_to(repository, oid, "commit", text)
    if parent_digits is not None:
        number = _number(parent_digits)
        return _parent(repository, oid, number, text) if number else oid
    for _ in range(_number(generation_digits)):
        oid = _parent(repository, oid, 1, text)
    return oid


def _number(digits: str) -> int:
    # Nobody has ten billion ancestors; more digits only cost time.
    return int(digits[:10]) if digits else 1


def _parent(repository: Repository, oid: ObjectId, number: int, text: str) -> ObjectId:
    parents = commit_links(repository.read(oid).data, repository.object_format, oid).parents
    if oid in repository.shallow() or number > len(parents):
        raise UnknownRevision(f"{_shown(text)}: commit {oid.hex()} has no parent {number}")
    return parents[number - 1]


def _peel_to(repository: Repository, oid: ObjectId, type_name: str, text: str) -> ObjectId:
    """Follow tags, and a commit to its tree, until the type is right; "" stops at the first non-tag."""
    if type_name == "object":
        repository.header(oid)
        return oid
    if type_name and type_name not in _TYPE_NAMES:
        raise UnknownRevision(f"{_shown(text)}: {type_name[:20]!r} is no type of object")
    if type_name == "tag" and repository.header(oid).type is ObjectType.TAG:
        return oid
    oid, type_ = peel(repository, oid)
    if type_name == "tree" and type_ is ObjectType.COMMIT:
        return commit_links(repository.read(oid).data, repository.object_format, oid).tree
    if type_name and type_ is not _TYPE_NAMES[type_name]:
        raise UnknownRevision(f"{_shown(text)}: object {oid.hex()} is a {type_.name.lower()}")
    return oid


def _at_path(repository: Repository, tree: ObjectId, path: bytes, text: str) -> ObjectId:
    oid = tree
    for component in (part for part in path.split(b"/") if part):
        type_, data = repository.read(oid)
        entries = iter_tree(data, repository.object_format, oid) if type_ is ObjectType.TREE else ()
        found = next((entry.oid for entry in entries if entry.name == component), None)
        if found is None:
            raise UnknownRevision(f"{_shown(text)}: the tree holds no such path")
        oid = found
    return oid


def _shown(text: str) -> str:
    return repr(text[:80])
