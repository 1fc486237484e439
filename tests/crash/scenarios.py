"""The commands that are struck at, and what must hold afterwards, whatever happened to them.

Each has a workplace: `source.git`, `target.git` where the command goes (there or not), and `tmp`. Its refs
were at `before`, and are to be at `after`; between the two a ref is at one or the other, and nothing else.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.support import (
    fast_import,
    git,
    git_environment,
    history,
    init_repository,
    make_repository,
    run_git,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["SCENARIOS", "Scenario", "environment", "problems", "refs_of"]

TEMP_REFS = "refs/packcore/"
_LEFT_BEHIND = ("packcore-tmp-", "tmp_", ".tmp-", "packcore-making")


@dataclass(frozen=True)
class Scenario:
    """One command, given the workplace, and how its workplace is made."""

    name: str
    argv: Callable[[Path], list[str]]
    prepare: Callable[[Path], None]
    after: Callable[[Path], dict[str, str]] | None = None
    """The refs as they are to be; None: as a run without faults leaves them."""
    served: bool = False
    """Whether a server that does not fail runs beside it; its URL is in the file `url`."""
    again: Callable[[Path], list[str]] | None = None
    """The next run, where it is another command."""
    once: Callable[[Path], list[list[str]]] | None = None
    """The next runs, where the command is done and can't be done again."""
    before: dict[str, str] = field(default_factory=dict)
    expected: dict[str, str] = field(default_factory=dict)

    def next_argv(self, workplace: Path) -> list[str]:
        """Return the command of the next run, without faults."""
        return (self.again or self.argv)(workplace)


def environment(workplace: Path) -> dict[str, str]:
    """Return the environment of a command."""
    return git_environment(
        {"TMPDIR": str(workplace / "tmp"), "HOME": str(workplace), "SOURCE_DATE_EPOCH": "0"}
    )


def refs_of(repository: Path) -> dict[str, str]:
    """Return a repository's refs as git reads them; none where git sees no repository."""
    return _refs(repository) or {}


def _refs(repository: Path) -> dict[str, str] | None:
    done = run_git("--git-dir", repository, "for-each-ref", "--format=%(refname) %(objectname)")
    if done.returncode:
        return None
    return {name: oid for name, _, oid in (line.partition(" ") for line in done.stdout.decode().splitlines())}


def users_refs(repository: Path) -> dict[str, str]:
    """Return the refs, those of a push in batches aside."""
    return {name: oid for name, oid in refs_of(repository).items() if not name.startswith(TEMP_REFS)}


def left_behind(workplace: Path) -> list[str]:
    """Return files that belong to no repository and no command that still runs."""
    found = []
    for folder, folders, names in os.walk(workplace):
        for name in [*names, *folders]:
            path = os.path.relpath(os.path.join(folder, name), workplace)
            if name.startswith(_LEFT_BEHIND) or name.endswith((".lock", ".keep")):
                found.append(path)
            if name.endswith(".pack") and not os.path.exists(os.path.join(folder, name[:-5] + ".idx")):
                found.append(path)
    return sorted(found)


def problems(scenario: Scenario, workplace: Path, *, complete: bool) -> list[str]:
    """Return what is wrong with the target now; `complete`: all must be there, and nothing else."""
    target = workplace / "target.git"
    before, after = scenario.before, scenario.expected
    found = []
    refs = _refs(target)
    if refs is not None:
        done = run_git("--git-dir", target, "fsck", "--full", "--strict")
        lines = (done.stdout + done.stderr).decode(errors="replace").splitlines()
        bad = [line for line in lines if not line.startswith(("dangling", "notice"))]
        if done.returncode or bad:
            found.append(f"fsck: {bad or done.returncode}")
    elif before:
        found.append("the repository is gone")
    if complete and refs is None:
        found.append("no repository")
    refs = refs or {}
    temporary = [name for name in refs if name.startswith(TEMP_REFS)]
    for name in temporary:
        del refs[name]
    for name in before.keys() | after.keys() | refs.keys():
        now, old, new = refs.get(name), before.get(name), after.get(name)
        if complete and now != new:
            found.append(f"{name} is at {now}, not at {new}")
        elif now not in (old, new):
            found.append(f"{name} is at {now}, neither at {old} nor at {new}")
    if complete:
        found += [f"left: {name}" for name in (*left_behind(workplace), *temporary)]
    return found


# Workplaces


def _source(workplace: Path) -> Path:
    source = make_repository(workplace / "source.git", history(commits=6, files=3, tag="v1"))
    fast_import(
        source, history(commits=2, files=2, seed=2, branch="refs/heads/side", start="refs/heads/main")
    )
    git("repack", "-adq", cwd=source)
    return source


def _new(workplace: Path) -> None:
    _source(workplace)


