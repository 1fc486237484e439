"""Which refs a client gets to see, and which further objects of a repository it may count on.

    transfer.hideRefs, uploadpack.hideRefs, receive.hideRefs    refs that are neither listed nor to be changed
    objects/info/alternates                                     tips there are `.have` lines for a push

A ref that can't be read is shown as git shows it, by the zero id, so that a client fails loudly instead of
taking it for deleted; only our own client asks for the reason. One whose object is missing or damaged keeps
its id.

A value hides the ref of that name and all below it; `!` before it shows them again, and of several that fit
the last one in the file counts, whichever of the keys it belongs to. In a namespace a value means the names
that clients use; with `^` before it, the full ones. Specified in git-config. That something is hidden is told
to our own client, by the kind of ref.
A symbolic ref that is shown keeps its id, as with git, but is not said to point to a hidden ref.
"""

from __future__ import annotations

from binascii import unhexlify
from bisect import bisect_left
from contextlib import suppress
from itertools import compress
from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import CorruptData, RepositoryError, UnreadableRef
from packcore.ids import ObjectId, ids_of_hex
from packcore.refs import decode_ref_name, encode_ref_name, ref_kind
from packcore.store.alternates import find_alternates
from packcore.store.config import GitConfig
from packcore.store.open_refs import open_refs
from packcore.store.ref_table import RefTable
from transport.server.namespaces import full_ref_name
from transport.server.want_rules import want_rules
from transport.server.words import public_words

if TYPE_CHECKING:
    from collections.abc import Collection

    from packcore.refs import Ref, RefKind
    from packcore.store.repository import Repository
    from transport.server.ref_prefixes import RefPrefixes
    from transport.server.want_rules import WantRules
    from transport.server.words import Words

