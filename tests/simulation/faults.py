"""The faults, each with the operation that it waits for and what its fields mean.

    operation   counted for each side
    list        an advertisement
    fetch       a request to upload-pack
    push        a request to receive-pack
    listed      right after a listing
    taken       a push is taken in whole, and no ref has moved yet
    start       once, before all

To add one: a line here, a branch where the operation is (`remote`, `servers`, `disk`), and, where its result
may be uncertain, a word to `check`. The table that `make simulate` prints has it then; a kind that is never
hit fails the simulation.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["DISK", "KINDS", "LIES", "STATUSES", "STATUSES_AFTER", "Fault"]


class Fault(NamedTuple):
    """One thing that goes wrong, once; `KINDS` says what the fields mean."""

    kind: str
    side: str
    number: int = 0
    """Which operation of its kind, from 0."""
    at: int = 0
    arg: int = 0

    def __str__(self) -> str:
        """Say it in words."""
        operation, words = KINDS[self.kind]
        words = words.replace("`at`", str(self.at)).replace("`arg`", str(self.arg))
        return f"{self.kind} ({self.side}, {operation} {self.number}): {words}"


STATUSES = (408, 413, 429, 500, 502, 503, 504)
STATUSES_AFTER = (408, 500, 502, 503, 504)
"""What an edge may answer when the server behind it did all that was asked."""

KINDS: dict[str, tuple[str, str]] = {
    # the network
    "list-fails": ("list", "no connection, or none that lasts: `at` bytes of the answer arrive"),
    "list-status": ("list", "HTTP status number `arg`"),
    "list-ends": ("list", "the answer ends after `at` bytes"),
    "list-damaged": ("list", "byte `at` of the answer is another one"),
    "fetch-request-cut": ("fetch", "cut after `at` bytes of the request"),
    "fetch-answer-cut": ("fetch", "cut after `at` bytes of the answer"),
    "fetch-answer-ends": ("fetch", "the answer ends after `at` bytes"),
    "fetch-answer-damaged": ("fetch", "byte `at` of the answer is another one"),
    "fetch-answer-slow": ("fetch", "`arg` seconds of silence after `at` bytes of the answer"),
    "fetch-status": ("fetch", "HTTP status number `arg`"),
    "push-request-cut": ("push", "cut after `at` bytes of the request"),
    "push-status-before": ("push", "HTTP status number `arg`, before anything was read"),
    "push-status-midway": ("push", "HTTP status number `arg`, after `at` bytes of the request"),
    "push-status-after": ("push", "HTTP status number `arg`, after all was done"),
    "push-answer-lost": ("push", "cut after `at` bytes of the answer; the refs have moved"),
    "push-answer-ends": ("push", "the answer ends after `at` bytes; the refs have moved"),
    "push-answer-damaged": ("push", "byte `at` of the answer is another one; the refs have moved"),
    "push-late": ("push", "cut after the request; it is carried out `arg` moments later"),
    "push-twice": ("push", "the request is delivered twice; the second answer arrives"),
    # the target
    "hook-declines": ("push", "the pre-receive hook declines"),
    "ref-declined": ("push", "the update hook declines command `arg`"),
    "unpack-fails": ("push", "the target's disk is full"),
    "too-large": ("push", "the target finds the pack too large, and says so in words"),
    "report-omits": ("push", "the report leaves command `arg` out"),
    "report-lies-ok": ("push", "command `arg` is reported as done, and isn't"),
    "report-lies-ng": ("push", "command `arg` is reported as refused, and is done"),
    # others
    "ref-moved-listed": ("listed", "somebody sets ref `at` to commit `arg` after a listing"),
    "ref-deleted-listed": ("listed", "somebody deletes ref `at` after a listing"),
    "ref-moved-taken": ("taken", "somebody sets ref `at` to commit `arg` during a push"),
    "ref-deleted-taken": ("taken", "somebody deletes ref `at` during a push"),
    # the source
    "object-missing": ("start", "object number `arg` of the source is gone"),
    "object-damaged": ("start", "object number `arg` of the source can't be read"),
    "ref-unreadable": ("start", "ref number `at` of the source can't be read"),
    "pack-lacks": ("fetch", "the pack lacks object number `arg`"),
    # this machine
    "disk-full": ("disk", "nothing can be written after `at` bytes"),
    "disk-torn": ("disk", "a write takes fewer bytes than it was given, from write `at` on"),
    "disk-unreadable": ("disk", "read number `at` fails"),
    "disk-no-file": ("disk", "file number `at` can't be made"),
    "killed": ("process", "the process is killed at step `at`, and run again"),
}

DISK = tuple(kind for kind, (operation, _) in KINDS.items() if operation == "disk")
LIES = ("report-lies-ok", "report-lies-ng", "push-answer-damaged")
