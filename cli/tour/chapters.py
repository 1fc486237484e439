"""The texts, displays and questions of the tour, chapter by chapter; each question has one answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cli.render.anatomy_rows import preview, rows_of
from cli.render.anatomy_text import lines_of
from cli.tour.workshop import BRANCH, FIRST, SECOND
from packcore.anatomy import PackAnatomy, delta_anatomy, index_anatomy, object_anatomy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cli.tour.workshop import Workshop
    from packcore.anatomy import Anatomy

__all__ = ["CHAPTERS", "Chapter", "Question"]


class Question(NamedTuple):
    """A question for the learner."""

    text: str
    answer: Callable[[Workshop], str]
    hint: str
    why: str
    """Shown after the right answer."""


class Chapter(NamedTuple):
    """One step of the walk."""

    name: str
    title: str
    tell: Callable[[Workshop], Iterator[str]]
    question: Question
    show: Callable[[Workshop], Iterator[str]]
    """Shown once the question is answered."""


def _paragraph(*lines: str) -> Callable[[Workshop], Iterator[str]]:
    return lambda _: iter(lines)


def _drawn(anatomy: Anatomy) -> Iterator[str]:
    return lines_of(rows_of(anatomy, every_leaf=True, contents=False), cells=100)


def _hex(data: bytes) -> str:
    return data.hex(" ")


def _blob_told(_: Workshop) -> Iterator[str]:
    yield "Git keeps the content of a file as a blob. Here is one, a poem of three lines:"
    yield ""
    yield from (f"    {line}" for line in FIRST.decode().splitlines())
    yield ""
    yield "Its name is the SHA-1 of a short header and the content. The header is the word blob,"
    yield f"a blank, the number of bytes in decimal digits, and a NUL. The lines have {_line_sizes()} bytes,"
    yield "each with its line feed."


def _line_sizes() -> str:
    sizes = [len(line) for line in FIRST.splitlines(keepends=True)]
    return f"{sizes[0]}, {sizes[1]} and {sizes[2]}"


def _blob_shown(shop: Workshop) -> Iterator[str]:
    blob = shop.blobs[0]
    yield f"    hashed   {preview(blob.header.replace(chr(0).encode(), b'<NUL>'))}{preview(FIRST)}"
    yield f"    id       {blob.oid.hex()}"


def _tree_told(shop: Workshop) -> Iterator[str]:
    yield "A tree is a folder: a list of entries. Each is a mode in octal digits, a blank, a name, a NUL,"
    yield "and the id of what the name stands for: its 20 bytes as they are, not as hex digits."
    yield ""
    yield f"    100644 poem.txt<NUL>{shop.blobs[0].oid.hex()[:8]}…"


def _commit_told(shop: Workshop) -> Iterator[str]:
    yield "A commit is a few lines of text: its tree, its parents, who and when; an empty line; the message."
    yield "We make two: the second has a better poem, and the first as its parent."
    yield ""
    yield from (f"    {line}" for line in shop.commits[1].data.decode().splitlines())


def _entry_told(_: Workshop) -> Iterator[str]:
    size = len(SECOND)
    yield "Each entry starts with its type and its inflated size. The first byte holds, from the left:"
    yield ""
    yield "    1 bit    is there one more byte?"
    yield "    3 bits   the type: 1 commit, 2 tree, 3 blob, 4 tag, 6 ofs-delta, 7 ref-delta"
    yield "    4 bits   the lowest bits of the size"
    yield ""
    yield "Further bytes hold seven bits of the size each. Our new poem has"
    yield f"{size} bytes, in binary {size:b}: its lowest four bits are {size & 15:04b},"
    yield f"and {size >> 4:b} is left for a second byte."


def _zlib_told(shop: Workshop) -> Iterator[str]:
    entry = shop.entries[4]
    yield "Behind that header comes the object itself, as a zlib stream. The poem's starts with"
    yield ""
    yield f"    {_hex(entry.stream[:8])} …"
    yield ""
    yield "In its first byte, 78, the right half says how: 8, deflate. The left half, 7, says how far back a"
    yield "repetition may reach: 2 to the power of 7 + 8 bytes."


def _delta_told(shop: Workshop) -> Iterator[str]:
    copy, insert, last = shop.instructions
    yield "The old poem differs from the new one by a few words. So it travels as a delta: instructions that"
    yield "make it from the new one, its base."
    yield ""
    rows = [
        (f"copy {copy.size} bytes of the base from {copy.offset} on", SECOND[: copy.size]),
        (f"insert {len(insert.data)} bytes", insert.data),
        (f"copy {last.size} bytes of the base from {last.offset} on", SECOND[last.offset :]),
    ]
    yield from (f"    {what:<36} {preview(made)}" for what, made in rows)
    yield ""
    yield "An insert is one byte, below 80, that says how many bytes follow, then those bytes. A copy"
    yield "is one byte with its leftmost bit set, whose other bits say which bytes follow: bit by bit"
    yield "from the right, offset 1, 2, 3, 4, size 1, 2, 3. What doesn't follow is zero."


def _distance_told(shop: Workshop) -> Iterator[str]:
    base = shop.entries[4]
    yield "In the pack, a delta says where its base starts: a number of bytes before its own entry. We put"
    yield f"the delta right behind its base, and the base's entry has {base.size} bytes:"
    yield f"{len(base.head)} of header and {len(base.stream)} of stream."


def _pack_shown(shop: Workshop) -> Iterator[str]:
    yield f"    {len(shop.body)} bytes, and their SHA-1 behind them: {shop.trailer.hex()}"
    yield ""
    pack = PackAnatomy(memoryview(shop.pack), title="poem.pack").anatomy
    yield from lines_of(rows_of(pack, contents=False), cells=100)


def _index_told(shop: Workshop) -> Iterator[str]:
    yield "A pack can only be read from its start. An index, a second file, says where each id is. It"
    yield "holds all ids in order, and before them the fan-out: for each first byte 00, 01, … ff, how"
    yield "many ids start with that byte or a lower one. So those that start with 3b, say, are found"
    yield "immediately. Ours are:"
    yield ""
    yield from (f"    {oid.hex()}" for oid in shop.sorted_ids)


def _index_shown(shop: Workshop) -> Iterator[str]:
    for part in index_anatomy(memoryview(shop.index), "poem.idx").root.parts():
        yield f"    {part.start:>6}  {part.name:<14} {part.note}"


def _push_told(shop: Workshop) -> Iterator[str]:
    yield "Last, the push. The client sends lines, and then the pack. Each line, a pkt-line, begins with its"
    yield "own length in four hex digits, those four included. Ours asks to make a branch: the old id, all"
    yield "zeros since there is none, the new id, and the name:"
    yield ""
    yield f"    {shop.command.decode()}"
    yield ""
    yield f"That is 40 + 1 + 40 + 1 + {len(BRANCH)} bytes, and 4 for the length itself. (A real client adds a"
    yield "NUL, and what it can do.)"


CHAPTERS: tuple[Chapter, ...] = (
    Chapter(
        "blob",
        "A blob: the content of a file",
        _blob_told,
        Question(
            "How many bytes does the header say?",
            lambda _: str(len(FIRST)),
            "add up the three lines",
            "The size is that of the content alone; the header itself is not counted.",
        ),
        _blob_shown,
    ),
    Chapter(
        "tree",
        "A tree: a folder",
        _tree_told,
        Question(
            "How many bytes is this entry long?",
            lambda shop: str(len(shop.trees[0].data)),
            "6 + 1 + the name + 1 + 20",
            "Twenty bytes of id: in hex digits they would be forty.",
        ),
        lambda shop: _drawn(object_anatomy(shop.trees[0].type, shop.trees[0].data, 20)),
    ),
    Chapter(
        "commit",
        "A commit: a moment of the history",
        _commit_told,
        Question(
            "How many bytes does an id take here, in a commit?",
            lambda _: "40",
            "look at the lines above: here it is written in hex digits",
            "Commits and tags are text, so ids are in hex; in trees they are raw. That is why commits that "
            "differ in nothing else still share few bytes.",
        ),
        lambda shop: iter((f"    id of the second commit  {shop.commits[1].oid.hex()}",)),
    ),
    Chapter(
        "header",
        "The pack: its header",
        _paragraph(
            "Six objects are to travel: two commits, two trees, two blobs. A pack starts with twelve bytes:",
            "the word PACK, the version in four bytes, here 2, and the number of entries, in four bytes too.",
            "Numbers of a fixed size are big-endian: the most significant byte comes first.",
        ),
        Question(
            "What are the last four bytes of the header, in hex?",
            lambda shop: shop.header[8:].hex(),
            "six entries; four bytes are eight hex digits",
            "A reader knows the count before the first entry: a pack has to be planned before it is written.",
        ),
        lambda shop: iter((f"    {_hex(shop.header)}",)),
    ),
    Chapter(
        "entry",
        "An entry: type and size",
        _entry_told,
        Question(
            "What is the first byte, in hex?",
            lambda shop: shop.entries[4].head[:1].hex(),
            "write the bits side by side: 1, then 011 for a blob, then the lowest four bits of the size",
            "Sizes have no limit this way, and small objects pay with one byte only.",
        ),
        lambda shop: iter((f"    {_hex(shop.entries[4].head)}",)),
    ),
    Chapter(
        "stream",
        "An entry: the zlib stream",
        _zlib_told,
        Question(
            "How many bytes is that?",
            lambda _: "32768",
            "2 to the power of 15",
            "A stream does not say how long it is. Without an index, a reader has to inflate every entry "
            "to find where the next one starts.",
        ),
        lambda shop: iter(
            (f"    {len(SECOND)} bytes of poem take {len(shop.entries[4].stream)}: little gain",)
        ),
    ),
    Chapter(
        "delta",
        "A delta: the old version, made from the new one",
        _delta_told,
        Question(
            "What byte starts the first copy, in hex? Its offset is 0, and its size takes one byte.",
            lambda shop: shop.delta[2:3].hex(),
            "leftmost bit set; of the others only `size 1`, the fifth from the right: 1001 0000",
            "The newest version is whole and older ones are deltas: what is asked for most is read fastest.",
        ),
        lambda shop: _drawn(delta_anatomy(shop.delta)),
    ),
    Chapter(
        "base",
        "A delta: where its base is",
        _distance_told,
        Question(
            "What is that distance in hex? (Below 80 it takes one byte.)",
            lambda shop: shop.entries[5].distance.hex(),
            "the sixteens first: how often does 16 fit?",
            "A distance instead of an id saves 19 bytes an entry. It works since the base comes before.",
        ),
        lambda shop: iter(
            (
                f"    {_hex(shop.entries[5].head):<26} type and size: ofs-delta of {len(shop.delta)} bytes",
                f"    {_hex(shop.entries[5].distance):<26} the base starts that many bytes before",
                f"    {_hex(shop.entries[5].stream[:8])} …  the delta, deflated",
            )
        ),
    ),
    Chapter(
        "trailer",
        "The pack: its trailer",
        _paragraph(
            "Header, six entries, and last a trailer: the SHA-1 of everything before it. A receiver hashes",
            "the pack too, and knows at the end whether a single bit has changed.",
        ),
        Question(
            "How many bytes does the trailer have?",
            lambda shop: str(len(shop.trailer)),
            "as many as an id",
            "In a repository that uses SHA-256 it is 32.",
        ),
        _pack_shown,
    ),
    Chapter(
        "index",
        "The index: where is what",
        _index_told,
        Question(
            "What does the fan-out say for the first byte 7f?",
            lambda shop: str(shop.ids_up_to(0x7F)),
            "count the ids above that start with 0 to 7",
            "The last of the 256 numbers is the number of all objects.",
        ),
        _index_shown,
    ),
    Chapter(
        "push",
        "The push: pkt-lines and the pack",
        _push_told,
        Question(
            "What are the four hex digits?",
            lambda shop: f"{len(shop.command) + 4:04x}",
            f"40 + 1 + 40 + 1 + {len(BRANCH)} + 4, in hex",
            "A length of 0000 is the flush packet: it ends the commands, and the pack follows immediately.",
        ),
        lambda shop: iter((f"    {len(shop.command) + 4:04x}{shop.command.decode()}", "    0000PACK…")),
    ),
)
