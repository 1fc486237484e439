"""Refs by the short names that users type, and by what the reflogs and the configuration say (gitrevisions).

    main  origin  tags/v1        x, refs/x, refs/tags/x, refs/heads/x, refs/remotes/x, refs/remotes/x/HEAD
    main@{2}  @{2}               the value two changes ago; without a name, of the current branch
    @{-1}                        the branch that was checked out before the current one
    main@{upstream}  @{u}        the upstream of a branch; @{push}: where it is pushed to
    @{-1}@{u}  @{u}@{1}          one after the other

Dates (`main@{yesterday}`) are left out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packcore.errors import UnknownRevision
from packcore.refs import is_valid_ref_name
from packcore.upstream import push_ref_of, upstream_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packcore.ids import ObjectId
    from packcore.refs import Ref
    from packcore.store.repository import Repository

__all__ = ["find_ref", "resolve_at"]

_REF_RULES = (
    "{}",
    "refs/{}",
    "refs/tags/{}",
    "refs/heads/{}",
    "refs/remotes/{}",
    "refs/remotes/{}/HEAD",
)
_TOP_LEVEL = re.compile(r"[A-Z][A-Z_]*\Z")
"""Names that are allowed outside refs/: HEAD, FETCH_HEAD, ORIG_HEAD …"""
_AT = re.compile(r"@\{([^{}]*)\}")
_ALL_AT = re.compile(r"(?:@\{[^{}]*\})+\Z")
_CHECKOUT = re.compile(rb"checkout: moving from (\S+) to ")


def find_ref(repository: Repository, name: str) -> Ref | None:
    """Return the ref of a short or full name, or None. Raises UnreadableRef."""
    for full in _full_names(name):
        ref = repository.read_ref(full)
        if ref is not None:
            return ref
    return None


def _full_names(name: str) -> Iterator[str]:
    for rule in _REF_RULES:
        full = rule.format("HEAD" if name == "@" else name)
        if (full.startswith("refs/") and is_valid_ref_name(full)) or _TOP_LEVEL.match(full):
            yield full


def resolve_at(repository: Repository, text: str) -> ObjectId | str:
    """Return the id that `name@{…}` means, or a text that names it.

    Raises UnknownRevision, UnreadableRef, RepositoryError, CorruptData.
    """
    at = text.index("@{")
    name, suffixes = text[:at], text[at:]
    if not _ALL_AT.match(suffixes):
        raise UnknownRevision(f"{text[:80]!r}: a brace is not closed, or something follows it")
    inner = _AT.findall(suffixes)
    if not name and (found := re.fullmatch(r"-([1-9][0-9]{0,8})", inner[0])):
        name = _checked_out_before(repository, int(found[1]))
        inner = inner[1:]
    while inner and (word := inner[0].lower()) in ("u", "upstream", "push"):
        branch = _branch(repository, name)
        name = (push_ref_of if word == "push" else upstream_of)(repository.config, branch)
        inner = inner[1:]
    if not inner:
        return name
    if len(inner) == 1 and re.fullmatch(r"[0-9]{1,8}", inner[0]):
        return _value_before(repository, name, int(inner[0]))
    raise UnknownRevision(
        f"@{{{inner[0][:40]}}} is not understood", hint="there are @{N}, @{-N}, @{upstream} and @{push}"
    )


def _branch(repository: Repository, name: str) -> str:
    """Return the short name of a branch; "" and HEAD mean the current one."""
    if name in ("", "@", "HEAD"):
        head = repository.head()
        if not isinstance(head, str) or not head.startswith("refs/heads/"):
            raise UnknownRevision("HEAD points to no branch")
        return head.removeprefix("refs/heads/")
    full = f"refs/heads/{name}"
    if not is_valid_ref_name(full) or repository.read_ref(full) is None:
        raise UnknownRevision(f"{name[:80]!r} is no branch")
    return name


def _checked_out_before(repository: Repository, number: int) -> str:
    """Return what was checked out so many checkouts ago: a branch's short name, or an id."""
    left = number
    for entry in reversed(repository.reflog("HEAD") or []):
        moved = _CHECKOUT.match(entry.message)
        if moved is not None:
            left -= 1
            if left <= 0:
                return moved[1].decode("utf-8", "surrogateescape")
    raise UnknownRevision(f"@{{-{number}}}: the reflog of HEAD doesn't have so many checkouts")


def _value_before(repository: Repository, name: str, number: int) -> ObjectId:
    """Return the value of a ref so many changes ago."""
    if not name:
        head = repository.head()
        names = iter([head] if isinstance(head, str) else ["HEAD"])
    else:
        names = _full_names(name)
    for full in names:
        ref = repository.read_ref(full)
        if ref is None:
            continue
        log = repository.reflog(full)
        if log is None and ref.symref is not None:
            log = repository.reflog(ref.symref)
        if log is None:
            continue
        if number < len(log):
            return log[-1 - number].new
        if log and number == len(log) and any(log[0].old):
            return log[0].old
        raise UnknownRevision(f"the reflog of {full} has only {len(log)} entries")
    raise UnknownRevision(f"{name or 'the current branch'}: no such ref has a reflog")
