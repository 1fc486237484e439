r"""Object ids and object formats: raw bytes inside, hex only at the edges.

An id is the hash of `b"<type> <size>\0"` followed by the object's bytes
(gitformat-pack and hash-function-transition in git's documentation).

>>> SHA1.to_hex(SHA1.hash_object(b"blob", b"hello\n"))
'ce013625030ba8dba906f756967f9e9ca394464a'
>>> SHA256.to_hex(SHA256.hash_object(b"blob", b""))
'473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813'
"""

from __future__ import annotations

from binascii import unhexlify
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NewType, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from hashlib import _Hash

__all__ = [
    "FORMATS",
    "SHA1",
    "SHA256",
    "AnyId",
    "ObjectFormat",
    "ObjectId",
    "as_id",
    "hex_repr",
    "ids_of_hex",
]

ObjectId = NewType("ObjectId", bytes)
"""Raw digest bytes: 20 for sha1, 32 for sha256."""
AnyId = ObjectId | bytes | str
"""An id as callers of the public functions may give it: raw, or as hex digits."""


@dataclass(frozen=True)
class ObjectFormat:
    """The hash that names the objects of a repository. Passed explicitly, never guessed from a length."""

    name: str
    digest_size: int
    format_id: bytes
    """Four bytes for the format in the headers of .rev and .midx files: number 1 or 2, big-endian."""

    @cached_property
    def new_hash(self) -> Callable[..., _Hash]:
        """What begins a hash. Loaded when first used, since OpenSSL's library comes with it."""
        import hashlib

        # FIPS builds refuse SHA-1 for security purposes; naming objects is none.
        return partial(hashlib.sha1, usedforsecurity=False) if self.name == "sha1" else hashlib.sha256

    @property
    def hex_size(self) -> int:
        """The number of hex digits in an id: 40 or 64."""
        return self.digest_size * 2

    @property
    def zero(self) -> ObjectId:
        """The all-zero id, which means "no object" in ref updates."""
        return ObjectId(bytes(self.digest_size))

    def hash_object(self, type_name: bytes, data: bytes | memoryview) -> ObjectId:
        """Return the id of an object of this type (b"blob", ...) with these bytes."""
        digest = self.new_hash(b"%s %d\0" % (type_name, len(data)))
        digest.update(data)
        return ObjectId(digest.digest())

    def from_hex(self, text: str | bytes) -> ObjectId:
        """Parse a whole lower-case hex id.

        Raises ValueError on a wrong length, upper case, or anything that isn't hex.
        """
        if isinstance(text, bytes):
            text = text.decode("ascii", "replace")
        try:
            oid = bytes.fromhex(text)
        except ValueError:
            oid = b""
        # fromhex would also accept blanks and upper case.
        if oid.hex() != text or len(oid) != self.digest_size:
            raise ValueError(f"not a {self.name} object id: {text[:80]!r}")
        return ObjectId(oid)

    @staticmethod
    def to_hex(oid: ObjectId) -> str:
        """Return an id as lower-case hex."""
        return oid.hex()

    def __repr__(self) -> str:
        return f"ObjectFormat({self.name})"


SHA1 = ObjectFormat("sha1", 20, b"\0\0\0\1")
SHA256 = ObjectFormat("sha256", 32, b"\0\0\0\2")
FORMATS = {fmt.name: fmt for fmt in (SHA1, SHA256)}
"""All object formats, by their name in git's config and protocol."""


def as_id(object_format: ObjectFormat, given: AnyId, what: str = "an object id") -> ObjectId:
    """Return an id that a caller passed raw or as hex. `what` names it in errors.

    Raises TypeError for anything but bytes and str, ValueError for an invalid id of this format.

    >>> as_id(SHA1, "ce013625030ba8dba906f756967f9e9ca394464a").hex()[:8]
    'ce013625'
    """
    if isinstance(given, bytes):
        if len(given) == object_format.digest_size:
            return ObjectId(given)
        raise ValueError(
            f"{what} has {len(given)} bytes, and a raw {object_format.name} id {object_format.digest_size}"
        )
    if isinstance(given, str):
        return object_format.from_hex(given.lower())
    raise TypeError(f"{what} must be bytes or hex digits, not {type(given).__name__}")


def hex_repr(value: Any) -> str:
    """Return the repr of a named tuple or dataclass, with its ids as hex."""
    names = getattr(value, "_fields", None) or value.__dataclass_fields__
    shown = (f"{name}={_shown(getattr(value, name))}" for name in names)
    return f"{type(value).__name__}({', '.join(shown)})"


def _shown(field: object) -> str:
    is_id = isinstance(field, bytes) and len(field) in {SHA1.digest_size, SHA256.digest_size}
    return repr(field.hex()) if is_id else repr(field)  # type: ignore[attr-defined]


_raw = cast("Callable[[bytes], ObjectId]", unhexlify)
"""An id from hex without the call that `ObjectId` is at run time."""


def ids_of_hex(hexes: Collection[bytes]) -> list[ObjectId]:
    """Return ids from hex; equal ones share one object."""
    unique = set(hexes)
    if len(unique) == len(hexes):
        return list(map(_raw, hexes))
    ids: dict[bytes, ObjectId] = dict(zip(unique, map(_raw, unique), strict=True))
    return [ids[text] for text in hexes]
