"""The other jobs of a child besides packing: list the objects, check a pack, read it back.

A pack is correct if we can resolve all its objects, it has exactly the ids of the list, and `git index-pack
--strict` accepts it too, if git is installed. Strict checks also fail for faults in the source's own objects,
which a packer must not repair. Then plain `git index-pack` has to accept it, and the row says so.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import time
from collections import Counter, deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.bench.ours import candidates_of, read_list
from packcore.errors import CorruptData, CorruptPack, RepositoryError
from packcore.ids import FORMATS, ObjectFormat
from packcore.limits import Limits
from packcore.objects import ObjectType
from packcore.pack.indexer import index_pack_file
from packcore.revision_set import parse_revisions
from packcore.store.packfile import PackFile
from packcore.store.repository import Repository
from packcore.walk import list_objects

if TYPE_CHECKING:
    from packcore.ids import ObjectId
    from packcore.pack.table import PackTable
    from packcore.plans.entries import Candidate

__all__ = ["RANDOM_READS_MAX", "check_pack", "list_reachable", "read_back"]

RANDOM_READS_MAX = 20_000
"""Random reads of a larger pack use a sample, because long jumps take up to milliseconds each."""

_READ_LIMITS = Limits()
_BIG_BYTES = _READ_LIMITS.big_object


def list_reachable(job: dict[str, Any]) -> dict[str, Any]:
    """Write a list in the format of `git rev-list --objects`: the given one, or all that refs reach."""
    with Repository.open(job["repository"]) as repository:
        objects = _given(repository, job["given"]) if job.get("given") else _reachable(repository)
        with Path(job["list"]).open("wb") as listed:
            for candidate in objects:
                # A name may have a line feed, but a list can't; only the start of the name matters.
                name = candidate.path.partition(b"\n")[0]
                listed.write(candidate.oid.hex().encode() + (b" " + name if name else b"") + b"\n")
        return {
            "objects": len(objects),
            "raw_bytes": sum(candidate.size for candidate in objects),
            "object_format": repository.object_format.name,
            "repository": str(repository.path.absolute()),
            "objects_folder": str((repository.common_path / "objects").absolute()),
        }


def _reachable(repository: Repository) -> list[Candidate]:
    chosen = parse_revisions(repository, [], all_refs=True)
    shallow, limits = repository.shallow(), repository.limits
    return list_objects(repository, chosen.wants, chosen.haves, shallow=shallow, limits=limits)


def _given(repository: Repository, listed: str) -> list[Candidate]:
    """Look up the objects of a list, each once, at its first position."""
    try:
        found = {candidate.oid: candidate for candidate in reversed(candidates_of(repository, Path(listed)))}
    except ValueError as error:
        raise CorruptData(f"{listed}: {error}") from None
    except OSError as error:
        raise RepositoryError(f"{listed}: {error.strerror}") from None
    return sorted(found.values(), key=lambda candidate: candidate.order)


def check_pack(job: dict[str, Any]) -> dict[str, Any]:
    """Check a pack, write its .idx beside it, and return its figures. Raises CorruptPack or a subclass."""
    path = Path(job["pack"])
    object_format = FORMATS[job["object_format"]]
    indexed = index_pack_file(path, object_format=object_format)
    table = indexed.table
    _compare_ids(table, Path(job["list"]), object_format)
    path.with_suffix(".idx").write_bytes(b"".join(indexed.index_blocks()))
    checked_by, note = _checked_by_git(path, job["repository"])
    return {
        "pack_bytes": table.pack_bytes,
        "checksum": table.checksum.hex(),
        "by_type": _by_type(table),
        "chain_lengths": sorted(Counter(table.depths).items()),
        "checked_by": checked_by,
        "note": note,
        "big": [table.oid(index).hex() for index, size in enumerate(table.sizes) if size >= _BIG_BYTES],
    }


def _compare_ids(table: PackTable, listed: Path, object_format: ObjectFormat) -> None:
    wanted = {object_format.from_hex(hex_oid) for hex_oid, _ in read_list(listed)}
    found = {table.oid(entry_index) for entry_index in range(len(table))}
    if found != wanted or len(table) != len(wanted):
        raise CorruptPack(
            f"it holds {len(table)} objects, {len(found & wanted)} of the {len(wanted)} that were listed"
        )


def _by_type(table: PackTable) -> dict[str, dict[str, int]]:
    found = {
        type_.label.decode(): {"objects": 0, "deltas": 0, "whole_bytes": 0, "delta_bytes": 0}
        for type_ in (ObjectType.COMMIT, ObjectType.TREE, ObjectType.BLOB, ObjectType.TAG)
    }
    names = {type_.value: found[type_.label.decode()] for type_ in ObjectType}
    for entry_index, offset in enumerate(table.offsets):
        facts = names[table.types[entry_index]]
        is_delta = table.depths[entry_index] > 0
        facts["objects"] += 1
        facts["deltas"] += is_delta
        facts["delta_bytes" if is_delta else "whole_bytes"] += table.end_offset(entry_index) - offset
    return found


def _checked_by_git(path: Path, repository: str) -> tuple[str, str]:
    """Also index the pack with git, if installed; return who checked it, and a note on faults of the source.

    git runs in the source repository, so that strict checks find the objects that a partial list refers to,
    and git compares every object with the existing one. The index goes beside the pack.
    """
    git = shutil.which("git")
    if git is None:
        return "packcore", ""
    index = path.with_suffix(".git.idx")
    command = [git, "-C", repository, "index-pack", "-o", str(index)]
    try:
        strict = subprocess.run([*command, "--strict", str(path)], capture_output=True, check=False)
        if strict.returncode == 0:
            return "packcore, git index-pack --strict", ""
        index.unlink(missing_ok=True)
        plain = subprocess.run([*command, str(path)], capture_output=True, check=False)
    finally:
        index.unlink(missing_ok=True)
    if plain.returncode:
        raise CorruptPack(f"git index-pack refuses it: {_words(plain)}")
    return (
        "packcore, git index-pack",
        f"git index-pack --strict finds faults of the source's ({_words(strict)})",
    )


def _words(done: subprocess.CompletedProcess[bytes]) -> str:
    """Return the last line that a program printed, or how it ended."""
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"exit {done.returncode}"


def read_back(job: dict[str, Any]) -> dict[str, Any]:
    """Inflate every object in pack order, then in random order from the seed, each with a cold cache."""
    path = Path(job["pack"])
    object_format = FORMATS[job["object_format"]]
    big = frozenset(map(object_format.from_hex, job["big"]))
    in_order = _read_all(path, object_format, big, None)
    at_random = _read_all(path, object_format, big, job["seed"])
    return {"read_seconds": in_order, "random_seconds": at_random}


def _read_all(path: Path, object_format: ObjectFormat, big: frozenset[ObjectId], seed: int | None) -> float:
    pack = PackFile(path, object_format, _READ_LIMITS)
    try:
        oids: list[ObjectId] = pack.storage_order(pack)
        if seed is not None:
            oids.sort()  # the same sample of the same objects, however the pack is ordered
            oids = random.Random(seed).sample(oids, min(len(oids), RANDOM_READS_MAX))  # noqa: S311 - to be repeated
        started = time.perf_counter()
        for oid in oids:
            if oid in big:
                deque(pack.stream(oid), maxlen=0)
            else:
                pack.read(oid)
        return time.perf_counter() - started
    finally:
        pack.close()
