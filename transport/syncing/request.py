"""What a sync is asked to do, as small frozen values, each checked at creation.

    Scope              which refs: branches, tags, all, mappings, exclusions     -> planner
    Policy             what may happen to them: prune, force, atomic, warnings    -> planner, pushing
    SelectionOptions   how deltas are selected and compressed                     -> packcore.select
    SyncRequest        the three, and the few settings of the run itself

    mode        what a run may do                                         moves objects by
    sync        create, fast-forward; prune and force as the policy says   relay where safe, else materialized
    replicate   make the target's refs equal to the source's: overwrite    relay alone
    bootstrap   seed a target that has none of the refs                    relay alone, in batches if need be

A mapping's names follow git-sync's rule: both sides short (`main:stable`, which are branches) or both in
full (`refs/tags/a:refs/tags/b`), and of one kind. Other namespaces than branches and tags need
`all_refs`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from packcore.refs import are_all_below, is_valid_ref_name, ref_kind
from transport.errors import InvalidRequest
from transport.selection import SelectionOptions
from transport.syncing.ref_patterns import RefPatterns

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from transport.syncing.prune_limit import PruneLimit

__all__ = [
    "BootstrapStrategy",
    "Mode",
    "Optimize",
    "Policy",
    "Protocol",
    "RefMapping",
    "Scope",
    "SelectionOptions",
    "SyncRequest",
    "short_name",
]

Protocol = Literal["auto", "v0", "v1", "v2"]
Mode = Literal["sync", "replicate", "bootstrap"]
Optimize = Literal["time", "bandwidth"]
BootstrapStrategy = Literal["first-parent", "topo"]

HEADS, TAGS, REFS = "refs/heads/", "refs/tags/", "refs/"
GITSYNC_REFS = "refs/gitsync/"
"""git-sync's temporary refs for the parts of a push; a stopped run leaves them behind."""
TEMP_REFS = "refs/packcore/bootstrap/"
"""Temporary refs that hold the parts of a push in batches; see `transport.syncing.deliver.temp_refs`."""
_SHORTENED = (HEADS, TAGS, "refs/remotes/", REFS)


def short_name(name: str) -> str:
    """Return what people call a ref: `main` for `refs/heads/main`, `notes/x` for `refs/notes/x`."""
    for prefix in _SHORTENED:
        if name.startswith(prefix):
            return name.removeprefix(prefix)
    return name


