"""All objects to be converted, each translated after what it names.

    blob     content stays                          new id from the same bytes
    tree     after its entries                      a submodule's commit must be one of ours
    commit   after tree, parents, and the commits and tags that its message names
    tag      after its target, and those that its message names
    notes    their commits last of all, after what the notes are about         packcore.convert.notes

An explicit stack instead of recursion: histories are as deep as they are long. A message may name an
object that in turn waits for this one (an abbreviation that happens to fit); then its digits stay.
Memory: about 400 bytes an object.
"""

from __future__ import annotations

from collections import ChainMap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from packcore.convert.faults import foreign_submodule
from packcore.convert.message import MessageIds
from packcore.convert.notes import TranslatedNotes
from packcore.convert.rewrite import rewrite_message, rewrite_tree, split_message
from packcore.errors import CorruptObject, MissingObject
from packcore.limits import DEFAULT_LIMITS, Limits
from packcore.objects import MODE_GITLINK, ObjectType, mode_kind, tree_rows
from packcore.plans.entries import Candidate
from packcore.progress import SILENT
from packcore.tree_path import inside, path_end

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from packcore.ids import ObjectFormat, ObjectId
    from packcore.progress import Progress
    from packcore.store.base import ObjectStore

__all__ = ["Counts", "Translation", "translate"]

_WITH_MESSAGES = (ObjectType.COMMIT, ObjectType.TAG)
_READING_ORDER = (ObjectType.BLOB, ObjectType.TREE, *_WITH_MESSAGES)


class Counts(NamedTuple):
    """Objects translated, by type."""

    blobs: int
    trees: int
    commits: int
    tags: int


@dataclass(slots=True)
class Translation:
    """What became of every object."""

    object_format: ObjectFormat
    """The new one."""
    ids: dict[ObjectId, ObjectId] = field(default_factory=dict)
    """Old id to new id."""
    candidates: list[Candidate] = field(default_factory=list)
    """The new objects, in the order of the old ones."""
    signatures: int = 0
    """Signatures and mergetag headers that were left out."""
    message_rewrites: int = 0
    """Ids in messages that were replaced."""
    ambiguous: tuple[str, ...] = ()
    """Digits in messages that fit several ids, and were left."""
    messages: MessageIds | None = None
    """None where messages stay as they are."""
    notes: TranslatedNotes | None = None
    """None where there are no notes."""
    left: dict[ObjectId, frozenset[ObjectId]] = field(default_factory=dict)
    """By old id: what its message names and could not be replaced, since it waits for this object."""

    @property
    def counts(self) -> Counts:
        """How many objects of each type there are."""
        found = dict.fromkeys(ObjectType, 0)
        for candidate in self.candidates:
            found[candidate.type] += 1
        return Counts(*(found[type_] for type_ in _READING_ORDER))

    @property
    def every_id(self) -> dict[ObjectId, ObjectId]:
        """Old id to new id, the roots of notes included."""
        return self.ids if self.notes is None else {**self.notes.trees, **self.ids}

    def new_id(self, oid: ObjectId, *, of_notes: bool) -> ObjectId:
        """Return a ref's new id; `of_notes` tells that a tree it may name holds notes."""
        new = self.notes.trees.get(oid) if of_notes and self.notes is not None else None
        return self.ids[oid] if new is None else new

    def rewritten(
        self, type_: ObjectType, data: bytes, oid: ObjectId, digest_size: int
    ) -> tuple[bytes, int, int]:
        """Return an object's new bytes, how many ids in its message were replaced, and signatures left out.

        Raises CorruptObject; MissingObject where it names an object that isn't translated.
        """
        if type_ is ObjectType.BLOB:
            return data, 0, 0
        try:
            if type_ is ObjectType.TREE:
                return rewrite_tree(data, digest_size, self.ids), 0, 0
            ids: Mapping[ObjectId, ObjectId] = self.ids
            if self.notes is not None and oid in self.notes.holders:
                ids = ChainMap(self.notes.trees, self.ids)
            message = split_message(data, is_tag=type_ is ObjectType.TAG)
            replaced = 0

            def text(old: bytes) -> bytes:
                nonlocal replaced
                if self.messages is None:
                    return old
                new, replaced = self.messages.replace(old, self.ids, self.left.get(oid, ()))
                return new

            return rewrite_message(message, ids, text, oid.hex()), replaced, message.signatures
        except KeyError as error:
            missing = error.args[0]
            raise MissingObject(missing.hex(), context=f"named by {oid.hex()}") from None


