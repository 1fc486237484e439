"""The target's side of a push in batches: what each of its answers means, and what the result names."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from packcore.errors import LimitExceeded
from packcore.ids import SHA1, ObjectId
from packcore.progress import SILENT
from tests.transport.syncing.sides import Heard
from transport.base import Body, Service, TransferStats
from transport.errors import HttpStatusError, NetworkError, RefRejected, RemoteStalled, UnsupportedByRemote
from transport.listing import advertise_push
from transport.syncing.decide.ref_plan import RefAction, RefPlan
from transport.syncing.deliver.batches import BatchedPush
from transport.syncing.deliver.host_profile import TargetLimits
from transport.syncing.deliver.temp_refs import temp_ref
from transport.syncing.outcome.result import Outcome
from transport.syncing.request import Policy
from transport.wire.limits import WireLimits
from transport.wire.pktline import FLUSH, encode_packet, encode_text
from transport.wire.receive_pack import empty_pack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from transport.syncing.deliver.pushing import PushOutcome
    from transport.wire.headway import Headway

MAIN = "refs/heads/main"
A, B, C = (ObjectId(bytes([number]) * 20) for number in (1, 2, 3))
PACK = empty_pack(SHA1)


class Target:
    """Answers each push by the next of `answers`; `refs` are what it lists."""

    url = "https://target.example/x.git"
    stateless = True
    limits = WireLimits()

    def __init__(self, *answers: bytes | Exception, capabilities: str = "delete-refs atomic") -> None:
        self.stats = TransferStats()
        self.refs: dict[str, ObjectId] = {}
        self.listing_fails = False
        self.pushes: list[bytes] = []
        self._answers = list(answers)
        self._capabilities = capabilities

    @contextmanager
    def advertise(
        self, service: Service, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
        if self.listing_fails:
            raise NetworkError("no connection")
        named = [(oid.hex(), name) for name, oid in self.refs.items()] or [("0" * 40, "capabilities^{}")]
        tokens = f"\0report-status side-band-64k {self._capabilities}"
        lines = [encode_text(f"{oid} {name}{tokens if not n else ''}") for n, (oid, name) in enumerate(named)]
        yield iter([b"".join(lines) + FLUSH])

    @contextmanager
    def request(
        self, service: Service, body: Body, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
        self.pushes.append(b"".join(body.blocks()))
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        yield iter([answer])

    def close(self) -> None:
        pass


def report(*lines: str, words: str = "") -> bytes:
    inner = b"".join(map(encode_text, ("unpack ok", *lines))) + FLUSH
    return (encode_packet(b"\2" + words.encode()) if words else b"") + encode_packet(b"\1" + inner) + FLUSH


def ok(*oids: ObjectId) -> bytes:
    return report(*(f"ok {temp_ref(oid)}" for oid in oids))


def pushing(target: Target, policy: Policy | None = None, **limits: int) -> BatchedPush:
    action = RefAction("create", "branch", MAIN, MAIN, C, None, "new")
    return BatchedPush(
        target,
        advertise_push(target),
        RefPlan((action,), SHA1, None),
        policy=policy or Policy(),
        limits=TargetLimits(None or TargetLimits().profile, **limits),
        progress=SILENT,
    )


def hold(push: BatchedPush, *oids: ObjectId) -> None:
    push.hold(oids, lambda: iter([PACK]), 40_000)


def end(push: BatchedPush, held: Callable[[], None]) -> PushOutcome:
    """Return the outcome of a push of which a batch failed."""
    with pytest.raises((RefRejected, NetworkError, HttpStatusError)) as caught:
        held()
    return push.broken_off(caught.value)


def test_a_batch_that_the_report_leaves_out_is_looked_for():
    target = Target(report())
    push = pushing(target)
    target.refs = {temp_ref(A): A}
    hold(push, A)
    assert push.temp_refs == (temp_ref(A),)


def test_a_batch_that_the_report_leaves_out_and_is_not_there_is_refused():
    push = pushing(Target(report()))
    outcome = end(push, lambda: hold(push, A))
    assert outcome.temp_refs == ()


def test_a_batch_of_which_nobody_knows_is_named():
    target = Target(NetworkError("lost"))
    push = pushing(target)
    target.listing_fails = True
    assert end(push, lambda: hold(push, A)).temp_refs == (temp_ref(A),)


def test_a_target_that_stalls_is_waited_for_once():
    # As too much it would be tried again with each half, and waited for each time.
    target = Target(RemoteStalled("stalled"))
    push = pushing(target)
    outcome = end(push, lambda: hold(push, A))
    assert isinstance(outcome.failure, RemoteStalled)
    assert len(target.pushes) == 1
    assert outcome.temp_refs == (temp_ref(A),)


def test_a_temporary_ref_that_was_made_beside_a_refused_one_is_named():
    push = pushing(Target(report(f"ng {temp_ref(A)} hook declined", f"ok {temp_ref(B)}")))
    assert end(push, lambda: hold(push, A, B)).temp_refs == (temp_ref(B),)


@pytest.mark.parametrize(
    "refusal",
    [
        report(
            f"ng {temp_ref(A)} pre-receive hook declined",
            f"ng {temp_ref(B)} pre-receive hook declined",
            words="a push may update at most 1 refs",
        ),
        HttpStatusError("HTTP 500: at most 1 refs in one push", status=500, url=""),
    ],
    ids=["a hook", "a status"],
)
def test_a_batch_of_too_many_temporary_refs_is_held_by_fewer(refusal):
    target = Target(refusal, ok(A))
    push = pushing(target)
    hold(push, A, B)
    assert push.temp_refs == (temp_ref(A),)
    assert push.limits.ref_updates_max == 1
    assert all(request.endswith(PACK) for request in target.pushes)


def test_all_or_none_is_refused_before_anything_is_pushed_where_the_target_can_not():
    target = Target(capabilities="delete-refs")
    with pytest.raises(UnsupportedByRemote, match="atomic"):
        pushing(target, Policy(atomic=True)).check()


def test_all_or_none_does_not_count_temporary_refs_that_are_to_go():
    removed = report(f"ok {temp_ref(A)}")
    target = Target(ok(A), report(f"ok {MAIN}"), removed)
    push = pushing(target, Policy(atomic=True), ref_updates_given=1)
    push.check()
    hold(push, A)
    outcome = push.cut_over()
    assert [ref.outcome for ref in outcome.refs] == [Outcome.PUSHED]
    assert temp_ref(A).encode() not in target.pushes[1]
    assert temp_ref(A).encode() in target.pushes[2]
    assert b"atomic" in target.pushes[1]
    assert b"atomic" not in target.pushes[2]


def test_a_cutover_that_has_become_too_large_is_told_by_the_result():
    push = pushing(Target(ok(A)), Policy(atomic=True))
    push.check()
    hold(push, A)
    push._plan = RefPlan(
        (*push._plan.actions, push._plan.actions[0]._replace(target_ref="refs/heads/b")), SHA1, None
    )
    push.limits.refuse_updates(1)
    outcome = push.cut_over()
    assert isinstance(outcome.failure, LimitExceeded)
    assert outcome.temp_refs == (temp_ref(A),)
    assert {ref.outcome for ref in outcome.refs} == {Outcome.NOT_PUSHED}


def test_a_cutover_whose_fresh_tips_can_not_be_had_is_told_by_the_result():
    target = Target(ok(A))
    push = pushing(target, Policy(force_blind=True))
    hold(push, A)
    target.listing_fails = True
    outcome = push.cut_over()
    assert isinstance(outcome.failure, NetworkError)
    assert outcome.temp_refs == (temp_ref(A),)


def test_temporary_refs_that_stay_are_named_in_words():
    told: list[str] = []
    target = Target(ok(A), NetworkError("lost"))
    push = pushing(target)
    push._progress = Heard(told)
    hold(push, A)
    target.refs = {temp_ref(A): A}
    assert push.cut_over().left_temp_refs == (temp_ref(A),)
    assert any(temp_ref(A) in line and "was not deleted" in line for line in told)
