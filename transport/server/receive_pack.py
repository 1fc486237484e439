r"""Our own receive-pack: takes a push into a repository (protocol v0, which is all that pushes have).

    commands   read strictly                                         server.push_request
    pack       into a temporary file beside the packs, thin ones completed: the quarantine
    check      every object's bytes, then that the new tips reach nothing that is missing
    rules      the repository's own, ref by ref                      server.ref_rules
    install    pack, .rev, .idx: whole, and only if some ref will use them
    refs       compare-and-swap, each alone, or all or none if the client asks for that
    report     unpack …, then ok or ng for each ref

Until "install" nothing in the repository has changed, and a refused push leaves nothing behind. A push
becomes one pack, however small; `packcore repack` or `git gc` join them. Specified in gitprotocol-pack.
Left out on purpose: hooks are never run (push options are read and dropped), signed pushes.
What `receive.fsckObjects` asks for is checked; hidden refs stay hidden.
"""

from __future__ import annotations

import os
import threading
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from packcore.errors import LimitExceeded, MissingObject, PackcoreError, RefLocked, RefMoved
from packcore.limits import Limits
from packcore.store.ref_change import RefChange
from packcore.store.spool import SpooledPack
from packcore.store.union import UnionStore
from packcore.walk import list_objects
from transport.agent import agent
from transport.server.aliases import find_aliases
from transport.server.background import heard
from transport.server.budget import RequestLimits
from transport.server.connectivity import broken_tips
from transport.server.object_checks import check_objects
from transport.server.push_request import PushRequest, encode_report, read_push
from transport.server.ref_lines import joined, ref_lines_v0
from transport.server.ref_rules import LOCKED, STALE, NamesInUse, RefRules
from transport.server.shallow_pushes import new_cut_points
from transport.server.shown_refs import advertised_ids, alternate_tips
from transport.server.words import words_about_repository
from transport.wire.pktline import FLUSH, PacketReader, encode_packet, encode_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from packcore.ids import ObjectId
    from packcore.store.base import ObjectStore
    from packcore.store.repository import Repository
    from transport.server.words import Words
    from transport.wire.receive_pack import RefUpdate

__all__ = ["ReceivePack"]

_DATA, _PROGRESS, _FATAL = b"\1", b"\2", b"\3"
_FAULTS_TOLD_MAX = 20
_CAPABILITIES = "report-status report-status-v2 delete-refs side-band-64k quiet atomic ofs-delta push-options"
_SWITCHES = {"atomic": "receive.advertiseatomic", "push-options": "receive.advertisepushoptions"}
"""Settings that take a capability away; without it a client's wish for it means nothing."""


