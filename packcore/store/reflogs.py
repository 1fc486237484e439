r"""Reflogs: a ref's former values, a line for each change, oldest first (gitrepository-layout, git-reflog).

    logs/refs/heads/main    "<old> <new> Name <mail> 1112911993 -0700\tpush\n"
    logs/HEAD               the same for the branch that HEAD points to

core.logAllRefUpdates (git-config) decides which refs get one; an existing log is always continued.

    always          every ref
    true            HEAD, and refs below refs/heads, refs/remotes and refs/notes
    false           none
    not set         as true, but in a bare repository as false

A deleted ref's log goes with it. Expiring is left out.
"""

from __future__ import annotations

import re
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import CorruptData, RepositoryError
from packcore.store.config import bool_of
from packcore.store.folders import remove_empty_folders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from packcore.ids import ObjectFormat, ObjectId
    from packcore.store.config import GitConfig

__all__ = ["LogEntry", "LoggedRefs", "Reflogs", "logged_refs", "read_log", "remove_log"]

_USUAL = ("refs/heads/", "refs/remotes/", "refs/notes/")


LOG_BYTES_MAX = 1 << 30
_LINE = re.compile(rb"([0-9a-f]+) ([0-9a-f]+) [^\t]*(?:\t(.*))?\Z", re.DOTALL)


class LogEntry(NamedTuple):
    """One change of a ref."""

    old: ObjectId
    new: ObjectId
    message: bytes


class LoggedRefs(Enum):
    """Which refs get a log."""

    NONE = "none"
    USUAL = "usual"
    ALL = "all"

    def has(self, name: str) -> bool:
        """Return whether a ref gets one."""
        return self is LoggedRefs.ALL or (
            self is LoggedRefs.USUAL and (name == "HEAD" or name.startswith(_USUAL))
        )


def logged_refs(config: GitConfig, *, is_bare: bool) -> LoggedRefs:
    """Return what core.logAllRefUpdates says. Raises RepositoryError for another word."""
    value = config.get("core.logallrefupdates")
    if value is None:
        return LoggedRefs.NONE if is_bare else LoggedRefs.USUAL
    if value.lower() == "always":
        return LoggedRefs.ALL
    return LoggedRefs.USUAL if bool_of("core.logAllRefUpdates", value) else LoggedRefs.NONE


class Reflogs:
    """The logs of one repository's refs. Nothing is written before `begin`."""

    def __init__(self) -> None:
        self.logged = LoggedRefs.NONE
        """Which refs get a log."""
        self._signed: Callable[[], bytes] | None = None
        self._message = b""

    def begin(self, logged: LoggedRefs, signed: Callable[[], bytes], message: bytes) -> None:
        """Log changes from now on. `signed` returns `Name <mail> seconds zone` for each."""
        self.logged, self._signed, self._message = logged, signed, message

    @property
    def is_on(self) -> bool:
        """Whether changes are logged."""
        return self._signed is not None

    def signed_message(self) -> tuple[bytes, bytes]:
        """Return who makes a change now, as `Name <mail> seconds zone`, and why."""
        assert self._signed is not None
        return self._signed(), self._message

    def write(self, name: str, path: Path, old: ObjectId, new: ObjectId) -> None:
        """Write a line to a ref's log, whose path is given, if it gets one. Raises RepositoryError."""
        line = b"%b %b %b\t%b\n" % (old.hex().encode(), new.hex().encode(), *self.signed_message())
        try:
            if self.logged.has(name):
                path.parent.mkdir(parents=True, exist_ok=True)
                if path.is_dir():
                    remove_empty_folders(path)  # left by deleted refs
            elif not path.is_file():
                return
            with path.open("ab", buffering=0) as file:
                file.write(line)
        except OSError as error:
            raise RepositoryError(f"{path}: can't write the reflog: {error.strerror}") from None


def read_log(path: Path, object_format: ObjectFormat) -> list[LogEntry] | None:
    """Return the entries of a log, oldest first; None without one. Raises RepositoryError, CorruptData."""
    try:
        with path.open("rb") as file:
            data = file.read(LOG_BYTES_MAX + 1)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None
    except OSError as error:
        raise RepositoryError(f"{path}: {error.strerror}") from None
    if len(data) > LOG_BYTES_MAX:
        raise RepositoryError(f"{path}: longer than {LOG_BYTES_MAX} bytes")
    found: list[LogEntry] = []
    for number, line in enumerate(data.split(b"\n")[:-1], 1):
        match = _LINE.match(line)
        try:
            if match is None:
                raise ValueError("it is malformed")
            old, new = object_format.from_hex(match[1]), object_format.from_hex(match[2])
        except ValueError as error:
            raise CorruptData(f"{path}: line {number}: {error}") from None
        found.append(LogEntry(old, new, match[3] or b""))
    return found


def remove_log(path: Path, kept: Iterable[Path]) -> None:
    """Remove a deleted ref's log, and its folders that are then empty, below the kept ones."""
    with suppress(OSError):
        path.unlink()
        for folder in path.parents:
            if folder in kept:
                return
            folder.rmdir()
