"""Revisions that users type for an object (see gitrevisions); `revision_set` handles sets of commits.

    main  v1.0  refs/heads/main  HEAD  @     refs                                  packcore.ref_shorthand
    main@{2}  @{-1}  main@{upstream}         by reflogs and configuration          packcore.ref_shorthand
    ce013625…  ce01                          ids, whole or at least their first four digits
    x~3  x^  x^2  x^0                        ancestors by first parent; parents by number
    x^{commit}  x^{tree}  x^{}               the object of that type behind x; x with tags followed
    x^{/text}  :/text                        the newest commit whose message matches, from x or any ref
    x:src/a.c                                the object at a path of a tree
    :src/a.c  :2:src/a.c                     the object that is staged at a path, or on a side of a conflict

Suffixes are parsed from the end, as in git, because the text of a message may contain any character.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

from packcore.ancestry import peel
from packcore.errors import AmbiguousRevision, UnknownRevision, UnreadableRef
from packcore.message_search import find_by_message
from packcore.objects import ObjectType, commit_links, iter_tree
from packcore.ref_shorthand import find_ref, resolve_at
from packcore.refs import encode_ref_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packcore.ids import ObjectId
    from packcore.store.repository import Repository

__all__ = ["Hint", "peel_to", "resolve_revision", "resolve_with_path", "split_path"]

ABBREVIATION_DIGITS_MIN = 4
AMBIGUOUS_SHOWN_MAX = 8

_HEX = re.compile(r"[0-9a-fA-F]+\Z")
_NUMBERED = re.compile(r"([\^~])([0-9]*)\Z")
_DESCRIBED = re.compile(r".+-g([0-9a-f]{4,})\Z")
_STAGED = re.compile(r":(?:([0-3]):)?(.*)\Z", re.DOTALL)
_TYPE_NAMES = {type_.name.lower(): type_ for type_ in ObjectType}


Hint = Literal["", "commit", "committish", "tree", "treeish", "blob"]
"""Which of the objects that a short id fits is meant."""
_HINTS: dict[str, Hint] = {
    "commit": "commit",
    "committish": "committish",
    "tree": "tree",
    "treeish": "treeish",
    "blob": "blob",
}


def resolve_revision(repository: Repository, text: str, hint: Hint = "") -> ObjectId:
    """Return the id of the object that `text` names; `hint` says which one a short id means.

    Raises UnknownRevision if it names no object, and AmbiguousRevision if a short id fits several (the
    message lists the choices).
    """
    return resolve_with_path(repository, text, hint)[0]


def resolve_with_path(repository: Repository, text: str, hint: Hint = "") -> tuple[ObjectId, bytes]:
    """Return the id, and the path if `text` is `x:path`, else b"". Raises what `resolve_revision` does."""
    if text.startswith(":/") and len(text) > 2:
        return _by_message(repository, _all_commits(repository), text[2:], text), b""
    if text.startswith(":"):
        return _staged(repository, text)
    base, colon, path = split_path(text)
    start, suffixes = _split_suffixes(base)
    oid = _resolve_base(repository, start, text, _wanted(suffixes[0] if suffixes else colon) or hint)
    for suffix in suffixes:
        oid = _step(repository, oid, suffix, text)
    if not colon:
        return oid, b""
    name = encode_ref_name(path)
    return _at_path(repository, peel_to(repository, oid, "tree", text), name, text), name.strip(b"/")


def _wanted(following: str) -> Hint:
    """Return what must be meant by a short id for what follows it to make sense."""
    if following in (":", "{tree}"):
        return "treeish"
    return "committish" if following.startswith(("~", "^", "{/")) or following == "{commit}" else ""


def _staged(repository: Repository, text: str) -> tuple[ObjectId, bytes]:
    match = _STAGED.match(text)
    assert match is not None
    stage, path = int(match[1] or 0), encode_ref_name(match[2])
    stages = repository.staged(path)
    if stage in stages:
        return stages[stage], path
    others = ", ".join(f":{other}:" for other in sorted(stages))
    raise UnknownRevision(
        f"{_shown(text)}: the index has no such path" + (f" in stage {stage}" if others else ""),
        hint=f"it is there as {others}" if others else None,
    )


def split_path(text: str) -> tuple[str, str, str]:
    """Split `x:path` at its colon into x, ":" and path; any other text is x alone."""
    depth = 0
    for at, char in enumerate(text):
        # A brace may be part of a ref name; it opens a suffix only after one of these characters.
        if char == "{" and at and text[at - 1] in "@^":
            depth += 1
        elif char == "}" and depth:
            depth -= 1
        elif char == ":" and not depth:
            return text[:at], ":", text[at + 1 :]
    return text, "", ""


def _split_suffixes(base: str) -> tuple[str, list[str]]:
    """Return the name and its suffixes, in the order they apply: "~2", "^1", "{tree}", "{/text}"."""
    suffixes: list[str] = []
    while True:
        if match := _NUMBERED.search(base):
            suffixes.append(match[0])
            base = base[: match.start()]
        elif base.endswith("}") and (at := base.rfind("^{")) >= 0:
            suffixes.append(base[at + 1 :])
            base = base[:at]
        else:
            return base, suffixes[::-1]


def _resolve_base(repository: Repository, name: str, text: str, wanted: Hint) -> ObjectId:
    object_format = repository.object_format
    if "@{" in name:
        found = resolve_at(repository, name)
        if not isinstance(found, str):
            return found
        name = found
    is_hex = bool(_HEX.match(name))
    if is_hex and len(name) == object_format.hex_size:
        return object_format.from_hex(name.lower())
    ref = find_ref(repository, name)
    if ref is not None:
        return ref.oid
    described = _DESCRIBED.match(name)
    digits = described[1] if described else name.lower() if is_hex else ""
    if ABBREVIATION_DIGITS_MIN <= len(digits) < object_format.hex_size:
        return _resolve_abbreviation(repository, digits, text, "commit" if described else wanted)
    raise UnknownRevision(
        f"{_shown(text)}: no such revision", hint="name a ref, or an id of at least four hex digits"
    )


def _resolve_abbreviation(repository: Repository, digits: str, text: str, wanted: Hint) -> ObjectId:
    odd = len(digits) % 2
    low, high = bytes.fromhex(digits + "0" * odd), bytes.fromhex(digits + "f" * odd)
    found = set(repository.ids_between(low, high))
    wanted = wanted or _HINTS.get(repository.config.get("core.disambiguate") or "", "")
    if len(found) > 1 and wanted:
        fitting = {oid for oid in found if _is_meant(repository, oid, wanted)}
        found = fitting or found
    if len(found) == 1:
        return found.pop()
    if not found:
        raise UnknownRevision(f"{_shown(text)}: no object has an id that starts with this")
    shown = [
        f"{oid.hex()[: max(len(digits) + 6, 12)]} {repository.header(oid).type.name.lower()}"
        for oid in sorted(found)[:AMBIGUOUS_SHOWN_MAX]
    ]
    more = f" and {len(found) - len(shown)} more" if len(found) > len(shown) else ""
    raise AmbiguousRevision(
        f"{_shown(text)}: the short id {digits} is ambiguous", hint=f"it may be {', '.join(shown)}{more}"
    )


def _is_meant(repository: Repository, oid: ObjectId, wanted: Hint) -> bool:
    type_ = repository.header(oid).type
    if not wanted.endswith("ish"):
        return type_.name.lower() == wanted
    if type_ is ObjectType.TAG:
        _, type_ = peel(repository, oid)
    return type_ is ObjectType.COMMIT or (wanted == "treeish" and type_ is ObjectType.TREE)


def _step(repository: Repository, oid: ObjectId, suffix: str, text: str) -> ObjectId:
    """Apply one suffix: {type}, {/text}, ^n or ~n."""
    if suffix.startswith("{/"):
        oid = peel_to(repository, oid, "commit", text)
        return _by_message(repository, [oid], suffix[2:-1], text) if len(suffix) > 3 else oid
    if suffix.startswith("{"):
        return peel_to(repository, oid, suffix[1:-1], text)
    oid = peel_to(repository, oid, "commit", text)
    number = _number(suffix[1:])
    if suffix.startswith("^"):
        return _parent(repository, oid, number, text) if number else oid
    for _ in range(number):
        oid = _parent(repository, oid, 1, text)
    return oid


def _by_message(repository: Repository, tips: Iterable[ObjectId], pattern: str, text: str) -> ObjectId:
    found = find_by_message(repository, tips, pattern)
    if found is None:
        raise UnknownRevision(f"{_shown(text)}: no commit's message matches")
    return found


def _all_commits(repository: Repository) -> list[ObjectId]:
    """Return the commits of HEAD and every ref; of commits with one date, git visits the last ref's first."""
    refs = repository.refs().known
    tips = [refs[name].oid for name in sorted(refs)]
    with suppress(UnreadableRef):
        head = repository.read_ref("HEAD")
        tips += [] if head is None else [head.oid]
    peeled = [peel(repository, oid) for oid in reversed(tips)]
    return [oid for oid, type_ in peeled if type_ is ObjectType.COMMIT]


def _number(digits: str) -> int:
    # No commit has ten billion ancestors, and more digits would only cost time.
    return int(digits[:10]) if digits else 1


def _parent(repository: Repository, oid: ObjectId, number: int, text: str) -> ObjectId:
    parents = commit_links(repository.read(oid).data, repository.object_format, oid).parents
    if oid in repository.shallow() or number > len(parents):
        raise UnknownRevision(f"{_shown(text)}: commit {oid.hex()} has no parent {number}")
    return parents[number - 1]


def peel_to(repository: Repository, oid: ObjectId, type_name: str, text: str) -> ObjectId:
    """Follow tags, and a commit to its tree, until the type matches; "" stops at the first non-tag.

    Raises UnknownRevision, quoting `text`, if that leads to no object of the type.
    """
    if type_name == "object":
        repository.header(oid)
        return oid
    if type_name and type_name not in _TYPE_NAMES:
        raise UnknownRevision(f"{_shown(text)}: {type_name[:20]!r} is not an object type")
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
            raise UnknownRevision(f"{_shown(text)}: the tree has no such path")
        oid = found
    return oid


def _shown(text: str) -> str:
    return repr(text[:80])
