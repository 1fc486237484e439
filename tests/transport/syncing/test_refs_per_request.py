"""How many refs a target takes in one request: asked of C git, which then has the refs that it had."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.git_transport import GitTransport
from tests.support import git, history, init_repository, ls_remote, make_repository
from tests.transport.syncing.limited_target import LimitedTarget, refused
from tests.transport.syncing.test_batched_push import Target
from transport.errors import NetworkError, UnsupportedByRemote
from transport.listing import advertise_push
from transport.syncing.deliver.refs_per_request import refs_per_request

if TYPE_CHECKING:
    from pathlib import Path

    from transport.base import Transport
    from transport.syncing.deliver.refs_per_request import RefsLimit

COMMAND_BYTES = 130
"""Of a deletion here, about."""


def asked(target: Transport, count: int) -> tuple[RefsLimit, list[int]]:
    tries: list[int] = []
    limit = refs_per_request(target, advertise_push(target), count, on_try=tries.append)
    return limit, tries


@pytest.fixture
def repository(tmp_path):
    return make_repository(tmp_path / "target.git", history(commits=3))


def test_a_target_without_a_limit_is_asked_once(repository):
    limit, tries = asked(GitTransport(repository), 500)
    assert (limit.taken, limit.refused, tries) == (500, None, [500])


@pytest.mark.parametrize("is_empty", [False, True], ids=["with refs", "empty"])
def test_no_ref_comes_goes_or_moves(repository, tmp_path, is_empty):
    target = init_repository(tmp_path / "empty.git") if is_empty else repository
    before = ls_remote(target)
    asked(GitTransport(target), 50)
    assert ls_remote(target) == before
    assert git("for-each-ref", "refs/packcore", cwd=target) == ""


def test_the_limit_is_found_within_a_sixteenth(repository):
    bytes_max = 300 * COMMAND_BYTES
    target = LimitedTarget(repository, fault=lambda _, size: refused(504) if size > bytes_max else None)
    limit, tries = asked(target, 5000)
    assert limit.refused is not None
    assert limit.taken < limit.refused <= limit.taken * 17 // 16 + 1
    assert limit.words == "HTTP 504"
    assert len(tries) <= 12


def test_a_target_that_falls_silent_over_many_refs_has_a_limit_too(repository):
    silence = NetworkError("no byte for 120 seconds")
    target = LimitedTarget(repository, fault=lambda _, size: silence if size > 40 * COMMAND_BYTES else None)
    limit, _ = asked(target, 100)
    assert limit.refused is not None
    assert 0 < limit.taken < limit.refused <= 100
    assert "no byte" in limit.words


def declining(repository: Path, check: str) -> GitTransport:
    """Give the repository a hook that declines a push unless `check` succeeds."""
    hook = repository / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\n{check}\n")
    hook.chmod(0o755)
    return GitTransport(repository)


def test_a_hook_that_names_its_limit_is_taken_at_its_word(repository):
    target = declining(repository, '[ "$(wc -l)" -le 70 ] || { echo at most 70 refs in one push; exit 1; }')
    limit, tries = asked(target, 400)
    assert (limit.taken, limit.refused, tries) == (70, 400, [400, 70])
    assert "at most 70 refs" in limit.words


def test_a_hook_that_declines_each_ref_has_no_limit_on_their_number(repository):
    target = declining(repository, "cat > /dev/null; echo nothing below refs/packcore/; exit 1")
    limit, _ = asked(target, 40)
    assert (limit.taken, limit.refused) == (40, None)


def test_a_target_that_takes_not_even_one_says_so(repository):
    limit, _ = asked(LimitedTarget(repository, fault=lambda *_: refused(500)), 3)
    assert (limit.taken, limit.refused) == (0, 1)


def test_a_target_that_deletes_nothing_is_not_asked():
    target = Target(capabilities="atomic")
    with pytest.raises(UnsupportedByRemote, match="can't delete refs"):
        refs_per_request(target, advertise_push(target), 5)
    assert target.pushes == []
