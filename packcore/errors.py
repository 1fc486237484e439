"""One tree of errors: whatever outside bytes hold, what comes out is one of these.

Each class carries the exit code that the command line ends with, and each error says *what*, *where*
(pack and offset, object id, path, limit) and, where there is something to do about it, a `hint`. A hint
speaks of options by their names in the library; `option` names them, and the command line adds its dashes.
Messages never hold a secret. Errors of a remote live in `transport.errors`, below the same root.
"""

from __future__ import annotations

from typing import Any, ClassVar

__all__ = [
    "CorruptData",
    "CorruptIndex",
    "CorruptObject",
    "CorruptPack",
    "CorruptShortcut",
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
    "UnreadableRef",
    "WorkerLost",
    "rebuild_error",
    "structure_too_large",
]


class PackcoreError(Exception):
    """The root. `str(error)` is one line for a person; `hint` says what to do, or is None."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None, option: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        self.option = option
        """The options that message or hint name, by their names in the library, separated by blanks."""
        self.side = ""
        """"source" or "target" if it came up while a run talked to one of its two remotes."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Let errors travel between processes, whatever their constructors ask for."""
        return rebuild_error, (type(self), self.args, self.__dict__)


def rebuild_error(
    kind: type[BaseException], arguments: tuple[Any, ...], fields: dict[str, Any]
) -> BaseException:
    """Return an error as it was in another process, from its class, words and fields."""
    error = kind.__new__(kind, *arguments)
    error.args = arguments
    error.__dict__.update(fields)
    return error


class CorruptData(PackcoreError):
    """Bytes that break their format."""

    exit_code = 3


class CorruptPack(CorruptData):
    """A pack breaks its format at `offset` (bytes from the pack's start; None: the pack as a whole)."""

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
    """An object's bytes do not parse, or are not what its id says; `oid` is the id in hex."""

    def __init__(self, message: str, *, oid: str, hint: str | None = None) -> None:
        super().__init__(f"object {oid}: {message}", hint=hint)
        self.reason = message
        self.oid = oid


class MissingObject(CorruptData):
    """An object that must be there is not; `oid` in hex, `context` says who needs it."""

    def __init__(self, oid: str, *, context: str = "", hint: str | None = None) -> None:
        super().__init__(f"object {oid} is missing" + (f" ({context})" if context else ""), hint=hint)
        self.oid = oid
        self.context = context

    def needed_by(self, who: str) -> MissingObject:
        """Return the same error with who needs the object, before what is known of where it may be."""
        return MissingObject(self.oid, context="; ".join(filter(None, (who, self.context))), hint=self.hint)


class UnreadableRef(CorruptData):
    """A ref is there, but what it points to can't be read: it is neither known nor absent.

    `ref` is its full name, `reason` says in words what is wrong with it.
    """

    def __init__(
        self,
        ref: str,
        reason: str,
        *,
        is_blank: bool = False,
        is_dangling: bool = False,
        points_to: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(f"{ref}: {reason}", hint=hint)
        self.ref = ref
        self.reason = reason
        self.is_blank = is_blank
        """Its file holds no bytes, or only NULs, as after a power loss: writing it loses nothing."""
        self.is_dangling = is_dangling
        """It is a symbolic ref to a ref that isn't there, which is legal."""
        self.points_to = points_to
        """The ref that a symbolic one comes to, where that is what is wrong."""


class LimitExceeded(PackcoreError):
    """A limit was reached: `limit` is its field name in `Limits`, or the option that sets it."""

    def __init__(self, message: str, *, limit: str, hint: str | None = None, option: str = "") -> None:
        super().__init__(message, hint=hint, option=option)
        self.limit = limit


def structure_too_large(what: str, size: int, size_max: int) -> LimitExceeded:
    """Return the error for a commit, tree or tag of more than `structure_bytes`; `what` names it."""
    return LimitExceeded(
        # The limit first: a server's client sees only the start of a line.
        f"more than structure_bytes ({size_max}): {what} has {size} bytes",
        limit="structure_bytes",
    )


class InvalidPlan(PackcoreError):
    """A pack plan breaks one of its invariants (a cycle, a base after its delta, a depth over the limit)."""


class PluginError(PackcoreError):
    """A plug-in is unknown, broken, or there twice."""

    exit_code = 2


class WorkerLost(PackcoreError):
    """A process that worked for us ended before it had answered."""


class RepositoryError(PackcoreError):
    """A repository on disk can't be used as asked: not there, a lock held, a format not known."""


class InvalidRefName(RepositoryError):
    """A ref name that git-check-ref-format refuses."""


class RefMoved(RepositoryError):
    """A ref on disk no longer holds what the caller saw; nothing was changed."""

    def __init__(self, ref: str, reason: str, *, hint: str | None = None) -> None:
        super().__init__(f"{ref}: {reason}", hint=hint)
        self.ref = ref
        self.reason = reason


class RefLocked(RepositoryError):
    """A lock that another process holds; nothing was changed. `path` is the lock file."""

    def __init__(self, path: str, holder: str, *, hint: str | None = None) -> None:
        super().__init__(f"{path} is held by {holder}", hint=hint)
        self.path = path
        self.holder = holder


class UnknownRevision(RepositoryError):
    """No object or ref answers to the name that a user typed."""