class ReceivePack:
    """Takes pushes into one repository. Keeps nothing between two calls."""

    def __init__(
        self,
        repository: Repository,
        *,
        limits: Limits | None = None,
        keepalive_seconds: float | None = None,
        request_limits: RequestLimits | None = None,
        signed: Callable[[], bytes] | None = None,
    ) -> None:
        """Take pushes into `repository`.

        `signed` returns who pushes, and when (`Name <mail> seconds zone`); None: no reflogs are written.
        """
        self._signed = signed
        self._request_limits = request_limits or RequestLimits()
        self._repository = repository
        self._format = repository.object_format
        self._words = words_about_repository(repository)
        self._limits = _with_input_limit(limits or Limits(), repository)
        self._keepalive_seconds = keepalive_seconds

    def advertise(self, version: int, *, over_http: bool = True) -> Iterator[bytes]:
        """Yield the advertisement; `over_http` puts `# service` before it. Version 2 counts as 0."""
        names, ids = advertised_ids(self._repository)
        haves = [oid.hex().encode() for oid in alternate_tips(self._repository)]
        if over_http:
            yield encode_text("# service=git-receive-pack") + FLUSH
        if version == 1:
            yield encode_text("version 1")
        tokens = " ".join(
            [*self.offered(), f"object-format={self._format.name}", f"agent={agent()}"]
        ).encode()
        tips = set(ids) if haves else set()
        lines = ref_lines_v0(names, ids, [])
        lines += [b"%b .have" % oid for oid in haves if oid not in tips]
        lines = lines or [self._format.zero.hex().encode() + b" capabilities^{}"]
        yield encode_text(lines[0] + b"\0" + tokens)
        yield from joined(lines[1:])
        yield FLUSH

    def offered(self) -> list[str]:
        """Return the capabilities that are advertised, format and agent aside."""
        return [token for token in _CAPABILITIES.split() if self._has(token)]

    def _has(self, token: str) -> bool:
        return token not in _SWITCHES or self._repository.config.get_bool(_SWITCHES[token], default=True)

    def judge(self, request: PushRequest) -> None:
        """Raise what refuses a push as a whole, before its pack is read: nothing, here."""

    def report(self, unpack: str, verdicts: Mapping[str, str | None]) -> bytes:
        """Build the report; `verdicts` are reasons by the ref's name, None where it is done."""
        return encode_report(unpack, verdicts)

    def answer(self, blocks: Iterable[bytes], version: int) -> Iterator[bytes]:  # noqa: ARG002
        """Take one push, whose body's blocks are given, and yield the report on it.

        A client's or the repository's fault is told to the client; what the blocks' iterator raises, for
        a connection that broke, comes out here, and nothing has changed then.
        """
        reader = PacketReader(blocks)
        try:
            request = read_push(
                reader, self._format, self._request_limits, takes_options=self._has("push-options")
            )
            if request is not None:
                request.atomic = request.atomic and self._has("atomic")
            if self._signed is not None:
                self._repository.log_ref_changes(self._signed, b"push")
        except PackcoreError as error:
            yield encode_text(f"ERR {self._words(error)}")
            return
        if request is None:
            return
        self.judge(request)
        taken = threading.Event()
        verdicts = yield from heard(
            lambda say: self._take(request, _until_taken(reader, taken), say),
            seconds=self._keepalive_seconds if request.band_bytes is not None else None,
            ready=taken,
            line=lambda text: _progress(request, text),
            keepalive=encode_packet(_DATA),
        )
        if request.report:
            yield from _banded(request, verdicts)
        if request.band_bytes is not None:
            yield FLUSH

    def _take(self, request: PushRequest, pack: Iterator[bytes], say: Callable[[str], None]) -> bytes:
        """Do the push and return its report."""
        try:
            return self.report("ok", self._verdicts(request, pack, say))
        except PackcoreError as error:
            words = _refusal(error, self._limits, self._words)
            say(f"error: {words}")
            return self.report(words, {update.name: "unpacker error" for update in request.updates})

    def _verdicts(
        self, request: PushRequest, pack: Iterator[bytes], say: Callable[[str], None]
    ) -> dict[str, str | None]:
        """Do the push and return the reason for each ref, None where it is done. Raises PackcoreError."""

        def judged(spool: SpooledPack | None) -> dict[str, str | None]:
            return _Push(self._repository, request, spool, self._limits, say=say, words=self._words).run()

        if not request.brings_pack:
            return judged(None)
        with SpooledPack.receive(
            pack,
            object_format=self._format,
            limits=self._limits,
            bases=self._repository,
            directory=self._repository.pack_directory,
        ) as spool:
            say(f"{spool.object_count:,} objects, {spool.pack_bytes:,} bytes received")
            check_objects(self._repository, spool, say)
            return judged(spool)


