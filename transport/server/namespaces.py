"""A repository as clients of one ref namespace see it (gitnamespaces).

    GIT_NAMESPACE    the refs that are seen                                    names that clients use
    (not set)        refs/…                                                    as they are
    fork             refs/namespaces/fork/refs/…                               refs/…
    a/b              refs/namespaces/a/refs/namespaces/b/refs/…                refs/…
                     refs/namespaces/fork/HEAD                                 HEAD

Objects are shared by all namespaces of a repository, so a namespace keeps nothing secret. Unlike with git, a
pusher isn't told the tips of the other namespaces. A symbolic ref that leads out of the namespace is listed
with its id, but it is neither said where it leads nor changed.

>>> Namespace.parse("a/b").prefix
'refs/namespaces/a/refs/namespaces/b/'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import InvalidRefName, UnreadableRef
from packcore.refs import Ref, RefList, check_ref_name, encode_ref_name
from packcore.store.ref_change import RefChange
from packcore.store.repository import Repository
from transport.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from packcore.errors import PackcoreError
    from packcore.ids import ObjectId
    from packcore.store.ref_table import RefTable
    from packcore.store.reflogs import LogEntry

__all__ = [
    "NO_NAMESPACE",
    "Namespace",
    "NamespacedRepository",
    "all_tips",
    "full_ref_name",
    "leads_outside",
    "namespace_of",
]


class Namespace(NamedTuple):
    """A ref namespace, or none at all if empty."""

    name: str = ""
    prefix: str = ""
    """What the names of its refs begin with in the repository."""

    @classmethod
    def parse(cls, name: str) -> Namespace:
        """Return the namespace that GIT_NAMESPACE names. Raises InvalidRequest."""
        prefix = "".join(f"refs/namespaces/{part}/" for part in name.split("/") if part)
        if prefix:
            try:
                check_ref_name(f"{prefix}HEAD")
            except InvalidRefName:
                raise InvalidRequest(f"GIT_NAMESPACE is not the name of a ref namespace: {name!r}") from None
        return cls(name, prefix)

    @property
    def repository_type(self) -> type[Repository]:
        """What to open a repository with, so that only this namespace is seen."""
        if not self.prefix:
            return Repository

        class InThisNamespace(NamespacedRepository):
            namespace = self

        return InThisNamespace


class NamespacedRepository(Repository):
    """A repository of which only the refs of one namespace are seen, by the names that they have there."""

    namespace = Namespace()

    def refs(self) -> RefList:
        """Return every ref of the namespace."""
        return self.ref_table().list()

    def ref_table(self, prefixes: Sequence[str] = ()) -> RefTable:
        """Return the refs of the namespace with a prefix, by default all, in columns, without HEAD."""
        table = super().ref_table([self._full(prefix) for prefix in prefixes or ("refs/",)])
        start = len(encode_ref_name(self.namespace.prefix))
        inside = {name[start:]: self._short(target) for name, target in table.symrefs.items()}
        faults = [self._renamed(fault) for fault in table.unreadable.values()]
        return table._replace(
            names=[name[start:] for name in table.names],
            symrefs={name: target for name, target in inside.items() if target is not None},
            unpeeled={name[start:] for name in table.unpeeled},
            unreadable={fault.ref: fault for fault in faults},
        )

    def symbolic_refs(self) -> frozenset[str]:
        """Return the names of the refs here that may be symbolic, wherever they lead."""
        return self._inside(super().symbolic_refs()) - {"HEAD"}

    def read_ref(self, name: str) -> Ref | None:
        """Return one ref of the namespace, its HEAD too."""
        check_ref_name(name, one_level=True)
        try:
            found = super().read_ref(self._full(name))
        except UnreadableRef as error:
            raise self._renamed(error) from None
        return None if found is None else self._shown(found)

    def read_refs(self, names: Collection[str]) -> dict[str, Ref | UnreadableRef]:
        """Return refs of the namespace."""
        found = super().read_refs([self._full(name) for name in names])
        shown = [
            self._renamed(each) if isinstance(each, UnreadableRef) else self._shown(each)
            for each in found.values()
        ]
        return {each.ref if isinstance(each, UnreadableRef) else each.name: each for each in shown}

    def head(self) -> str | ObjectId | None:
        """Return what the namespace's HEAD points to; None also if that is outside."""
        try:
            target = self._refs.read_raw(self._full("HEAD"))
        except UnreadableRef as error:
            raise self._renamed(error) from None
        return self._short(target) if isinstance(target, str) else target

    def final_ref_name(self, name: str) -> str:
        """Return the ref that an update of this one changes. Raises UnreadableRef if it is outside."""
        found = self._short(super().final_ref_name(self._full(name)))
        if found is None:
            raise UnreadableRef(name, "it is a symbolic ref to one outside its namespace")
        return found

    def ref_logs(self) -> Iterator[tuple[str, Iterable[LogEntry]]]:
        """Yield each ref of the namespace that has a log."""
        for name, entries in super().ref_logs():
            if (short := self._short(name)) is not None:
                yield short, entries

    def reflog(self, name: str) -> list[LogEntry] | None:
        """Return the changes of a ref of the namespace."""
        return super().reflog(self._full(name))

    def update_ref(self, name: str, new: ObjectId, old: ObjectId | None = None) -> None:
        """Point a ref of the namespace to `new`."""
        super().update_ref(self._full(name), new, old)

    def delete_ref(self, name: str, old: ObjectId | None = None) -> None:
        """Remove a ref of the namespace."""
        super().delete_ref(self._full(name), old)

    def change_refs(self, changes: Sequence[RefChange]) -> None:
        """Change several refs of the namespace, all or none."""
        super().change_refs(self._full_changes(changes))

    def change_refs_apart(self, changes: Sequence[RefChange]) -> dict[str, PackcoreError]:
        """Change several refs of the namespace, each by itself."""
        faults = super().change_refs_apart(self._full_changes(changes))
        named = {self._full(change.name): change.name for change in changes}
        return {named[full]: fault for full, fault in faults.items()}

    def set_head(self, name: str) -> None:
        """Make the namespace's HEAD point to one of its branches."""
        self._refs.set_symbolic(self._full("HEAD"), self._full(name))

    def set_symbolic_ref(self, name: str, target: str) -> None:
        """Make a ref of the namespace point to another one."""
        super().set_symbolic_ref(self._full(name), self._full(target))

    # Names

    def _full(self, name: str) -> str:
        return self.namespace.prefix + name

    def _short(self, full: str) -> str | None:
        """Return a name as it is here; None if it is outside."""
        prefix = self.namespace.prefix
        return full[len(prefix) :] if full.startswith(prefix) else None

    def _inside(self, names: Iterable[str]) -> frozenset[str]:
        return frozenset(short for name in names if (short := self._short(name)) is not None)

    def _full_changes(self, changes: Sequence[RefChange]) -> list[RefChange]:
        return [RefChange(self._full(change.name), change.old, change.new) for change in changes]

    def _shown(self, ref: Ref) -> Ref:
        symref = None if ref.symref is None else self._short(ref.symref)
        return ref._replace(name=ref.name[len(self.namespace.prefix) :], symref=symref)

    def _renamed(self, fault: UnreadableRef) -> UnreadableRef:
        """Return a fault under the name that it has here: of a folder above the namespace, all refs."""
        target = None if fault.points_to is None else self._short(fault.points_to)
        leads_out = fault.points_to is not None and target is None
        return UnreadableRef(
            self._short(fault.ref) or "refs",
            "it leads to a ref that can't be read, or isn't there" if leads_out else fault.reason,
            is_blank=fault.is_blank,
            is_dangling=fault.is_dangling,
            points_to=target,
        )


NO_NAMESPACE = Namespace()


def namespace_of(repository: Repository) -> Namespace:
    """Return the namespace of which a repository shows the refs."""
    return repository.namespace if isinstance(repository, NamespacedRepository) else NO_NAMESPACE


def all_tips(repository: Repository) -> tuple[ObjectId, ...]:
    """Return what the refs of all namespaces point to. Raises CorruptData, RepositoryError."""
    if isinstance(repository, NamespacedRepository):
        return repository.ref_storage.table().tips()
    return repository.ref_table().tips()


def full_ref_name(repository: Repository) -> Callable[[str], str]:
    """Return what gives a client's name for a ref the name that it has on disk."""
    return namespace_of(repository).prefix.__add__


def leads_outside(repository: Repository, name: str) -> bool:
    """Tell whether an update of a ref would change one outside the namespace."""
    if not isinstance(repository, NamespacedRepository):
        return False
    try:
        repository.final_ref_name(name)
    except UnreadableRef:
        return True
    return False
