"""One push whose pack is there and right: what becomes of each ref.

    rules        the repository's own, ref by ref                    server.ref_rules
    names        of new refs, beside those that are there
    connected    the new tips reach nothing that is missing          server.connectivity
    pre-receive  where hooks are run                                 server.hooks
    install      pack, .rev, .idx: whole, and only if some ref will use them
    or unpack    the same as loose objects                           server.unpacking
    proc-receive where hooks are run: does some refs itself          server.proc_receive_hook
    update       where hooks are run
    refs         compare-and-swap, each alone, or all or none if the client asks for that

Until the pack is installed nothing has changed. A hook that refuses afterwards leaves a pack of no use.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, nullcontext
from typing import TYPE_CHECKING

from packcore.errors import MissingObject, PackcoreError, RefLocked, RefMoved
from packcore.refs import decode_ref_names
from packcore.store.ref_change import RefChange
from packcore.store.union import UnionStore
from packcore.walk import ObjectChecker, list_objects
from transport.server.aliases import find_aliases
from transport.server.connectivity import broken_tips
from transport.server.namespaces import all_tips
from transport.server.proc_receive import PROC_RECEIVE
from transport.server.proc_receive_hook import FAILED
from transport.server.ref_rules import LOCKED, STALE, NamesInUse, RefRules
from transport.server.shallow_pushes import new_cut_points
from transport.server.unpacking import unpack, unpack_limit
from transport.wire.receive_pack import RefUpdate

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from packcore.ids import ObjectId
    from packcore.limits import Limits
    from packcore.store.base import ObjectStore
    from packcore.store.repository import Repository
    from packcore.store.spool import SpooledPack
    from transport.server.hooks import Hooks
    from transport.server.proc_receive_hook import RefReport
    from transport.server.push_request import PushRequest
    from transport.server.words import Words

__all__ = ["Push"]

_FAULTS_TOLD_MAX = 20
_MANY_UPDATES = 100
"""The refs of so many are looked up together."""


class Push:
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
        hooks: Hooks | None = None,
        unpack_limit: int = 0,
    ) -> None:
        self._hooks = hooks
        self._unpack_limit = unpack_limit
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
        for name in self._aliases.refused:
            say(f"error: refusing inconsistent update of {name}: one ref is a symbolic ref to the other")
        self._settled = set(self._aliases.followed)
        """Refs that nothing is to be done for."""
        self._for_hook: set[str] = set()
        """Refs that proc-receive does."""
        self.reports: Mapping[str, Sequence[RefReport]] = {}
        """What proc-receive changed, by the ref's name."""
        self._cut_tips: set[ObjectId] = set()
        """Tips that need cut points of the client's."""
        self._told: set[ObjectId] = set()
        """Tips whose faults were told."""

    def run(self) -> dict[str, str | None]:
        """Return the reason for each ref, None where it is done. Raises RepositoryError, CorruptData."""
        rules = RefRules(self._repository, self._words, self._say)
        if len(self._request.updates) > _MANY_UPDATES:
            rules.see([update.name for update in self._request.updates])
        for update in self._request.updates:
            self._verdicts[update.name] = self._refusal(update, rules)
        self._settled |= rules.absent
        self._check_names(rules)
        self._check_connected()
        self._hold_together()
        accepted = self._accepted()
        asked = self._asked(rules)
        if self._hooks is not None and asked:
            reason = self._hooks.pre_receive(asked, self._spool)
            if reason is not None:
                self._verdicts = {name: verdict or reason for name, verdict in self._verdicts.items()}
                return self._verdicts
        with ExitStack() as stack:
            if self._spool is not None and any(not update.is_delete for update in accepted):
                self._keep(self._spool, stack)
            if self._hooks is not None:
                self._leave_to_hook(self._hooks, accepted, rules)
                for update in self._asked(rules):
                    if update.name not in self._for_hook:
                        self._verdicts[update.name] = self._hooks.update(update)
                self._hold_together()
                accepted = self._accepted()
            self._add_cut_points(accepted)
            self._change([update for update in accepted if update.name not in self._for_hook])
        for name, other in self._aliases.followed.items():
            self._verdicts[name] = self._verdicts[name] or self._verdicts[other]
        return self._verdicts

    def _keep(self, spool: SpooledPack, stack: ExitStack) -> None:
        """Take the objects in, as a pack until the stack ends, or one by one."""
        if spool.object_count - len(spool.added) < unpack_limit(self._repository, self._unpack_limit):
            unpack(self._repository, spool)
        else:
            stack.enter_context(self._repository.adding_pack(spool))

    @property
    def changed(self) -> list[RefUpdate]:
        """The updates that `run` has made, in the order in which they were asked for."""
        made = (one for one in self._request.updates if self._verdicts[one.name] is None)
        return [update for update in made if update.name not in self._settled]

    def _hold_together(self) -> None:
        """Refuse all updates if the client wants all or none, and one is refused.

        What proc-receive has done can't be refused any more.
        """
        is_refused = any(self._verdicts.values()) or bool(self._request.repeated)
        if self._request.atomic and is_refused:
            for name in self._verdicts.keys() - self.reports.keys():
                self._verdicts[name] = self._verdicts[name] or "atomic push failure"

    def _refusal(self, update: RefUpdate, rules: RefRules) -> str | None:
        if update.name in self._aliases.followed:
            return None  # its verdict is that of the ref that it comes to
        reason = (
            self._request.refusal
            or self._aliases.refused.get(update.name)
            or rules.refusal(update, self._objects)
        )
        if reason != PROC_RECEIVE or self._hooks is None:
            return reason
        self._for_hook.add(update.name)
        return None if update.is_delete or update.new in self._objects else "bad pack"

    def _leave_to_hook(self, hooks: Hooks, accepted: list[RefUpdate], rules: RefRules) -> None:
        """Let proc-receive do its refs; those that it leaves to us are judged as others are."""
        asked = [update for update in accepted if update.name in self._for_hook]
        if not asked:
            return
        others = [update.name for update in self._request.updates if update.name not in self._for_hook]
        answer = hooks.proc_receive(asked, others, atomic=self._request.atomic)
        for fault in answer.faults:
            self._say(f"error: {fault}")
        self.reports = answer.reports
        self._verdicts.update(answer.refused)
        self._for_hook -= answer.left
        for update in asked:
            if update.name in answer.left:
                self._verdicts[update.name] = rules.refusal(update, self._objects, may_be_left=False)
        if answer.failed and self._request.atomic:
            self._verdicts = {
                name: reason if name in answer.reports else reason or FAILED
                for name, reason in self._verdicts.items()
            }

    def _accepted(self) -> list[RefUpdate]:
        """Return what is to be done, in an order in which it can be done."""
        passed = (one for one in self._request.updates if self._verdicts[one.name] is None)
        accepted = [update for update in passed if update.name not in self._settled]
        return sorted(accepted, key=lambda update: update.name not in self._aliases.removed)

    def _asked(self, rules: RefRules) -> list[RefUpdate]:
        """Return what hooks are asked about: what is to be done, and deletions of what isn't there."""
        zero = self._repository.object_format.zero
        passed = (one for one in self._request.updates if self._verdicts[one.name] is None)
        return [
            RefUpdate(one.name, zero, zero) if one.name in rules.absent else one
            for one in passed
            if one.name in rules.absent or one.name not in self._settled
        ]

    def _check_names(self, rules: RefRules) -> None:
        """Refuse what can't be made beside the refs that are there: before the pack is installed."""
        accepted = self._accepted()
        if not any(update.is_create for update in accepted):
            return
        refs = self._repository.ref_table()
        there = [*decode_ref_names(refs.names), *refs.unreadable]
        names = NamesInUse(there, (update.name for update in accepted))
        for update in accepted:
            if update.name in self._for_hook:
                continue
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
        """Return what all refs point to, those of other namespaces too."""
        repository = self._repository
        return {oid for oid in all_tips(repository) if oid in repository}

    def _faults(self, tips: Collection[ObjectId], shallow: frozenset[ObjectId]) -> dict[ObjectId, str]:
        if not tips:
            return {}
        haves = self._haves()
        try:
            list_objects(
                self._objects,
                tips,
                haves,
                shallow=shallow,
                limits=self._limits,
                haves_complete=True,
                make_lister=ObjectChecker,
            )
        except MissingObject:
            return broken_tips(self._objects, tips, haves, shallow=shallow)
        return {}

    # Refs

    def _change(self, updates: list[RefUpdate]) -> None:
        if self._request.atomic:
            self._change_together(updates)
        elif self._hooks is None or not self._hooks.hear_of_changes:
            changes = [RefChange(*_parts(update)) for update in updates]
            for name, error in self._repository.change_refs_apart(changes).items():
                self._say(f"error: {self._words(error)}")
                self._verdicts[name] = self._reason(error)
        else:
            with self._repository.refs_durable_together():
                for update in updates:
                    self._change_together([update])

    def _change_together(self, updates: list[RefUpdate]) -> None:
        """Make all changes or none."""
        if not updates:
            return
        try:
            with nullcontext() if self._hooks is None else self._hooks.transaction(updates) as reason:
                if reason is None:
                    self._repository.change_refs([RefChange(*_parts(update)) for update in updates])
                else:
                    self._verdicts.update(dict.fromkeys((update.name for update in updates), reason))
        except PackcoreError as error:
            self._say(f"error: {self._words(error)}")
            reason = self._reason(error)
            if self._request.atomic and reason != STALE:
                reason = f"atomic transaction failed: {reason}"
            for update in updates:
                self._verdicts[update.name] = reason

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
