"""Which refs a client gets to see, and which further objects of a repository it may count on.

    transfer.hideRefs, uploadpack.hideRefs, receive.hideRefs    refs that are neither listed nor to be changed
    objects/info/alternates                                     tips there are `.have` lines for a push

A ref that can't be read is shown as git shows it, by the zero id, so that a client fails loudly instead of
taking it for deleted; only our own client asks for the reason. One whose object is missing or damaged keeps
its id.

A value hides the ref of that name and all below it; `!` before it shows them again, and of several that fit
the last one in the file counts, whichever of the keys it belongs to. Specified in git-config. Namespaces are
left out, so `^` changes nothing. That something is hidden is told to our own client, by the kind of ref.
A symbolic ref that is shown keeps its id, as with git, but is not said to point to a hidden ref.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from packcore.ancestry import peel
from packcore.errors import CorruptData, LimitExceeded, UnreadableRef
from packcore.refs import RefList, encode_ref_name, ref_kind
from packcore.store.alternates import find_alternates
from packcore.store.ref_files import RefFiles
from transport.server.want_rules import want_rules
from transport.server.words import public_words

if TYPE_CHECKING:
    from packcore.ids import ObjectId
    from packcore.refs import Ref, RefKind
    from packcore.store.config import GitConfig
    from packcore.store.repository import Repository
    from transport.server.want_rules import WantRules
    from transport.server.words import Words

__all__ = [
    "FetchableRefs",
    "HiddenRefs",
    "ShownRef",
    "alternate_tips",
    "fetchable_refs",
    "shown_refs",
    "with_object",
]


_FOLDERS: dict[RefKind, str] = {"branch": "refs/heads/", "tag": "refs/tags/"}


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
        rules = config.get_all("transfer.hiderefs", f"{service}.hiderefs")
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

    def taken_from(self, refs: RefList) -> RefList:
        """Return the refs without the hidden ones."""
        if not self._rules:
            return refs
        return RefList(
            {name: ref for name, ref in refs.known.items() if not self.hides(name)},
            {name: fault for name, fault in refs.unreadable.items() if not self.hides(name)},
        )

    def kinds(self, refs: RefList) -> frozenset[RefKind]:
        """Return the kinds of those refs that are hidden; a folder that can't be listed may hold any kind."""
        if not self._rules:
            return frozenset()
        found = {ref_kind(name) for name in refs.known if self.hides(name)}
        for name in filter(self.hides, refs.unreadable):
            found |= {kind for kind, folder in _FOLDERS.items() if folder.startswith(f"{name}/")}
            found.add(ref_kind(name))
        return frozenset(found)


def shown_refs(repository: Repository, service: str) -> RefList:
    """Return the refs that a service shows, the unreadable ones among them, sorted by the names' bytes."""
    return HiddenRefs(repository.config, service).taken_from(repository.refs())


class FetchableRefs(NamedTuple):
    """What upload-pack lists of a repository."""

    refs: list[ShownRef]
    """HEAD first if it comes to anything, then by the names' bytes."""
    hidden: frozenset[RefKind]
    """The kinds of refs of which some are not listed."""
    hidden_tips: frozenset[ObjectId]
    """What these point to."""
    want_rules: WantRules
    """What the settings let a client want by id besides what is listed."""


def fetchable_refs(repository: Repository, words: Words = public_words) -> FetchableRefs:
    """Return what upload-pack lists. `words` says why a ref can't be read.

    No object is looked at: `with_object` does that, for one ref. Raises CorruptData or RepositoryError if the
    refs can't be listed.
    """
    hidden = HiddenRefs(repository.config, "uploadpack")
    refs = repository.refs()
    listing = _Listing(repository, hidden, words)
    listed = [*_head(listing), *_below_head(listing, hidden.taken_from(refs))]
    hidden_tips = frozenset(ref.oid for name, ref in refs.known.items() if hidden.hides(name))
    return FetchableRefs(listed, hidden.kinds(refs), hidden_tips, want_rules(repository.config))


class _Listing(NamedTuple):
    """How refs are listed."""

    repository: Repository
    hidden: HiddenRefs
    words: Words

    def known(self, ref: Ref) -> ShownRef:
        """Return how a ref is listed whose id is known."""
        symref = None if ref.symref is None or self.hidden.hides(ref.symref) else ref.symref
        return ShownRef(encode_ref_name(ref.name), ref.oid, symref=symref)

    def unreadable(self, name: str, error: UnreadableRef) -> ShownRef:
        """Return how a ref is listed that can't be read."""
        fault = self.words(error.reason)
        if error.points_to is not None and self.hidden.hides(error.points_to):
            fault = "it points to a ref that can't be read, or isn't there"
        zero = self.repository.object_format.zero
        return ShownRef(encode_ref_name(name), zero, fault=fault, is_dangling=error.is_dangling)


def _below_head(listing: _Listing, refs: RefList) -> list[ShownRef]:
    found = [listing.unreadable(name, error) for name, error in refs.unreadable.items()]
    found += [listing.known(ref) for ref in refs.known.values()]
    return sorted(found)


def _head(listing: _Listing) -> list[ShownRef]:
    if listing.hidden.hides("HEAD"):
        return []
    try:
        head = listing.repository.read_ref("HEAD")
    except UnreadableRef as error:
        return [listing.unreadable("HEAD", error)]
    return [] if head is None else [listing.known(head)]


def with_object(repository: Repository, ref: ShownRef, words: Words = public_words) -> ShownRef:
    """Return a ref with what its object says: what a tag comes to, or why the object can't be read."""
    if not any(ref.oid):
        return ref
    try:
        peeled, _ = peel(repository, ref.oid)
    except (CorruptData, LimitExceeded) as error:
        return ref._replace(fault=words(error))
    return ref if peeled == ref.oid else ref._replace(peeled=peeled)


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
