"""Collect and check the refs that a remote lists: shared by advertisements and ls-refs.

Names are never trusted: only `HEAD` and names below `refs/` that git-check-ref-format allows can be fetched.
A ref with the zero id is one that the server itself can't read. All other refs are kept as *unreadable*: the
remote has them, so they must not count as deleted. Ids must be lower-case hex of the announced format,
otherwise the answer is invalid. So is an answer that lists a ref twice, or peels one that it doesn't list.
"""

from __future__ import annotations

from itertools import islice
from operator import lt
from typing import TYPE_CHECKING

from packcore.refs import decode_ref_name, encode_ref_name, is_remote_ref_name
from transport.errors import AnswerTooLarge, RemoteProtocolError
from transport.safe_text import one_line
from transport.wire.limits import REF_BYTES
from transport.wire.ref_columns import RefColumns

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from packcore.ids import ObjectFormat, ObjectId
    from packcore.refs import RefKind
    from transport.wire.limits import WireLimits

__all__ = ["Columns", "RefCollector", "parse_oid"]

Columns = tuple[list[bytes], list[bytes]]
"""Names, and for each an id in hex."""

_WIDEST_CHARACTER_BYTES = 4
"""The memory for each character of a text that contains one beyond the first 65,536."""
_FEWER = "a server of protocol v2 lists fewer refs if fewer are requested: branches"
_OPTIONS = "max_refs branches"


def parse_oid(text: bytes, object_format: ObjectFormat) -> ObjectId:
    """Parse an id. Raises RemoteProtocolError unless it is whole, lower-case and of this format."""
    try:
        return object_format.from_hex(text)
    except ValueError:
        raise RemoteProtocolError(
            f"not a {object_format.name} object id: {one_line(text, limit=100)!r}"
        ) from None


class _Names:
    """Names in the order listed, each once. While they are sorted, the order shows what is new."""

    def __init__(self) -> None:
        self.all: list[bytes] = []
        self._set: set[bytes] | None = None

    def __contains__(self, name: bytes) -> bool:
        last = self.all[-1:]
        if self._set is None and (not last or name >= last[0]):
            return name in last
        return name in self._by_hash()

    def take(self, names: Sequence[bytes]) -> bool:
        """Add names; return False, and add none, if one is there twice then."""
        ordered = [*self.all[-1:], *names]
        if self._set is not None or not all(map(lt, ordered, islice(ordered, 1, None))):
            more = set(names)
            if len(more) != len(names) or not self._by_hash().isdisjoint(more):
                return False
            self._by_hash().update(more)
        self.all += names
        return True

    def drop(self, name: bytes) -> int:
        """Remove a name; return where it was."""
        at = self.all.index(name)
        del self.all[at]
        if self._set is not None:
            self._set.remove(name)
        return at

    def _by_hash(self) -> set[bytes]:
        if self._set is None:
            self._set = set(self.all)
        return self._set


