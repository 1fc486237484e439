"""A bundle as a source: answers like upload-pack in protocol v2, from a file.

    list        from the header alone
    fetch       without prerequisites: unpacks into a temporary repository, and serves that like any other
                otherwise: sends the pack as it is, once the other side is known to have the prerequisites

The pack of an incremental bundle can't be unpacked here: its deltas may need objects that only the receiver
has.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from packcore.errors import MissingObject, PackcoreError, RepositoryError
from packcore.store.ref_change import RefChange
from packcore.store.repository import Repository
from packcore.store.spool import SpooledPack
from transport.agent import agent
from transport.bundle.header import BundleHeader, read_header
from transport.guessed_head import guessed_head
from transport.server.upload_pack import UploadPack
from transport.server.words import own_words
from transport.wire.pktline import DELIM, FLUSH, PAYLOAD_BYTES_MAX, PacketReader, encode_packet, encode_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packcore.ids import ObjectId

__all__ = ["BundleReader"]

_BAND = b"\1"
_BLOCK_BYTES = PAYLOAD_BYTES_MAX - len(_BAND)
_NAMED_MAX = 3


class BundleReader:
    """Serves one bundle file. Close it."""

    def __init__(self, path: Path) -> None:
        """Read the header. Raises RepositoryError, CorruptData, UnsupportedByRemote."""
        self.path = path
        try:
            with path.open("rb") as file:
                self.header: BundleHeader = read_header(file, str(path))
        except OSError as error:
            raise RepositoryError(f"{path}: {error.strerror}") from None
        self._opened = ExitStack()
        self._repository: Repository | None = None

    def close(self) -> None:
        """Remove the temporary repository. Idempotent."""
        self._opened.close()
        self._repository = None

    def advertise(self) -> Iterator[bytes]:
        """Yield the capabilities of protocol v2, whatever version was requested."""
        fetch = "fetch" if self.header.prerequisites else "fetch=shallow filter"
        lines = ["version 2", f"agent={agent()}", "ls-refs=unborn", fetch]
        yield b"".join(map(encode_text, [*lines, f"object-format={self.header.object_format.name}"])) + FLUSH

    def answer(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the answer to one request."""
        request = b"".join(blocks)
        reader = PacketReader([request])
        lines = []
        while (line := reader.read_or_end()) is not None:
            lines.append(line.removesuffix(b"\n") if isinstance(line, bytes) else b"")
        try:
            if b"command=ls-refs" in lines:
                yield from self._list(symrefs=b"symrefs" in lines)
            elif self.header.prerequisites:
                yield from self._pass_on(lines)
            else:
                server = UploadPack(self._unpacked(), strategy="reuse", words=own_words)
                yield from server.answer([request], 2)
        except PackcoreError as error:
            yield encode_text(f"ERR {own_words(error)}")

    def _list(self, *, symrefs: bool) -> Iterator[bytes]:
        refs = self.header.refs
        head = guessed_head(refs)
        for name, oid in refs.items():
            target = f" symref-target:{head}" if name == "HEAD" and head and symrefs else ""
            yield encode_text(f"{oid.hex()} {name}{target}")
        yield FLUSH

    def _unpacked(self) -> Repository:
        """Return a temporary repository with the bundle's objects. Raises RepositoryError, CorruptData."""
        if self._repository is None:
            header = self.header
            folder = self._opened.enter_context(tempfile.TemporaryDirectory(prefix="packcore-bundle-"))
            repository = Repository.init(Path(folder) / "x.git", header.object_format)
            self._opened.callback(repository.close)
            with SpooledPack.receive(
                self._pack(), object_format=header.object_format, directory=repository.pack_directory
            ) as spool:
                repository.add_pack(spool)
            _set_refs(repository, header)
            self._repository = repository
        return self._repository

    def _pass_on(self, lines: list[bytes]) -> Iterator[bytes]:
        """Answer a fetch from a bundle with prerequisites."""
        needed = dict(self.header.prerequisites or {})
        haves = {line[5:] for line in lines if line.startswith(b"have ")}
        found = [oid for oid in needed if oid.hex().encode() in haves]
        lacking = [oid for oid in needed if oid not in found]
        if b"done" not in lines:
            acks = [f"ACK {oid.hex()}" for oid in found] or ["NAK"]
            yield b"".join(map(encode_text, ["acknowledgments", *acks, *([] if lacking else ["ready"])]))
            yield FLUSH if lacking else DELIM
        if b"done" not in lines and lacking:
            return
        if lacking:
            raise RepositoryError(
                f"{self.path}: it builds on commits that the other side lacks: {_named(lacking)}"
            )
        yield encode_text("packfile")
        for block in self._pack():
            yield encode_packet(_BAND + block)
        yield FLUSH

    def _pack(self) -> Iterator[bytes]:
        try:
            with self.path.open("rb") as file:
                file.seek(self.header.pack_offset)
                while block := file.read(_BLOCK_BYTES):
                    yield block
        except OSError as error:
            raise RepositoryError(f"{self.path}: {error.strerror}") from None


def _set_refs(repository: Repository, header: BundleHeader) -> None:
    """Give a repository a bundle's refs. Raises MissingObject.

    A name that can't be a ref here (too long for the disk, below another ref) doesn't hold back the rest:
    what it points to gets a name of ours, under which it can be sent.
    """
    zero = header.object_format.zero
    refs = [RefChange(name, zero, oid) for name, oid in header.refs.items() if name.startswith("refs/")]
    faults = repository.change_refs_apart(refs)
    for fault in faults.values():
        if isinstance(fault, MissingObject):
            raise fault
    others = [
        RefChange(f"refs/packcore/bundle/{number}", zero, header.refs[name])
        for number, name in enumerate(faults)
    ]
    repository.change_refs(others)


def _named(oids: list[ObjectId]) -> str:
    more = f" and {len(oids) - _NAMED_MAX:,} more" if len(oids) > _NAMED_MAX else ""
    return ", ".join(oid.hex() for oid in oids[:_NAMED_MAX]) + more
