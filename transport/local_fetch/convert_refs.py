"""The refs of a conversion: which can be converted, their new names and ids, and the notes among them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from packcore.convert.notes_tree import peel_to_tree, read_notes_tree
from packcore.convert.notes_writer import NotesWriter
from packcore.convert.ref_names import NOTES_PREFIX, new_name, replaces_nothing
from packcore.errors import RepositoryError
from packcore.objects import ObjectType
from packcore.refs import REPLACE_PREFIX
from packcore.walk import list_objects

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packcore.convert import Translation
    from packcore.ids import ObjectId
    from packcore.limits import Limits
    from packcore.plans.entries import Candidate
    from packcore.progress import Progress
    from packcore.store.base import ObjectStore
    from packcore.store.memory import MemoryStore
    from packcore.store.repository import Repository

__all__ = ["convertible", "new_refs", "notes_of_tips", "origin_notes"]

_NOTES_AUTHOR = b"packcore <packcore@localhost>"


def convertible(
    old: Repository, tips: dict[str, ObjectId], limits: Limits, progress: Progress
) -> tuple[dict[str, ObjectId], list[Candidate], dict[str, str]]:
    """List the objects; leave out and report replace refs of objects that are not among them."""
    left_out: dict[str, str] = {}
    while True:
        objects = list_objects(old, tips.values(), limits=limits, progress=progress)
        if not any(name.startswith(REPLACE_PREFIX) for name in tips):
            return tips, objects, left_out
        known = {candidate.oid for candidate in objects}
        lost = [name for name in tips if replaces_nothing(name, known)]
        if not lost:
            return tips, objects, left_out
        # Objects that only these refs reach go too, and perhaps what another replace ref replaces.
        left_out |= dict.fromkeys(lost, "the object that it replaces is not among those converted")
        tips = {name: oid for name, oid in tips.items() if name not in left_out}
        if not tips:
            raise RepositoryError(f"{lost[0]}: {left_out[lost[0]]}, and there is no other ref")


def new_refs(
    tips: Mapping[str, ObjectId], translation: Translation
) -> tuple[dict[str, ObjectId], dict[str, str], dict[str, str]]:
    """Return the new refs, the changed names, and the refs that are left out, with the reason.

    Raises RepositoryError if two refs get the same name.
    """
    refs: dict[str, ObjectId] = {}
    renamed: dict[str, str] = {}
    left_out: dict[str, str] = {}
    for name, oid in tips.items():
        new = new_name(name, translation.ids)
        target = translation.new_id(oid, of_notes=name.startswith(NOTES_PREFIX))
        if new == REPLACE_PREFIX + target.hex():  # git can't read an object that replaces itself
            left_out[name] = "what it replaces and what replaces it become one object"
            continue
        if new in refs:
            raise RepositoryError(f"{name} would be named {new}, and there is another ref of that name")
        if new != name:
            renamed[name] = new
        refs[new] = target
    return refs, renamed, left_out


def notes_of_tips(
    old: ObjectStore, tips: Mapping[str, ObjectId], ids: Mapping[ObjectId, ObjectId]
) -> dict[str, dict[ObjectId, ObjectId]]:
    """Return what each notes ref must have: the new id of each note by the new id of what it is about."""
    expected = {}
    for name, oid in tips.items():
        root = peel_to_tree(old, oid) if name.startswith(NOTES_PREFIX) else None
        if root is not None:
            notes = read_notes_tree(old, root).notes
            expected[name] = {
                ids[about]: ids[note] for about, (_, (_, note)) in notes.items() if about in ids
            }
    return expected


def origin_notes(translation: Translation, side: MemoryStore, seconds: int) -> ObjectId | None:
    """Make notes with the old ids of each commit; return their commit, or None if there are no commits."""
    commits = {candidate.oid for candidate in translation.candidates if candidate.type is ObjectType.COMMIT}
    if not commits:
        return None
    writer = NotesWriter(side.add)
    lines: defaultdict[ObjectId, list[bytes]] = defaultdict(list)
    for old, new in translation.ids.items():
        if new in commits:
            lines[new].append(old.hex().encode() + b"\n")
    for new, olds in lines.items():
        writer.put(new, (b"100644", side.add(ObjectType.BLOB, b"".join(sorted(olds)))))
    tree = writer.write()
    who = b"%s %d +0000" % (_NOTES_AUTHOR, seconds)
    text = b"tree %s\nauthor %s\ncommitter %s\n\nRecord the SHA-1 of each commit\n" % (
        tree.hex().encode(), who, who,
    )  # fmt: skip
    return side.add(ObjectType.COMMIT, text)
