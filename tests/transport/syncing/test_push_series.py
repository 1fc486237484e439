"""Ref commands in several requests, against C git with hooks that count."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from packcore.errors import LimitExceeded, RepositoryError
from tests.git_transport import GitTransport
from tests.support import fsck, git, ls_remote, write_hook
from tests.transport.syncing.sides import Sides, commit, outcomes
from transport.errors import NetworkError
from transport.syncing import Outcome
from transport.syncing.deliver import push_series
from transport.syncing.prune_limit import PruneLimit

if TYPE_CHECKING:
    from pathlib import Path

BRANCHES = 10


@pytest.fixture
def sides(tmp_path: Path) -> Sides:
    sides = Sides(tmp_path)
    tip = commit(sides.source, "refs/heads/main")
    for number in range(BRANCHES - 1):
        git("update-ref", f"refs/heads/b{number}", tip, cwd=sides.source)
    return sides


def refuse_more_than(repository: Path, count: int, words: str) -> None:
    write_hook(repository, "pre-receive",
               f'n=$(wc -l)\necho "$n" >> {repository}/counts\n'
               f'[ "$n" -le {count} ] || {{\necho "{words}" >&2\nexit 1\n}}')  # fmt: skip


def counts(repository: Path) -> list[int]:
    return [int(line) for line in (repository / "counts").read_text().split()]


def test_refs_go_in_as_many_requests_as_the_limit_asks_for(sides):
    refuse_more_than(sides.target, 4, "no")
    result = sides.sync(target_max_ref_updates=4)
    sides.check()
    assert set(outcomes(result).values()) == {"pushed"}
    assert counts(sides.target) == [4, 4, 2]


@pytest.mark.parametrize(
    ("words", "tried"),
    [("at most 4 refs in one push", [10, 4, 4, 2]), ("too many refs", [10, 5, 2, 2, 2, 2, 2])],
)
def test_a_limit_is_found_where_the_refusal_says_so(sides, words, tried):
    refuse_more_than(sides.target, 4, words)
    result = sides.sync()
    sides.check()
    assert set(outcomes(result).values()) == {"pushed"}
    assert counts(sides.target) == tried


def test_a_refusal_in_other_words_is_final(sides):
    refuse_more_than(sides.target, 4, "the gods are angry")
    result = sides.sync()
    assert set(outcomes(result).values()) == {"refused"}
    assert counts(sides.target) == [10]


def test_all_or_none_that_does_not_fit_one_request_is_told_before_pushing(sides):
    target = GitTransport(sides.target)
    with pytest.raises(LimitExceeded, match="atomic push of 10 refs"):
        sides.sync(target=target, policy={"atomic": True}, target_max_ref_updates=4)
    assert ("request", "git-receive-pack") not in target.requests
    assert ls_remote(sides.target) == {}


def test_the_pack_goes_again_where_the_first_request_was_declined_whole(sides):
    script = "grep -q refs/heads/main && { echo no main >&2; exit 1; }\nexit 0"
    write_hook(sides.target, "pre-receive", script)
    result = sides.sync(target_max_ref_updates=3)
    assert result.count(Outcome.PUSHED) == 7
    assert result.count(Outcome.REFUSED) == 3
    assert fsck(sides.target) == []


def test_after_a_lost_request_no_more_are_sent_and_every_ref_is_accounted_for(sides):
    requests = 0

    def lose_the_second(kind: str, service: str) -> None:
        nonlocal requests
        if (kind, service) == ("request", "git-receive-pack"):
            requests += 1
            if requests == 2:
                raise NetworkError("lost")

    result = sides.sync(target=GitTransport(sides.target, before=lose_the_second), target_max_ref_updates=4)
    assert requests == 2
    assert result.count(Outcome.PUSHED) == 4
    assert result.count(Outcome.NOT_PUSHED) == 6
    assert isinstance(result.failure, NetworkError)
    reasons = [ref.reason for ref in result.refs if ref.outcome is Outcome.NOT_PUSHED]
    assert sum("listed again" in reason for reason in reasons) == 4
    assert sum("a request before it failed" in reason for reason in reasons) == 2


def test_deletes_that_make_room_may_fill_the_first_requests(sides):
    tip = commit(sides.target, "refs/heads/dir/a")
    for name in ("b", "c", "d"):
        git("update-ref", f"refs/heads/dir/{name}", tip, cwd=sides.target)
    commit(sides.source, "refs/heads/dir")
    result = sides.sync(policy={"prune": True, "prune_limit": PruneLimit(4)}, target_max_ref_updates=2)
    sides.check()
    assert result.deleted == 4


class Unreadable(GitTransport):
    """A target to which the second push can't be sent, since our own pack can't be read."""

    pushes = 0

    @contextmanager
    def request(self, service, body, *, version, headway=None):
        self.pushes += service == "git-receive-pack"
        if self.pushes == 2:
            next(iter(body.blocks()))
            raise RepositoryError("the temporary pack can't be read back")
        with super().request(service, body, version=version) as blocks:
            yield blocks


def test_a_failure_of_our_own_after_an_answered_request_is_told_by_the_result(sides):
    """What was deleted is deleted, so the run must not end as if nothing had happened."""
    commit(sides.target, "refs/heads/b0/x")
    result = sides.sync(
        target=Unreadable(sides.target),
        policy={"prune": True, "prune_limit": PruneLimit(1)},
        target_max_ref_updates=1,
    )
    assert outcomes(result)["b0/x"] == "deleted"
    assert result.count(Outcome.PUSHED) == 0
    assert isinstance(result.failure, RepositoryError)


def test_a_lost_answer_to_deletes_alone_is_told_by_the_result(sides):
    """They may have been carried out, though the pack, which goes with the next request, was not sent."""
    commit(sides.target, "refs/heads/b0/x")
    result = sides.sync(
        target=GitTransport(sides.target, cut_answer_of="git-receive-pack"),
        policy={"prune": True, "prune_limit": PruneLimit(1)},
        target_max_ref_updates=1,
    )
    assert outcomes(result)["b0/x"] == "unanswered"
    assert isinstance(result.failure, NetworkError)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a server take so long for a deletion that only three are done in time."""
    monkeypatch.setattr(push_series, "deletions_in_time", lambda refs: 3)


PRUNE = {"prune": True, "prune_limit": PruneLimit(8)}


def make_surplus(sides: Sides) -> None:
    """Make refs on the target that the source lacks."""
    git("push", "-q", sides.target, *(f"main:refs/heads/gone{n}" for n in range(8)), "main", cwd=sides.source)


@pytest.mark.usefixtures("slow")
def test_more_deletions_than_are_done_in_time_go_as_one_change(sides):
    make_surplus(sides)
    refuse_more_than(sides.target, 20, "no")
    result = sides.sync(policy=PRUNE)
    sides.check()
    assert list(outcomes(result).values()).count("deleted") == 8
    assert counts(sides.target) == [9 + 3, 5]


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("reason", ["one of them is refused", "it can't do that"])
def test_deletions_go_by_a_few_where_they_are_not_done_together(sides, reason):
    make_surplus(sides)
    if reason == "it can't do that":
        git("config", "receive.advertiseAtomic", "false", cwd=sides.target)
    write_hook(sides.target, "update", '[ "$1" != refs/heads/gone5 ] || exit 1')
    found = outcomes(sides.sync(policy=PRUNE))
    assert [found[f"gone{n}"] for n in (4, 5, 6)] == ["deleted", "refused", "deleted"]
    assert [name for name in ls_remote(sides.target) if "gone" in name] == ["refs/heads/gone5"]
