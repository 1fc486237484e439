"""Scenarios that once failed, each made as small as it could be, under the name of what was wrong."""

from __future__ import annotations

from tests.simulation.faults import Fault
from tests.simulation.history import Step
from tests.simulation.plan import Scenario
from tests.simulation.servers import Traits
from transport.syncing.prune_limit import PruneLimit
from transport.syncing.request import Policy, RefMapping, Scope, SyncRequest

__all__ = ["ONCE_FAILED"]

ONCE_FAILED: dict[str, Scenario] = {
    "temporary refs on a target that can't delete": Scenario(
        27,
        (Step(), Step(), Step(), Step(), Step()),
        (("refs/heads/x/y", "c4"),),
        (),
        leftovers=(2,),
        traits=Traits(target_lacks=frozenset({"delete-refs"})),
    ),
    "a spool that can't be read back": Scenario(
        498,
        (Step(), Step(), Step(), Step(), Step(), Step(), Step()),
        (("refs/heads/old", "c6"),),
        (("refs/heads/x/y", "c1"), ("refs/tags/v1", "t0")),
        request=SyncRequest(
            scope=Scope(tags=True),
            policy=Policy(prune=True, prune_limit=PruneLimit(100, True)),
            mode="replicate",
        ),
        traits=Traits(updates_max=2),
        faults=(Fault("disk-unreadable", "here", 0, 2, 21),),
        opening_bytes=64,
    ),
    "a batch that the report leaves out": Scenario(
        750,
        (Step(), Step(), Step(), Step(), Step(), Step(), Step((5, 4))),
        (("refs/pull/1/head", "c6"),),
        (),
        request=SyncRequest(scope=Scope(all_refs=True), target_max_pack_bytes=1200),
        faults=(Fault("report-omits", "target", 0, 19, 30),),
    ),
    "leftovers asked about while a pack is on its way over ssh": Scenario(
        1630,
        (Step(), Step(), Step(), Step(), Step((0,))),
        (("refs/tags/rel/1", "t4"),),
        (("refs/pull/1/head", "c2"),),
        leftovers=(0,),
        request=SyncRequest(scope=Scope(mappings=(RefMapping("refs/tags/rel/1", "refs/tags/v2"),))),
        traits=Traits(lasting=True, piece_bytes=64),
        opening_bytes=64,
    ),
    "a temporary ref made beside a refused one": Scenario(
        2444,
        (Step(), Step((0,), 241), Step((0, 1), 289)),
        (("refs/pull/1/head", "c2"),),
        (),
        request=SyncRequest(scope=Scope(all_refs=True), target_max_pack_bytes=2000),
        faults=(Fault("report-omits", "target", 1, 637, 5),),
    ),
    "all or none, with temporary refs to delete": Scenario(
        3902,
        (Step(), Step(), Step(), Step((2,)), Step(), Step(), Step(), Step((3,), 217)),
        (("refs/tags/rel/1", "t7"),),
        (),
        request=SyncRequest(scope=Scope(all_refs=True), policy=Policy(atomic=True)),
        traits=Traits(body_bytes_max=1500),
    ),
    "batches for all or none that the target can't promise": Scenario(
        9309,
        (Step(), Step(), Step(), Step((1, 2))),
        (("refs/heads/x/y", "c3"),),
        (),
        request=SyncRequest(policy=Policy(atomic=True), target_max_pack_bytes=1200),
        traits=Traits(target_lacks=frozenset({"atomic", "report-status-v2"})),
    ),
    "a mapping onto a ref that can't be read": Scenario(
        10723,
        (Step(), Step(), Step(), Step(), Step((2,))),
        (("refs/tags/v1", "t3"), ("refs/tags/v2", "t4")),
        (),
        request=SyncRequest(scope=Scope(tags=True, mappings=(RefMapping("refs/tags/v2", "refs/tags/v1"),))),
        faults=(Fault("object-missing", "source", 0, 1, 21),),
    ),
    "a batch of which nobody knows whether it arrived": Scenario(
        13175,
        (Step(), Step(), Step(), Step(), Step((2, 0, 3)), Step(), Step((2, 4))),
        (("refs/tags/v2", "c6"),),
        (),
        request=SyncRequest(
            scope=Scope(mappings=(RefMapping("refs/tags/v2", "refs/tags/v2"),)), target_max_pack_bytes=1200
        ),
        faults=(Fault("push-status-after", "target", 2, 3166, 500),),
    ),
    "the lost answer to a request that only deletes": Scenario(
        22951,
        (Step(), Step(), Step(), Step(), Step(), Step(), Step(), Step()),
        (("refs/heads/topic/b", "c0"),),
        (("refs/heads/topic", "c7"),),
        request=SyncRequest(
            policy=Policy(prune=True, prune_limit=PruneLimit(100, True)), target_max_ref_updates=1
        ),
        faults=(Fault("push-answer-damaged", "target", 0, 4, 48),),
    ),
    "a host profile that can't be written": Scenario(
        23079,
        (Step(), Step()),
        (("refs/tags/v2", "c1"),),
        (("refs/heads/dev", "c1"), ("refs/tags/v2", "c0")),
        request=SyncRequest(scope=Scope(tags=True), mode="replicate"),
        traits=Traits(target_lacks=frozenset({"atomic", "chunks", "ofs-delta"})),
        faults=(Fault("disk-no-file", "here", 0, 0, 28),),
        profile=True,
    ),
}
