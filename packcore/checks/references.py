"""Checks how refs are written down, as `git refs verify` does, which git 2.50 also runs in `git fsck`.

    error: refs/heads/a..b: badRefName: …      a file that can be no ref; badRefContent, badRefFiletype, …
    warning: refs/heads/x: refMissingNewline   read all the same; trailingRefContent, symlinkRef, …
    error: packed-refs line 3: …               can't be read; badPackedRefEntry, packedRefUnsorted, …
    warning: <table>: badReftableTableName     in a stack of reftables

What refs resolve to is checked elsewhere (`packcore.checks.in_use`).
"""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING

from packcore.checks.findings import Severity, finding
from packcore.checks.report import FsckFinding
from packcore.errors import CorruptData, RepositoryError
from packcore.refs import decode_ref_name, is_valid_ref_name
from packcore.store.folders import files_below
from packcore.store.ref_files import RefFiles
from packcore.store.ref_storage import PER_WORKTREE
from packcore.store.reftable_stack import ReftableStack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from packcore.checks.findings import Severities
    from packcore.ids import ObjectFormat
    from packcore.store.repository import Repository

__all__ = ["check_references"]

_FILE_BYTES_MAX = 8192
_TABLE_NAME = re.compile(r"(?:0x)?[0-9a-f]+-(?:0x)?[0-9a-f]+-(?:0x)?[0-9a-f]+\.(?:ref|log)", re.IGNORECASE)
_HEADER = b"# pack-refs with: "
_Fault = tuple[str, str, str]
"""What it is about, message id, text."""


def check_references(repository: Repository, severities: Severities) -> Iterator[FsckFinding]:
    """Yield what is wrong with the files that hold a repository's refs, in all its worktrees."""
    for where, message_id, text in _faults(repository):
        found = finding(message_id, text)._replace(severity=severities.of(message_id))
        if found.severity is not Severity.IGNORE:
            is_error = found.severity.is_error(strict=False)
            label = "error" if is_error else "warning"
            line = f"{label}: {where}: {message_id}: {found.text}"
            yield FsckFinding(line, is_error=is_error, kind="ref", oid=None)


def _faults(repository: Repository) -> Iterator[_Fault]:
    stores = [("", repository.path, repository.ref_storage)]
    stores += [(other.prefix, other.path, other.refs) for other in repository.other_worktrees()]
    for prefix, folder, refs in stores:
        if isinstance(refs, RefFiles):
            yield from _check_files(folder, prefix, refs.object_format)
        else:
            yield from _check_tables(ReftableStack(folder / "reftable", refs.object_format))
    if isinstance(repository.ref_storage, RefFiles):
        yield from _check_packed(repository.common_path / "packed-refs", repository.object_format)


def _check_tables(stack: ReftableStack) -> Iterator[_Fault]:
    try:
        names = stack.names()
    except (CorruptData, RepositoryError):
        return  # told with the refs
    for name in names:
        if not _TABLE_NAME.fullmatch(name):
            yield name, "badReftableTableName", "invalid reftable table name"


# Files


def _check_files(folder: Path, prefix: str, object_format: ObjectFormat) -> Iterator[_Fault]:
    """Check HEAD and every file below refs/ of a git directory."""
    for path in (folder / "HEAD", *sorted(files_below(folder / "refs"))):
        name = decode_ref_name(os.fsencode(path.relative_to(folder)))
        if name.endswith(".lock") and not path.name.startswith("."):
            continue
        where = name if name.startswith("refs/") and not name.startswith(PER_WORKTREE) else f"{prefix}{name}"
        try:
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                yield where, "symlinkRef", "use deprecated symbolic link for symref"
                continue
            if not stat.S_ISREG(mode):
                yield where, "badRefFiletype", "unexpected file type"
                continue
            with path.open("rb") as file:
                data = file.read(_FILE_BYTES_MAX)
        except OSError:
            continue  # removed meanwhile, or told with the refs
        if name != "HEAD" and not is_valid_ref_name(name):
            yield where, "badRefName", "invalid refname format"
        for message_id, text in _check_content(name, data, object_format):
            yield where, message_id, text


