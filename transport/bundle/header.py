r"""The header of a bundle, up to its pack.

    # v2 git bundle\n               or "# v3 git bundle\n", which may be followed by
    @object-format=sha256\n         v3: the object format; v2 is always sha1
    @filter=blob:none\n             v3: what was left out of the pack
    -<oid> <comment>\n              a prerequisite: the receiver has this commit and all its history
    <oid> <name>\n                  a ref, which may be HEAD
    \n
    PACK …                          may be thin: deltas against objects that the prerequisites reach

Specified in gitformat-bundle. An unknown capability in a v3 bundle is an error, as the format requires.

>>> from packcore.ids import SHA1, ObjectId
>>> encode_header(BundleHeader(SHA1, {"refs/heads/main": ObjectId(bytes(20))}))
b'# v2 git bundle\n0000000000000000000000000000000000000000 refs/heads/main\n\n'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from packcore.errors import CorruptData, LimitExceeded
from packcore.ids import FORMATS, SHA1
from packcore.refs import decode_ref_name, encode_ref_name
from transport.errors import UnsupportedByRemote
from transport.safe_text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packcore.ids import ObjectFormat, ObjectId

__all__ = ["SIGNATURES", "BundleHeader", "encode_header", "read_header"]

SIGNATURES = (b"# v2 git bundle\n", b"# v3 git bundle\n")
HEADER_BYTES_MAX = 256 * 1024 * 1024
_LINE_BYTES_MAX = 64 * 1024


@dataclass(frozen=True, slots=True)
class BundleHeader:
    """The part of a bundle before its pack."""

    object_format: ObjectFormat
    refs: Mapping[str, ObjectId]
    """Includes HEAD, if the bundle has it."""
    prerequisites: Mapping[ObjectId, str] | None = None
    """Commits that the receiver must have, with their comments."""
    pack_offset: int = 0


def read_header(file: IO[bytes], name: str) -> BundleHeader:
    """Read the header of the bundle `name`, and leave the file at the start of its pack.

    Raises CorruptData, LimitExceeded, and UnsupportedByRemote for a filter or an unknown capability.
    """
    signature = file.readline(_LINE_BYTES_MAX)
    if signature not in SIGNATURES:
        raise CorruptData(
            f"{name}: not a bundle, or one of an unknown version: {one_line(signature, limit=40)!r}"
        )
    object_format, size = SHA1, len(signature)
    refs: dict[str, ObjectId] = {}
    prerequisites: dict[ObjectId, str] = {}
    while line := file.readline(_LINE_BYTES_MAX):
        size += len(line)
        if size > HEADER_BYTES_MAX:
            raise LimitExceeded(
                f"{name}: its header is longer than {HEADER_BYTES_MAX:,} bytes", limit="header"
            )
        if line == b"\n":
            return BundleHeader(object_format, refs, prerequisites, size)
        text = line.removesuffix(b"\n")
        if text.startswith(b"@") and signature == SIGNATURES[1] and not refs and not prerequisites:
            object_format = _capability(text[1:], name)
            continue
        try:
            is_needed = text.startswith(b"-")
            hex_oid, blank, rest = text[is_needed:].partition(b" ")
            oid = object_format.from_hex(hex_oid)
            if not text[len(hex_oid) :] or not (is_needed or (blank and rest)) or not line.endswith(b"\n"):
                raise ValueError
        except ValueError:
            raise CorruptData(
                f"{name}: its header has an invalid line: {one_line(line, limit=100)!r}"
            ) from None
        if is_needed:
            prerequisites[oid] = one_line(rest, limit=100)
        elif refs.setdefault(ref := decode_ref_name(rest), oid) != oid:
            raise CorruptData(f"{name}: its header gives {one_line(ref, limit=100)} a second id")
    raise CorruptData(f"{name}: it ends within its header")


def _capability(text: bytes, name: str) -> ObjectFormat:
    """Return the object format from a v3 capability; no other capability is supported."""
    key, _, value = text.partition(b"=")
    if key == b"object-format" and (known := FORMATS.get(value.decode("ascii", "replace"))) is not None:
        return known
    if key == b"filter":
        raise UnsupportedByRemote(
            f"{name}: a filter left objects out of it ({one_line(value, limit=80)})",
            hint="take a bundle that was made without --filter",
        )
    raise UnsupportedByRemote(f"{name}: it needs an unknown capability: {one_line(text, limit=80)!r}")


def encode_header(header: BundleHeader) -> bytes:
    """Return the bytes before the pack: v2 if that is sufficient, otherwise v3."""
    lines = [SIGNATURES[0]]
    if header.object_format is not SHA1:
        lines = [SIGNATURES[1], b"@object-format=%b\n" % header.object_format.name.encode()]
    lines += [b"-%b\n" % oid.hex().encode() for oid in header.prerequisites or ()]
    lines += [b"%b %b\n" % (oid.hex().encode(), encode_ref_name(name)) for name, oid in header.refs.items()]
    return b"".join([*lines, b"\n"])
