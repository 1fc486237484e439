"""The servers of the simulated world: our own upload-pack and receive-pack, and a model of git's.

    SimUploadPack     ours, over a `SimRepository`; lacks what `Traits` withhold
    SimReceivePack    ours, likewise
    receive_as_git    git's receive-pack as far as a client can tell: hooks, quarantine, words, order

Ours checks the model and the model ours: whatever holds for a sync must hold against both.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from packcore.errors import PackcoreError, RefMoved, RepositoryError
from packcore.search.select import select
from packcore.store.spool import SpooledPack
from packcore.walk import list_bases, list_objects
from transport.server.push_request import PushRequest, encode_report, read_push
from transport.server.receive_pack import ReceivePack
from transport.server.upload_pack import UploadPack
from transport.wire.pktline import FLUSH, PacketReader, encode_packet, encode_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from packcore.ids import ObjectId
    from packcore.plans.plan import PackPlan
    from packcore.store.repository import Repository
    from tests.simulation.faults import Fault
    from tests.simulation.world import Process, SimRepository
    from transport.server.packing import Cut
    from transport.server.requests import FetchRequest
    from transport.server.view import RepositoryView
    from transport.wire.receive_pack import RefUpdate

__all__ = ["Broken", "SimReceivePack", "SimUploadPack", "Traits", "receive_as_git"]


class Broken(Exception):
    """The connection broke while the server was reading from it."""


@dataclass(frozen=True)
class Traits:
    """What the two remotes can do, for a whole run."""

    source_lacks: frozenset[str] = frozenset()
    target_lacks: frozenset[str] = frozenset()
    no_thin: bool = False
    like_git: bool = False
    """The target is git's receive-pack, by our model of it."""
    thin_source: bool = False
    """The source's packs lean on objects that only the receiver has, where it asks for that."""
    lasting: bool = False
    """Both are reached over connections that last, as by ssh."""
    body_bytes_max: int | None = None
    """Larger requests to the target get a 413."""
    updates_max: int | None = None
    """Pushes of more refs are declined, in words."""
    piece_bytes: int = 1 << 16
    """Answers come in pieces of this size."""


class SimUploadPack(UploadPack):
    """Lacks what it is told to lack."""

    def __init__(
        self,
        repository: SimRepository,
        lacks: frozenset[str],
        faults: Iterable[Fault] = (),
        *,
        thin: bool = False,
    ) -> None:
        super().__init__(cast("Repository", repository), strategy="reuse")
        self._lacks = lacks
        self._thin = thin
        self._sim = repository
        self._lost = [fault for fault in faults if fault.kind == "pack-lacks"]

    def offered(self, *, stateless: bool) -> list[str]:
        """Return the capabilities of v0 and v1."""
        return [token for token in super().offered(stateless=stateless) if token not in self._lacks]

    def advertise(self, version: int, *, over_http: bool = True, lasting: bool = False) -> Iterator[bytes]:
        """Yield the advertisement."""
        for block in super().advertise(version, over_http=over_http, lasting=lasting):
            for key, features in _FEATURES.items() if version == 2 else ():
                kept = [word for word in features if word not in self._lacks]
                line = encode_text(f"{key}={' '.join(features)}")
                assert line in block
                block = block.replace(line, encode_text(f"{key}={' '.join(kept)}"))
            yield block

    def _plan(
        self, request: FetchRequest, view: RepositoryView, common: list[ObjectId], cut: Cut | None
    ) -> PackPlan:
        if cut is not None or request.filter is not None or not (self._lost or (self._thin and common)):
            return super()._plan(request, view, common, cut)
        objects = list_objects(self._repository, request.wants, common, haves_complete=True)
        bases = list_bases(self._repository, common, objects) if self._thin else []
        world = self._sim.world
        for fault in self._lost:
            if objects:
                lost = objects.pop(fault.arg % len(objects))
                world.fired("pack-lacks")
                world.say("source", "sends a pack without", world.universe.name(lost.oid))
        return select(self._repository, objects, strategy="git-window", thin_bases=bases)


_FEATURES = {
    "ls-refs": ("unborn", "unreadable", "hidden"),
    "fetch": ("shallow", "wait-for-done", "filter", "ref-in-want", "find-damage"),
}


class SimReceivePack(ReceivePack):
    """Lacks what it is told to lack."""

    def __init__(self, repository: SimRepository, traits: Traits) -> None:
        super().__init__(cast("Repository", repository))
        self._traits = traits

    def offered(self) -> list[str]:
        """Return the capabilities."""
        tokens = [token for token in super().offered() if token not in self._traits.target_lacks]
        return [*tokens, *(["no-thin"] if self._traits.no_thin else [])]


@dataclass
class _Judged:
    """A push whose commands have been read."""

    request: PushRequest
    verdicts: dict[str, str | None] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)
    """Said on the side-band."""


def receive_as_git(
    repository: SimRepository,
    blocks: Iterable[bytes],
    by: Process,
    traits: Traits,
    faults: Mapping[str, Fault],
) -> list[bytes]:
    """Take one push as git's receive-pack does, with hooks, and return the answer. Raises Broken."""
    reader = PacketReader(blocks)
    request = read_push(reader, repository.object_format)
    if request is None:
        return []
    judged = _Judged(request)
    unpack, spool = _unpacked(repository, reader, judged, faults)
    try:
        repository.world.taken()
        if unpack == "ok":
            _judge(repository, judged, spool, traits, faults)
            _carry_out(repository, judged, spool, by, faults)
        else:
            judged.verdicts = {update.name: "unpacker error" for update in request.updates}
    finally:
        if spool is not None:
            spool.close()
    return _answered(repository, judged, unpack, by, faults)


