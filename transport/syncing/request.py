"""What a sync is asked to do, as small frozen values; each is checked where it is made.

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

from packcore.refs import is_valid_ref_name, ref_kind
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
"""What git-sync holds the parts of its pushes by; of a run of it that was stopped they stay."""
TEMP_REFS = "refs/packcore/bootstrap/"
"""What holds the parts of a push in batches; see `transport.syncing.deliver.temp_refs`."""
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
    """Only these branches, by short or full name; none means all. Not heeded with `all_refs`."""
    tags: bool = False
    """Tags too."""
    all_refs: bool = False
    """Every ref below `refs/`, tags included."""
    mappings: tuple[RefMapping, ...] = ()
    """These refs under new names, instead of the branches."""
    exclude_ref_prefixes: tuple[str, ...] = ()
    """Refs that are left alone on both sides: neither pushed nor pruned. Mappings are not subject to it."""
    allow_empty_source: bool = False
    """A source without any ref is a success with nothing to do, not an error."""
    refs: tuple[str, ...] = ()
    """Globs and names: these refs instead of all branches; with `!` before it, one leaves refs out on both
    sides. See `transport.syncing.ref_patterns`."""
    include_ref_prefixes: tuple[str, ...] = ()
    """Refs below these, too, of whatever kind: `refs/notes/`."""
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
        """The named branches in full; empty where all are meant."""
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
        # What a wider one shows needs no line of its own; git lists all refs for more than 65,536 of them.
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
        """Return those of very many names that are in scope by themselves: see `covers`."""
        if named or self.mappings or self.refs or self.include_ref_prefixes:
            return [name for name in names if self.covers(name, named)]
        carried = (REFS,) if self.all_refs else (HEADS, TAGS) if self.tags else (HEADS,)
        excluded = (TEMP_REFS, GITSYNC_REFS, *filter(None, self.exclude_ref_prefixes))
        return [name for name in names if name.startswith(carried) and not name.startswith(excluded)]

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
        """Tell whether a pattern or a prefix asks for a ref, whatever its kind."""
        return self.patterns.wants(name) or name.startswith(self.include_ref_prefixes or "\0")

    def may_carry_below(self, folder: str) -> bool:
        """Tell whether a pattern or a prefix may ask for refs below a folder, such as `refs/heads/`."""
        prefixes = self.include_ref_prefixes
        return self.patterns.may_want_below(folder) or any(
            prefix.startswith(folder) or folder.startswith(prefix) for prefix in prefixes
        )

    def excludes(self, name: str) -> bool:
        """Tell whether a ref is left alone; packcore's own temporary refs always are.

        So are those of git-sync, unless they are asked for.
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
    """How many one run may delete; None for the rule of `transport.syncing.prune_limit`."""
    force_with_lease: bool = False
    """Overwrite too, where the target's ref still is what it was when the run started."""
    force_blind: bool = False
    """Overwrite too, whatever the target's ref is when the push begins."""
    atomic: bool = False
    """All refs or none: nothing is pushed where one is blocked, and the target is asked for the same."""
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
    """One sync, but for its two endpoints."""

    scope: Scope = field(default_factory=Scope)
    policy: Policy = field(default_factory=Policy)
    selection: SelectionOptions = field(default_factory=SelectionOptions)
    protocol: Protocol = "auto"
    """How to speak to the source."""
    mode: Mode = "sync"
    """What the run is to do: see the table above."""
    materialize: bool = False
    """Never relay, even where it would be safe."""
    optimize: Optimize | None = None
    """`time`: relay or reuse what is there; `bandwidth`: select anew for the smallest pack; None: as the plan
    finds best."""
    target_max_pack_bytes: int | None = None
    """No body to the target is larger; what doesn't fit goes in several."""
    max_pack_bytes: int | None = None
    """Give up on a source's pack that grows beyond this; for relay and bootstrap."""
    bootstrap_strategy: BootstrapStrategy = "first-parent"
    """Which chain of commits the batches of a bootstrap are cut along."""
    target_max_ref_updates: int | None = None
    """Ref commands in one request, at most; what doesn't fit goes in several."""
    parts_after_loss: bool = False
    """A push whose connection was lost on the way goes on in parts, as one that was too large does."""
    host_profile: Path | None = None
    """A file that remembers what hosts accept (see `deliver.host_profile`). None keeps no such file."""
    dry_run: bool = False
    """Plan only: ancestry is still looked up, nothing is pushed."""
    materialized_max_objects: int | None = None
    """Refuse to push more objects than this; None for no limit but those of `selection`."""
    verify: bool = False
    """List the target again at the end, and compare it with what is said to have been done."""
    collect_stats: bool = False
    measure_memory: bool = False
    spool_directory: Path | None = None
    """Where the fetched pack is kept while the run lasts; None for the system's temporary folder."""

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
