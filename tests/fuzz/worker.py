"""Fuzzes one target for some seconds in this process: `python -m tests.fuzz.worker TARGET SECONDS WORK`.

With atheris libFuzzer chooses inputs by the code that they reach. Without it (there is no wheel for each
Python) the same targets and mutators run, and only luck leads. A finding doesn't end the run: it is written
to `reproducers/TARGET/`, once for each kind and place, with its traceback in WORK.
"""

from __future__ import annotations

import random
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.fuzz.corpus import REPRODUCERS, keep, starting_inputs
from tests.fuzz.mutate import change_bytes, mutate

if TYPE_CHECKING:
    from tests.fuzz.target import Target

HANG_SECONDS = 20
"""Of CPU time for one input. The replay counts steps instead; this only ends an endless loop."""


class Hang(BaseException):
    """One input took too long."""


class Findings:
    """Runs inputs under the law, and keeps one reproducer for each kind of finding."""

    def __init__(self, one: Target, work: Path, reproducers: Path = REPRODUCERS) -> None:
        self._target = one
        self._work = work
        self._reproducers = reproducers / one.name
        self._known: set[tuple[str, str, int]] = set()
        self.executions = 0
        signal.signal(signal.SIGVTALRM, _hang)

    def try_input(self, data: bytes) -> None:
        """Run one input; note what is wrong. Never raises an Exception."""
        from tests.fuzz.target import obey

        self.executions += 1
        signal.setitimer(signal.ITIMER_VIRTUAL, HANG_SECONDS)
        try:
            obey(self._target, data)
        except (Exception, Hang) as error:
            self._note(error, data)
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)

    def _note(self, error: BaseException, data: bytes) -> None:
        frames = traceback.extract_tb(error.__traceback__)
        ours = [
            frame
            for frame in frames
            if "site-packages" not in frame.filename and "/lib/python" not in frame.filename
        ]
        place = (ours or frames)[-1]
        kind = (type(error).__name__, place.filename, place.lineno or 0)
        if kind in self._known:
            return
        self._known.add(kind)
        path = keep(self._reproducers, data, f"{type(error).__name__}-")
        self._work.mkdir(parents=True, exist_ok=True)
        words = "".join(traceback.format_exception(error))
        (self._work / f"finding-{path.name}.txt").write_text(f"{path}\n{words}", errors="backslashreplace")


def _hang(*_: object) -> None:
    raise Hang(f"more than {HANG_SECONDS} s of CPU time")


def run_plain(one: Target, seconds: float, findings: Findings) -> None:
    """Mutate starting inputs until the time is over. Prints a line that `run` reads."""
    chance = random.Random(time.time_ns())
    inputs = starting_inputs(one.name, list(one.seeds()))
    for data in inputs:
        findings.try_input(data)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        data = chance.choice(inputs)
        for _ in range(chance.choice((1, 1, 2, 4))):
            data = mutate(one, data, chance, lambda old: change_bytes(old, chance))
        findings.try_input(data)
    print(f"plain executions {findings.executions}")


def run_guided(atheris: Any, one: Target, seconds: float, work: Path, findings: Findings) -> None:
    """Let libFuzzer choose; never returns. It prints what `run` reads."""
    corpus = work / "corpus"
    for data in starting_inputs(one.name, list(one.seeds())):
        keep(corpus, data)

    def mutator(data: bytes, bytes_max: int, seed: int) -> bytes:
        chance = random.Random(seed)

        def change(old: bytes) -> bytes:
            return (
                bytes(atheris.Mutate(old, one.bytes_max))
                if old or chance.random() < 0.5
                else change_bytes(old, chance)
            )

        return mutate(one, bytes(data), chance, change)[:bytes_max]

    options = [
        f"-max_total_time={max(1, round(seconds))}",
        f"-max_len={one.bytes_max}",
        f"-artifact_prefix={work}/",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
        "-reload=0",
        "-timeout=120",
        str(corpus),
    ]
    atheris.Setup([sys.argv[0], *options], findings.try_input, custom_mutator=mutator)
    atheris.Fuzz()


def load_atheris() -> Any | None:
    """Return atheris, or None where it isn't installed."""
    try:
        import atheris
    except ImportError:
        return None
    return atheris


def _targets(atheris: Any | None) -> dict[str, Target]:
    from tests.fuzz.target import all_targets

    if atheris is None:
        return all_targets()
    with atheris.instrument_imports(include=["packcore", "transport", "cli"]):
        return all_targets()


def main(arguments: list[str]) -> None:
    """Fuzz one target."""
    name, seconds, work = arguments[0], float(arguments[1]), Path(arguments[2])
    atheris = None if "--plain" in arguments else load_atheris()
    one = _targets(atheris)[name]
    findings = Findings(one, work)
    if atheris is None:
        run_plain(one, seconds, findings)
    else:
        run_guided(atheris, one, seconds, work, findings)


if __name__ == "__main__":
    main(sys.argv[1:])