def _check_content(name: str, data: bytes, object_format: ObjectFormat) -> Iterator[tuple[str, str]]:
    """Yield the faults in what a ref's file holds."""
    if data.startswith(b"ref:"):
        yield from _check_target(name, data[4:].lstrip())
        return
    match = re.match(rb"[0-9a-fA-F]{%d}(?=[\s\0]|\Z)" % object_format.hex_size, data)
    if match is None:
        yield "badRefContent", data.rstrip().decode("utf-8", "backslashreplace")
        return
    rest = data[match.end() :]
    if not rest:
        yield "refMissingNewline", "misses LF at the end"
    elif rest != b"\n":
        yield "trailingRefContent", f"has trailing garbage: '{rest.decode('utf-8', 'backslashreplace')}'"
    if not match[0].strip(b"0"):
        yield "badRefOid", f"points to invalid object ID '{match[0].decode()}'"


def _check_target(name: str, written: bytes) -> Iterator[tuple[str, str]]:
    bare = written.rstrip()
    target = decode_ref_name(bare)
    if not written.endswith(b"\n"):
        yield "refMissingNewline", "misses LF at the end"
    if len(written) - len(bare) > 1:
        yield "trailingRefContent", "has trailing whitespaces or newlines"
    if name == "HEAD" and not target.startswith("refs/heads/"):
        yield "badHeadTarget", f"HEAD points to non-branch '{target}'"
    elif not is_valid_ref_name(target, one_level=True):
        yield "badReferentName", f"points to invalid refname '{target}'"
    elif not target.startswith(("refs/", "worktrees/")):
        yield "symrefTargetIsNotARef", f"points to non-ref target '{target}'"


# packed-refs


def _check_packed(path: Path, object_format: ObjectFormat) -> Iterator[_Fault]:
    """Check each line of packed-refs."""
    try:
        mode = path.lstat().st_mode
        if not stat.S_ISREG(mode):
            kind = "not a regular file but a symlink" if stat.S_ISLNK(mode) else "not a regular file"
            yield "packed-refs", "badRefFiletype", kind
            return
        data = path.read_bytes()
    except OSError:
        return  # there is none, or it is told with the refs
    if not data:
        yield "packed-refs", "emptyPackedRefsFile", "file is empty"
        return
    lines = data.split(b"\n")
    cut = lines.pop()
    is_sorted, before = False, b""
    entry = re.compile(rb"[0-9a-fA-F]{%d}" % object_format.hex_size)
    for number, line in enumerate(lines, 1):
        where = f"packed-refs line {number}"
        if number == 1 and line.startswith(b"#"):
            is_sorted = b"sorted" in line.removeprefix(_HEADER).split()
            if not line.startswith(_HEADER):
                shown = _shown(line)
                yield (
                    "packed-refs.header",
                    "badPackedRefHeader",
                    f"'{shown}' does not start with '{_HEADER.decode()}'",
                )
            continue
        if text := _line_fault(line, entry):
            yield where, "badPackedRefEntry", text
            continue
        if line.startswith(b"^"):
            continue
        name = line[object_format.hex_size + 1 :]
        if not is_valid_ref_name(decode_ref_name(name)):
            yield where, "badRefName", f"has bad refname '{_shown(name)}'"
        if is_sorted and name <= before:
            text = f"refname '{_shown(name)}' is less than previous refname '{_shown(before)}'"
            yield where, "packedRefUnsorted", text
        before = name
    if cut:
        where = f"packed-refs line {len(lines) + 1}"
        yield where, "packedRefEntryNotTerminated", f"'{_shown(cut)}' is not terminated with a newline"


def _line_fault(line: bytes, entry: re.Pattern[bytes]) -> str | None:
    is_peeled = line.startswith(b"^")
    match = entry.match(line, is_peeled)
    if match is None:
        return f"'{_shown(line[is_peeled:])}' has invalid {'peeled oid' if is_peeled else 'oid'}"
    rest = line[match.end() :]
    if is_peeled:
        return f"has trailing garbage after peeled oid '{_shown(rest)}'" if rest else None
    if not rest[:1].isspace():
        return f"has no space after oid '{match[0].decode()}' but with '{_shown(rest)}'"
    return f"refname '{_shown(rest[1:])}' contains NULL binaries" if b"\0" in rest else None


def _shown(text: bytes) -> str:
    return text[:200].decode("utf-8", "backslashreplace")