__all__ = [
    "AdvertisedRefs",
    "FetchableRefs",
    "HiddenRefs",
    "ShownRef",
    "ShownRefs",
    "advertised_refs",
    "alternate_tips",
    "fetchable_refs",
    "shown_head",
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


class ShownRefs(NamedTuple):
    """Refs as upload-pack lists them, in columns: HEAD first if it comes to anything, then by their bytes."""

    names: list[bytes]
    ids: list[bytes]
    """In hex; the zero id where the ref itself can't be read."""
    peeled: list[bytes]
    """What an annotated tag comes to, in hex, where that is known; else empty."""
    special: dict[bytes, ShownRef]
    """Those of which there is more to say: symbolic ones, and what can't be read."""
    unpeeled: Collection[bytes]
    """Names of which it isn't known whether they are annotated tags."""

    def faults(self) -> list[ShownRef]:
        """Return those that can't be read, or whose objects can't be."""
        found = [ref for ref in self.special.values() if ref.fault is not None]
        return sorted(found, key=lambda ref: (ref.name != b"HEAD", ref.name))

    def tags(self) -> list[tuple[ObjectId, ObjectId]]:
        """Return the annotated tags, and what each comes to."""
        pairs = zip(self.ids, self.peeled, strict=True)
        return [(ObjectId(unhexlify(oid)), ObjectId(unhexlify(peeled))) for oid, peeled in pairs if peeled]

    def without(self, names: Collection[bytes]) -> ShownRefs:
        """Return the others."""
        if not names:
            return self
        are_kept = [name not in names for name in self.names]
        kept, ids, peeled = (list(compress(c, are_kept)) for c in (self.names, self.ids, self.peeled))
        return ShownRefs(kept, ids, peeled, self.special, self.unpeeled)


class HiddenRefs:
    """The rules of one repository for one service (`uploadpack` or `receive`)."""

    def __init__(self, repository: Repository, service: str) -> None:
        rules = repository.config.get_all("transfer.hiderefs", f"{service}.hiderefs")
        self._rules = [
            (rule.removeprefix("!").rstrip("/"), not rule.startswith("!")) for rule in reversed(rules)
        ]
        self._full = full_ref_name(repository)

    def hides(self, name: str) -> bool:
        """Tell whether a ref is hidden."""
        for rule, hidden in self._rules:
            prefix = rule.removeprefix("^")
            meant = name if prefix == rule else self._full(name)
            if prefix and (meant == prefix or meant.startswith(f"{prefix}/")):
                return hidden
        return False

    @property
    def hide_some(self) -> bool:
        """Whether there is any rule."""
        return bool(self._rules)

    def split(self, table: RefTable) -> tuple[RefTable, RefTable]:
        """Return the refs that are shown, and those that are hidden."""
        if not self._rules:
            return table, RefTable([], [], [], {}, (), {})
        hidden = {name for name in table.names if self.hides(decode_ref_name(name))}
        hidden |= {encode_ref_name(name) for name in table.unreadable if self.hides(name)}
        return table.of(lambda name: name not in hidden), table.of(hidden.__contains__)


def _kinds(hidden: RefTable) -> frozenset[RefKind]:
    """Return the kinds of hidden refs; a folder that can't be listed may hold any kind."""
    found = {ref_kind(decode_ref_name(name)) for name in hidden.names}
    for name in hidden.unreadable:
        found |= {kind for kind, folder in _FOLDERS.items() if folder.startswith(f"{name}/")}
        found.add(ref_kind(name))
    return frozenset(found)


class AdvertisedRefs(NamedTuple):
    """What receive-pack lists of a repository."""

    names: list[bytes]
    """Sorted."""
    ids: list[bytes]
    """In hex. As with git, what can't be read has the zero id, so that a pusher knows it to be there."""
    unreadable: list[bytes]
    """The names of these."""
    haves: list[ObjectId]
    """Further tips, of repositories that objects are borrowed from."""


def advertised_refs(repository: Repository) -> AdvertisedRefs:
    """Return what receive-pack lists. Raises CorruptData or RepositoryError if the refs can't be listed."""
    shown, _ = HiddenRefs(repository, "receive").split(repository.ref_table())
    unreadable = [encode_ref_name(name) for name, fault in shown.unreadable.items() if not fault.is_dangling]
    zero = repository.object_format.zero.hex().encode()
    listed = _inserted(shown, [(name, zero, b"") for name in unreadable])
    haves = alternate_tips(repository)
    tips = set(listed.ids) if haves else set()
    haves = [oid for oid in haves if oid.hex().encode() not in tips]
    return AdvertisedRefs(listed.names, listed.ids, unreadable, haves)


class FetchableRefs(NamedTuple):
    """What upload-pack lists of a repository."""

    refs: ShownRefs
    hidden: frozenset[RefKind]
    """The kinds of refs of which some are not listed."""
    hidden_tips: frozenset[ObjectId]
    """What these point to."""
    want_rules: WantRules
    """What the settings let a client want by id besides what is listed."""


def fetchable_refs(
    repository: Repository, words: Words = public_words, prefixes: RefPrefixes | None = None
) -> FetchableRefs:
    """Return what upload-pack lists. `words` says why a ref can't be read.

    With `prefixes`, only the refs that begin with one, and folders above them that can't be listed. No object
    is looked at: `server.ref_objects` does that. Raises CorruptData or RepositoryError if the refs can't be
    listed.
    """
    hidden = HiddenRefs(repository, "uploadpack")
    listing = _Listing(repository, hidden, words)
    wanted = [] if prefixes is None else prefixes.shortest
    # What is hidden is told whatever is asked for.
    asked = [] if hidden.hide_some else [decode_ref_name(prefix) for prefix in wanted]
    shown, concealed = hidden.split(repository.ref_table(asked))
    if prefixes is not None and wanted:
        shown = shown.of(prefixes.wants) if hidden.hide_some else shown
        shown = shown._replace(
            unreadable={
                name: fault
                for name, fault in shown.unreadable.items()
                if prefixes.want_below(encode_ref_name(name))
            }
        )
    head = _head(listing) if prefixes is None or prefixes.wants(b"HEAD") else None
    tips = frozenset(ids_of_hex(concealed.ids))
    return FetchableRefs(
        _listed(listing, shown, head), _kinds(concealed), tips, want_rules(repository.config)
    )


class _Listing(NamedTuple):
    """How refs are listed."""

    repository: Repository
    hidden: HiddenRefs
    words: Words

    def known(self, ref: Ref) -> ShownRef:
        """Return how a ref is listed whose id is known."""
        return ShownRef(encode_ref_name(ref.name), ref.oid, ref.peeled, symref=self.symref(ref.symref))

    def symref(self, target: str | None) -> str | None:
        """Return what may be told of where a symbolic ref points to."""
        return None if target is None or self.hidden.hides(target) else target

    def unreadable(self, name: str, error: UnreadableRef) -> ShownRef:
        """Return how a ref is listed that can't be read."""
        fault = self.words(error.reason)
        if error.points_to is not None and self.hidden.hides(error.points_to):
            fault = "it points to a ref that can't be read, or isn't there"
        zero = self.repository.object_format.zero
        return ShownRef(encode_ref_name(name), zero, fault=fault, is_dangling=error.is_dangling)


def _listed(listing: _Listing, table: RefTable, head: ShownRef | None) -> ShownRefs:
    special = {
        encode_ref_name(name): listing.unreadable(name, error) for name, error in table.unreadable.items()
    }
    listed = _inserted(table, [(name, ref.oid.hex().encode(), b"") for name, ref in special.items()])
    for name, target in table.symrefs.items():
        if (shown := listing.symref(target)) is not None and name not in special:
            at = bisect_left(listed.names, name)
            special[name] = ShownRef(name, ObjectId(unhexlify(listed.ids[at])), symref=shown)
    names, ids, peeled, unpeeled = listed.names, listed.ids, listed.peeled, set(table.unpeeled)
    if head is not None:
        special[head.name] = head
        names.insert(0, head.name)
        ids.insert(0, head.oid.hex().encode())
        peeled.insert(0, b"" if head.peeled is None else head.peeled.hex().encode())
        unpeeled.add(head.name)
    return ShownRefs(names, ids, peeled, special, unpeeled)


def _inserted(table: RefTable, rows: list[tuple[bytes, bytes, bytes]]) -> RefTable:
    """Return a table with more rows, each at its place."""
    if not rows:
        return table
    columns = zip(table.names, table.ids, table.peeled, strict=True)
    # Of a folder that can't be listed there may be a ref of the same name.
    names, ids, peeled = zip(*sorted([*columns, *rows]), strict=True)
    return table._replace(names=list(names), ids=list(ids), peeled=list(peeled))


def _head(listing: _Listing) -> ShownRef | None:
    if listing.hidden.hides("HEAD"):
        return None
    try:
        head = listing.repository.read_ref("HEAD")
    except UnreadableRef as error:
        return listing.unreadable("HEAD", error)
    return None if head is None else listing.known(head)


def shown_head(repository: Repository) -> str | ObjectId | None:
    """Return what HEAD points to, None where that is hidden or can't be read."""
    hidden = HiddenRefs(repository, "uploadpack")
    try:
        target = repository.head()
    except UnreadableRef:
        return None
    if isinstance(target, str) and (hidden.hides("HEAD") or hidden.hides(target)):
        return None
    return target


def alternate_tips(repository: Repository) -> list[ObjectId]:
    """Return the tips of the repositories that this one borrows objects from, each once, sorted.

    An objects directory without a repository around it has none. core.alternateRefsPrefixes may say which
    refs count.
    """
    prefixes = (repository.config.get("core.alternaterefsprefixes") or "").split()
    folders = tuple(f"{prefix.rstrip('/')}/".encode() for prefix in prefixes)
    tips: set[ObjectId] = set()
    for objects in find_alternates(repository.common_path / "objects"):
        around = objects.parent
        if (around / "HEAD").is_file() and (around / "refs").is_dir():
            # These only spare a pusher some objects, so what can't be read is no loss.
            with suppress(CorruptData, RepositoryError):
                table = open_refs(around, around, GitConfig.read(around / "config")).table()
                if folders:
                    table = table.of(lambda name: (name + b"/").startswith(folders))
                tips.update(oid for oid in ids_of_hex(set(table.ids)) if oid in repository)
    return sorted(tips)