def translate(
    store: ObjectStore,
    objects: Sequence[Candidate],
    object_format: ObjectFormat,
    *,
    notes: Collection[ObjectId] = (),
    rewrite_messages: bool = True,
    limits: Limits = DEFAULT_LIMITS,
    progress: Progress = SILENT,
) -> Translation:
    """Translate all objects, which must be all that any of them names.

    `notes` are the tips of refs whose trees hold notes. Raises RepositoryError for a submodule whose commit
    is not among the objects (its id can't be named in the new format) and for notes that can't be renamed,
    MissingObject and CorruptData.
    """
    translation = Translation(object_format)
    if notes:
        known = frozenset(each.oid for each in objects)
        translation.notes = TranslatedNotes(store, notes, known, object_format)
    if rewrite_messages:
        translation.messages = MessageIds(each.oid for each in objects if each.type in _WITH_MESSAGES)
    with progress.phase("translating", unit="objects", total=len(objects)) as phase:
        translator = _Translator(store, objects, translation, limits)
        for done, candidate in enumerate(translator.in_reading_order(objects), 1):
            if not translator.is_notes_tree(candidate.oid):
                translator.translate(candidate.oid)
            if done % 256 == 0 or done == len(objects):
                phase.advance(done % 256 or 256)
    translator.translate_notes_of_refs()
    translation.candidates = [
        Candidate(translation.ids[old.oid], old.type, translator.sizes[old.oid], old.where, old.order)
        for old in objects
        if old.oid in translation.ids
    ]
    if translation.messages is not None:
        translation.ambiguous = tuple(sorted(translation.messages.ambiguous))
    return translation


class _Frame(NamedTuple):
    """An object that waits for others."""

    oid: ObjectId
    type: ObjectType
    data: bytes
    names: list[ObjectId]
    """What it names, of which the last is looked at next."""