class _Push:
    """One push whose pack is there and right: judges it, installs the pack, and moves the refs."""

    def __init__(
        self,
        repository: Repository,
        request: PushRequest,
        spool: SpooledPack | None,
        limits: Limits,
        *,
        say: Callable[[str], None],
        words: Words,
    ) -> None:
        self._words = words
        self._repository = repository
        self._request = request
        self._spool = spool
        # Never closed as a union: the repository goes on living.
        self._objects: ObjectStore = repository if spool is None else UnionStore([spool, repository])
        self._limits = limits
        self._say = say
        self._verdicts: dict[str, str | None] = {}
        self._aliases = find_aliases(repository, request.updates)
        self._settled = set(self._aliases.followed)
        """Refs that nothing is to be done for."""
        self._cut_tips: set[ObjectId] = set()
        """Tips that need cut points of the client's."""
        self._told: set[ObjectId] = set()
        """Tips whose faults were told."""

    def run(self) -> dict[str, str | None]:
        """Return the reason for each ref, None where it is done. Raises RepositoryError, CorruptData."""
        rules = RefRules(self._repository, self._words, self._say)
        for update in self._request.updates:
            self._verdicts[update.name] = self._refusal(update, rules)
        self._settled |= rules.absent
        self._check_names(rules)
        self._check_connected()
        if self._request.atomic and not all(reason is None for reason in self._verdicts.values()):
            for name, reason in self._verdicts.items():
                self._verdicts[name] = reason or "atomic push failure"
        accepted = self._accepted()
        with ExitStack() as stack:
            if self._spool is not None and any(not update.is_delete for update in accepted):
                stack.enter_context(self._repository.adding_pack(self._spool))
            self._add_cut_points(accepted)
            if self._request.atomic:
                self._change_all(accepted)
            else:
                self._change_each(accepted)
        for name, other in self._aliases.followed.items():
            self._verdicts[name] = self._verdicts[name] or self._verdicts[other]
        return self._verdicts

    def _refusal(self, update: RefUpdate, rules: RefRules) -> str | None:
        if update.name in self._verdicts:
            return "multiple updates for one ref"
        if update.name in self._aliases.followed:
            return None  # its verdict is that of the ref that it comes to
        return self._aliases.refused.get(update.name) or rules.refusal(update, self._objects)

    def _accepted(self) -> list[RefUpdate]:
        """Return what is to be done, in an order in which it can be done."""
        passed = (one for one in self._request.updates if self._verdicts[one.name] is None)
        accepted = [update for update in passed if update.name not in self._settled]
        return sorted(accepted, key=lambda update: update.name not in self._aliases.removed)

    def _check_names(self, rules: RefRules) -> None:
        """Refuse what can't be made beside the refs that are there: before the pack is installed."""
        accepted = self._accepted()
        if not any(update.is_create for update in accepted):
            return
        refs = self._repository.refs()
        names = NamesInUse([*refs.known, *refs.unreadable], (update.name for update in accepted))
        for update in accepted:
            if update.is_delete:
                if not self._request.atomic:  # all at once: what goes still stands when the others come
                    names.remove(update.name)
            elif (other := names.in_the_way(update.name)) is not None:
                self._verdicts[update.name] = f"{rules.public_name(other)} is in the way"
            else:
                names.add(update.name)

    # Connectivity

    def _check_connected(self) -> None:
        """Refuse each new tip from which something is missing: one walk if all is well, else two."""
        updates = [update for update in self._accepted() if not update.is_delete]
        shallow = self._repository.shallow()
        faults = self._faults({update.new: None for update in updates}, shallow)
        if faults and self._request.shallow and self._repository.config.get_bool("receive.shallowupdate"):
            self._cut_tips = set(faults)
            faults = self._faults(faults, shallow | self._request.shallow)
        reason = "shallow update not allowed" if self._request.shallow else "missing necessary objects"
        for update in updates:
            if update.new in faults:
                self._verdicts[update.name] = reason
                if len(self._told) < _FAULTS_TOLD_MAX and update.new not in self._told:
                    self._told.add(update.new)
                    self._say(f"error: {update.name}: {self._words(faults[update.new])}")

    def _add_cut_points(self, accepted: list[RefUpdate]) -> None:
        """Make those of the client's cut points ours that the accepted tips need."""
        tips = {update.new for update in accepted} & self._cut_tips
        if tips:
            offered, shallow = self._request.shallow, self._repository.shallow()
            self._repository.add_shallow(
                new_cut_points(self._objects, tips, self._haves(), offered=offered, shallow=shallow)
            )

    def _haves(self) -> set[ObjectId]:
        repository = self._repository
        return {oid for oid in repository.ref_table().tips() if oid in repository}

    def _faults(self, tips: Collection[ObjectId], shallow: frozenset[ObjectId]) -> dict[ObjectId, str]:
        if not tips:
            return {}
        haves = self._haves()
        try:
            list_objects(
                self._objects, tips, haves, shallow=shallow, limits=self._limits, haves_complete=True
            )
        except MissingObject:
            return broken_tips(self._objects, tips, haves, shallow=shallow)
        return {}

    # Refs

    def _change_each(self, updates: list[RefUpdate]) -> None:
        changes = [RefChange(*_parts(update)) for update in updates]
        for name, error in self._repository.change_refs_apart(changes).items():
            self._say(f"error: {self._words(error)}")
            self._verdicts[name] = self._reason(error)

    def _change_all(self, updates: list[RefUpdate]) -> None:
        try:
            self._repository.change_refs([RefChange(*_parts(update)) for update in updates])
        except PackcoreError as error:
            self._say(f"error: {self._words(error)}")
            for update in updates:
                self._verdicts[update.name] = self._reason(error)

    def _reason(self, error: PackcoreError) -> str:
        """Return what a ref's report says of a change that failed: only a lost race is called one."""
        if isinstance(error, RefLocked):
            lock = os.path.relpath(error.path, self._repository.common_path)
            return f"{LOCKED}: {lock} is held by {error.holder}; push again when it has ended"
        if isinstance(error, RefMoved):
            return STALE
        return f"not written: {self._words(error)}"


