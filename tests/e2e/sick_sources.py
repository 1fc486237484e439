"""The catalogue of sick sources: a healthy repository, and the ways in which it falls ill.

    healthy = make_healthy(folder)             source.git with the good mirror of it as it was: mirror.git
    SICKNESSES["pack gone"].harm(source)       done to a copy

What each part of the healthy source is for:

    refs/heads/main     a loose file over an older value in packed-refs
    refs/heads/topic    a loose file alone; refs/heads/alias is a symbolic ref to it
    refs/heads/team/*   loose files in a folder of their own
    refs/heads/late     its tip is in a second pack, which holds nothing else
    refs/heads/raw      its last commits are loose objects
    refs/heads/shared   its tip is in the alternate
    refs/heads/kept*    in packed-refs alone, so that a prune of the others isn't one of most refs
    refs/heads/gone     only in the mirror: the one ref whose deletion is right

The mirror is behind by the tips of `late`, `raw` and `shared`, so that a sync needs what can't be read.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support import fast_import, git, history, init_repository

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["GONE", "LONG", "SICKNESSES", "Sickness", "make_healthy"]

GONE = "refs/heads/gone"
"""The mirror has it and the source doesn't."""

LONG = "refs/heads/" + "x" * 300
"""A name whose last part is longer than a file's name can be."""


@dataclass(frozen=True, slots=True)
class Sickness:
    """One way to be ill."""

    harm: Callable[[Path], None]
    words: tuple[str, ...] = ()
    """What a report must name, each a regular expression; none: read through, as if nothing was."""
    needs_plain_user: bool = False
    """Root reads everything."""
    untold: tuple[str, ...] = ()
    """Refs that git's server leaves out of its listing, so that no client can know of them."""
    brings_long: bool = False
    """Whether the source has `LONG` now."""
    in_mirror: bool = False
    """Whether the mirror has fallen ill in the same way."""
    may_pass: bool = False
    """Whether a run that copes with it and ends with 0 is as right as one that reports it."""
    of_objects: bool = False
    """Whether all refs can be read: a mirror that has these ids already needs nothing else."""


# -- the healthy source ---------------------------------------------------------------------------


def make_healthy(folder: Path, *, kept: int = 8, level: bool = False) -> Path:
    """Make `source.git`, `mirror.git` and the alternate `pool.git` in a folder, and return the source.

    `kept` is the number of refs that no sickness touches, but those of all refs; with `level` the mirror
    isn't behind.
    """
    source = init_repository(folder / "source.git")
    pool = init_repository(folder / "pool.git")
    fast_import(source, history(commits=4, files=3, tag="v1"))
    names = [f"kept{number}" for number in range(kept)]
    for seed, name in enumerate([*names, "late", "raw", "shared", "gone"], 2):
        _grow(source, name, seed, start="refs/heads/main^0")
    git("repack", "-adq", cwd=source)
    git("pack-refs", "--all", cwd=source)
    (source / "objects/info/alternates").write_text(f"{pool / 'objects'}\n")
    for seed, name in enumerate(["main", "topic", "team/a", "team/b"], 20):
        _grow(source, name, seed, start="refs/heads/main^0")
    git("symbolic-ref", "refs/heads/alias", "refs/heads/topic", cwd=source)
    git("repack", "-dlq", cwd=source)
    if not level:
        _mirror(source)
    _grow(source, "late", 30, start="refs/heads/late^0")
    git("repack", "-dlq", cwd=source)
    _grow(source, "raw", 31, start="refs/heads/raw^0", commits=3)
    git("fetch", "-q", source, "refs/heads/shared:refs/heads/shared", cwd=pool)
    _grow(pool, "shared", 32, start="refs/heads/shared^0")
    git("update-ref", "refs/heads/shared", git("rev-parse", "refs/heads/shared", cwd=pool), cwd=source)
    if level:
        _mirror(source)
    git("update-ref", "-d", GONE, cwd=source)
    return source


def _mirror(source: Path) -> None:
    git("clone", "-q", "--mirror", "--no-local", source, source.with_name("mirror.git"))


def _grow(repository: Path, name: str, seed: int, *, start: str, commits: int = 1) -> None:
    fast_import(
        repository,
        history(commits=commits, files=2, seed=seed, branch=f"refs/heads/{name}", start=start),
    )


# -- where things are -----------------------------------------------------------------------------


