"""Which refs a client gets to see, and which further objects of a repository it may count on.

    transfer.hideRefs, uploadpack.hideRefs, receive.hideRefs    refs that are neither listed nor to be changed
    objects/info/alternates                                     tips there are `.have` lines for a push

A ref that can't be read is shown as git shows it, by the zero id, so that a client fails loudly instead of
taking it for deleted; only our own client asks for the reason. One whose object is missing or damaged keeps
its id.

A value hides the ref of that name and all below it; `!` before it shows them again, and of several that fit
the last one counts. Specified in git-config. Namespaces are left out, so `^` changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from packcore.ancestry import peel
from packcore.errors import CorruptData, LimitExceeded, UnreadableRef
from packcore.refs import RefList, encode_ref_name
from packcore.store.alternates import find_alternates
from packcore.store.ref_files import RefFiles
from transport.server.words import public_words

if TYPE_CHECKING:
    from packcore.ids import ObjectId
    from packcore.refs import Ref
    from packcore.store.config import GitConfig
    from packcore.store.repository import Repository
    from transport.server.words import Words

__all__ = ["HiddenRefs", "ShownRef", "alternate_tips", "fetchable_refs", "shown_refs"]


class ShownRef(NamedTuple):
    """A ref as upload-pack lists it."""

    name: bytes
    oid: ObjectId
    """The zero id where the ref itself can't be read."""
    peeled: ObjectId | None = None
    """What an annotated tag comes to."""
    fault: str | None = None
    """Why the ref, or the object that it names, can't be read."""
    is_dangling: bool = False
    """A symbolic ref to a ref that isn't there: git does not list these, and its clients rely on that."""
    symref: str | None = None
    """The ref that a symbolic one points to."""


class HiddenRefs:
    """The rules of one repository for one service (`uploadpack` or `receive`)."""

    def __init__(self, config: GitConfig, service: str) -> None:
        rules = [*config.get_all("transfer.hiderefs"), *config.get_all(f"{service}.hiderefs")]
        self._rules = [
            (rule.removeprefix("!").removeprefix("^").rstrip("/"), not rule.startswith("!"))
            for rule in reversed(rules)
        ]

    def hides(self, name: str) -> bool:
        """Tell whether a ref is hidden."""
        for prefix, hidden in self._rules:
            if prefix and (name == prefix or name.startswith(f"{prefix}/")):
                return hidden
        return False


def shown_refs(repository: Repository, service: str) -> RefList:
    """Return the refs that a service shows, the unreadable ones among them, sorted by the names' bytes."""
    hidden = HiddenRefs(repository.config, service)
    refs = repository.refs()
    return RefList(
        {name: ref for name, ref in refs.known.items() if not hidden.hides(name)},
        {name: fault for name, fault in refs.unreadable.items() if not hidden.hides(name)},
    )


def fetchable_refs(repository: Repository, words: Words = public_words) -> list[ShownRef]:
    """Return what upload-pack lists, HEAD first if it comes to anything, then by the names' bytes.

    `words` says what is wrong with an object that can't be read.
    Reads the object of every ref, and what a tag tags. Raises CorruptData or RepositoryError if the refs
    can't be listed.
    """
    zero = repository.object_format.zero
    refs = shown_refs(repository, "uploadpack")
    found = [
        ShownRef(encode_ref_name(name), zero, fault=words(error.reason), is_dangling=error.is_dangling)
        for name, error in refs.unreadable.items()
    ]
    found += [_fetchable(repository, ref, words) for ref in refs.known.values()]
    found.sort()
    try:
        head = repository.read_ref("HEAD")
    except UnreadableRef as error:
        return [ShownRef(b"HEAD", zero, fault=words(error.reason)), *found]
    return found if head is None else [_fetchable(repository, head, words), *found]


def _fetchable(repository: Repository, ref: Ref, words: Words) -> ShownRef:
    name = encode_ref_name(ref.name)
    try:
        peeled, _ = peel(repository, ref.oid)
    except (CorruptData, LimitExceeded) as error:
        return ShownRef(name, ref.oid, fault=words(error), symref=ref.symref)
    return ShownRef(name, ref.oid, peeled if peeled != ref.oid else None, symref=ref.symref)


def alternate_tips(repository: Repository) -> list[ObjectId]:
    """Return the tips of the repositories that this one borrows objects from, each once, sorted.

    An objects directory without a repository around it has none.
    """
    tips: set[ObjectId] = set()
    for objects in find_alternates(repository.common_path / "objects"):
        around = objects.parent
        if (around / "HEAD").is_file() and (around / "refs").is_dir():
            # These only spare a pusher some objects, so one that can't be read is no loss.
            refs = RefFiles(around, around, repository.object_format).all().known
            tips.update(ref.oid for ref in refs.values() if ref.oid in repository)
    return sorted(tips)
