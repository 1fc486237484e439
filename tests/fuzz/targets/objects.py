"""Readers of objects: what a walk needs of them, strict checks, and what a conversion takes apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.anatomy.model import leaves
from packcore.anatomy.objects import object_anatomy
from packcore.attributes import Attributes
from packcore.checkout_form import LineEnds, to_checkout
from packcore.checks.objects import check_object
from packcore.checks.special import check_gitattributes, check_gitmodules
from packcore.checks.trees import special_blobs
from packcore.convert.message import MessageIds
from packcore.convert.rewrite import rewrite_message, rewrite_tree, split_message
from packcore.errors import CorruptData
from packcore.ids import SHA1, SHA256
from packcore.objects import ObjectType, commit_links, iter_tree, parse_commit, parse_tag
from tests.fuzz import samples
from tests.fuzz.shapes import LINES, Shape
from tests.fuzz.target import target

if TYPE_CHECKING:
    from packcore.ids import ObjectId

_IDENTITIES = (
    b"tree ",
    b"parent ",
    b"author ",
    b"committer ",
    b"encoding ",
    b"gpgsig ",
    b"mergetag ",
    b" <",
    b"> ",
)


class _AnyId(dict["ObjectId", "ObjectId"]):
    """Gives every id a new name, so that no link is unknown."""

    def __missing__(self, oid: ObjectId) -> ObjectId:
        return SHA256.hash_object(b"blob", oid)


@target(
    seeds=lambda: [samples.COMMIT, samples.COMMIT.partition(b"encoding")[0]], shape=LINES, words=_IDENTITIES
)
def commit(data: bytes) -> None:
    """Check a commit, draw it, parse its links, and parse it whole: both find the same parents."""
    findings = check_object(ObjectType.COMMIT, data, SHA1, strict=True)
    _draw(ObjectType.COMMIT, data)
    split_message(data, is_tag=False)
    links = commit_links(data, SHA1)
    parsed = parse_commit(data, SHA1)
    assert (parsed.tree, parsed.parents) == (links.tree, links.parents)
    if not findings:
        text = MessageIds([links.tree])
        message = split_message(data, is_tag=False)
        rewrite_message(message, _AnyId(), lambda old: text.replace(old, _AnyId(), ())[0], "0" * 40)


@target(
    seeds=lambda: [samples.TAG], shape=LINES, words=(b"object ", b"type ", b"tag ", b"tagger ", *_IDENTITIES)
)
def tag(data: bytes) -> None:
    """Check a tag, draw it, take it apart and parse it."""
    check_object(ObjectType.TAG, data, SHA1, strict=True)
    _draw(ObjectType.TAG, data)
    split_message(data, is_tag=True)
    parse_tag(data, SHA1)


def _split_tree(data: bytes) -> list[bytes]:
    pieces = []
    while data:
        end = data.index(b"\0") + 21
        pieces.append(data[:end])
        data = data[end:]
    return pieces


@target(
    seeds=lambda: [samples.TREE, b""],
    shape=Shape(_split_tree, b"".join),
    words=(
        b"100644 ",
        b"40000 ",
        b"120000 ",
        b".git",
        b".GIT",
        "\u200c.git".encode(),
        b"git~1",
        b"..",
        b"/",
        b".gitmodules",
    ),
)
def tree(data: bytes) -> None:
    """Check a tree, draw it, and read its entries; put together again they are the same bytes."""
    check_object(ObjectType.TREE, data, SHA1, strict=True)
    _draw(ObjectType.TREE, data)
    entries = list(iter_tree(data, SHA1))
    special_blobs(data, SHA1)
    rewrite_tree(data, 20, _AnyId())
    assert sum(len(entry.name) + 22 for entry in entries) <= len(data)


@target(
    seeds=lambda: [b'[submodule "a"]\n\tpath = a\n\turl = https://example.com/a.git\n\tupdate = checkout\n'],
    shape=LINES,
    words=(b"url = ", b"-u", b"path = ", b"update = !", b"../", b"%0a", b"::", b"\\"),
)
def gitmodules(data: bytes) -> None:
    """Check the files of a tree that git looks into."""
    check_gitmodules(data)
    middle = len(data) // 2
    assert check_gitattributes([data]) == check_gitattributes([data[:middle], data[middle:]])


@target(
    seeds=lambda: [
        b'*.c text eol=crlf\n[attr]mine -diff ident\n"a b" mine !text\n**/x working-tree-encoding=UTF-16\n'
    ],
    shape=LINES,
    words=(b"text", b"=auto", b"eol=", b"ident", b"working-tree-encoding=", b"[attr]", b"**/", b"\\", b'"'),
)
def gitattributes(data: bytes) -> None:
    """Ask for the attributes of paths, and convert content by them."""
    attributes = Attributes({b".gitattributes": data, b"src/.gitattributes": data}.get, data[:100])
    for path in (b"a b", b"src/deep/x", b"src/x.c"):
        to_checkout(b"$Id$\n\xc3\xa9\n", attributes.of(path), LineEnds(), "1" * 40)


def _draw(type_: ObjectType, data: bytes) -> None:
    """Draw an object: damaged or not, each byte is one leaf's."""
    anatomy = object_anatomy(type_, data, 20)
    at = 0
    for leaf in leaves(anatomy.root):
        assert leaf.start == at, f"a leaf starts at {leaf.start}, not {at}"
        at = leaf.end
    if at != len(data):
        raise CorruptData("the drawing ends before the object does")