def _tip(source: Path, revision: str) -> str:
    return git("rev-parse", revision, cwd=source)


def _late_pack(source: Path, suffix: str) -> Path:
    tip = _tip(source, "refs/heads/late")
    for index in sorted((source / "objects/pack").glob("*.idx")):
        if tip in git("show-index", stdin=index.read_bytes()):
            index.parent.chmod(0o755)
            found = index.with_suffix(suffix)
            found.chmod(0o644)
            return found
    raise AssertionError("no pack has the tip of late")


def _loose(source: Path, revision: str) -> Path:
    oid = _tip(source, revision)
    path = source / "objects" / oid[:2] / oid[2:]
    path.chmod(0o644)
    return path


def _refs(source: Path, content: bytes) -> None:
    for name in ("main", "topic"):
        (source / "refs/heads" / name).write_bytes(content)


def _forbid_refs(source: Path) -> None:
    for name in ("main", "topic"):
        (source / "refs/heads" / name).chmod(0)


def _packed_refs(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def harm(source: Path) -> None:
        path = source / "packed-refs"
        path.write_bytes(change(path.read_bytes()))

    return harm


def _cut(size: int) -> Callable[[Path], None]:
    return lambda path: os.truncate(path, size)


def _in_late_pack(suffix: str, change: Callable[[Path], None]) -> Callable[[Path], None]:
    return lambda source: change(_late_pack(source, suffix))


def _remove(path: Path) -> None:
    path.unlink()


def _unmount(source: Path) -> None:
    (source / "objects/info/alternates").write_text(f"{source.parent / 'away.git/objects'}\n")


def _forbid(find: Callable[[Path], Path]) -> Callable[[Path], None]:
    return lambda source: find(source).chmod(0)


def _link_to_file(source: Path) -> None:
    path = source / "refs/heads/topic"
    path.rename(source / "elsewhere")
    path.symlink_to(source / "elsewhere")


def _link_to_folder(source: Path) -> None:
    path = source / "refs/heads/team"
    path.rename(source / "elsewhere")
    path.symlink_to("../../elsewhere")


def _head_is_a_link(source: Path) -> None:
    path = source / "HEAD"
    path.unlink()
    path.symlink_to("refs/heads/main")


def _link_into_the_wild(source: Path) -> None:
    (source.parent / "diary.txt").write_text("Dear diary,\nno id here\n")
    path = source / "refs/heads/topic"
    path.unlink()
    path.symlink_to(source.parent / "diary.txt")


def _dangling(source: Path) -> None:
    path = source / "refs/heads/topic"
    path.unlink()
    path.symlink_to(source / "nothing-here")


def _bit_rot(source: Path) -> None:
    path = _late_pack(source, ".pack")
    data = bytearray(path.read_bytes())
    data[20:60] = bytes(40)
    path.write_bytes(data)


def _more_after_the_id(source: Path) -> None:
    path = source / "refs/heads/topic"
    path.write_bytes(path.read_bytes() + bytes(5))


def _empty_in_its_place(source: Path) -> None:
    source.rename(source.with_suffix(".away"))
    init_repository(source)


def _symref_to_nowhere(source: Path) -> None:
    (source / "refs/heads/alias").write_text("ref: refs/heads/nowhere\n")


def _long_name(source: Path) -> None:
    tip = _tip(source, "refs/tags/v1^0")
    path = source / "packed-refs"
    path.write_text(path.read_text() + f"{tip} {LONG}\n")
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0].replace(" sorted", "").replace(" fully-peeled", ""), *lines[1:], ""]))


def _upper_case(source: Path) -> None:
    path = source / "refs/heads/topic"
    path.write_bytes(path.read_bytes().upper())
    packed = source / "packed-refs"
    lines = packed.read_text().splitlines()
    raised = [line if line[:1] in "#^" else line[:40].upper() + line[40:] for line in lines]
    packed.write_text("\n".join([*raised, ""]))


_LATE = (r"heads/late\b|pack-[0-9a-f]{40}|object [0-9a-f]{40}",)
_BOTH = (r"heads/main\b", r"heads/topic\b")
_TOPIC = (r"heads/topic\b",)
_RAW = (r"heads/raw\b|[0-9a-f]{2}/?[0-9a-f]{38}",)
_PACKED = ("packed-refs",)