@dataclass(frozen=True, slots=True)
class RefMapping:
    """One source ref and the target ref that it becomes; both names in full."""

    source: str
    target: str

    def __post_init__(self) -> None:
        for name in (self.source, self.target):
            if not name.startswith(REFS) or not is_valid_ref_name(name):
                raise InvalidRequest(f"not a ref name: {name[:80]!r} (in a mapping)")
        source_kind, target_kind = ref_kind(self.source), ref_kind(self.target)
        if source_kind != target_kind:
            raise InvalidRequest(
                f"a mapping can't turn a {source_kind} ref into a {target_kind} ref: "
                f"{self.source} -> {self.target}"
            )

    @classmethod
    def parse(cls, text: str) -> RefMapping:
        """Read `SRC:DST`. Raises InvalidRequest."""
        source, colon, target = (part.strip() for part in text.partition(":"))
        if not colon or not source or not target or ":" in target:
            raise InvalidRequest(f"not a mapping: {text[:160]!r}", hint="write it as SRC:DST")
        in_full = [name.startswith(REFS) for name in (source, target)]
        if any(in_full) != all(in_full):
            raise InvalidRequest(
                f"a mapping with one short and one full name: {text[:160]!r}",
                hint="write both short (they are branches) or both from refs/ on",
            )
        if not all(in_full):
            source, target = HEADS + source, HEADS + target
        return cls(source, target)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which refs a run manages. The default: every branch."""

    branches: tuple[str, ...] = ()
    """Only these branches, by short or full name; none means all. Ignored with `all_refs`."""
    tags: bool = False
    """Tags too."""
    all_refs: bool = False
    """Every ref below `refs/`, tags included."""
    mappings: tuple[RefMapping, ...] = ()
    """These refs under new names, instead of the branches."""
    exclude_ref_prefixes: tuple[str, ...] = ()
    """Refs that are left alone on both sides: neither pushed nor pruned. Doesn't apply to mappings."""
    allow_empty_source: bool = False
    """Treat a source without any ref as a success with nothing to do, not as an error."""
    refs: tuple[str, ...] = ()
    """Globs and names: these refs instead of all branches. A pattern with `!` excludes refs on both sides.
    See `transport.syncing.ref_patterns`."""
    include_ref_prefixes: tuple[str, ...] = ()
    """Also refs below these prefixes, of any kind: `refs/notes/`."""
    patterns: RefPatterns = field(init=False, compare=False, repr=False, default=RefPatterns())

    def __post_init__(self) -> None:
        object.__setattr__(self, "patterns", RefPatterns.parse(self.refs))
        for prefix in self.include_ref_prefixes:
            if not prefix.startswith(REFS):
                raise InvalidRequest(f"a prefix of refs begins with refs/: {prefix[:80]!r}")
        if self.all_refs and self.patterns.wanted:
            raise InvalidRequest(
                "all_refs and patterns of refs exclude each other",
                hint="with all_refs, only patterns that begin with ! can be given, which leave refs out",
                option="all_refs",
            )
        sources: dict[str, str] = {}
        for mapping in self.mappings:
            if mapping.target in sources:
                raise InvalidRequest(
                    f"two mappings to {mapping.target}: from {sources[mapping.target]} and {mapping.source}"
                )
            sources[mapping.target] = mapping.source
            if ref_kind(mapping.source) == "other" and not self.all_refs:
                raise InvalidRequest(
                    f"{mapping.source} is neither a branch nor a tag",
                    hint="all_refs allows to map it",
                    option="all_refs",
                )
        for name in self.branches:
            if not is_valid_ref_name(name if name.startswith(REFS) else HEADS + name):
                raise InvalidRequest(f"not a branch name: {name[:80]!r}")

    @property
    def branch_names(self) -> frozenset[str]:
        """The full names of the chosen branches; empty if all are meant."""
        if self.all_refs:
            return frozenset()
        return frozenset(name if name.startswith(HEADS) else HEADS + name for name in self.branches)

    @property
    def with_tags(self) -> bool:
        """Whether tags are managed."""
        return self.tags or self.all_refs

    @property
    def ref_prefixes(self) -> tuple[str, ...]:
        """The `ref-prefix` lines of ls-refs: enough to see every ref that the scope may name."""
        if self.all_refs:
            return (REFS, "HEAD")
        prefixes = {TAGS} if self.tags else set()
        if self.mappings:
            prefixes |= {HEADS if ref_kind(m.source) == "branch" else TAGS for m in self.mappings}
        elif not self.patterns.wanted or self.branches:
            prefixes.add(HEADS)
        prefixes |= {*self.include_ref_prefixes, *(pattern.prefix for pattern in self.patterns.wanted)}
        # A prefix below a wider one needs no line of its own; git lists all refs for over 65,536 lines.
        shortest = [one for one in prefixes if not any(one != o and one.startswith(o) for o in prefixes)]
        return (*sorted(shortest), "HEAD")

    def covers(self, name: str, named: frozenset[str]) -> bool:
        """Return whether a ref is in scope by its own name, mappings aside.

        `named` are the only branches meant; none means all.
        """
        if not name.startswith(REFS) or self.excludes(name):
            return False
        if self._is_asked_for(name):
            return True
        kind = ref_kind(name)
        if kind == "branch":
            if self.patterns.wanted and not named:
                return False
            return not self.mappings and (not named or name in named)
        return self.with_tags if kind == "tag" else self.all_refs

    def covered(self, names: Iterable[str], named: frozenset[str]) -> list[str]:
        """Return the names that are in scope by their own name, as `covers` does; fast for very many."""
        if named or self.mappings or self.refs or self.include_ref_prefixes:
            return [name for name in names if self.covers(name, named)]
        carried = (REFS,) if self.all_refs else (HEADS, TAGS) if self.tags else (HEADS,)
        excluded = tuple(
            prefix
            for prefix in (TEMP_REFS, GITSYNC_REFS, *filter(None, self.exclude_ref_prefixes))
            if prefix.startswith(carried) or any(folder.startswith(prefix) for folder in carried)
        )
        found = list(names)
        if not excluded and are_all_below(found, carried):
            return found
        return [name for name in found if name.startswith(carried) and not name.startswith(excluded)]

    def prunes(self, name: str) -> bool:
        """Return whether a target ref that the source lacks is managed, so that pruning may delete it."""
        if name in self.patterns.exact:
            return False
        if self._is_asked_for(name):
            return not self.excludes(name)
        kind = ref_kind(name)
        if kind == "branch" and self.branch_names:
            return False
        if kind == "other" and self.mappings:
            return False
        return self.covers(name, frozenset())

    def _is_asked_for(self, name: str) -> bool:
        """Return whether a pattern or a prefix asks for a ref of any kind."""
        return self.patterns.wants(name) or name.startswith(self.include_ref_prefixes or "\0")

    def may_carry_below(self, folder: str) -> bool:
        """Return whether a pattern or a prefix may ask for refs below a folder, such as `refs/heads/`."""
        prefixes = self.include_ref_prefixes
        return self.patterns.may_want_below(folder) or any(
            prefix.startswith(folder) or folder.startswith(prefix) for prefix in prefixes
        )

    def excludes(self, name: str) -> bool:
        """Return whether a ref is left alone; packcore's own temporary refs always are.

        git-sync's are too, unless a pattern or a prefix asks for them.
        """
        if name.startswith(TEMP_REFS) or self.patterns.takes_out(name):
            return True
        if name.startswith(GITSYNC_REFS) and not self._is_asked_for(name):
            return True
        return any(prefix and name.startswith(prefix) for prefix in self.exclude_ref_prefixes)


