"""The content of objects as a work tree or a diff has it: `cat-file --filters` and `--textconv`.

    filters     line ends, ident, encoding (packcore.checkout_form), then filter.<name>.smudge, a program
    textconv    diff.<name>.textconv, a program that gets a file with that content

Which of these, .gitattributes say: the files of the work tree, or else those in its index; in a bare
repository those of HEAD. Programs are those that the repository's settings name, so they are only run in
a repository of the user's own. Left out: filter.<name>.process, a conversation with one program about many
files.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from packcore.attributes import FILE_NAME, Attributes
from packcore.checkout_form import LineEnds, to_checkout
from packcore.errors import CorruptData, LimitExceeded, RepositoryError, UnknownRevision
from packcore.objects import MODE_SYMLINK, MODE_TYPE_MASK, ObjectType, iter_tree
from packcore.refs import decode_ref_name, encode_ref_name
from packcore.revision import resolve_revision, split_path
from packcore.store.config import bool_of
from transport.agent import OWN_VARIABLES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cli.console import Console
    from packcore.attributes import State
    from packcore.ids import ObjectId
    from packcore.store.repository import Repository

__all__ = ["ContentForms", "is_symbolic_link"]

_SECONDS_MAX = 300


class ContentForms:
    """Converts the content of blobs by the attributes of their paths."""

    def __init__(
        self, repository: Repository, form: Literal["filters", "textconv"], console: Console
    ) -> None:
        self._repository = repository
        self._form = form
        self._console = console
        self._folder = repository.path.parent if repository.path.name == ".git" else repository.path
        """Where programs run, and in a work tree the files of .gitattributes are."""
        self._attributes = Attributes(self._read, self._info())

    def converted(self, oid: ObjectId, path: bytes) -> bytes | None:
        """Return the content of an object at a path; None if it stays as it is.

        Raises RepositoryError for a program that must work and doesn't, CorruptData, LimitExceeded.
        """
        path = path.removeprefix(b"./")
        type_, size = self._repository.header(oid)
        if type_ is not ObjectType.BLOB:
            return None
        attributes = self._attributes.of(path)
        if not self._changes(attributes):
            return None
        if size >= self._repository.limits.big_object:
            raise LimitExceeded(
                f"object {oid.hex()} has {size} bytes, too many to be converted", limit="big_object"
            )
        data = self._repository.read(oid).data
        found = to_checkout(data, attributes, self._line_ends, oid.hex())
        found = self._smudged(found, attributes, path)
        return self._as_text(found, attributes, path) if self._form == "textconv" else found

    def _changes(self, attributes: Mapping[str, State]) -> bool:
        """Return whether the content may change, so that others need not be read whole."""
        if self._form == "textconv":
            return self._program(attributes, "diff", "textconv") is not None
        names = ("text", "crlf", "eol", "ident", "filter", "working-tree-encoding")
        return self._line_ends.autocrlf == "true" or any(name in attributes for name in names)

    @cached_property
    def _line_ends(self) -> LineEnds:
        config = self._repository.config
        autocrlf = (config.get("core.autocrlf") or "false").lower()
        if autocrlf != "input":
            autocrlf = "true" if bool_of("core.autocrlf", autocrlf) else "false"
        return LineEnds(autocrlf, (config.get("core.eol") or "native").lower())

    # Programs

    def _program(self, attributes: Mapping[str, State], attribute: str, kind: str) -> str | None:
        """Return the program that an attribute and the settings name."""
        name = attributes.get(attribute)
        return self._repository.config.get(f"{attribute}.{name}.{kind}") if isinstance(name, str) else None

    def _as_text(self, data: bytes, attributes: Mapping[str, State], path: bytes) -> bytes:
        program = self._program(attributes, "diff", "textconv")
        assert program is not None  # or nothing would change
        with tempfile.TemporaryDirectory() as folder:
            name = os.fsdecode(path.rpartition(b"/")[2])
            file = Path(folder) / (name if name not in ("", ".", "..") else "content")
            file.write_bytes(data)
            return self._run(["sh", "-c", f'{program} "$@"', program, str(file)], b"", program)

    def _smudged(self, data: bytes, attributes: Mapping[str, State], path: bytes) -> bytes:
        program = self._program(attributes, "filter", "smudge")
        is_required = self._is_required(attributes)
        if program is None:
            if is_required:
                raise RepositoryError(
                    f"filter.{attributes['filter']} is required, and it has no smudge program",
                    hint="filter.<name>.process alone is not supported"
                    if self._has_process(attributes)
                    else None,
                )
            return data
        command = program.replace("%f", shlex.quote(os.fsdecode(path)))
        try:
            return self._run(["sh", "-c", command], data, command)
        except RepositoryError as error:
            if is_required:
                raise
            self._console.warn(f"{error}; the content is shown without it")
            return data

    def _is_required(self, attributes: Mapping[str, State]) -> bool:
        name = attributes.get("filter")
        return isinstance(name, str) and self._repository.config.get_bool(f"filter.{name}.required")

    def _has_process(self, attributes: Mapping[str, State]) -> bool:
        return self._program(attributes, "filter", "process") is not None

    def _run(self, command: Sequence[str], data: bytes, shown: str) -> bytes:
        """Run a program and return its output. Raises RepositoryError."""
        if hasattr(os, "geteuid") and self._repository.path.stat().st_uid != os.geteuid():
            raise RepositoryError(
                f"{shown[:80]!r} is not run: the repository belongs to another user",
                hint="a program of its settings could do anything; cat-file without this option runs none",
            )
        kept = {name: value for name, value in os.environ.items() if not name.startswith(OWN_VARIABLES)}
        try:
            done = subprocess.run(
                command,
                input=data,
                capture_output=True,
                cwd=self._folder,
                env={**kept, "GIT_DIR": str(self._repository.path.resolve())},
                timeout=_SECONDS_MAX,
                check=False,
            )
        except (OSError, subprocess.SubprocessError) as error:
            reason = getattr(error, "strerror", None) or f"no end within {_SECONDS_MAX} seconds"
            raise RepositoryError(f"{shown[:80]!r} can't be run: {reason}") from None
        for line in done.stderr.decode("utf-8", "replace").splitlines():
            self._console.tell(line)
        if done.returncode:
            raise RepositoryError(f"{shown[:80]!r} ended with exit code {done.returncode}")
        return done.stdout

    # Where attributes are

    def _info(self) -> bytes:
        try:
            return (self._repository.common_path / "info/attributes").read_bytes()
        except FileNotFoundError:
            return b""

    def _read(self, path: bytes) -> bytes | None:
        """Return what a .gitattributes holds."""
        repository = self._repository
        if repository.path.name != ".git":
            return self._read_object(f"HEAD:{decode_ref_name(path)}")
        try:
            return (self._folder / os.fsdecode(path)).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            oid = self._staged.get(path)
            return None if oid is None else repository.read(oid).data

    def _read_object(self, revision: str) -> bytes | None:
        try:
            type_, data = self._repository.read(resolve_revision(self._repository, revision))
        except UnknownRevision:
            return None
        return data if type_ is ObjectType.BLOB else None

    @cached_property
    def _staged(self) -> dict[bytes, ObjectId]:
        from packcore.store.index_file import read_index

        names = read_index(self._repository.path / "index", self._repository.object_format)
        entries = () if names is None else names.entries
        return {entry.path: entry.oid for entry in entries if entry.path.endswith(FILE_NAME)}


def is_symbolic_link(repository: Repository, text: str) -> bool:
    """Return whether `REV:PATH` or `:PATH` names a symbolic link, whose content is never converted."""
    base, colon, path = split_path(text)
    if not colon:
        return False
    name = encode_ref_name(path)
    if not base:
        from packcore.store.index_file import read_index

        names = read_index(repository.path / "index", repository.object_format)
        entries = () if names is None else names.entries
        found = [entry.mode for entry in entries if entry.path == name]
    else:
        folder, _, last = path.rstrip("/").rpartition("/")
        try:
            tree = repository.read(resolve_revision(repository, f"{base}:{folder}")).data
            entries_of = iter_tree(tree, repository.object_format)
            found = [entry.mode for entry in entries_of if entry.name == encode_ref_name(last)]
        except (UnknownRevision, CorruptData):
            return False
    return any(mode & MODE_TYPE_MASK == MODE_SYMLINK for mode in found)