SICKNESSES: dict[str, Sickness] = {
    "index short": Sickness(_in_late_pack(".idx", _cut(600)), _LATE, of_objects=True),
    "index empty": Sickness(_in_late_pack(".idx", _cut(0)), _LATE, of_objects=True),
    "index gone": Sickness(_in_late_pack(".idx", _remove), _LATE, of_objects=True),
    "pack short": Sickness(_in_late_pack(".pack", _cut(60)), _LATE, of_objects=True),
    "pack empty": Sickness(_in_late_pack(".pack", _cut(0)), _LATE, of_objects=True),
    "pack gone": Sickness(_in_late_pack(".pack", _remove), _LATE, of_objects=True),
    "pack damaged": Sickness(_bit_rot, _LATE, of_objects=True),
    "alternate not mounted": Sickness(
        _unmount, (r"heads/shared\b|away\.git|object [0-9a-f]{40}",), of_objects=True
    ),
    "loose ref empty": Sickness(lambda source: _refs(source, b""), _BOTH),
    "loose ref NUL": Sickness(lambda source: _refs(source, bytes(41)), _BOTH),
    "loose ref garbage": Sickness(lambda source: _refs(source, b"<<<<<<< HEAD\n"), _BOTH),
    "loose ref torn": Sickness(lambda source: _refs(source, b"c8a004b7c8a004b7c8a0"), _BOTH),
    "loose ref with more after its id": Sickness(_more_after_the_id),
    "packed-refs torn in an id": Sickness(
        _packed_refs(lambda data: data[: data.rindex(b" refs/") - 9]), _PACKED
    ),
    "packed-refs torn in a name": Sickness(
        _packed_refs(lambda data: data[: data.index(b"refs/heads/shared") + 14]), _PACKED
    ),
    "packed-refs torn before a line's end": Sickness(
        _packed_refs(lambda data: data[: data.index(b"refs/heads/shared") + 17]), _PACKED
    ),
    "packed-refs NUL": Sickness(_packed_refs(lambda data: bytes(len(data))), _PACKED),
    "packed-refs half NUL": Sickness(
        _packed_refs(lambda data: data[: len(data) // 2] + bytes(len(data) - len(data) // 2)), _PACKED
    ),
    "packed-refs empty": Sickness(
        _packed_refs(lambda _: b""), _PACKED, untold=(r"refs/heads/kept", "refs/tags/v1")
    ),
    "tip object empty": Sickness(
        lambda source: _cut(0)(_loose(source, "refs/heads/raw")), _RAW, of_objects=True
    ),
    "deeper object empty": Sickness(
        lambda source: _cut(0)(_loose(source, "refs/heads/raw~1")), _RAW, of_objects=True
    ),
    "ref file forbidden": Sickness(_forbid_refs, _BOTH, needs_plain_user=True),
    "ref folder forbidden": Sickness(
        _forbid(lambda source: source / "refs/heads/team"),
        (r"heads/team\b",),
        needs_plain_user=True,
        untold=("refs/heads/team/a", "refs/heads/team/b"),
    ),
    "packed-refs forbidden": Sickness(
        _forbid(lambda source: source / "packed-refs"), _PACKED, needs_plain_user=True
    ),
    "pack forbidden": Sickness(
        _forbid(lambda source: _late_pack(source, ".pack")), _LATE, needs_plain_user=True, of_objects=True
    ),
    "loose object forbidden": Sickness(
        _forbid(lambda source: _loose(source, "refs/heads/raw")), _RAW, needs_plain_user=True, of_objects=True
    ),
    "link to a file": Sickness(_link_to_file),
    "HEAD is a link": Sickness(_head_is_a_link),
    "link to a folder": Sickness(_link_to_folder),
    "link to nothing": Sickness(_dangling, _TOPIC, untold=("refs/heads/topic", "refs/heads/alias")),
    "link into the wild": Sickness(_link_into_the_wild, _TOPIC),
    "symbolic ref to nowhere": Sickness(
        _symref_to_nowhere, (r"heads/alias\b",), untold=("refs/heads/alias",)
    ),
    "HEAD empty": Sickness(lambda source: _cut(0)(source / "HEAD"), (r"HEAD",), may_pass=True),
    "an empty repository in its place": Sickness(_empty_in_its_place, ("no ref of the source|would delete",)),
    "name too long for the disk": Sickness(_long_name, ("x{20}",), may_pass=True, brings_long=True),
    "name too long, on both sides": Sickness(_long_name, in_mirror=True, brings_long=True),
    "upper-case ids": Sickness(_upper_case),
}
