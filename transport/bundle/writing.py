"""A bundle as a target: one push of everything, written as a new file that replaces an older one.

    advertised   no refs, and every object format: the push decides
    pushed       header, then the pack as it arrives, into a temporary file beside; checked on the way
    at the end   renamed if the trailer is correct and synced; otherwise removed, and the older file stays

A bundle has everything that its refs reach. It has a HEAD if it is clear which branch that is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.errors import CorruptPack, PackcoreError, RepositoryError
from packcore.ids import FORMATS, SHA1
from packcore.refs import ref_sort_key
from packcore.store.temporaries import sync_folder, write_whole
from transport.agent import agent
from transport.bundle.header import BundleHeader, encode_header
from transport.guessed_head import guessed_head
from transport.server.push_request import encode_report, read_push
from transport.server.words import own_words
from transport.wire.pktline import FLUSH, PacketReader, encode_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from packcore.ids import ObjectFormat, ObjectId
    from transport.server.push_request import PushRequest

__all__ = ["BundleWriter"]

_TRAILING = "a bundle is written in one push"


class BundleWriter:
    """Takes one push into a bundle file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._written: dict[str, ObjectId] | None = None
        self._format = SHA1

    def advertise(self) -> Iterator[bytes]:
        """Yield the advertisement: no refs before the push, the written refs after it."""
        formats = [self._format, *(one for one in FORMATS.values() if one is not self._format)]
        tokens = ["report-status", "ofs-delta", "atomic", "no-thin", f"agent={agent()}"]
        tokens += [f"object-format={one.name}" for one in (formats if self._written is None else formats[:1])]
        refs = sorted((self._written or {}).items(), key=lambda ref: ref_sort_key(ref[0]))
        lines = [f"{oid.hex()} {name}" for name, oid in refs if name != "HEAD"]
        lines = lines or [f"{self._format.zero.hex()} capabilities^{{}}"]
        yield encode_text("# service=git-receive-pack") + FLUSH
        yield encode_text(f"{lines[0]}\0{' '.join(tokens)}")
        for line in lines[1:]:
            yield encode_text(line)
        yield FLUSH

    def answer(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """Receive a push, and yield the report on it."""
        first, rest = _peeked(blocks)
        self._format = _format_of(first)
        reader = PacketReader(rest)
        try:
            request = read_push(reader, self._format)
        except PackcoreError as error:
            yield encode_text(f"ERR {own_words(error)}")
            return
        if request is None:
            return
        verdicts: dict[str, str | None] = {update.name: None for update in request.updates}
        try:
            self._write(request, reader.rest())
        except PackcoreError as error:
            words = own_words(error)
            yield encode_report(words, dict.fromkeys(verdicts, "not written"))
            return
        yield encode_report("ok", verdicts, repeated=request.repeated)

    def _write(self, request: PushRequest, pack: Iterator[bytes]) -> None:
        if self._written is not None:
            raise RepositoryError(
                f"{self.path}: {_TRAILING}", hint="leave out options that limit the size of a push"
            )
        if any(not update.is_create for update in request.updates):
            raise RepositoryError(f"{self.path}: a bundle is always written as a new file, without old refs")
        refs = {update.name: update.new for update in request.updates}
        head = guessed_head(refs)
        named = {"HEAD": refs[head], **refs} if head is not None else refs
        try:
            self._write_file(encode_header(BundleHeader(self._format, named)), pack)
        except OSError as error:
            raise RepositoryError(f"{self.path}: can't be written: {error.strerror}") from None
        self._written = refs

    def _write_file(self, header: bytes, pack: Iterator[bytes]) -> None:
        def blocks() -> Iterator[bytes]:
            yield header
            yield from _checked(pack, self._format, str(self.path))

        write_whole(self.path, blocks(), 0o644)
        sync_folder(self.path.parent)


def _checked(pack: Iterator[bytes], object_format: ObjectFormat, name: str) -> Iterator[bytes]:
    """Pass a pack through; raise CorruptPack at its end if its trailer isn't its digest."""
    size, digest, tail = object_format.digest_size, object_format.new_hash(), b""
    for block in pack:
        tail += block
        digest.update(tail[:-size])
        tail = tail[-size:]
        yield block
    if tail != digest.digest():
        raise CorruptPack("its trailer is not its digest: it was cut short, or is damaged", pack=name)


def _peeked(blocks: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    iterator = iter(blocks)
    first = next(iterator, b"")

    def again() -> Iterator[bytes]:
        yield first
        yield from iterator

    return first, again()


def _format_of(first: bytes) -> ObjectFormat:
    """Return the object format from the capabilities in the first line of a push."""
    line = first[4 : 4 + 70_000].partition(b"\n")[0]
    for one in FORMATS.values():
        if b"object-format=%b" % one.name.encode() in line.partition(b"\0")[2].split():
            return one
    return SHA1
