"""Translate all objects, each after the objects that it refers to.

    blob     content stays                          new id from the same bytes
    tree     after its entries                      a submodule's commit must be one of ours
    commit   after tree, parents, and the commits and tags that its message mentions
    tag      after its target, and those that its message mentions
    notes    their commits come last, after the annotated objects             packcore.convert.notes

This uses an explicit stack, because histories are as deep as they are long. If a message mentions an object
that in turn waits for this one (an abbreviation that matches by accident), its digits stay. Objects that
differ only in what is left out (a signed commit and its unsigned copy) become one. Memory: about 400 bytes
per object.
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
    """The number of translated objects of each type."""

    blobs: int
    trees: int
    commits: int
    tags: int


@dataclass(slots=True)
class Translation:
    """The result of a translation."""

    object_format: ObjectFormat
    """The new object format."""
    ids: dict[ObjectId, ObjectId] = field(default_factory=dict)
    """Maps old ids to new ids."""
    candidates: list[Candidate] = field(default_factory=list)
    """The new objects, each once, in the order of the old ones."""
    signatures: int = 0
    """The number of signatures and mergetag headers that were removed."""
    message_rewrites: int = 0
    """The number of ids in messages that were replaced."""
    ambiguous: tuple[str, ...] = ()
    """Digits in messages that match several ids, and were left as they are."""
    messages: MessageIds | None = None
    """None if messages stay as they are."""
    notes: TranslatedNotes | None = None
    """None if there are no notes."""
    left: dict[ObjectId, frozenset[ObjectId]] = field(default_factory=dict)
    """Maps an old id to the ids that its message mentions and keeps, because they wait for this object."""

    @property
    def counts(self) -> Counts:
        """The number of objects of each type."""
        found = dict.fromkeys(ObjectType, 0)
        for candidate in self.candidates:
            found[candidate.type] += 1
        return Counts(*(found[type_] for type_ in _READING_ORDER))

    @property
    def merged(self) -> int:
        """The number of old objects that share their new id with another."""
        return len(self.ids) - len(self.candidates)

    @property
    def every_id(self) -> dict[ObjectId, ObjectId]:
        """Maps old ids to new ids, including the roots of notes."""
        return self.ids if self.notes is None else {**self.notes.trees, **self.ids}

    def new_id(self, oid: ObjectId, *, of_notes: bool) -> ObjectId:
        """Return the new id for a ref; with `of_notes`, a tree that it points to is a notes tree."""
        new = self.notes.trees.get(oid) if of_notes and self.notes is not None else None
        return self.ids[oid] if new is None else new

    def rewritten(
        self, type_: ObjectType, data: bytes, oid: ObjectId, digest_size: int
    ) -> tuple[bytes, int, int]:
        """Return an object's new bytes, the number of ids replaced in its message, and of signatures removed.

        Raises CorruptObject, and MissingObject if it refers to an object that isn't translated.
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
    """Translate all objects, which must include every object that they refer to.

    `notes` are the tips of refs whose trees hold notes. Raises MissingObject, CorruptData, and
    RepositoryError for notes that can't be renamed and for a submodule whose commit is not among the objects,
    because it has no id in the new format.
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
    candidates: dict[ObjectId, Candidate] = {}
    for old in objects:
        new = translation.ids.get(old.oid)
        if new is not None and new not in candidates:
            candidates[new] = Candidate(new, old.type, translator.sizes[old.oid], old.where, old.order)
    translation.candidates = list(candidates.values())
    if translation.messages is not None:
        translation.ambiguous = tuple(sorted(translation.messages.ambiguous))
    return translation


class _Frame(NamedTuple):
    """An object that waits for others."""

    oid: ObjectId
    type: ObjectType
    data: bytes
    names: list[ObjectId]
    """The objects that it refers to; the last one is visited next."""


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
        """Return objects in an order that mostly puts each after those it refers to, without reading any."""
        holders = self._notes.holders if self._notes else {}
        return sorted(
            objects, key=lambda each: (each.oid in holders, _READING_ORDER.index(each.type), -each.order)
        )

    def is_notes_tree(self, oid: ObjectId) -> bool:
        """Return whether this is a notes tree, which is replaced by a new one."""
        return self._notes is not None and oid in self._notes.old_trees

    def translate_notes_of_refs(self) -> None:
        """Make the notes trees that a ref points to directly, without a commit."""
        if self._notes is not None:
            for root in self._notes.tips:
                for oid in self._unfinished(root):
                    self.translate(oid)
                self._notes.translate(root, self._translation.ids)

    def translate(self, oid: ObjectId) -> None:
        """Translate one object, and before it all objects that it refers to."""
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
        """Add the ids in the notes of a commit, once and late, so that few frames hold long lists."""
        root = self._notes.holders.get(frame.oid) if self._notes else None
        if root is None or frame.oid in self._unfolded:
            return False
        self._unfolded.add(frame.oid)
        frame.names.extend(self._unfinished(root))
        return bool(frame.names)

    def _unfinished(self, root: ObjectId) -> list[ObjectId]:
        """Return the objects that a notes tree mentions and that have no new id yet."""
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
        """Return the ids that an object refers to."""
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
        """Keep the digits in a message that match an object which waits for this one."""
        if frame.type not in _WITH_MESSAGES:
            raise CorruptObject("it contains itself", oid=frame.oid.hex())
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
