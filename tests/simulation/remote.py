"""The way to a simulated remote: a `Transport` whose connections break where the scenario says so.

    advertise   list    the answer comes from our upload-pack or receive-pack
    request     fetch   taken in whole; the answer comes in pieces, threads may switch between them
                push    the body is pulled piece by piece, the answer made once all of it is there

Errors are those of the HTTP and ssh schemes: NetworkError, HttpStatusError.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from packcore.errors import PackcoreError
from tests.simulation.servers import (
    Broken,
    SimReceivePack,
    SimUploadPack,
    Traits,
    receive_as_git,
    updates_of,
)
from transport.base import Body, Service, TransferStats
from transport.errors import HttpStatusError, NetworkError
from transport.wire.limits import WireLimits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packcore.ids import ObjectId
    from tests.simulation.faults import Fault
    from tests.simulation.world import Process, World
    from transport.wire.headway import Headway

__all__ = ["SimTransport"]


class SimTransport:
    """A way to one side of the world, as one process has it."""

    def __init__(self, world: World, process: Process, side: str, traits: Traits) -> None:
        self.stateless = not traits.lasting
        self.url = f"{'ssh' if traits.lasting else 'https'}://{side}.example/x.git"
        self.stats = TransferStats(chunks_refused="chunks" in traits.target_lacks and side == "target")
        self.limits = WireLimits()
        self._world = world
        self._process = process
        self._side = side
        self._traits = traits
        self._repository = world.side(side)
        self._generation = 0

    @contextmanager
    def advertise(
        self, service: Service, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
        """Yield the listing's blocks."""
        self._begin()
        faults = {fault.kind: fault for fault in self._due("list")}
        if "list-status" in faults:
            raise self._status(faults["list-status"])
        pushes = service == "git-receive-pack"
        server = self._receive_pack() if pushes else self._upload_pack(())
        with self._serving():
            answer = b"".join(server.advertise(version, over_http=self.stateless, lasting=not self.stateless))
        listed = dict(self._repository.tips)
        self._world.say(self._process.name, f"lists {self._side}", len(listed), "refs")
        yield self._coming([answer], faults, "list")
        if pushes or (self._side == "source" and version < 2):
            self._has_listed(listed, damaged="list-damaged" in faults)

    def _has_listed(self, listed: dict[str, ObjectId], *, damaged: bool) -> None:
        self._process.listed[self._side].append(listed)
        self._process.misled |= damaged
        self._world.meddle(self._side, "listed")

    @contextmanager
    def request(
        self, service: Service, body: Body, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
        """Carry one request and yield the blocks of its answer."""
        self._begin()
        if service == "git-receive-pack":
            yield self._pushed(body)
        else:
            yield self._fetched(body, version)

    def close(self) -> None:
        """Break off what is under way."""
        self._generation += 1

    # -- fetching ----------------------------------------------------------------------------------

    def _fetched(self, body: Body, version: int) -> Iterator[bytes]:
        sent = b"".join(body.blocks())
        faults = {fault.kind: fault for fault in self._due("fetch")}
        if "fetch-status" in faults:
            raise self._status(faults["fetch-status"])
        cut = faults.get("fetch-request-cut")
        if cut is not None and cut.at < len(sent):
            raise self._broken(cut)
        self.stats.bytes_sent += len(sent)
        self._world.say(self._process.name, f"fetches from {self._side}", len(sent))
        server = self._upload_pack(faults.values(), thin=self._traits.thin_source and b"thin-pack" in sent)
        answer = self._served(server.answer([sent], version))
        if b"command=ls-refs" in sent:
            answer = iter(list(answer))
            self._has_listed(dict(self._repository.tips), damaged="fetch-answer-damaged" in faults)
        return self._coming(answer, faults, "fetch")

    def _served(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        while True:
            with self._serving():
                block = next(blocks, None)
            if block is None:
                return
            yield block

    def _coming(self, blocks: Iterable[bytes], faults: dict[str, Fault], operation: str) -> Iterator[bytes]:
        """Pass an answer on in pieces, up to where it breaks."""
        prefix = {"list": "list", "fetch": "fetch-answer", "push": "push-answer"}[operation]
        cut = faults.get({"list": "list-fails", "push": "push-answer-lost"}.get(operation, f"{prefix}-cut"))
        end, damaged, slow = (faults.get(f"{prefix}-{word}") for word in ("ends", "damaged", "slow"))
        position, generation = 0, self._generation
        for block in blocks:
            for start in range(0, len(block), self._traits.piece_bytes):
                piece = block[start : start + self._traits.piece_bytes]
                following = position + len(piece)
                for fault in (cut, end):
                    if fault is not None and position <= fault.at < following:
                        self.stats.bytes_received += fault.at - position
                        yield piece[: fault.at - position]
                        broken = self._broken(fault)
                        if fault is end:
                            return
                        raise broken
                if damaged is not None and position <= damaged.at < following:
                    self._note(damaged)
                    at = damaged.at - position
                    piece = piece[:at] + bytes((piece[at] ^ (1 + damaged.arg % 255),)) + piece[at + 1 :]
                if slow is not None and position <= slow.at < following:
                    self._note(slow)
                    self._world.clockwork.sleep(slow.arg)
                position = following
                self.stats.bytes_received += len(piece)
                self._world.clockwork.pause()
                if generation != self._generation:
                    raise NetworkError(f"{self.url}: the connection was closed")
                self._process.step()
                yield piece

    # -- pushing -----------------------------------------------------------------------------------

    def _pushed(self, body: Body) -> Iterator[bytes]:
        faults = {fault.kind: fault for fault in self._due("push")}
        if "push-status-before" in faults:
            self._unsure_of(b"".join(body.blocks()))
            raise self._status(faults["push-status-before"])
        limit = self._traits.body_bytes_max
        if limit is not None and body.size is not None and body.size > limit:
            self._unsure_of(b"".join(body.blocks()))
            raise self._refused(limit)
        cut = faults.get("push-request-cut") or faults.get("push-status-midway")
        sent = bytearray()
        blocks = body.blocks()
        try:
            for block in blocks:
                self._process.step()
                self._world.clockwork.pause()
                sent += block
                if limit is not None and len(sent) > limit:
                    raise self._refused(limit)
                if cut is not None and len(sent) > cut.at:
                    self._unsure_of(bytes(sent))
                    del sent[cut.at :]
                    raise self._status(cut) if "status" in cut.kind else self._broken(cut)
        except BaseException as error:
            self.stats.bytes_sent += len(sent)
            self._unsure_of(bytes(sent))
            if not isinstance(error, HttpStatusError):
                self._break_off(bytes(sent))
            raise
        finally:
            close = getattr(blocks, "close", None)
            if close is not None:
                close()
        self.stats.bytes_sent += len(sent)
        return self._answered(bytes(sent), faults)

    def _unsure_of(self, sent: bytes) -> None:
        """Note which refs a push without an answer was about."""
        self._process.unsure |= {update.name for update in updates_of(sent, self._repository)}

    def _answered(self, sent: bytes, faults: dict[str, Fault]) -> Iterator[bytes]:
        names = {update.name for update in updates_of(sent, self._repository)}
        self._process.step()
        late = faults.get("push-late")
        if late is not None:
            self._note(late)
            self._process.unsure |= names
            due = self._world.tick + late.arg
            self._world.late.append((due, lambda: self._done(sent, {}, late=True)))
            raise NetworkError(f"{self.url}: the connection was lost while the answer was awaited")
        answer = self._done(sent, faults)
        if "push-twice" in faults:
            self._note(faults["push-twice"])
            answer = self._done(sent, {})
        after = faults.get("push-status-after")
        if after is not None:
            self._process.unsure |= names
            raise self._status(after)
        if any(f"push-answer-{word}" in faults for word in ("lost", "ends", "damaged")):
            self._process.unsure |= names
        if "push-answer-damaged" in faults:
            self._process.lied_to |= names
        return self._coming(answer, faults, "push")

    def _done(self, sent: bytes, faults: dict[str, Fault], *, late: bool = False) -> list[bytes]:
        """Let the target carry a push out; return its answer."""
        self._world.say(self._process.name, "pushes", len(sent), "late" if late else "")
        needs_model = any(not kind.startswith("push-") for kind in faults) or self._traits.updates_max
        with self._serving():
            if self._traits.like_git or needs_model:
                try:
                    return receive_as_git(self._repository, [sent], self._process, self._traits, faults)
                except PackcoreError as error:
                    raise AssertionError(f"the model of git can't read a push of ours: {error}") from error
            self._world.taken()
            self._repository.by = self._process
            return list(self._receive_pack().answer([sent], 0))

    def _break_off(self, sent: bytes) -> None:
        """Let the target see a request that breaks off; nothing may come of it."""

        def blocks() -> Iterator[bytes]:
            yield sent
            raise Broken

        before = dict(self._repository.tips)
        with self._serving():
            try:
                for _ in self._receive_pack().answer(blocks(), 0):
                    pass
            except Broken:
                pass
        assert self._repository.tips == before, "a push that broke off moved a ref"

    # -- both --------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._process.step()
        self.stats.requests += 1
        if not self.stateless:
            self._generation += (
                1  # a lasting connection has one conversation: a new one ends what is under way
            )

    def _due(self, operation: str) -> list[Fault]:
        self._world.pass_time()
        return self._world.due(self._side, operation)

    @contextmanager
    def _serving(self) -> Iterator[None]:
        """What happens in here is the server's, not the process's."""
        task = self._world.clockwork.current
        owner, task.owner = task.owner, None
        try:
            yield
        finally:
            task.owner = owner

    def _upload_pack(self, faults: Iterable[Fault], *, thin: bool = False) -> SimUploadPack:
        lacks = self._traits.source_lacks if self._side == "source" else self._traits.target_lacks
        return SimUploadPack(self._repository, lacks, faults, thin=thin)

    def _receive_pack(self) -> SimReceivePack:
        return SimReceivePack(self._repository, self._traits)

    def _note(self, fault: Fault) -> None:
        self._world.fired(fault.kind)
        self._world.say(self._process.name, str(fault))

    def _broken(self, fault: Fault) -> NetworkError:
        self._note(fault)
        return NetworkError(f"{self.url}: the connection was lost")

    def _status(self, fault: Fault) -> HttpStatusError:
        self._note(fault)
        return HttpStatusError(f"{self.url}: HTTP {fault.arg}", status=fault.arg, url=self.url)

    def _refused(self, limit: int) -> HttpStatusError:
        self._world.fired("too-large-413")
        self._world.say(self._process.name, "is refused: more than", limit, "bytes")
        return HttpStatusError(f"{self.url}: HTTP 413", status=413, url=self.url)
