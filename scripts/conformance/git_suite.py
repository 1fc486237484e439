"""Runs scripts of git's t/ twice: with git alone, and with packcore in the place of some of its commands.

The caller provides a built checkout of git; nothing is written into it. git's test library finds the programs
through GIT_TEST_INSTALLED (those that the scripts call) and GIT_TEST_EXEC_PATH (those that git calls).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.conformance.results import Failure, Row
from scripts.conformance.suites import ConformanceError, reason_for, stale_reasons
from scripts.conformance.tap import Call, Outcome, by_test, read_output

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from scripts.conformance.suites import Family, Reason

__all__ = ["GitCheckout", "compare", "measure", "wrapper"]

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "build" / "conformance"
_SECONDS_MAX = 1800
_USER_PROGRAMS = ("git", "git-receive-pack", "git-shell", "git-upload-archive", "git-upload-pack", "scalar")


@dataclass(frozen=True, slots=True)
class GitCheckout:
    """A built checkout of git."""

    path: Path

    @property
    def version(self) -> str:
        """Return git's version. Raises ConformanceError if the checkout isn't built."""
        if not (self.path / "t" / "helper" / "test-tool").exists() or not (self.path / "git").exists():
            raise ConformanceError(f"{self.path}: no built checkout of git; run make there first")
        done = subprocess.run([self.path / "git", "version"], capture_output=True, text=True, check=True)
        return done.stdout.split()[2]

    def run(
        self, script: str, folder: Path, commands: Iterable[str] = (), *, inside: bool = False
    ) -> Outcome:
        """Run one script with stand-ins for `commands`; leaves out.txt and calls.jsonl in `folder`."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        output, log = folder / "out.txt", folder / "calls.jsonl"
        log.touch()
        self._lay_out(folder, tuple(commands), inside)
        with tempfile.TemporaryDirectory(prefix="conformance-", ignore_cleanup_errors=True) as trash:
            command = [str(self.path / "t" / f"{script}.sh"), "-v", f"--root={trash}"]
            with output.open("wb") as file:
                process = subprocess.Popen(
                    command,
                    cwd=self.path / "t",
                    env=_environment(folder),
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
                try:
                    process.wait(_SECONDS_MAX)
                except BaseException as end:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
                    if not isinstance(end, subprocess.TimeoutExpired):
                        raise
        return read_output(output.read_bytes())

    def _lay_out(self, folder: Path, commands: tuple[str, ...], inside: bool) -> None:
        """Make the folders of programs: links to git's own, but for the commands that are ours."""
        users, own = folder / "bin", folder / "exec"
        users.mkdir()
        own.mkdir()
        for program in sorted(self.path.glob("git-*")):
            if program.is_file() and os.access(program, os.X_OK):
                (own / program.name).symlink_to(program)
        for name in ("git", "mergetools"):
            (own / name).symlink_to(self.path / name)
        for name in _USER_PROGRAMS:
            if (self.path / name).exists():
                (users / name).symlink_to(self.path / name)
        _write_program(users / "git", wrapper(self.path / "git", folder, commands))
        if inside:
            _write_program(own / "git", wrapper(self.path / "git", folder, commands))
        for command in commands:
            text = f'#!/bin/sh\nexec {_stand_in(self.path / "git", folder)} {command} "$@"\n'
            for place in (users, own):
                if (place / f"git-{command}").is_symlink():
                    _write_program(place / f"git-{command}", text)


def wrapper(real: Path, folder: Path, commands: Sequence[str]) -> str:
    """Return a shell script that gives `commands` to the stand-in, and everything else to the real git."""
    ours = f'\t{"|".join(commands)}) exec {_stand_in(real, folder)} "$@" ;;\n' if commands else ""
    return f"""#!/bin/sh
skip=
for word
do
	if test -n "$skip"
	then
		skip=
		continue
	fi
	case $word in
	-C|-c|--git-dir|--work-tree|--namespace|--config-env) skip=1 ;;
	-*) ;;
{ours}	*) break ;;
	esac
done
exec {real} "$@"
"""


def _stand_in(real: Path, folder: Path) -> str:
    script = Path(__file__).with_name("stand_in.py")
    return f"{sys.executable} {script} {real} {folder / 'calls.jsonl'} {folder / 'out.txt'} --"


def _write_program(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def _environment(folder: Path) -> dict[str, str]:
    own = ("GIT_", "PACKCORE_", "PYTHON")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    return {
        **kept,
        "GIT_TEST_INSTALLED": str(folder / "bin"),
        "GIT_TEST_EXEC_PATH": str(folder / "exec"),
        "TEST_OUTPUT_DIRECTORY": str(folder),
    }


def read_calls(path: Path) -> list[Call]:
    """Read what the stand-in noted."""
    return [
        Call(
            entry["at"],
            tuple(entry["arguments"]),
            tuple(entry.get("not_offered", ())),
            entry.get("exit_code", 1),
        )
        for entry in map(json.loads, path.read_text().splitlines())
    ]


def measure(
    checkout: GitCheckout, family: Family, script: str, reasons: Sequence[Reason], *, again: bool = False
) -> Row:
    """Run a script with git (unless that was done before) and with packcore, and compare."""
    version = checkout.version
    kept = OUTPUT / "git" / version / f"{script}.json"
    if again or not kept.exists():
        alone = checkout.run(script, OUTPUT / "git" / version / script)
        kept.write_text(json.dumps(sorted(alone.passed)))
    expected = set(json.loads(kept.read_text()))
    folder = OUTPUT / family.name / script
    ours = checkout.run(script, folder, family.commands, inside=family.inside)
    calls = read_calls(folder / "calls.jsonl")
    return compare(family.name, script, expected, ours, calls=calls, reasons=reasons)


def compare(
    family: str,
    script: str,
    expected: set[int],
    ours: Outcome,
    *,
    calls: Iterable[Call] = (),
    reasons: Sequence[Reason] = (),
) -> Row:
    """Return the row of a script: each test that passes with git and doesn't with packcore, and why."""
    called = by_test(ours, calls)
    failures = []
    for number in sorted(expected - ours.passed):
        test = ours.tests.get(number)
        own = called.get(number, [])
        missing = sorted({word for call in own for word in call.not_offered})
        why = reason_for(reasons, family, script, str(number))
        failures.append(Failure(str(number), test.title if test else "", missing, len(own), why))
    stale = stale_reasons(reasons, family, script, {str(number) for number in expected & ours.passed})
    return Row(
        family,
        script,
        len(expected),
        len(expected & ours.passed),
        sum(1 for number in expected if called.get(number)),
        failures,
        stale,
    )


def save(rows: Iterable[Row], path: Path) -> None:
    """Keep the rows of a run."""
    path.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