class RefCollector:
    """Collects refs in the order in which they are listed."""

    def __init__(self, object_format: ObjectFormat, limits: WireLimits) -> None:
        self.object_format = object_format
        self._names = _Names()
        self._hexes: list[bytes] = []
        self._tags = _Names()
        self._tagged: list[bytes] = []
        self.symrefs: dict[str, str] = {}
        self.head: ObjectId | None = None
        self.head_fault: str | None = None
        """Why HEAD can't be fetched, if it is listed that way."""
        self.unreadable: dict[str, str] = {}
        """Maps the name of each listed ref that can't be fetched to the reason."""
        self.may_lack_names = False
        """Whether the server has refs that it can't read; then it leaves out symbolic refs to them."""
        self.hidden: frozenset[RefKind] = frozenset()
        """The kinds of refs that the server says it partly hides."""
        self._dropped: set[bytes] = set()
        self._warnings: list[str] = []
        self._unsaid_warnings = 0
        self._lines = 0
        self._held_bytes = 0
        self._limits = limits

    def add(self, name: bytes, oid: ObjectId, fault: str | None = None) -> bool:
        """Add one ref; return False if it can't be fetched.

        `fault` is the server's reason why it can't read the ref or its object; only our own servers send one.
        """
        self.count_line()
        text = decode_ref_name(name)
        self.hold(text)
        if name in self._names or name in self._dropped or (name == b"HEAD" and self.head is not None):
            raise RemoteProtocolError(f"the remote lists a ref twice: {one_line(name, limit=200)}")
        if fault is not None:
            return self._refuse(name, fault)
        if not is_remote_ref_name(text):
            return self._refuse(name, "not a valid ref name")
        if oid == self.object_format.zero:
            self.may_lack_names = True
            return self._refuse(name, "the server lists it without an object: it can't read this ref itself")
        if name == b"HEAD":
            self.head = oid
        else:
            self._names.take([name])
            self._hexes.append(oid.hex().encode())
        return True

    def add_many(self, refs: Columns, peeled: Columns) -> bool:
        """Take refs whose names and ids are valid, and what tags among them resolve to, one after the other.

        Both are columns: names, and ids in hex. False, and nothing is taken, if one of them is here already,
        or a limit would be passed.
        """
        names, hexes = refs
        tags, tagged = peeled
        lines = len(names) + len(tags)
        text = b"".join(names)
        held = lines * REF_BYTES + (
            len(text) if text.isascii() else len(decode_ref_name(text)) * _WIDEST_CHARACTER_BYTES
        )
        if (
            self._lines + lines > self._limits.refs
            or self._held_bytes + held > self._limits.listing_bytes
            or not self._dropped.isdisjoint(names)
            or not self._names.take(names)
        ):
            return False
        self._lines += lines
        self._held_bytes += held
        self._hexes += hexes
        self._tags.take(tags)
        self._tagged += tagged
        return True

    def refs(self) -> RefColumns:
        """Return the refs, without HEAD."""
        return RefColumns(self._names.all, self._hexes)

    def peeled(self) -> RefColumns:
        """Return what annotated tags resolve to, by the tags' names; HEAD may be among them."""
        return RefColumns(self._tags.all, self._tagged)

    def take_unreadable(self, faults: Iterable[tuple[str, str]]) -> None:
        """Add all refs that the server says it can't read, after those that it listed."""
        self.may_lack_names = False
        for name, reason in faults:
            if name == "HEAD":
                self.head, self.head_fault = None, reason
                self._remove(b"HEAD")
            elif name.startswith("refs/"):
                self.count_line()
                self.hold(name)
                self._remove(encode_ref_name(name))
                self.unreadable[name] = reason

    def add_peeled(self, name: bytes, oid: ObjectId) -> None:
        """Record the object that the tag `name`, listed before, finally points to."""
        self.count_line()
        if name in self._dropped:
            return
        if name in self._tags or not (name in self._names or (name == b"HEAD" and self.head)):
            raise RemoteProtocolError(
                f"the remote peels a ref twice, or one it doesn't list: {one_line(name, limit=200)}"
            )
        self.hold()
        self._tags.take([name])
        self._tagged.append(oid.hex().encode())

    def add_symref(self, name: str, target: str) -> None:
        """Record the target of a symbolic ref, if both names are valid."""
        if not is_remote_ref_name(name) or not is_remote_ref_name(target) or target == name:
            self.warn(f"symbolic ref left out: {one_line(f'{name} -> {target}', limit=200)}")
        elif name in self.symrefs:
            if self.symrefs[name] != target:
                self.warn(f"symbolic ref with a second target: {one_line(name, limit=200)}")
        else:
            self.hold(target)
            self.symrefs[name] = target

    def count_line(self) -> None:
        """Count one more line, and check the limit."""
        self._lines += 1
        if self._lines > self._limits.refs:
            raise AnswerTooLarge(
                f"more than {self._limits.refs:,} refs, the bound set by max_refs",
                limit="WireLimits.refs",
                hint=_FEWER,
                option=_OPTIONS,
            )

    def hold(self, text: str = "") -> None:
        """Count the memory of one more ref, id or name, and check the limit."""
        self._held_bytes += REF_BYTES + len(text) * (1 if text.isascii() else _WIDEST_CHARACTER_BYTES)
        if self._held_bytes > self._limits.listing_bytes:
            raise AnswerTooLarge(
                f"refs that take more than {self._limits.listing_bytes:,} bytes of memory, "
                "the bound that follows from max_refs",
                limit="WireLimits.listing_bytes",
                hint=_FEWER,
                option=_OPTIONS,
            )

    def warn(self, message: str) -> None:
        """Keep a warning for the user; beyond a limit they are only counted."""
        if len(self._warnings) < self._limits.warnings:
            self._warnings.append(message)
        else:
            self._unsaid_warnings += 1

    def warnings(self) -> tuple[str, ...]:
        """Return the warnings, safe to show."""
        if self.head_fault is not None:
            self.warn(f"HEAD can't be read: {self.head_fault}")
        if self._unsaid_warnings:
            return (*self._warnings, f"and {self._unsaid_warnings} more warnings")
        return tuple(self._warnings)

    def _remove(self, name: bytes) -> None:
        for names, hexes in ((self._names, self._hexes), (self._tags, self._tagged)):
            if name in names:
                del hexes[names.drop(name)]

    def _refuse(self, name: bytes, reason: str) -> bool:
        self._dropped.add(name)
        self.hold(decode_ref_name(name))
        if name.startswith(b"refs/"):
            self.unreadable[decode_ref_name(name)] = reason
        elif name == b"HEAD":
            self.head_fault = reason
        else:
            self.warn(f"ref left out: {one_line(name, limit=200)}: {reason}")
        return False
