"""The public function: both sides are listed at once, errors come through, transports are closed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from packcore.progress import SILENT
from tests.git_transport import GitTransport
from tests.transport.syncing.sides import commit
from transport.errors import InvalidRequest, NetworkError
from transport.syncing import Policy, Scope, SyncRequest, sync
from transport.syncing.gather.listing import advertise_both

if TYPE_CHECKING:
    from pathlib import Path


def test_transports_of_the_callers_stay_open(sides):
    commit(sides.source, "refs/heads/main")
    source, target = GitTransport(sides.source), GitTransport(sides.target)
    assert sync(source, target, scope=Scope(tags=True), policy=Policy(atomic=True)).pushed == 1
    assert not source.closed
    assert not target.closed


def test_parts_take_the_place_of_those_in_the_request(sides):
    commit(sides.source, "refs/heads/main")
    request = SyncRequest(scope=Scope(branches=("absent",)), dry_run=True)
    result = sync(GitTransport(sides.source), GitTransport(sides.target), request, scope=Scope())
    assert result.dry_run
    assert [ref.planned.branch for ref in result.refs] == ["main"]


def test_source_and_target_must_differ(sides):
    with pytest.raises(InvalidRequest, match="same repository"):
        sync(GitTransport(sides.source), GitTransport(sides.source))


def test_both_sides_are_listed_at_the_same_time(sides):
    commit(sides.source, "refs/heads/main")
    meeting = threading.Barrier(2, timeout=30)

    def meet(kind: str, service: str) -> None:
        if kind == "advertise":
            meeting.wait()  # breaks, and so fails, if the other side waits for this one

    source, target = (GitTransport(path, before=meet) for path in (sides.source, sides.target))
    assert sync(source, target).pushed == 1


def failing(path: Path, words: str) -> GitTransport:
    def fail(kind: str, service: str) -> None:
        raise NetworkError(words)

    return GitTransport(path, before=fail)


@pytest.mark.parametrize(
    ("source_fails", "target_fails", "words"),
    [(True, False, "source down"), (False, True, "target down"), (True, True, "source down")],
)
def test_an_error_of_either_side_comes_through_the_sources_first(sides, source_fails, target_fails, words):
    commit(sides.source, "refs/heads/main")
    source = failing(sides.source, "source down") if source_fails else GitTransport(sides.source)
    target = failing(sides.target, "target down") if target_fails else GitTransport(sides.target)
    with pytest.raises(NetworkError, match=words):
        advertise_both(source, target, protocol="auto", prefixes=("refs/heads/",), progress=SILENT)


def test_a_failing_source_does_not_wait_for_a_silent_target(sides):
    silence = threading.Event()

    def be_silent(kind: str, service: str) -> None:
        silence.wait(30)

    target = GitTransport(sides.target, before=be_silent)
    try:
        with pytest.raises(NetworkError):
            sync(failing(sides.source, "down"), target)
        assert target.closed
        assert not silence.is_set()
    finally:
        silence.set()
