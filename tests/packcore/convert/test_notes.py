"""Notes trees are read, laid out and translated as git would do it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcore import list_objects
from packcore.convert import TranslatedStore, translate
from packcore.convert.notes import TranslatedNotes
from packcore.convert.notes_tree import old_names, read_notes_tree
from packcore.convert.notes_writer import NotesWriter, fan_out
from packcore.convert.ref_names import new_name, replaces_nothing
from packcore.errors import RepositoryError
from packcore.ids import SHA1, SHA256, ObjectId
from packcore.objects import ObjectType
from packcore.store.memory import MemoryStore
from packcore.store.union import UnionStore
from tests.support import fast_import, git, init_repository, require

if TYPE_CHECKING:
    from pathlib import Path

    from packcore.convert import Translation
    from packcore.convert.notes_tree import NotesTree
    from packcore.store.base import ObjectStore

WHO = b"A U Thor <author@example.com> 1112911993 +0000"


class Shelf:
    """Hand-made objects with a notes ref among their tips."""

    def __init__(self) -> None:
        self.store = MemoryStore(SHA1)
        self.empty = self.store.add(ObjectType.TREE, b"")
        self.note = self.store.add(ObjectType.BLOB, b"reviewed\n")
        self.main = self.commit(self.empty)

    def commit(self, tree: ObjectId, *parents: ObjectId, text: bytes = b"x\n") -> ObjectId:
        lines = b"".join(b"parent %s\n" % parent.hex().encode() for parent in parents)
        data = b"tree %s\n%sauthor %s\ncommitter %s\n\n" % (tree.hex().encode(), lines, WHO, WHO)
        return self.store.add(ObjectType.COMMIT, data + text)

    def signed_copy(self) -> ObjectId:
        """Return a commit that equals `main` but for its signature."""
        data = self.store.read(self.main).data
        return self.store.add(ObjectType.COMMIT, data.replace(b"\n\n", b"\ngpgsig x\n\n", 1))

    def tree(self, *rows: tuple[bytes, bytes, ObjectId]) -> ObjectId:
        return self.store.add(ObjectType.TREE, b"".join(b"%s %s\0%s" % row for row in rows))

    def translated(self, tip: ObjectId, *tips: ObjectId) -> tuple[Translation, ObjectStore]:
        """Translate with `tip` as that of the notes."""
        objects = list_objects(self.store, [self.main, tip, *tips])
        translation = translate(self.store, objects, SHA256, notes=[tip])
        assert translation.notes is not None
        return translation, UnionStore([TranslatedStore(self.store, translation), translation.notes.made])

    def notes_of(self, tip: ObjectId, *tips: ObjectId) -> tuple[Translation, NotesTree]:
        translation, store = self.translated(tip, *tips)
        new = store.read(translation.ids[tip]).data.split(b"\n")[0].removeprefix(b"tree ")
        return translation, read_notes_tree(store, SHA256.from_hex(new))


def hex_of(oid: ObjectId) -> bytes:
    return oid.hex().encode()


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_note_is_found_in_any_fan_out_and_follows_its_commit(depth: int) -> None:
    shelf = Shelf()
    digits = hex_of(shelf.main)
    tree = shelf.tree((b"100644", digits[2 * depth :], shelf.note))
    for level in reversed(range(depth)):
        tree = shelf.tree((b"40000", digits[2 * level : 2 * level + 2], tree))
    translation, notes = shelf.notes_of(shelf.commit(tree))
    about, note = translation.ids[shelf.main], translation.ids[shelf.note]
    assert notes.notes == {about: (hex_of(about), (b"100644", note))}
    assert notes.others == {}
    assert tree not in translation.ids


@pytest.mark.parametrize("kind", ["blob", "tree", "tag", "commit of notes"])
def test_notes_are_about_objects_of_any_type(kind: str) -> None:
    shelf = Shelf()
    tag = b"object %s\ntype commit\ntag v1\ntagger %s\n\nx\n" % (hex_of(shelf.main), WHO)
    first = shelf.commit(shelf.tree((b"100644", hex_of(shelf.main), shelf.note)))
    tagged = shelf.store.add(ObjectType.TAG, tag)
    about = {"blob": shelf.note, "tree": shelf.empty, "tag": tagged, "commit of notes": first}[kind]
    tip = shelf.commit(shelf.tree((b"100644", hex_of(about), shelf.note)), first)
    translation, notes = shelf.notes_of(tip, tagged)
    assert set(notes.notes) == {translation.ids[about]}


def test_every_commit_of_the_history_is_translated() -> None:
    shelf = Shelf()
    other = shelf.commit(shelf.empty, shelf.main)
    first = shelf.commit(shelf.tree((b"100644", hex_of(shelf.main), shelf.note)))
    both = sorted([(b"100644", hex_of(oid), shelf.note) for oid in (shelf.main, other)])
    tip = shelf.commit(shelf.tree(*both), first)
    translation, store = shelf.translated(tip, other)
    assert old_names(store, translation.ids[tip]) == set()
    assert len(translation.notes.trees) == 2  # type: ignore[union-attr]


def test_a_note_about_no_object_keeps_its_name_and_is_reported() -> None:
    shelf = Shelf()
    lost = ObjectId(bytes(range(20)))
    rows = sorted([(b"100644", hex_of(lost), shelf.note), (b"100644", hex_of(shelf.main), shelf.note)])
    translation, notes = shelf.notes_of(shelf.commit(shelf.tree(*rows)))
    assert set(notes.others) == {hex_of(lost)}
    assert set(notes.notes) == {translation.ids[shelf.main]}
    assert translation.notes is not None
    assert (translation.notes.kept, translation.notes.renamed) == ({lost}, {shelf.main})


def test_an_entry_that_is_not_a_note_keeps_its_path() -> None:
    shelf = Shelf()
    digits = hex_of(shelf.main)
    folder = shelf.tree((b"100644", b"README", shelf.note), (b"100644", digits[2:], shelf.note))
    docs = shelf.tree((b"100755", digits, shelf.note))
    rows = [(b"40000", digits[:2], folder), (b"40000", b"docs", docs), (b"120000", b"x" * 40, shelf.note)]
    translation, notes = shelf.notes_of(shelf.commit(shelf.tree(*rows)))
    assert notes.others == {
        digits[:2] + b"/README": (b"100644", translation.ids[shelf.note]),
        b"docs": (b"40000", translation.ids[docs]),
        b"x" * 40: (b"120000", translation.ids[shelf.note]),
    }


def test_a_history_without_notes_is_translated_like_any_other() -> None:
    shelf = Shelf()
    tree = shelf.tree((b"40000", b"ab", shelf.empty), (b"100644", b"README", shelf.note))
    tip = shelf.commit(tree)
    translation, _ = shelf.translated(tip)
    alone = translate(shelf.store, list_objects(shelf.store, [shelf.main, tip]), SHA256)
    assert translation.ids == alone.ids


def test_a_tree_that_is_also_on_a_branch_is_translated_both_ways() -> None:
    shelf = Shelf()
    tree = shelf.tree((b"100644", hex_of(shelf.main), shelf.note))
    branch, tip = shelf.commit(tree, text=b"branch\n"), shelf.commit(tree, text=b"notes\n")
    translation, store = shelf.translated(tip, branch)
    new = store.read(translation.ids[tree]).data
    assert new == b"100644 %s\0%s" % (hex_of(shelf.main), translation.ids[shelf.note])
    assert hex_of(translation.ids[tree]) in store.read(translation.ids[branch]).data
    assert hex_of(translation.ids[tree]) not in store.read(translation.ids[tip]).data


def test_a_ref_may_name_a_tree_of_notes_or_a_tag_of_one() -> None:
    shelf = Shelf()
    tree = shelf.tree((b"100644", hex_of(shelf.main), shelf.note))
    tag = b"object %s\ntype tree\ntag n\ntagger %s\n\nx\n" % (hex_of(tree), WHO)
    for tip in (tree, shelf.store.add(ObjectType.TAG, tag)):
        translation, store = shelf.translated(tip)
        root = translation.notes.trees[tree]  # type: ignore[union-attr]
        assert set(read_notes_tree(store, root).notes) == {translation.ids[shelf.main]}
        if tip == tree:
            assert translation.new_id(tree, of_notes=True) == root
        else:
            assert store.read(translation.ids[tip]).data.startswith(b"object " + hex_of(root))


def test_two_notes_of_one_object_stop_the_conversion() -> None:
    shelf = Shelf()
    digits = hex_of(shelf.main)
    inner = shelf.tree((b"100644", digits[2:], shelf.store.add(ObjectType.BLOB, b"another\n")))
    tree = shelf.tree((b"40000", digits[:2], inner), (b"100644", digits, shelf.note))
    with pytest.raises(RepositoryError, match=f"two notes about {shelf.main.hex()}"):
        shelf.translated(shelf.commit(tree))


def test_the_same_note_of_a_commit_and_its_signed_copy_becomes_one() -> None:
    shelf = Shelf()
    signed = shelf.signed_copy()
    both = shelf.tree(*((b"100644", hex_of(oid), shelf.note) for oid in sorted((shelf.main, signed))))
    one = shelf.tree((b"100644", hex_of(signed), shelf.note))
    history = [shelf.commit(both)]
    for tree in (one, shelf.empty, both):
        history.append(shelf.commit(tree, history[-1]))
    found = []
    for tip in history:
        translation, notes = shelf.notes_of(tip, signed, history[-1])
        found.append([about == translation.ids[shelf.main] for about in notes.notes])
    assert found == [[True], [True], [], [True]]


def test_different_notes_of_a_commit_and_its_signed_copy_stop_the_conversion() -> None:
    shelf = Shelf()
    signed, other = shelf.signed_copy(), shelf.store.add(ObjectType.BLOB, b"another\n")
    rows = sorted(((hex_of(shelf.main), shelf.note), (hex_of(signed), other)))
    tree = shelf.tree(*((b"100644", *row) for row in rows))
    with pytest.raises(RepositoryError, match="differs only in its signature"):
        shelf.translated(shelf.commit(tree), signed)


def test_a_note_that_waits_for_itself_stops_the_conversion() -> None:
    shelf = Shelf()
    tree = shelf.tree((b"100644", hex_of(shelf.main), shelf.note))
    notes = TranslatedNotes(shelf.store, [tree], {shelf.main}, SHA256)
    with pytest.raises(RepositoryError, match=f"one is about {shelf.main.hex()}"):
        notes.translate(tree, {shelf.note: shelf.note})


def test_a_submodule_among_notes_is_named() -> None:
    shelf = Shelf()
    rows = [(b"100644", hex_of(shelf.main), shelf.note), (b"160000", b"lib", ObjectId(bytes(20)))]
    with pytest.raises(RepositoryError, match="the submodule lib"):
        shelf.translated(shelf.commit(shelf.tree(*sorted(rows, key=lambda row: row[1]))))


def write_tree(notes, others, add) -> ObjectId:
    writer = NotesWriter(add)
    for about, row in notes.items():
        writer.put(about, row)
    for path, row in others.items():
        writer.put_other(path, row)
    return writer.write()


def names(count: int) -> list[str]:
    return [hashlib.sha256(b"%d" % number).hexdigest() for number in range(count)]


@given(st.sets(st.integers(0, 5000), max_size=900))
def test_a_written_tree_is_read_back(numbers: set[int]) -> None:
    store = MemoryStore(SHA256)
    note = store.add(ObjectType.BLOB, b"x")
    notes = {ObjectId(hashlib.sha256(b"%d" % number).digest()): (b"100644", note) for number in numbers}
    others = {b"README": (b"100644", note), b"00/x": (b"100755", note)}
    found = read_notes_tree(store, write_tree(notes, others, store.add))
    assert {about: row for about, (_, row) in found.notes.items()} == notes
    assert found.others == others


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 600)), max_size=20), st.integers(0, 600))
def test_an_updated_tree_equals_a_newly_written_one(steps: list[tuple[bool, int]], first: int) -> None:
    store = MemoryStore(SHA256)
    row = (b"100644", store.add(ObjectType.BLOB, b"x"))
    abouts = [ObjectId(bytes.fromhex(name)) for name in names(601)]
    notes = dict.fromkeys(abouts[:first], row)
    writer = NotesWriter(store.add)
    for about in notes:
        writer.put(about, row)
    for adds, number in steps:
        about = abouts[number]
        if adds:
            notes[about] = row
            writer.put(about, row)
        elif notes.pop(about, None):
            writer.drop(about)
        assert writer.write() == write_tree(notes, {}, store.add)


def test_notes_that_go_and_histories_that_branch_are_followed() -> None:
    shelf = Shelf()
    commits = [shelf.main]
    for number in range(4):
        commits.append(shelf.commit(shelf.empty, commits[-1], text=b"%d\n" % number))
    lost = ObjectId(bytes(range(20)))

    def noted(abouts: list[ObjectId], *parents: ObjectId) -> ObjectId:
        rows = [(b"100644", hex_of(about), shelf.note) for about in sorted(abouts)]
        return shelf.commit(shelf.tree(*rows), *parents)

    root = noted([*commits[:3], lost])
    left, right = noted([commits[0], lost], root), noted([*commits[1:], lost], root)
    merged = noted(commits, left, right)
    translation, store = shelf.translated(merged, commits[-1])
    for tip, abouts in ((root, commits[:3]), (left, commits[:1]), (right, commits[1:]), (merged, commits)):
        new = store.read(translation.ids[tip]).data.split(b"\n")[0].removeprefix(b"tree ")
        tree = read_notes_tree(store, SHA256.from_hex(new))
        assert set(tree.notes) == {translation.ids[about] for about in abouts}
        assert set(tree.others) == (set() if tip == merged else {hex_of(lost)})


def test_a_file_in_the_place_of_a_folder_is_refused() -> None:
    store = MemoryStore(SHA256)
    note = (b"100644", store.add(ObjectType.BLOB, b"x"))
    notes = {ObjectId(bytes.fromhex(name)): note for name in names(900)}
    with pytest.raises(RepositoryError, match="a file and a folder"):
        write_tree(notes, {b"ab": note}, store.add)


@pytest.mark.parametrize(("count", "deepest"), [(1, 0), (30, 0), (150, 1), (700, 1), (20_000, 2)])
def test_a_tree_of_notes_is_laid_out_as_git_lays_it_out(tmp_path: Path, count: int, deepest: int) -> None:
    require("git")
    repository = init_repository(tmp_path / "r.git", object_format="sha256")
    fast_import(repository, [b"commit refs/heads/main\ncommitter %s\ndata 0\n\n" % WHO])
    git("notes", "add", "-m", "x", "main", cwd=repository)
    main = git("rev-parse", "main", cwd=repository)
    copies = "".join(f"{main} {name}\n" for name in names(count))
    git("notes", "copy", "--stdin", cwd=repository, stdin=copies.encode())
    store = MemoryStore(SHA256)
    note = store.add(ObjectType.BLOB, b"x\n")
    about = [main, *names(count)]
    root = write_tree({ObjectId(bytes.fromhex(name)): (b"100644", note) for name in about}, {}, store.add)
    assert root.hex() == git("rev-parse", "refs/notes/commits^{tree}", cwd=repository)
    assert max(fan_out(about).values()) == deepest


def test_ids_in_names_of_refs_are_renamed_but_for_names_that_people_choose() -> None:
    old, new = ObjectId(b"\1" * 20), ObjectId(b"\2" * 32)
    ids = {old: new}
    for name in ("refs/replace/%s", "refs/keep-around/%s", "refs/bisect/good-%s"):
        assert new_name(name % old.hex(), ids) == name % new.hex()
    for name in ("refs/heads/%s", "refs/tags/x-%s", "refs/remotes/o/%s", "refs/notes/%s", "refs/x/a%s"):
        assert new_name(name % old.hex(), ids) == name % old.hex()
    assert new_name("refs/keep-around/" + "ab" * 20, ids) == "refs/keep-around/" + "ab" * 20


def test_a_replace_ref_needs_the_object_that_it_replaces() -> None:
    known = {ObjectId(b"\1" * 20)}
    assert not replaces_nothing("refs/replace/" + "01" * 20, known)
    assert replaces_nothing("refs/replace/" + "02" * 20, known)
    assert not replaces_nothing("refs/replace/nonsense", known)
    assert not replaces_nothing("refs/keep-around/" + "02" * 20, known)
