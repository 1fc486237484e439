"""One tree of errors: any outside bytes raise only these.

Each class has the exit code for the command line. Each error says *what* and *where* (pack and offset, object
id, path, limit), and has a `hint` if there is something to do about it. A hint uses the library's names of
options; `option` lists them, and the command line adds its dashes. Messages never contain secrets. Errors of
a remote are in `transport.errors`, below the same root.
"""

from __future__ import annotations

from typing import Any, ClassVar

__all__ = [
    "AmbiguousRevision",
    "CorruptData",
    "CorruptIndex",
    "CorruptObject",
    "CorruptPack",
    "CorruptShortcut",
    "InvalidFilter",
    "InvalidPlan",
    "InvalidRefName",
    "LimitExceeded",
    "MissingObject",
    "PackcoreError",
    "PluginError",
    "RefLocked",
    "RefMoved",
    "RepositoryError",
    "UnknownRevision",
    "UnknownType",
    "UnreadableRef",
    "WorkerLost",
    "WrongId",
    "pack_too_large",
    "rebuild_error",
    "structure_too_large",
]


class PackcoreError(Exception):
    """The root. `str(error)` is one line for people; `hint` says what to do, or is None."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None, option: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        self.option = option
        """The options that message or hint name, by their names in the library, separated by blanks."""
        self.side = ""
        """"source" or "target" if it was raised while a sync talked to one of its two remotes."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Make errors picklable, whatever arguments their constructors need."""
        return rebuild_error, (type(self), self.args, self.__dict__)


def rebuild_error(
    kind: type[BaseException], arguments: tuple[Any, ...], fields: dict[str, Any]
) -> BaseException:
    """Return an error from another process, given its class, arguments and fields."""
    error = kind.__new__(kind, *arguments)
    error.args = arguments
    error.__dict__.update(fields)
    return error


class CorruptData(PackcoreError):
    """Bytes that break their format."""

    exit_code = 3


class CorruptPack(CorruptData):
    """A pack breaks its format at `offset` (bytes from its start; None means the pack as a whole)."""

    def __init__(
        self,
        message: str,
        *,
        offset: int | None = None,
        pack: str | None = None,
        hint: str | None = None,
        option: str = "",
    ) -> None:
        where = f" at offset {offset}" if offset is not None else ""
        super().__init__(f"{pack or 'pack'}{where}: {message}", hint=hint, option=option)
        self.reason = message
        self.offset = offset
        self.pack = pack


class CorruptIndex(CorruptData):
    """A pack index (.idx) or reverse index (.rev) breaks its format; `path` names it."""

    def __init__(self, message: str, *, path: str, hint: str | None = None) -> None:
        super().__init__(f"{path}: {message}", hint=hint)
        self.reason = message
        self.path = path


class CorruptShortcut(CorruptData):
    """A commit-graph, multi-pack-index or bitmap breaks its format; `path` names it.

    Such a file is left aside wherever the same can be read from the objects.
    """

    def __init__(self, message: str, *, path: str, hint: str | None = None) -> None:
        super().__init__(f"{path}: {message}", hint=hint)
        self.reason = message
        self.path = path


class CorruptObject(CorruptData):
    """The bytes of an object do not parse, or do not match its id; `oid` is the id in hex."""

    def __init__(self, message: str, *, oid: str, hint: str | None = None) -> None:
        super().__init__(f"object {oid}: {message}", hint=hint)
        self.reason = message
        self.oid = oid


class WrongId(CorruptObject):
    """The bytes of an object are sound, but have another id than its name says: `actual`, in hex."""

    def __init__(self, oid: str, actual: str) -> None:
        super().__init__("its bytes have another id", oid=oid)
        self.actual = actual


class UnknownType(CorruptObject):
    """A loose object says that it is of a type that doesn't exist: `label`, of `size` bytes."""

    def __init__(self, oid: str, label: str, size: int) -> None:
        super().__init__(f"its type is {label[:80]!r}, and there is no such type", oid=oid)
        self.label = label
        self.size = size