def _unpacked(
    repository: SimRepository, reader: PacketReader, judged: _Judged, faults: Mapping[str, Fault]
) -> tuple[str, SpooledPack | None]:
    if not judged.request.brings_pack:
        return "ok", None
    try:
        spool = SpooledPack.receive(reader.rest(), object_format=repository.object_format, bases=repository)
    except PackcoreError as error:
        judged.words.append(f"error: {error}")
        return "index-pack abnormal exit", None
    if "unpack-fails" in faults:
        repository.world.fired("unpack-fails")
        judged.words.append("fatal: write error: No space left on device")
        spool.close()
        return "index-pack abnormal exit", None
    if "too-large" in faults:
        repository.world.fired("too-large")
        judged.words.append("fatal: pack exceeds maximum allowed size (4.00 KiB)")
        spool.close()
        return "index-pack abnormal exit", None
    return "ok", spool


def _judge(
    repository: SimRepository,
    judged: _Judged,
    spool: SpooledPack | None,
    traits: Traits,
    faults: Mapping[str, Fault],
) -> None:
    universe = repository.world.universe
    present = repository._objects.keys() | set(spool or ())
    updates = judged.request.updates
    for update in updates:
        whole = update.is_delete or (update.new in universe and universe.reach(update.new) <= present)
        judged.verdicts[update.name] = None if whole or repository.cut else "missing necessary objects"
    too_many = traits.updates_max is not None and len(updates) > traits.updates_max
    if too_many:
        judged.words.append(f"error: a push may update at most {traits.updates_max} refs")
        repository.world.fired("too-many-refs")
    if "hook-declines" in faults:
        repository.world.fired("hook-declines")
    if too_many or "hook-declines" in faults:
        judged.verdicts = {update.name: "pre-receive hook declined" for update in updates}
    if "ref-declined" in faults:
        repository.world.fired("ref-declined")
        judged.verdicts[updates[faults["ref-declined"].arg % len(updates)].name] = "hook declined"


def _carry_out(
    repository: SimRepository,
    judged: _Judged,
    spool: SpooledPack | None,
    by: Process,
    faults: Mapping[str, Fault],
) -> None:
    request, verdicts = judged.request, judged.verdicts
    skipped = _named(request, faults.get("report-lies-ok"))
    if request.atomic:
        _judge_together(repository, judged)
    accepted = [update for update in request.updates if verdicts[update.name] is None]
    if accepted and spool is not None:
        repository.add_pack(spool)
    for update in accepted:
        if update.name == skipped:
            repository.world.fired("report-lies-ok")
            by.lied_to.add(update.name)
            continue
        try:
            repository.by = by
            repository.update_ref(update.name, update.new, update.old)
        except RepositoryError as error:
            verdicts[update.name] = "failed to update ref"
            if not isinstance(error, RefMoved):
                judged.words.append(f"error: cannot lock ref '{update.name}': {error}")


def _judge_together(repository: SimRepository, judged: _Judged) -> None:
    updates, verdicts = judged.request.updates, judged.verdicts
    zero = repository.object_format.zero
    for update in updates:
        if verdicts[update.name] is None and repository.tips.get(update.name, zero) != update.old:
            verdicts[update.name] = "failed to update ref"
    gone = {update.name for update in updates if update.is_delete}
    for update in updates:
        other = None if update.is_delete else repository.neighbour(update.name)
        if verdicts[update.name] is None and other is not None and other not in gone:
            verdicts[update.name] = "failed to update ref"
    if any(verdicts.values()):
        for update in updates:
            verdicts[update.name] = verdicts[update.name] or "atomic push failure"


def _named(request: PushRequest, fault: Fault | None) -> str | None:
    return None if fault is None else request.updates[fault.arg % len(request.updates)].name


def _answered(
    repository: SimRepository, judged: _Judged, unpack: str, by: Process, faults: Mapping[str, Fault]
) -> list[bytes]:
    request, verdicts, world = judged.request, judged.verdicts, repository.world
    omitted = _named(request, faults.get("report-omits"))
    if omitted is not None:
        world.fired("report-omits")
        by.unsure.add(omitted)
        del verdicts[omitted]
    wrong = _named(request, faults.get("report-lies-ng"))
    if wrong is not None and verdicts.get(wrong, "") is None:
        world.fired("report-lies-ng")
        by.lied_to.add(wrong)
        verdicts[wrong] = "hook declined"
    report = encode_report(unpack, verdicts) if request.report else b""
    if request.band_bytes is None:
        return [report]
    words = [encode_packet(b"\2" + text.encode() + b"\n") for text in judged.words]
    return [*words, encode_packet(b"\1" + report), FLUSH]


def updates_of(body: bytes, repository: SimRepository) -> list[RefUpdate]:
    """Return the commands of a request, as far as they are whole."""
    try:
        request = read_push(PacketReader(iter((body,))), repository.object_format)
    except PackcoreError:
        return []
    return [] if request is None else request.updates
