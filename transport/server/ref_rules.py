"""What a repository lets a push do to its refs, in the words in which git's receive-pack refuses.

    its name has more than 128 parts           or is too long, for a file of this disk
    funny refname                              not below refs/, or no ref name at all
    deletion prohibited                        receive.denyDeletes, for branches
    deletion of the current branch prohibited  receive.denyDeleteCurrent (default: refuse, as git)
    branch is currently checked out            receive.denyCurrentBranch (default: refuse), not if bare
    non-fast-forward                           receive.denyNonFastForwards, for branches
    bad pack                                   the new id is neither in the pack nor here
    failed to update ref                       the ref no longer is what the pusher saw
    reference broken: …                        the ref can't be read here, so nothing replaces it
    ref is locked: …                           another process holds its lock; the file and its holder follow
    deny updating a hidden ref                 receive.hideRefs, transfer.hideRefs
    left to the hook proc-receive, …           receive.procReceiveRefs
    broken symref                              it leads out of the namespace (`server.namespaces`)
    refs/heads/x is in the way                 of refs/heads/x/y, or the other way round

Deleting a ref that isn't there succeeds with a warning. So does what a setting of `warn` lets pass.
Specified in git-config. Left out: updateInstead (we touch no work tree: it refuses).
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from packcore.ancestry import is_ancestor
from packcore.errors import CorruptData, UnreadableRef
from packcore.objects import ObjectType
from packcore.refs import encode_ref_name, is_valid_ref_name
from packcore.store.config import bool_of
from packcore.store.ref_names import RefNameLimits
from transport.server.namespaces import full_ref_name, leads_outside
from transport.server.proc_receive import PROC_RECEIVE, ProcReceiveRefs
from transport.server.shown_refs import HiddenRefs
from transport.server.words import public_words

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from packcore.ids import ObjectId
    from packcore.refs import Ref
    from packcore.store.base import ObjectStore
    from packcore.store.config import GitConfig
    from packcore.store.repository import Repository
    from transport.server.words import Words
    from transport.wire.receive_pack import RefUpdate

__all__ = ["LOCKED", "STALE", "NamesInUse", "RefRules"]

STALE = "failed to update ref"
"""The reason for a ref that moved meanwhile; clients know it by these words."""
LOCKED = "ref is locked"
"""The reason for a ref whose lock another process holds begins with these words."""
_BRANCHES = "refs/heads/"


class RefRules:
    """The rules of one repository, read when made."""

    def __init__(
        self,
        repository: Repository,
        words: Words = public_words,
        warn: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`words` says why a ref can't be read; `warn` gets what the pusher is warned of.

        Raises RepositoryError for a setting that can't be read.
        """
        self._words = words
        self._warn = warn
        self._refs: dict[str, Ref | UnreadableRef | None] = {}
        """What was seen of refs; None where they are absent."""
        self.absent: set[str] = set()
        """Refs to be deleted that aren't there."""
        config = repository.config
        self.repository = repository
        self._deny_rewinds = config.get_bool("receive.denynonfastforwards")
        self._deny_deletes = config.get_bool("receive.denydeletes")
        self._hidden = HiddenRefs(repository, "receive")
        self._proc_receive = ProcReceiveRefs(config)
        self._limits = RefNameLimits.of(repository.common_path)
        head = repository.head()
        self._head = head if isinstance(head, str) else None
        self._full = full_ref_name(repository)
        linked = (other for other in repository.other_worktrees() if other.prefix != "main-worktree/")
        heads = [other.refs.head_target() for other in linked]
        if not repository.is_bare:
            heads.append(repository.ref_storage.head_target())
        self._checked_out = {head for head in heads if isinstance(head, str)}
        """By their full names: in a namespace there is no work tree."""
        self._deny_current = _denies(config, "receive.denycurrentbranch")
        self._deny_delete_current = _denies(config, "receive.denydeletecurrent")

    def refusal(self, update: RefUpdate, objects: ObjectStore, *, may_be_left: bool = True) -> str | None:
        """Return why an update is refused, None where it isn't; `objects` holds the pack's objects too.

        PROC_RECEIVE if it is left to the hook proc-receive, unless it may not be left.
        """
        name = update.name
        if not name.startswith("refs/") or _is_funny(name, is_delete=update.is_delete):
            return "funny refname"
        if update.is_create and (fault := self._limits.fault(encode_ref_name(self._full(name)))):
            return fault
        if self._hidden.hides(name):
            return "deny updating a hidden ref"
        if may_be_left and self._proc_receive.takes(update):
            return PROC_RECEIVE
        if leads_outside(self.repository, name):
            return "broken symref"
        if self._full(name) in self._checked_out:
            if self._deny_current == "refuse":
                return "branch is currently checked out"
            self._allow(self._deny_current, "updating the current branch")
        current = self._seen(name)
        if isinstance(current, UnreadableRef):
            # A file that holds nothing may be written again; what it held is lost in any case.
            if not current.is_blank or update.is_delete or not update.is_create:
                return f"reference broken: {self._words(current.reason)}"
            current = None
        now = current.oid if current is not None else self.repository.object_format.zero
        if update.is_delete:
            return self._judge_deletion(update, now, objects)
        if now != update.old:
            return STALE
        if update.new not in objects:
            return "bad pack"
        return self._judge_branch(update, objects) if name.startswith(_BRANCHES) else None

    def see(self, names: Collection[str]) -> None:
        """Look at the refs of these names together, before each is asked about. Raises as `refusal`."""
        valid = [name for name in names if name.startswith("refs/") and is_valid_ref_name(name)]
        found = self.repository.read_refs(valid)
        self._refs = {name: found.get(name) for name in valid}

    def _seen(self, name: str) -> Ref | UnreadableRef | None:
        if name in self._refs:
            return self._refs[name]
        try:
            return self.repository.read_ref(name)
        except UnreadableRef as error:
            return error

    def _judge_deletion(self, update: RefUpdate, now: ObjectId, objects: ObjectStore) -> str | None:
        name = update.name
        if any(update.old):
            if self._deny_deletes and name.startswith(_BRANCHES):
                return "deletion prohibited"
            if any(now) and (name == self._head or self._full(name) in self._checked_out):
                if self._deny_delete_current == "refuse":
                    return "deletion of the current branch prohibited"
                self._allow(self._deny_delete_current, "deleting the current branch")
        if self._is_absent(name, now) and (not any(update.old) or update.old not in objects):
            self._warn("warning: deleting a non-existent ref")
            self.absent.add(name)
            return None
        # A ref whose object is gone is deleted by its old id, too.
        return None if now == update.old else STALE

    def _is_absent(self, name: str, now: ObjectId) -> bool:
        return not any(now) and self.repository.final_ref_name(name) == name

    def _allow(self, denies: str, what: str) -> None:
        if denies == "warn":
            self._warn(f"warning: {what}")

    def public_name(self, name: str) -> str:
        """Return what a pusher may be told of a ref: not the name of one that is hidden from it."""
        return "a hidden ref" if self._hidden.hides(name) else name

    def _judge_branch(self, update: RefUpdate, objects: ObjectStore) -> str | None:
        if objects.header(update.new).type is not ObjectType.COMMIT:
            return "a branch must point to a commit"
        if self._deny_rewinds and not update.is_create:
            try:
                if not is_ancestor(objects, update.old, update.new):
                    return "non-fast-forward"
            except CorruptData:
                return "bad ref"
        return None


