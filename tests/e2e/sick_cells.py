"""The cells of the matrix of sick sources: one operation on one good mirror, and the verdict.

    with Hospital() as hospital:
        hospital.row("pack gone", [("serve", "sync"), ("path", "fetch")])    {"serve/sync": "ok", ...}

Each cell has its own mirror. The operation runs twice while the source is ill, in words and with --json,
and once more when it is healed. `tests.e2e.sick_matrix` lists the verdicts.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.e2e.lasting_servers import GitDaemon
from tests.e2e.nginx import GitHttpServer
from tests.e2e.preloaded import Preloaded
from tests.e2e.sick_sources import GONE, LONG, SICKNESSES, Sickness, make_healthy
from tests.e2e.test_serve import packcore_serve
from tests.support import fsck, git

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tests.e2e.preloaded import Run

__all__ = ["OPERATIONS", "VARIANTS", "WAYS", "Hospital"]

_ALL = ("--all-refs", "--prune")

OPERATIONS: dict[str, tuple[str, ...]] = {
    "sync": ("sync", *_ALL),
    "lease": ("sync", "--force-with-lease", *_ALL),
    "replicate": ("replicate", *_ALL),
    "fetch": ("fetch", *_ALL),
    "convert": ("convert-sha256", "--all-refs", "--no-origin-notes"),
    "manifest": ("sync", "--executor", "threads:1"),
}
"""The words before the endpoints."""

WAYS = ("path", "serve", "http", "daemon")

VARIANTS: dict[str, dict[str, Any]] = {"behind": {}, "level": {"level": True}, "few": {"kept": 0}, "v0": {}}
"""A mirror some commits behind; level, so that no object is needed; of so few refs that the share of a prune
isn't looked at; read by the older protocol.
"""

_OF_GIT = ("http", "daemon")
_WITH_RECEIPT = ("sync", "lease", "replicate", "manifest")
_NOT_SAID = ("not told", "exit 0", "no words", "no json", "no receipt")

_REASON = re.compile(
    r"unreadable|cannot|can't|could not|couldn't|missing|damaged|corrupt|not our ref|empty|broken|denied"
    r"|too (short|long|small)|truncated|NUL|not an id|no such|closed|ended|was lost|failed|nowhere|lacks"
    r"|dangling|not (be )?(there|found|mounted|valid|read)|does not|doesn't|neither|expected|never"
    r"|within the scope|would delete all",
    re.IGNORECASE,
)
"""What a line that gives the reason has in it."""


def _command(operation: str, source: str, target: Path, protocol: str) -> list[str]:
    words = [*OPERATIONS[operation]]
    if operation == "manifest":
        return [*words, "--manifest", _manifest(source, target, protocol)]
    return [
        *words,
        "--protocol",
        protocol,
        source,
        *(["--into"] if operation == "fetch" else []),
        str(target),
    ]


def _manifest(source: str, target: Path, protocol: str) -> str:
    path = target.with_suffix(".toml")
    path.write_text(
        f'[defaults]\nall-refs = true\nprune = true\nprotocol = "{protocol}"\n'
        f'[[pair]]\nname = "it"\nsource = "{source}"\ntarget = "{target}"\n'
    )
    return str(path)


class Hospital:
    """The servers, the healthy source, and room for the sick ones. A context manager.

    `keep` is a folder to work in, which then stays.
    """

    def __init__(self, variant: str = "behind", *, keep: Path | None = None) -> None:
        self._stack = ExitStack()
        self._keep = keep is not None
        self.folder = keep or Path(tempfile.mkdtemp(prefix="packcore-sick-"))
        self._stack.callback(self._scrap, self.folder)
        self.healthy = make_healthy(self.folder, **VARIANTS[variant])
        self.truth = refs_of(self.healthy)
        self.tip_of_long = git("rev-parse", "refs/tags/v1^0", cwd=self.healthy)
        self.level = variant == "level"
        self.protocol = "v0" if variant == "v0" else "auto"
        self._program = Preloaded()

    def __enter__(self) -> Self:
        web = self._stack.enter_context(GitHttpServer(self.folder / "web"))
        self._root = web.root
        daemon = self._stack.enter_context(GitDaemon(web.root))
        ours = self._stack.enter_context(packcore_serve(web.root))
        self._addresses: dict[str, Callable[[str], str]] = {
            "path": lambda name: str(web.root / name),
            "serve": lambda name: f"{ours}/{name}",
            "http": web.url,
            "daemon": daemon.url,
        }
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def can_forbid(self) -> bool:
        """Tell whether there are files that this user can't read."""
        path = self.folder / "forbidden"
        path.touch(mode=0)
        return not os.access(path, os.R_OK)

    def row(self, name: str, cells: Sequence[tuple[str, str]]) -> dict[str, str]:
        """Return the verdict for each (way, operation), under `way/operation`."""
        sickness = SICKNESSES[name]
        slug = re.sub(r"\W+", "-", name)
        source = self._root / f"{slug}.git"
        shutil.copytree(self.healthy, source, symlinks=True)
        sickness.harm(source)
        patients = [
            _Cell(self, sickness, slug, way, operation)
            for way, operation in cells
            if operation != "convert" or not sickness.in_mirror  # there is no mirror
        ]
        for patient in patients:
            patient.fall_ill()
        ill = source.rename(source.with_suffix(".ill"))
        shutil.copytree(self.healthy, source, symlinks=True)
        if sickness.in_mirror:
            sickness.harm(source)  # there is nothing to heal: both sides are to stay so
        for patient in patients:
            patient.recover()
        for path in (source, ill, self.folder / slug):
            self._scrap(path)
        return {f"{each.way}/{each.operation}": each.verdict() for each in patients}

    def url(self, way: str, slug: str) -> str:
        """Return the endpoint of a source."""
        return self._addresses[way](f"{slug}.git")

    def run(self, arguments: Sequence[str], folder: Path) -> Run:
        """Run packcore."""
        return self._program.run(arguments, folder)

    def _scrap(self, path: Path) -> None:
        if not self._keep:
            _open_up(path)
            shutil.rmtree(path)


