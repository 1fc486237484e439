"""What `convert-sha256` does beside converting: looks its result through, and has git sign branch tips."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import PackcoreError, RepositoryError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cli.console import Console
    from packcore.store.repository import Repository
    from transport.local_fetch.convert import ConvertResult

__all__ = ["Check", "check_repository", "sign_tips"]

_ATTESTATIONS = "refs/tags/converted/"


class Check(NamedTuple):
    """One thing that was looked at. Skipped ones are ok."""

    name: str
    ok: bool
    skipped: bool
    detail: str


def check_repository(result: ConvertResult, signed: Sequence[str] = ()) -> list[Check]:
    """Check config, HEAD, refs, and every object; by C git too, where there is one."""
    from packcore import open_repository

    try:
        with open_repository(result.target) as repository:
            found = list(_checks(repository, result, signed))
    except PackcoreError as error:
        return [Check("repository", False, False, str(error))]
    if result.notes:
        found.append(_git_notes(result))
    return [*found, _git_fsck(result)]


def _checks(repository: Repository, result: ConvertResult, signed: Sequence[str]) -> Iterator[Check]:
    from packcore.checks.fsck import check_repository as fsck

    name = repository.object_format.name
    yield Check("config", name == "sha256", False, f"extensions.objectformat = {name}")
    if result.head is None:
        yield Check("HEAD", True, True, "no branch to point at")
    else:
        head = repository.read_ref("HEAD")
        there = head is not None and head.oid in repository
        yield Check("HEAD", there, False, head.oid.hex() if head else "unborn")
    refs = repository.refs().known
    own = {name for name in refs if name != result.origin_notes_ref and name not in signed}
    right = sum(refs[name].oid == oid for name, oid in result.refs.items() if name in refs)
    yield Check(
        "refs",
        own == set(result.refs) and right == len(own),
        False,
        f"{right} of {len(result.refs)} at their new ids",
    )
    if result.notes:
        yield _notes(repository, result)
    faults = [finding.text for finding in fsck(repository) if finding.is_error]
    yield Check("packcore fsck", not faults, False, faults[0] if faults else "clean")


def _notes(repository: Repository, result: ConvertResult) -> Check:
    """Compare each notes ref's tip with what it must hold, and look for old names in its history."""
    from packcore.convert.notes_tree import old_names, peel_to_tree, read_notes_tree

    wrong = []
    for name, expected in result.notes.items():
        root = peel_to_tree(repository, repository.refs().known[name].oid)
        notes = {} if root is None else read_notes_tree(repository, root).notes
        if {about: note for about, (_, (_, note)) in notes.items()} != expected:
            wrong.append(f"{name} has not the notes that it must have")
        left = old_names(repository, repository.refs().known[name].oid) & result.ids.keys()
        wrong += [f"{name} still has a note of {oid.hex()}" for oid in sorted(left)]
    count = sum(map(len, result.notes.values()))
    return Check("notes", not wrong, False, wrong[0] if wrong else f"{count:,} at their new names")


def _git_notes(result: ConvertResult) -> Check:
    """Let C git list the notes of each ref."""
    git = shutil.which("git")
    if git is None:
        return Check("git notes list", True, True, "git is not on PATH")
    for name, expected in result.notes.items():
        command = [git, "-C", str(result.target), "notes", f"--ref={name}", "list"]
        done = subprocess.run(command, capture_output=True, check=False)
        listed = {tuple(reversed(line.split())) for line in done.stdout.decode(errors="replace").splitlines()}
        if done.returncode or listed != {(about.hex(), note.hex()) for about, note in expected.items()}:
            return Check("git notes list", False, False, f"{name}: git finds other notes")
    return Check("git notes list", True, False, f"the same in {len(result.notes):,} refs")


def _git_fsck(result: ConvertResult) -> Check:
    git = shutil.which("git")
    if git is None:
        return Check("git fsck --full", True, True, "git is not on PATH")
    done = subprocess.run(
        [git, "-C", str(result.target), "fsck", "--full", "--no-dangling"], capture_output=True, check=False
    )
    said = (done.stdout + done.stderr).decode(errors="replace").strip()
    return Check("git fsck --full", done.returncode == 0, False, "clean" if done.returncode == 0 else said)


def sign_tips(result: ConvertResult, key: str | None, console: Console) -> list[str]:
    """Have git sign a tag at each branch's tip; return the tags' names.

    Raises RepositoryError where git isn't there or can't sign; the repository is whole all the same.
    """
    git = shutil.which("git")
    if git is None:
        raise RepositoryError("signing needs git on PATH", hint="the repository is converted; sign it later")
    signed = []
    for name in sorted(name for name in result.refs if name.startswith("refs/heads/")):
        tag = f"converted/{name.removeprefix('refs/heads/')}"
        if f"refs/tags/{tag}" in result.refs:
            raise RepositoryError(f"the source has a tag {tag} of its own; nothing is signed over it")
        text = f"Attest the conversion of {name} to SHA-256\n\nSource: {result.source_url}\n"
        command = [git, "-C", str(result.target), "tag", "-s", "-m", text]
        command += ["-u", key] if key else []
        done = subprocess.run([*command, tag, name], capture_output=True, check=False)
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise RepositoryError(
                f"git can't sign {tag}: {said[-1] if said else f'exit code {done.returncode}'}",
                hint="the repository is converted, without these tags",
            )
        console.detail(f"signed refs/tags/{tag}")
        signed.append(f"{_ATTESTATIONS}{name.removeprefix('refs/heads/')}")
    return signed