def _parts(update: RefUpdate) -> tuple[str, ObjectId, ObjectId]:
    return update.name, update.old, update.new


def _until_taken(reader: PacketReader, taken: threading.Event) -> Iterator[bytes]:
    try:
        yield from reader.rest()
    finally:
        taken.set()


def _progress(request: PushRequest, text: str) -> bytes:
    if request.band_bytes is None or (request.quiet and not text.startswith(("error:", "warning:"))):
        return b""
    words = text.encode("utf-8", "replace")[: request.band_bytes - 2]
    return encode_packet(_PROGRESS + words + b"\n")


def _banded(request: PushRequest, report: bytes) -> Iterator[bytes]:
    if request.band_bytes is None:
        yield report
        return
    piece_bytes = request.band_bytes - 1
    for start in range(0, len(report), piece_bytes):
        yield encode_packet(_DATA + report[start : start + piece_bytes])


def _refusal(error: PackcoreError, limits: Limits, words: Words) -> str:
    """Return why a pack was not taken; of one that is too large in git's words, which clients know."""
    if isinstance(error, LimitExceeded) and error.limit == "pack_bytes":
        return f"pack exceeds maximum allowed size ({limits.pack_bytes} bytes)"
    return words(error)


def _with_input_limit(limits: Limits, repository: Repository) -> Limits:
    """Lower `pack_bytes` to receive.maxInputSize, where the repository sets it."""
    size = repository.config.get("receive.maxinputsize")
    if not size:
        return limits
    number, unit = (size[:-1], size[-1].lower()) if size[-1].isalpha() else (size, "")
    if unit not in ("", "k", "m", "g") or not number.isdecimal() or len(number) > 12:
        raise LimitExceeded(f"receive.maxInputSize is no size: {size[:40]!r}", limit="pack_bytes")
    bound = int(number) << {"": 0, "k": 10, "m": 20, "g": 30}[unit]
    return replace(limits, pack_bytes=min(bound, limits.pack_bytes)) if bound else limits
