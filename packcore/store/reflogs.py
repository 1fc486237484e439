r"""Reflogs: a ref's former values, a line for each change, oldest first (gitrepository-layout, git-reflog).

    logs/refs/heads/main    "<old> <new> Name <mail> 1112911993 -0700\tpush\n"
    logs/HEAD               the same for the branch that HEAD points to

core.logAllRefUpdates (git-config) decides which refs get one; an existing log is always continued.

    always          every ref
    true            HEAD, and refs below refs/heads, refs/remotes and refs/notes
    false           none
    not set         as true, but in a bare repository as false

A deleted ref's log goes with it. Logs are read for the ids in them, which are in use; as in git, a line that
isn't one is passed over. Expiring is left out.
"""

from __future__ import annotations

import re
from binascii import unhexlify
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import RepositoryError
from packcore.ids import ObjectId
from packcore.store.config import bool_of
from packcore.store.folders import remove_empty_folders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from packcore.ids import ObjectFormat
    from packcore.store.config import GitConfig

__all__ = ["LogEntry", "LoggedRefs", "Reflogs", "logged_refs", "read_log", "remove_log"]

_USUAL = ("refs/heads/", "refs/remotes/", "refs/notes/")


class LogEntry(NamedTuple):
    """One change of a ref: a line of its log."""

    old: ObjectId
    new: ObjectId
    seconds: int
    """When, since 1970."""
    message: bytes
    """Why."""


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


def read_log(path: Path, object_format: ObjectFormat) -> Iterator[LogEntry]:
    """Yield a log's entries, oldest first; none if there is no log.

    Raises RepositoryError if it can't be read.
    """
    line = re.compile(
        rb"([0-9a-f]{%d}) ([0-9a-f]{%d}) [^\n]*> ([0-9]{1,18}) [+-][0-9]*(?:\t([^\n]*))?"
        % ((object_format.hex_size,) * 2)
    )
    try:
        with path.open("rb") as file:
            for text in file:
                if match := line.match(text):
                    old, new = (ObjectId(unhexlify(match[group])) for group in (1, 2))
                    yield LogEntry(old, new, int(match[3]), match[4] or b"")
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return
    except OSError as error:
        raise RepositoryError(f"{path}: {error.strerror}") from None


def remove_log(path: Path, kept: Iterable[Path]) -> None:
    """Remove a deleted ref's log, and its folders that are then empty, below the kept ones."""
    with suppress(OSError):
        path.unlink()
        for folder in path.parents:
            if folder in kept:
                return
            folder.rmdir()
