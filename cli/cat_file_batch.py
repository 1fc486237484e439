r"""The conversation of `cat-file --batch`, `--batch-check` and `--batch-command` (git-cat-file).

    asked    HEAD:README\n               or, with --batch-command, contents HEAD:README\n
    answer   <id> blob 6\nhello\n\n      the line of the format; with contents, the object and a line feed
             nothing missing\n           no object has the name
             ce01 ambiguous\n            a short id fits several
             dangling 8\nHEAD:lost\n     with --follow-symlinks; also symlink, loop and notdir

Each answer is flushed, since a program waits for it at the other end of a pipe; with --buffer, none is before
`flush` or the end. A large object passes in blocks. Damage ends the run: it is not an absence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from cli.object_names import invalid_type
from packcore.errors import AmbiguousRevision, CorruptData, MissingObject, UnknownRevision, UnknownType
from packcore.revision import resolve_revision, split_path
from packcore.symlinks import LinkFault, OutOfTree, follow_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from cli.batch_format import BatchFormat
    from packcore.ids import ObjectId
    from packcore.store.repository import Repository

__all__ = ["Batch", "names_from"]

LINE_BYTES_MAX = 1 << 20
_WHOLE_BYTES_MAX = 1 << 18
"""Objects up to this size are read at once, larger ones in blocks."""
_READ_BYTES = 1 << 16


def names_from(file: IO[bytes], *, nul: bool) -> Iterator[bytes]:
    """Yield the lines of a stream without their end, each as soon as it is there. Raises CorruptData."""
    if not nul:
        while line := file.readline(LINE_BYTES_MAX + 1):
            _check_length(line)
            yield line.removesuffix(b"\n").removesuffix(b"\r") if line.endswith(b"\n") else line
        return
    read = getattr(file, "read1", file.read)
    waiting = b""
    while block := read(_READ_BYTES):
        *names, waiting = (waiting + block).split(b"\0")
        _check_length(waiting)
        yield from names
    if waiting:
        yield waiting


def _check_length(line: bytes) -> None:
    if len(line) > LINE_BYTES_MAX:
        raise CorruptData(f"stdin: a line is longer than {LINE_BYTES_MAX} bytes")


@dataclass(frozen=True, slots=True)
class Batch:
    """Answers questions about the objects of a repository."""

    repository: Repository
    output: IO[bytes]
    format: BatchFormat
    end: bytes = b"\n"
    """What ends a line of an answer."""
    buffered: bool = False
    follow_links: bool = False
    on_missing: Callable[[], object] = lambda: None
    """Called before each answer that says `missing`."""
    converted: Callable[[ObjectId, bytes], bytes | None] | None = None
    """Gives the content of an object at the path that follows its name, None if it stays as it is."""

    def answer_names(self, names: Iterable[bytes], *, contents: bool) -> None:
        """Answer for each name. If the format has %(rest), or paths follow, it ends at the first blank."""
        splits = self.converted is not None or self.format.uses("rest")
        for name in names:
            self._answer(*_split(name, splits=splits), contents=contents)

    def answer_commands(self, lines: Iterable[bytes]) -> None:
        """Do what each line says: `contents NAME`, `info NAME`, `flush`. Raises CorruptData."""
        for line in lines:
            command, blank, name = line.partition(b" ")
            if command in (b"contents", b"info") and blank:
                splits = self.converted is not None
                self._answer(*_split(name, splits=splits), contents=command == b"contents")
            elif line == b"flush":
                if not self.buffered:
                    raise CorruptData("flush is only for --buffer mode")
                self.output.flush()
            else:
                raise CorruptData(_command_fault(line))

    def answer_ids(self, oids: Iterable[ObjectId], *, contents: bool) -> None:
        """Answer for objects that are known by their ids."""
        for oid in oids:
            self._answer_id(oid, oid.hex().encode(), b"", contents=contents)

    def _answer(self, name: bytes, rest: bytes, *, contents: bool) -> None:
        try:
            found = self._find(name.decode("utf-8", "surrogateescape"))
        except AmbiguousRevision:
            self._write(b"%b ambiguous%b" % (name, self.end))
        except (UnknownRevision, MissingObject):
            self._write_missing(name)
        else:
            if isinstance(found, OutOfTree):
                self._write_pair(b"symlink", found.path)
            elif isinstance(found, LinkFault):
                self._write_pair(found.value.encode(), name)
            else:
                self._answer_id(found, name, rest, contents=contents)

    def _find(self, name: str) -> ObjectId | OutOfTree | LinkFault:
        tree, colon, path = split_path(name)
        if not (self.follow_links and tree and colon):
            return resolve_revision(self.repository, name)
        root = resolve_revision(self.repository, f"{tree}:")
        return follow_path(self.repository, root, path.encode("utf-8", "surrogateescape"))

    def _answer_id(self, oid: ObjectId, name: bytes, rest: bytes, *, contents: bool) -> None:
        try:
            type_, size = self.repository.header(oid)
            whole = self.repository.read(oid).data if contents and size <= _WHOLE_BYTES_MAX else None
            values = {
                "objectname": oid.hex().encode(),
                "objecttype": type_.label,
                "objectsize": b"%d" % size,
                "rest": rest,
            }
            if self.format.uses("objectsize:disk"):
                values["objectsize:disk"] = b"%d" % self.repository.stored_size(self.repository.shown_id(oid))
            if self.format.uses("deltabase"):
                entry = self.repository.raw(oid)
                base = entry.base if entry is not None else None
                values["deltabase"] = (base or self.repository.object_format.zero).hex().encode()
        except UnknownType as error:
            raise invalid_type(error) from None
        except MissingObject as error:
            if error.oid != oid.hex():
                raise  # a delta's base: damage
            self._write_missing(name)
            return
        line = self.format.line(values) + self.end
        if contents and self.converted is not None:
            if not rest:
                raise CorruptData(f"missing path for '{name.decode('utf-8', 'backslashreplace')}'")
            shown = self.converted(oid, rest)
            whole = whole if shown is None else shown
        if not contents:
            self._write(line)
        elif whole is not None:
            self._write(line + whole + self.end)
        else:
            self.output.write(line)
            for block in self.repository.stream(oid):
                self.output.write(block)
            self._write(self.end)

    def _write_missing(self, name: bytes) -> None:
        self.on_missing()
        self._write(b"%b missing%b" % (name, self.end))

    def _write_pair(self, word: bytes, path: bytes) -> None:
        self._write(b"%b %d%b%b%b" % (word, len(path), self.end, path, self.end))

    def _write(self, data: bytes) -> None:
        self.output.write(data)
        if not self.buffered:
            self.output.flush()


def _split(name: bytes, *, splits: bool) -> tuple[bytes, bytes]:
    """Return a name and what follows it."""
    first = name.replace(b"\t", b" ").partition(b" ")[0] if splits else name
    return first, name[len(first) :].lstrip(b" \t")


def _command_fault(line: bytes) -> str:
    words = line[:40].decode("utf-8", "backslashreplace")
    if not line:
        return "empty command in input"
    if line[:1].isspace():
        return f"whitespace before command: {words!r}"
    if line.startswith(b"flush "):
        return "flush takes no arguments"
    if line in (b"contents", b"info"):
        return f"{words} requires arguments: the name of an object"
    return f"unknown command: {words!r}; there are contents, info and flush"
