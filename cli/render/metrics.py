r"""Results as a text file of Prometheus, for the textfile collector of its node_exporter.

    # HELP packcore_run_exit_code Exit code of the last run; 0 for done.
    # TYPE packcore_run_exit_code gauge
    packcore_run_exit_code{command="sync",source="https://a/x.git",target="https://b/x.git"} 0

Specified in Prometheus' "Exposition formats", version 0.0.4. All are gauges: they tell of the last run, and
no number is a sum over many runs. A run that fails has the numbers that it came to know. Each series names
its run, as the collector refuses one that two files have. Labels are made safe by the caller's `clean`, which
masks secrets, and are escaped here.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from transport.syncing.outcome.result import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from transport.fleet import PairOutcome
    from transport.local_fetch.fetch_into import FetchResult
    from transport.syncing.measure import Stats
    from transport.syncing.outcome.result import RefResult, SyncResult

__all__ = ["LAST_SUCCESS", "Metrics", "RunLabels", "last_successes"]

LAST_SUCCESS = "packcore_run_last_success_timestamp_seconds"
_HELP = {
    "packcore_run_timestamp_seconds": "When the last run ended, in seconds since 1970.",
    LAST_SUCCESS: "When the last run with exit code 0 ended, in seconds since 1970.",
    "packcore_run_duration_seconds": "How long the last run took.",
    "packcore_run_exit_code": "Exit code of the last run; 0 for done.",
    "packcore_run_refs": "Refs of the last run, by what became of them.",
    "packcore_run_objects": "Objects in the packs that the last run carried.",
    "packcore_run_pack_bytes": "Bytes of the packs that the last run carried.",
    "packcore_run_requests": "Requests of the last run, by side; with --stats alone.",
    "packcore_run_sent_bytes": "Bytes sent to a side by the last run; with --stats alone.",
    "packcore_run_received_bytes": "Bytes received from a side by the last run; with --stats alone.",
    "packcore_manifest_timestamp_seconds": "When the last run of a manifest ended, in seconds since 1970.",
    "packcore_manifest_duration_seconds": "How long the last run of a manifest took.",
    "packcore_manifest_exit_code": "Exit code of the last run of a manifest; 0 for done.",
    "packcore_manifest_pairs": "Pairs of a manifest, by what became of them.",
}
_LAST_SUCCESS_LINE = re.compile(rf"{LAST_SUCCESS}(\{{.*\}}) ([0-9]+(?:\.[0-9]+)?)\Z")


@dataclass(frozen=True, slots=True)
class RunLabels:
    """What tells the series of one run from those of others."""

    command: str
    source: str
    """Without secrets, as `target`."""
    target: str
    pair: str = ""
    """Its name in a manifest."""

    def to_dict(self) -> dict[str, str]:
        """Return the labels; one that is empty is left out, which means the same."""
        named = {"command": self.command, "pair": self.pair, "source": self.source, "target": self.target}
        return {name: value for name, value in named.items() if value}


@dataclass(slots=True)
class Metrics:
    """Samples, gathered in any order, written by name."""

    clean: Callable[[str], str]
    """Masks secrets, and makes control characters visible."""
    succeeded: Mapping[str, float] = field(default_factory=dict)
    """When runs last succeeded, by their labels in text: what `last_successes` read from the older file."""
    _samples: dict[str, dict[str, float]] = field(default_factory=dict)

    def run(self, labels: RunLabels, ended: float, seconds: float, exit_code: int) -> None:
        """Add what is known of every run, however it ended."""
        named = labels.to_dict()
        self._add("packcore_run_timestamp_seconds", named, ended)
        self._add("packcore_run_duration_seconds", named, seconds)
        self._add("packcore_run_exit_code", named, exit_code)
        before = self.succeeded.get(self._text_of(named))
        if not exit_code:
            self._add(LAST_SUCCESS, named, ended)
        elif before is not None:
            self._add(LAST_SUCCESS, named, before)

    def synced(self, labels: RunLabels, result: SyncResult) -> None:
        """Add what came of a sync."""
        pack = result.pack
        self._refs(labels, result.refs)
        self._carried(labels, pack.objects if pack else 0, pack.bytes if pack else 0, result.stats)

    def fetched(self, labels: RunLabels, result: FetchResult) -> None:
        """Add what came of a fetch."""
        self._refs(labels, result.refs)
        self._carried(labels, result.object_count, result.pack_bytes, result.stats)

    def manifest(
        self, name: str, outcomes: Iterable[PairOutcome], ended: float, seconds: float, exit_code: int
    ) -> None:
        """Add the runs of a manifest, and what they come to."""
        outcomes = list(outcomes)
        for outcome in outcomes:
            asked = outcome.asked
            labels = RunLabels(asked.request.mode, asked.source, asked.target, outcome.name)
            pair_ended = outcome.started_at.timestamp() + outcome.seconds
            self.run(labels, pair_ended, outcome.seconds, outcome.exit_code)
            if outcome.result is not None:
                self.synced(labels, outcome.result)
        named = {"manifest": name}
        self._add("packcore_manifest_timestamp_seconds", named, ended)
        self._add("packcore_manifest_duration_seconds", named, seconds)
        self._add("packcore_manifest_exit_code", named, exit_code)
        from transport.fleet import PairStatus

        found = Counter(outcome.status for outcome in outcomes)
        for status in PairStatus:
            self._add("packcore_manifest_pairs", {**named, "status": status.value}, found[status])

    def text(self) -> str:
        """Return the file."""
        lines = []
        for name, words in _HELP.items():
            if name in self._samples:
                lines += [f"# HELP {name} {words}", f"# TYPE {name} gauge"]
                lines += [f"{name}{labels} {value}" for labels, value in self._samples[name].items()]
        return "\n".join(lines) + "\n"

    def _refs(self, labels: RunLabels, refs: Iterable[RefResult]) -> None:
        found = Counter(ref.outcome for ref in refs)
        for outcome in Outcome:
            named = {**labels.to_dict(), "outcome": outcome.value}
            self._add("packcore_run_refs", named, found[outcome])

    def _carried(self, labels: RunLabels, objects: int, pack_bytes: int, stats: Stats) -> None:
        named = labels.to_dict()
        self._add("packcore_run_objects", named, objects)
        self._add("packcore_run_pack_bytes", named, pack_bytes)
        for side in stats.sides:
            of_side = {**named, "service": side.service, "side": side.side}
            self._add("packcore_run_requests", of_side, side.requests)
            self._add("packcore_run_sent_bytes", of_side, side.bytes_sent)
            self._add("packcore_run_received_bytes", of_side, side.bytes_received)

    def _add(self, name: str, labels: Mapping[str, str], value: float) -> None:
        self._samples.setdefault(name, {})[self._text_of(labels)] = round(value, 3)

    def _text_of(self, labels: Mapping[str, str]) -> str:
        return "{" + ",".join(f'{name}="{self._escaped(value)}"' for name, value in labels.items()) + "}"

    def _escaped(self, value: str) -> str:
        safe = self.clean(value).encode("utf-8", "replace").decode()
        return safe.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def last_successes(text: str) -> dict[str, float]:
    """Return when the runs of an older file last succeeded, by their labels in text.

    >>> last_successes('packcore_run_last_success_timestamp_seconds{command="sync"} 12.5')
    {'{command="sync"}': 12.5}
    """
    found = map(_LAST_SUCCESS_LINE.match, text.split("\n"))
    return {match[1]: float(match[2]) for match in found if match}
