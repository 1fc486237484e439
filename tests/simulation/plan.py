"""What a simulated world is to be like: a value made from a seed, printed in words, and made smaller.

Scenario    history, refs of both sides, traits of the remotes, what is asked, what goes wrong
draw        seed -> Scenario
describe    Scenario -> lines for a person
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Literal

from packcore.ids import SHA1, SHA256
from tests.simulation.faults import DISK, KINDS, STATUSES, STATUSES_AFTER, Fault
from tests.simulation.history import Step
from tests.simulation.servers import Traits
from transport.errors import InvalidRequest
from transport.syncing.prune_limit import PruneLimit
from transport.syncing.request import Policy, RefMapping, Scope, SelectionOptions, SyncRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packcore.ids import ObjectFormat

__all__ = ["Action", "Scenario", "describe", "draw"]

Action = Literal["sync", "fetch"]

BRANCHES = ("main", "dev", "topic", "topic/a", "topic/b", "old", "x/y")
TAGS = ("v1", "v2", "rel/1")
OTHERS = ("refs/notes/commits", "refs/pull/1/head")
NAMES = (*(f"refs/heads/{name}" for name in BRANCHES), *(f"refs/tags/{name}" for name in TAGS), *OTHERS)


@dataclass(frozen=True)
class Scenario:
    """One simulated world, and what happens in it."""

    seed: int
    """Of the order of threads, the bytes of large files and whatever else is drawn on the way."""
    steps: tuple[Step, ...]
    source: tuple[tuple[str, str], ...]
    """Refs: name, and c3 (a commit), t3 (an annotated tag of it) or r3 (its tree)."""
    target: tuple[tuple[str, str], ...]
    extra: tuple[int, ...] = ()
    """Commits that the target has besides, without a ref."""
    cut: tuple[int, ...] = ()
    """Commits whose parents the source lacks."""
    leftovers: tuple[int, ...] = ()
    """Commits that temporary refs of an earlier run hold on the target."""
    action: Action = "sync"
    request: SyncRequest = field(default_factory=SyncRequest)
    rival: SyncRequest | None = None
    """What a second process asks at the same time."""
    traits: Traits = field(default_factory=Traits)
    faults: tuple[Fault, ...] = ()
    sha256: bool = False
    opening_bytes: int = 4 << 20
    """After which a relay begins to send: see `transport.syncing.gather.lookahead`."""
    spools: bool = False
    """Whether packs are spooled below a named folder."""
    profile: bool = False
    """Whether a host profile is kept."""

    @property
    def object_format(self) -> ObjectFormat:
        """How objects are named."""
        return SHA256 if self.sha256 else SHA1


def draw(seed: int) -> Scenario:
    """Return the scenario of a seed."""
    chance = random.Random(seed)
    steps = tuple(_history(chance))
    source, target = _refs(chance, len(steps))
    fetches = chance.random() < 0.06
    traits = _traits(chance)
    request = _request(chance, traits, source)
    is_cut = chance.random() < 0.03
    scenario = Scenario(
        seed,
        steps,
        source,
        target,
        extra=tuple(chance.sample(range(len(steps)), 1)) if chance.random() < 0.15 else (),
        cut=_cut(chance, steps) if is_cut and not fetches else (),
        leftovers=tuple(chance.sample(range(len(steps)), 1)) if chance.random() < 0.08 else (),
        action="fetch" if fetches else "sync",
        request=request,
        rival=_request(chance, traits, source) if chance.random() < 0.06 and not fetches else None,
        traits=traits,
        sha256=chance.random() < 0.1,
        opening_bytes=chance.choice([64, 700, 4 << 20]),
        spools=chance.random() < 0.04,
        profile=chance.random() < 0.08,
    )
    return replace(scenario, faults=tuple(_faults(chance, scenario)))


def _history(chance: random.Random) -> Iterator[Step]:
    big = chance.choice([0, 0, 300, 300, 2500])
    for number in range(chance.randint(1, 9)):
        count = min(number, chance.choice([0, 1, 1, 1, 1, 1, 2, 2, 3]))
        parents = chance.sample(range(max(0, number - 4), number), min(count, 4)) if count else []
        yield Step(tuple(parents), chance.choice([0, big]) and chance.randint(1, big))


def _cut(chance: random.Random, steps: tuple[Step, ...]) -> tuple[int, ...]:
    return tuple(number for number, step in enumerate(steps) if step.parents and chance.random() < 0.3)


def _value(chance: random.Random, name: str, count: int) -> str:
    kind = "c"
    if name.startswith("refs/tags/"):
        kind = chance.choice("cttr")
    elif not name.startswith("refs/heads/"):
        kind = chance.choice("ccr")
    return f"{kind}{chance.randrange(count)}"


def _refs(
    chance: random.Random, count: int
) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    """Draw refs: most of the target's are what the source's were some commits ago."""
    source = _unclashing({name: _value(chance, name, count) for name in NAMES if chance.random() < 0.45})
    target: dict[str, str] = {}
    kind = chance.choice(["empty", "behind", "behind", "mixed", "mixed", "same"])
    for name in NAMES if kind != "empty" else ():
        if name in source and kind != "mixed" and chance.random() < 0.8:
            number = int(source[name][1:])
            older = number if kind == "same" else chance.randint(0, number)
            target[name] = f"{source[name][0]}{older}"
        elif chance.random() < (0.15 if kind == "behind" else 0.4 if kind == "mixed" else 0.0):
            target[name] = _value(chance, name, count)
    return tuple(source.items()), tuple(_unclashing(target).items())


def _unclashing(refs: dict[str, str]) -> dict[str, str]:
    """Drop refs whose names are folders of others."""
    return {name: value for name, value in refs.items() if not any(o.startswith(f"{name}/") for o in refs)}


def _traits(chance: random.Random) -> Traits:
    source = {
        word for word in ("filter", "multi_ack_detailed", "no-done", "unreadable") if chance.random() < 0.2
    }
    target = {
        word
        for word in (
            "atomic",
            "delete-refs",
            "ofs-delta",
            "side-band-64k",
            "report-status-v2",
            "wait-for-done",
        )
        if chance.random() < 0.12
    }
    return Traits(
        frozenset({*source, *(("wait-for-done",) if chance.random() < 0.1 else ())}),
        frozenset({*target, *(("chunks",) if chance.random() < 0.05 else ())}),
        no_thin=chance.random() < 0.15,
        like_git=chance.random() < 0.6,
        thin_source=chance.random() < 0.4,
        lasting=chance.random() < 0.15,
        body_bytes_max=chance.choice([1500, 2500, 4000, 8000]) if chance.random() < 0.2 else None,
        updates_max=chance.randint(1, 4) if chance.random() < 0.1 else None,
        piece_bytes=chance.choice([64, 700, 1 << 16, 1 << 16]),
    )


def _request(chance: random.Random, traits: Traits, source: tuple[tuple[str, str], ...]) -> SyncRequest:
    while True:
        try:
            return _request_or_error(chance, traits, [name for name, _ in source])
        except InvalidRequest:
            continue


def _request_or_error(chance: random.Random, traits: Traits, names: list[str]) -> SyncRequest:
    mode = chance.choice(["sync"] * 6 + ["replicate"] * 3 + ["bootstrap"])
    force = chance.choice(["none", "none", "lease", "lease", "blind"]) if mode == "sync" else "none"
    policy = Policy(
        prune=chance.random() < 0.4 and mode != "bootstrap",
        prune_limit=PruneLimit.parse(chance.choice(["100%"] * 6 + ["50%", "1"]))
        if chance.random() < 0.8
        else None,
        force_with_lease=force == "lease",
        force_blind=force == "blind",
        atomic=chance.random() < 0.12,
    )
    limited = chance.random() < 0.12
    options: dict[str, Any] = {
        "materialize": mode == "sync" and chance.random() < 0.12,
        "dry_run": chance.random() < 0.08,
        "verify": chance.random() < 0.2,
        "collect_stats": chance.random() < 0.2,
        "target_max_pack_bytes": chance.choice([1200, 2000, 4000]) if limited else None,
        "max_pack_bytes": chance.choice([600, 4000]) if chance.random() < 0.03 else None,
        "bootstrap_strategy": chance.choice(["first-parent", "topo"]),
        "target_max_ref_updates": chance.randint(1, 3) if chance.random() < 0.08 else None,
        "materialized_max_objects": 10 if chance.random() < 0.03 else None,
        "optimize": "bandwidth" if mode == "sync" and chance.random() < 0.06 else None,
        "protocol": chance.choice(["auto"] * 7 + ["v0", "v0", "v1"]) if not traits.lasting else "auto",
    }
    if mode == "sync" and chance.random() < 0.05:
        options["selection"] = SelectionOptions(strategy=chance.choice(["git-window", "none"]))
    return SyncRequest(_scope(chance, names), policy, mode=mode, **options)  # type: ignore[arg-type]


def _scope(chance: random.Random, names: list[str]) -> Scope:
    kind = chance.choice(["branches", "tags", "tags", "all", "all", "named", "mapped"])
    exclude = ("refs/heads/topic",) if chance.random() < 0.1 else ()
    if kind == "named":
        return Scope(tuple(chance.sample(BRANCHES, 2)), exclude_ref_prefixes=exclude)
    if kind == "mapped":
        known = [name for name in names if name not in OTHERS] or ["refs/heads/main"]
        of = chance.choice(known)
        to = chance.choice([of + "-copy", *(n for n in NAMES if n.split("/")[1] == of.split("/")[1])])
        return Scope(mappings=(RefMapping(of, to),), tags=chance.random() < 0.3)
    return Scope(tags=kind == "tags", all_refs=kind == "all", exclude_ref_prefixes=exclude)


def _byte(chance: random.Random) -> int:
    """Draw a place in a stream: near the start as often as far from it."""
    return int(2 ** (chance.random() * 13)) - 1


def _faults(chance: random.Random, scenario: Scenario) -> Iterator[Fault]:
    count = chance.choice([0, 1, 1, 1, 1, 2, 2, 3])
    for kind in chance.sample(sorted(KINDS), count):
        fault = _fault(chance, kind)
        if scenario.action == "fetch" and fault.side == "target":
            kind = chance.choice([*DISK, "killed", "fetch-answer-cut", "ref-moved-listed", "object-missing"])
            fault = _fault(chance, kind)
            if fault.side == "target":
                fault = fault._replace(side="source")
        yield fault


def _fault(chance: random.Random, kind: str) -> Fault:
    operation = KINDS[kind][0]
    number, at, arg = chance.choice([0, 0, 0, 0, 1, 1, 2]), _byte(chance), chance.randrange(64)
    if operation in ("push", "taken"):
        side = "target"
    elif operation in ("disk", "process"):
        side = "here"
    elif operation == "start" or kind == "pack-lacks":
        side = "source"
    else:
        side = chance.choice(["source", "target", "target"]) if operation != "fetch" else "source"
        if operation == "fetch" and chance.random() < 0.15:
            side = "target"
    if "status" in kind:
        arg = chance.choice(STATUSES if kind != "push-status-after" else STATUSES_AFTER)
    elif kind == "fetch-answer-slow":
        arg = chance.choice([1, 30, 600])
    elif kind == "push-late":
        arg = chance.randint(0, 6)
    elif kind == "killed":
        at = int(2 ** (chance.random() * 8))
    elif kind in ("disk-torn", "disk-unreadable", "disk-no-file"):
        at = chance.choice([0, 0, 1, 2, 3, 5])
    if operation == "disk":
        number = 0
    return Fault(kind, side, number, at, arg)


def describe(scenario: Scenario) -> list[str]:
    """Say what a scenario is, line by line."""
    lines = [f"seed {scenario.seed}: {scenario.action} {_unlike(scenario.request, SyncRequest())}"]
    lines += [
        f"  commit c{number}: parents {list(step.parents)}, large file of {step.big}"
        for number, step in enumerate(scenario.steps)
    ]
    lines += [
        f"  {side} {name} {value}" for side in ("source", "target") for name, value in getattr(scenario, side)
    ]
    lines += [f"  {fault}" for fault in scenario.faults]
    rest = replace(
        scenario,
        steps=(),
        source=(),
        target=(),
        faults=(),
        request=SyncRequest(),
        traits=Traits(),
        action="sync",
    )
    lines.append(f"  remotes {_unlike(scenario.traits, Traits())}")
    lines.append(f"  else {_unlike(rest, Scenario(scenario.seed, (), (), ()))}")
    return lines


def _unlike(value: Any, usual: Any) -> str:
    """Return the fields that are not as usual."""
    parts = []
    for each in fields(value):
        mine, other = getattr(value, each.name), getattr(usual, each.name)
        if mine != other:
            inner = hasattr(mine, "__dataclass_fields__") and other is not None
            parts.append(f"{each.name}={_unlike(mine, other) if inner else mine!r}")
    return f"({', '.join(parts)})"