def _is_funny(name: str, *, is_delete: bool) -> bool:
    is_deep = name.count("/") > 1  # then it is valid as a whole, or what is below refs/ is not
    return not is_valid_ref_name(name if is_deep else name[5:], one_level=is_delete)


def _denies(config: GitConfig, key: str) -> str:
    """Return `refuse`, `warn` or `ignore`. Raises RepositoryError for another word."""
    value = config.get(key)
    if value is None or value.lower() in ("refuse", "updateinstead"):
        return "refuse"
    if value.lower() in ("warn", "ignore"):
        return value.lower()
    return "refuse" if bool_of(key, value) else "ignore"


class NamesInUse:
    """Names of refs, of which none may be a folder of another: on disk a ref is a file."""

    def __init__(self, names: Iterable[str], candidates: Iterable[str]) -> None:
        """Count `names` as used; `candidates` are those that `add` may be called with."""
        self._names = set(names)
        self._sorted = sorted({*self._names, *candidates})

    def in_the_way(self, name: str) -> str | None:
        """Return the ref that keeps a name from being made, if any."""
        for folder in _folders(name):
            if folder in self._names:
                return folder
        inside = f"{name}/"
        position = bisect_left(self._sorted, inside)
        while position < len(self._sorted) and self._sorted[position].startswith(inside):
            if self._sorted[position] in self._names:
                return self._sorted[position]
            position += 1
        return None

    def add(self, name: str) -> None:
        """Count a name as used."""
        self._names.add(name)

    def remove(self, name: str) -> None:
        """Count a name as free."""
        self._names.discard(name)


def _folders(name: str) -> Iterator[str]:
    """Yield what a ref's name needs as folders, `refs` aside."""
    end = name.find("/", len("refs/"))
    while end > 0:
        yield name[:end]
        end = name.find("/", end + 1)