def _existing(workplace: Path) -> None:
    """Make a target that is older, its refs packed at older values, with a branch that the source lacks."""
    source = _source(workplace)
    target = init_repository(workplace / "target.git")
    old = git("rev-parse", "main~4", cwd=source).strip()
    newer = git("rev-parse", "main~2", cwd=source).strip()
    git("push", "-q", target, f"{old}:refs/heads/main", f"{old}:refs/heads/gone", "v1", cwd=source)
    git("pack-refs", "--all", cwd=target)
    git("push", "-q", target, f"{newer}:refs/heads/main", cwd=source)


def _many_refs(workplace: Path) -> None:
    """Make a source with more refs than are changed one by one, and a target with many to be pruned."""
    _existing(workplace)
    source, target = workplace / "source.git", workplace / "target.git"
    tip, newer, old = (git("rev-parse", name, cwd=source) for name in ("main", "main~2", "main~4"))
    for repository, kind, oid in ((source, "new", tip), (target, "gone", old), (target, "new", old)):
        lines = [f"create refs/other/{kind}/{number} {oid}\n" for number in range(160)]
        git("update-ref", "--stdin", cwd=repository, stdin="".join(lines).encode())
    git("pack-refs", "--all", cwd=target)
    git("update-ref", "refs/other/new/7", newer, cwd=target)


def _to_repack(workplace: Path) -> None:
    _existing(workplace)
    target = workplace / "target.git"
    git("push", "-q", target, "main", cwd=workplace / "source.git")


def _empty_target(workplace: Path) -> None:
    (workplace / "out").mkdir()
    _source(workplace)
    init_repository(workplace / "target.git")


def _large(workplace: Path) -> None:
    (workplace / "out").mkdir()
    source = init_repository(workplace / "source.git")
    stream: list[bytes] = []
    import random

    chance = random.Random(3)
    for number in range(4):
        stream.append(
            f"commit refs/heads/main\ncommitter C <c@x> {1112000000 + number} +0000\ndata 2\nx\n".encode()
        )
        stream += [f"M 100644 inline f{number}\ndata 30000\n".encode(), chance.randbytes(30000), b"\n"]
    fast_import(source, [*stream, b"done\n"])
    git("repack", "-adq", cwd=source)
    git("config", "uploadpack.allowFilter", "true", cwd=source)
    init_repository(workplace / "target.git")


def _sources_refs(workplace: Path) -> dict[str, str]:
    return refs_of(workplace / "source.git")


def _targets_refs(workplace: Path) -> dict[str, str]:
    return users_refs(workplace / "target.git")


def _sides(workplace: Path) -> list[str]:
    return [str(workplace / "source.git"), str(workplace / "target.git")]


def _into(workplace: Path) -> list[str]:
    return [
        "fetch",
        "--all-refs",
        "--prune",
        str(workplace / "source.git"),
        "--into",
        str(workplace / "target.git"),
    ]


def _sync(*options: str) -> Callable[[Path], list[str]]:
    return lambda workplace: ["sync", *_sides(workplace), "--all-refs", "--prune", *options]


SCENARIOS = [
    Scenario("fetch into a new repository", _into, _new, _sources_refs),
    Scenario("fetch into an older one", _into, _existing, _sources_refs),
    Scenario("fetch of many refs", _into, _many_refs, _sources_refs),
    Scenario("sync into a path", _sync(), _existing, _sources_refs),
    Scenario("atomic sync into a path", _sync("--atomic", "--materialize"), _existing, _sources_refs),
    Scenario(
        "sync with a receipt",
        lambda workplace: [*_sync()(workplace), "--receipt", str(workplace / "out" / "receipt.json")],
        _empty_target,
        _sources_refs,
    ),
    Scenario(
        "git pushes into our server",
        lambda workplace: ["@push", str(workplace), str(workplace / "source.git"), "--all", "--prune"],
        _existing,
        _sources_refs,
        again=_sync(),
    ),
    Scenario(
        "bootstrap in batches",
        lambda workplace: ["bootstrap", *_sides(workplace), "--target-max-pack-bytes", "40000"],
        _large,
        _sources_refs,
    ),
    Scenario(
        "convert-sha256",
        lambda workplace: ["convert-sha256", *_sides(workplace)],
        _new,
        once=lambda workplace: [
            ["ls-refs", str(workplace / "target.git")],
            ["convert-sha256", str(workplace / "source.git"), str(workplace / "other.git")],
        ],
    ),
    Scenario(
        "sync to a server, with a host profile",
        lambda workplace: [
            *("sync", str(workplace / "source.git"), (workplace.parent / "url").read_text() + "/target.git"),
            *("--all-refs", "--prune", "--host-profile", str(workplace / "out" / "hosts.json")),
        ],
        _large,
        _sources_refs,
        served=True,
    ),
    Scenario(
        "repack", lambda workplace: ["repack", str(workplace / "target.git")], _to_repack, _targets_refs
    ),
]


def copy_of(template: Path, workplace: Path) -> None:
    """Put a fresh copy of a prepared workplace in place."""
    shutil.rmtree(workplace, ignore_errors=True)
    shutil.copytree(template, workplace, symlinks=True)