class _Translator:
    """The state of one translation."""

    def __init__(
        self, store: ObjectStore, objects: Sequence[Candidate], translation: Translation, limits: Limits
    ) -> None:
        self._store = store
        self._digest_size = store.object_format.digest_size
        self._translation = translation
        self._notes = translation.notes
        self._known = {candidate.oid: candidate for candidate in objects}
        self._limits = limits
        self._waiting: set[ObjectId] = set()
        self._unfolded: set[ObjectId] = set()
        self.sizes: dict[ObjectId, int] = {}

    def in_reading_order(self, objects: Sequence[Candidate]) -> list[Candidate]:
        """Return what is named first before what names it, as far as is known without reading."""
        holders = self._notes.holders if self._notes else {}
        return sorted(
            objects, key=lambda each: (each.oid in holders, _READING_ORDER.index(each.type), -each.order)
        )

    def is_notes_tree(self, oid: ObjectId) -> bool:
        """Whether this is a tree of notes, for which another one is made."""
        return self._notes is not None and oid in self._notes.old_trees

    def translate_notes_of_refs(self) -> None:
        """Make the trees of notes that a ref names itself, without a commit."""
        if self._notes is not None:
            for root in self._notes.tips:
                for oid in self._unfinished(root):
                    self.translate(oid)
                self._notes.translate(root, self._translation.ids)

    def translate(self, oid: ObjectId) -> None:
        """Translate one object, and before it whatever it names."""
        if oid in self._translation.ids:
            return
        stack = [self._frame(oid)]
        while stack:
            frame = stack[-1]
            if not frame.names and not self._unfold(frame):
                self._finish(frame)
                stack.pop()
                continue
            name = frame.names.pop()
            if name in self._translation.ids:
                continue
            if name in self._waiting:
                self._leave(frame, name)
                continue
            stack.append(self._frame(name))

    def _unfold(self, frame: _Frame) -> bool:
        """Add what the notes of a commit name, once: late, so that few frames hold long lists."""
        root = self._notes.holders.get(frame.oid) if self._notes else None
        if root is None or frame.oid in self._unfolded:
            return False
        self._unfolded.add(frame.oid)
        frame.names.extend(self._unfinished(root))
        return bool(frame.names)

    def _unfinished(self, root: ObjectId) -> list[ObjectId]:
        """Return what a tree of notes names and has no new id yet."""
        assert self._notes is not None
        return [oid for oid in self._notes.mentions(root) if oid not in self._translation.ids]

    def _frame(self, oid: ObjectId) -> _Frame:
        candidate = self._known.get(oid)
        if candidate is None:
            raise MissingObject(oid.hex(), context="to be translated")
        self._waiting.add(oid)
        if candidate.type is ObjectType.BLOB:
            return _Frame(oid, candidate.type, b"", [])
        data = self._store.read(oid).data
        return _Frame(oid, candidate.type, data, self._names(candidate, data))

    def _names(self, candidate: Candidate, data: bytes) -> list[ObjectId]:
        """Return what an object names."""
        if candidate.type is ObjectType.TREE:
            rows = tree_rows(data, self._store.object_format, candidate.oid)
            for mode, name, oid in rows:
                if mode_kind(mode) == MODE_GITLINK and oid not in self._known:
                    path = inside(candidate.where, name)
                    raise foreign_submodule(candidate.oid, path_end(path), oid)
            return [oid for _, _, oid in rows]
        message = split_message(data, is_tag=candidate.type is ObjectType.TAG)
        names = [] if self._translation.messages is None else self._translation.messages.find(message.text)
        root = self._notes.holders.get(candidate.oid) if self._notes else None
        for header in message.headers:
            keyword, _, value = header.partition(b" ")
            if keyword in (b"tree", b"parent", b"object"):
                try:
                    name = self._store.object_format.from_hex(value)
                except ValueError as error:
                    raise CorruptObject(str(error), oid=candidate.oid.hex()) from None
                if name != root:
                    names.append(name)
        return names

    def _leave(self, frame: _Frame, name: ObjectId) -> None:
        """Let a message's digits stay that name something which waits for this object."""
        if frame.type not in _WITH_MESSAGES:
            raise CorruptObject("it holds itself", oid=frame.oid.hex())
        left = self._translation.left
        left[frame.oid] = left.get(frame.oid, frozenset()) | {name}

    def _finish(self, frame: _Frame) -> None:
        translation = self._translation
        label = frame.type.label
        if frame.type is ObjectType.BLOB:
            size = self._known[frame.oid].size
            digest = translation.object_format.new_hash(b"%s %d\0" % (label, size))
            if size < self._limits.big_object:
                digest.update(self._store.read(frame.oid).data)
            else:
                for block in self._store.stream(frame.oid):
                    digest.update(block)
            translation.ids[frame.oid] = type(frame.oid)(digest.digest())
            self.sizes[frame.oid] = size
        else:
            root = self._notes.holders.get(frame.oid) if self._notes else None
            if self._notes is not None and root is not None:
                self._notes.translate(root, translation.ids)
            data, replaced, signatures = translation.rewritten(
                frame.type, frame.data, frame.oid, self._digest_size
            )
            translation.ids[frame.oid] = translation.object_format.hash_object(label, data)
            translation.message_rewrites += replaced
            translation.signatures += signatures
            self.sizes[frame.oid] = len(data)
        self._waiting.discard(frame.oid)