class _Cell:
    """A mirror, what is done with it, and what went wrong."""

    def __init__(self, hospital: Hospital, sickness: Sickness, slug: str, way: str, operation: str) -> None:
        self.hospital = hospital
        self.sickness = sickness
        self.way = way
        self.operation = operation
        self.faults: list[str] = []
        self.url = hospital.url(way, slug)
        self.folder = hospital.folder / slug / f"{way}-{operation}"
        self.folder.mkdir(parents=True)
        self.target = self.folder / "target.git"
        self.converts = operation == "convert"
        self.untold = sickness.untold if way in _OF_GIT else ()
        if not self.converts:
            shutil.copytree(hospital.folder / "mirror.git", self.target, symlinks=True)
            if sickness.in_mirror:
                sickness.harm(self.target)
        self.level = hospital.level and not self.converts
        self.begun = {} if self.converts else refs_of(self.target)

    def verdict(self) -> str:
        """Return what the cell says."""
        faults = [fault for fault in self.faults if not (self.untold and fault in _NOT_SAID)]
        return ", ".join(dict.fromkeys([*(["not told"] if self.untold else []), *faults])) or "ok"

    def fall_ill(self) -> None:
        """Run twice while the source is ill."""
        receipt = self.folder / "receipt.json"
        plain = self._run(
            *(["--receipt", str(receipt)] if self.operation in _WITH_RECEIPT else []), log="words"
        )
        self._judge(plain)
        if self.converts:
            shutil.rmtree(self.target, ignore_errors=True)
        told = self._run("--json", log="json")
        self._judge(told)
        if self.sickness.may_pass or self._needed_nothing():
            return
        self._must_say(plain.out + plain.err, "no words")
        self._must_say(told.out or told.err, "no json")  # a run that fails early has no object
        if self.operation in _WITH_RECEIPT:
            self._must_say(receipt.read_text() if receipt.exists() else "", "no receipt")

    def recover(self) -> None:
        """Run once more when it is well again."""
        if self.converts:
            shutil.rmtree(self.target, ignore_errors=True)
        done = self._run(log="healed")
        if done.code or self._differs(self._aim() if self.sickness.in_mirror else self.hospital.truth):
            self.faults.append(f"unhealed {done.code}")

    def _run(self, *options: str, log: str) -> Run:
        command = _command(self.operation, self.url, self.target, self.hospital.protocol)
        done = self.hospital.run([*command, *options], self.folder)
        (self.folder / f"{log}.txt").write_text(f"exit {done.code}\n{done.out}\n--- stderr\n{done.err}")
        return done

    def _judge(self, done: Run) -> None:
        self._look_for_losses()
        if done.crashed:
            self.faults.append(f"crash {done.code}")
        elif self.sickness.words and not self.sickness.may_pass:
            if done.code == 0 and not self._needed_nothing():
                self.faults.append("exit 0")
        elif done.code and self.sickness.may_pass:
            self._must_say(done.out + done.err, "no words")
        elif done.code:
            self.faults.append(f"exit {done.code}")
        elif self._differs(self._aim()):
            self.faults.append("differs")

    def _needed_nothing(self) -> bool:
        """Tell whether the ids, which can be read, are all that there was to compare."""
        return self.sickness.of_objects and self.level and not self._differs(self.hospital.truth)

    def _look_for_losses(self) -> None:
        if self.converts:
            return
        now = refs_of(self.target)
        for name, oid in self.begun.items():
            if name == GONE or name.startswith(self.untold or ("?",)):
                continue
            if name not in now:
                self.faults.append(f"LOST {name[5:30]}")
            elif now[name] not in (oid, self.hospital.truth.get(name)):
                self.faults.append(f"REWOUND {name[5:30]}")
        if found := fsck(self.target, strict=False):
            self.faults.append(f"BROKEN {found[0]}")

    def _aim(self) -> dict[str, str]:
        """Return what the target is to be where all can be read."""
        long = {LONG: self.hospital.tip_of_long} if self.sickness.brings_long else {}
        return self.hospital.truth | long

    def _differs(self, truth: dict[str, str]) -> bool:
        if self.converts:
            return not self.target.exists() or refs_of(self.target).keys() != truth.keys()
        return refs_of(self.target) != truth

    def _must_say(self, text: str, fault: str) -> None:
        # A conversion stops at the first thing that it can't read.
        patterns = self._patterns()
        if patterns and not _says(text, patterns, how_many=any if self.converts else all):
            self.faults.append(fault)

    def _patterns(self) -> list[str]:
        if self.converts and self.sickness.words:
            return [*self.sickness.words, r"heads/alias\b", re.escape(self.url)]
        if self.way not in _OF_GIT:
            return list(self.sickness.words)
        # git's server often says no more than that it ends: then the source is what can be named.
        source = re.escape(self.url)
        return [f"{pattern}|{source}|not our ref [0-9a-f]+" for pattern in self.sickness.words]