@dataclass(frozen=True, slots=True)
class Policy:
    """What a run may do to the target's refs. The default: create and fast-forward."""

    prune: bool = False
    """Delete managed target refs that the source no longer has."""
    prune_limit: PruneLimit | None = None
    """How many refs one run may delete; None for the rule of `transport.syncing.prune_limit`."""
    force_with_lease: bool = False
    """Also overwrite a ref, if the target's is still what it was when the run started."""
    force_blind: bool = False
    """Also overwrite a ref, whatever the target's is when the push begins."""
    atomic: bool = False
    """All refs or none: nothing is pushed if one is blocked, and the push itself is atomic."""
    push_options: tuple[str, ...] = ()
    """Passed to the target's hooks."""

    def __post_init__(self) -> None:
        if self.force_with_lease and self.force_blind:
            raise InvalidRequest("force-with-lease and force-blind exclude each other")
        for option in self.push_options:
            if "\n" in option or "\0" in option:
                raise InvalidRequest("a push option can't hold a line break or a NUL")

    @property
    def force(self) -> bool:
        """Whether overwriting is allowed at all."""
        return self.force_with_lease or self.force_blind


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """One sync, without its two endpoints."""

    scope: Scope = field(default_factory=Scope)
    policy: Policy = field(default_factory=Policy)
    selection: SelectionOptions = field(default_factory=SelectionOptions)
    protocol: Protocol = "auto"
    """How to speak to the source."""
    mode: Mode = "sync"
    """What the run should do: see the table above."""
    materialize: bool = False
    """Never relay, even if it would be safe."""
    optimize: Optimize | None = None
    """`time` relays or reuses what is there; `bandwidth` searches for new deltas for the smallest pack; None
    lets the plan choose."""
    target_max_pack_bytes: int | None = None
    """Largest request body for the target; a larger push is split."""
    max_pack_bytes: int | None = None
    """Give up on a source's pack that grows beyond this; for relay and bootstrap."""
    bootstrap_strategy: BootstrapStrategy = "first-parent"
    """Which chain of commits the batches of a bootstrap are cut along."""
    target_max_ref_updates: int | None = None
    """Most ref commands in one request; a longer list is split."""
    parts_after_loss: bool = False
    """Continue in parts after a connection lost during the push, as after a push that was too large."""
    host_profile: Path | None = None
    """A file that remembers what hosts accept (see `deliver.host_profile`). None means no file."""
    keeps_default_branch: bool = False
    """Leave the target's HEAD alone if its branch exists: the source's only says where someone works."""
    dry_run: bool = False
    """Plan only: ancestry is still looked up, nothing is pushed."""
    materialized_max_objects: int | None = None
    """Refuse to push more objects than this; None leaves only the limits of `selection`."""
    verify: bool = False
    """List the target again at the end, and compare it with the reported result."""
    collect_stats: bool = False
    measure_memory: bool = False
    spool_directory: Path | None = None
    """Folder for the fetched pack during the run; None for the system's temporary folder."""

    def __post_init__(self) -> None:
        for name in ("target_max_pack_bytes", "max_pack_bytes", "target_max_ref_updates"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InvalidRequest(f"{name.replace('_', '-')} must be at least 1, not {value}")
        if self.mode == "sync":
            return
        if self.materialize:
            raise InvalidRequest(f"{self.mode} relays, and never materializes")
        if self.optimize == "bandwidth":
            raise InvalidRequest(
                f"{self.mode} relays the source's pack as it is",
                hint='sync with optimize="bandwidth" selects a smaller one',
                option='optimize="bandwidth"',
            )
        if self.policy.force:
            raise InvalidRequest(f"{self.mode} takes no force option", hint=_FORCE_HINTS[self.mode])
        if self.mode == "bootstrap" and self.policy.prune:
            raise InvalidRequest("bootstrap seeds an empty target: there is nothing to prune")


_FORCE_HINTS = {
    "replicate": "it overwrites in any case, if the target is still as seen at the start",
    "bootstrap": "it only creates refs",
}
