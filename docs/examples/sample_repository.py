"""Makes the small repository that the pages of the documentation look at: `sample_repository.py DIR`.

Six commits of three files, with fixed names and dates, so that every id is the same wherever it is made.
Nothing but packcore is needed.
"""

from __future__ import annotations

import sys

from packcore import Repository
from packcore.objects import ObjectType

WHO = "A Learner <learner@example.com> {seconds} +0000"
FIRST_SECOND = 1112911993

FACTS = """\
A pack starts with the four letters PACK.
Then comes the version in four bytes, most often 2.
Then comes the number of entries, in four bytes too.
Each entry starts with its type and its inflated size.
The size takes four bits of the first byte.
It takes seven bits of each further byte.
The highest bit tells whether one more byte follows.
Four types stand for whole objects: commit, tree, blob, tag.
Two types stand for deltas: ofs-delta and ref-delta.
An ofs-delta says how far back in the pack its base is.
A ref-delta says the id of its base.
Behind that header lies one zlib stream.
The stream holds the object, or the instructions of a delta.
A delta copies pieces of its base, and inserts what is new.
A base may be a delta itself: that makes a chain.
A reader walks the chain down to a whole object, and up again.
A pack ends with a checksum of all bytes before it.
Beside the pack lies its index, sorted by id.
The index tells where each entry starts.
It also holds a CRC of each entry's bytes.
""".splitlines()


def versions() -> list[tuple[str, dict[str, str]]]:
    """Return each commit's message and files, oldest first."""
    facts = list(FACTS)
    readme = "Facts about packs.\n"
    made = [("Write down some facts", {"README": readme, "facts.txt": _text(facts)})]
    facts[1] = "Then comes the version in four bytes: 2, or 3, which nobody writes."
    made.append(("Say which versions there are", {"README": readme, "facts.txt": _text(facts)}))
    facts.insert(3, "These numbers are big-endian.")
    made.append(("Tell the order of bytes", {"README": readme, "facts.txt": _text(facts)}))
    short = _text(facts[:8])
    made.append(("Begin a shorter text", {"README": readme, "facts.txt": _text(facts), "short.txt": short}))
    facts.append("Without an index, a reader inflates every entry to find the next.")
    made.append(("Tell of the index", {"README": readme, "facts.txt": _text(facts), "short.txt": short}))
    readme += "See facts.txt, or short.txt if you are in a hurry.\n"
    made.append(("Point to the texts", {"README": readme, "facts.txt": _text(facts), "short.txt": short}))
    return made


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def make(path: str) -> None:
    """Make the repository: objects first, loose, then the branch."""
    with Repository.init(path) as repository:
        parent = b""
        for number, (message, files) in enumerate(versions()):
            rows = [
                b"100644 %s\0" % name.encode() + repository.write_loose(ObjectType.BLOB, text.encode())
                for name, text in sorted(files.items())
            ]
            tree = repository.write_loose(ObjectType.TREE, b"".join(rows))
            who = WHO.format(seconds=FIRST_SECOND + 60 * number)
            lines = [f"tree {tree.hex()}", *([f"parent {parent.hex()}"] if parent else [])]
            lines += [f"author {who}", f"committer {who}", "", message, ""]
            commit = repository.write_loose(ObjectType.COMMIT, "\n".join(lines).encode())
            parent = commit
        repository.update_ref("refs/heads/main", commit)


if __name__ == "__main__":
    make(sys.argv[1])