def refs_of(repository: Path) -> dict[str, str]:
    """Return id by name, of a repository that is well."""
    lines = git("for-each-ref", "--format=%(objectname) %(refname)", cwd=repository).splitlines()
    return {name: oid for oid, _, name in (line.partition(" ") for line in lines)}


def _says(text: str, patterns: Iterable[str], *, how_many: Callable[[Iterable[bool]], bool]) -> bool:
    """Tell whether lines that give a reason name all patterns, or any."""
    lines = [line for line in _lines(text) if _REASON.search(line)]
    return how_many(any(re.search(pattern, line) for line in lines) for pattern in patterns)


def _lines(text: str) -> Iterator[str]:
    """Yield the lines of a text; of JSON the words of each object as one."""
    for line in [text] if text.startswith("{\n") else text.splitlines():
        try:
            yield from _words_of(json.loads(line))
        except ValueError:
            yield line


def _words_of(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield " ".join(part for part in value.values() if isinstance(part, str))
        value = [part for part in value.values() if not isinstance(part, str)]
    if isinstance(value, list):
        for part in value:
            yield from _words_of(part)
    elif isinstance(value, str):
        yield value


def _open_up(folder: Path) -> None:
    """Let everything below be removed."""
    for at, names, _ in os.walk(folder):
        for name in names:
            inner = Path(at, name)
            if not inner.is_symlink():
                inner.chmod(0o700)