class MissingObject(CorruptData):
    """A required object is missing; `oid` is the id in hex, `context` says what needs it."""

    def __init__(self, oid: str, *, context: str = "", hint: str | None = None) -> None:
        super().__init__(f"object {oid} is missing" + (f" ({context})" if context else ""), hint=hint)
        self.oid = oid
        self.context = context

    def needed_by(self, who: str) -> MissingObject:
        """Return the same error with what needs the object at the start of its context."""
        return MissingObject(self.oid, context="; ".join(filter(None, (who, self.context))), hint=self.hint)


class UnreadableRef(CorruptData):
    """A ref exists, but its value can't be read: it is neither known nor absent.

    `ref` is its full name, `reason` is a text that says what is wrong with it.
    """

    def __init__(
        self,
        ref: str,
        reason: str,
        *,
        is_blank: bool = False,
        is_zero: bool = False,
        is_dangling: bool = False,
        points_to: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(f"{ref}: {reason}", hint=hint)
        self.ref = ref
        self.reason = reason
        self.is_blank = is_blank
        """Its file is empty or has only NULs, as after a power loss: overwriting it loses nothing."""
        self.is_zero = is_zero
        """It holds the zero id, which names no object."""
        self.is_dangling = is_dangling
        """It is a symbolic ref to a ref that doesn't exist, which is legal."""
        self.points_to = points_to
        """The ref that a symbolic ref leads to, if that one is the problem."""


class LimitExceeded(PackcoreError):
    """A limit was exceeded: `limit` is its field name in `Limits`, or the option that sets it."""

    def __init__(self, message: str, *, limit: str, hint: str | None = None, option: str = "") -> None:
        super().__init__(message, hint=hint, option=option)
        self.limit = limit


def pack_too_large(size_max: int) -> LimitExceeded:
    """Return the error for a pack of more than `pack_bytes`, in git's words, which clients know."""
    return LimitExceeded(f"pack exceeds maximum allowed size ({size_max} bytes)", limit="pack_bytes")


def structure_too_large(what: str, size: int, size_max: int) -> LimitExceeded:
    """Return the error for a commit, tree or tag of more than `structure_bytes`; `what` names it."""
    return LimitExceeded(
        # The limit comes first, because clients of a server see only the start of a line.
        f"more than structure_bytes ({size_max}): {what} has {size} bytes",
        limit="structure_bytes",
    )


class InvalidPlan(PackcoreError):
    """A pack plan breaks one of its invariants (a cycle, a base after its delta, a depth over the limit)."""


class PluginError(PackcoreError):
    """A plug-in is unknown or broken, or exists twice."""

    exit_code = 2


class WorkerLost(PackcoreError):
    """A worker process ended before it answered."""


class RepositoryError(PackcoreError):
    """A repository on disk can't be used: it doesn't exist, is locked, or has an unknown format."""


class InvalidRefName(RepositoryError):
    """A ref name that git-check-ref-format refuses."""


class RefMoved(RepositoryError):
    """A ref on disk no longer holds what the caller saw; nothing was changed."""

    def __init__(self, ref: str, reason: str, *, hint: str | None = None) -> None:
        super().__init__(f"{ref}: {reason}", hint=hint)
        self.ref = ref
        self.reason = reason


class RefLocked(RepositoryError):
    """Another process holds a lock; nothing was changed. `path` is the lock file."""

    def __init__(self, path: str, holder: str, *, hint: str | None = None) -> None:
        super().__init__(f"{path} is held by {holder}", hint=hint)
        self.path = path
        self.holder = holder


class UnknownRevision(RepositoryError):
    """No object or ref has the name that a user typed."""


class AmbiguousRevision(UnknownRevision):
    """A short id fits more than one object."""


class InvalidFilter(PackcoreError):
    """The text of an object filter is not understood, or what it names can't be used."""
