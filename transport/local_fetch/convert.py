"""Converts a remote SHA-1 repository into a bare SHA-256 one on this disk, as one pack.

    list refs        every branch and tag; with `all_refs` the rest of refs/, without forks' proposals
    fetch            into a separate repository that is removed at the end
    translate        every object after what it names                packcore.convert
                     notes follow what they are about, replace refs are renamed
    select, write    one pack, read through the translated store
    refs, HEAD       at the translated ids; notes tell where each commit came from

Deterministic: the same refs give the same ids, including notes. The target is no repository until everything
is in place (`packcore.store.making`). After a failure, what was written is removed, and a folder that existed
before is kept. The next run reuses what a killed process left.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packcore.convert import Counts, TranslatedStore, translate
from packcore.convert.ref_names import NOTES_PREFIX
from packcore.errors import RepositoryError, UnreadableRef
from packcore.ids import SHA1, SHA256, ObjectId
from packcore.limits import Limits
from packcore.plans.entries import Candidate
from packcore.plans.write import write_pack
from packcore.progress import SILENT, Progress
from packcore.search.select import select
from packcore.store.making import is_unmade
from packcore.store.memory import MemoryStore
from packcore.store.repository import Repository
from packcore.store.spool import SpooledPack
from packcore.store.temporaries import sweep, temporary_folder
from packcore.store.union import UnionStore
from transport.errors import InvalidRequest
from transport.local_fetch.convert_refs import convertible, new_refs, notes_of_tips, origin_notes
from transport.local_fetch.fetch_into import fetch_into
from transport.syncing.outcome.result import Outcome
from transport.syncing.request import Scope

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from packcore.convert import Translation
    from packcore.refs import Ref, RefKind
    from packcore.store.base import ObjectStore
    from transport.base import Transport
    from transport.local_fetch.fetch_into import FetchResult
    from transport.syncing.request import Protocol

__all__ = ["ORIGIN_NOTES_REF", "PULL_REF_PREFIXES", "ConvertRequest", "ConvertResult", "convert_sha256"]

ORIGIN_NOTES_REF = "refs/notes/sha1-origin"
PULL_REF_PREFIXES = ("refs/pull/", "refs/pull-requests/", "refs/merge-requests/")
"""Where hosts keep others' proposals, which are not part of the repository until merged."""
_ALWAYS = ("refs/heads/", "refs/tags/")


@dataclass(frozen=True, slots=True)
class ConvertRequest:
    """What to convert, without source and target. Raises InvalidRequest."""

    all_refs: bool = False
    """Everything below refs/, not only branches and tags."""
    exclude_ref_prefixes: tuple[str, ...] = ()
    """Prefixes to leave out; branches and tags can't be."""
    include_pull_refs: bool = False
    """With `all_refs`: also the proposals of others."""
    rewrite_messages: bool = True
    origin_notes: bool = True
    keep_source: bool = False
    """Leave the fetched repository on disk."""
    protocol: Protocol = "auto"
    notes_seconds: int = 0
    """Date of the notes' commit, in seconds since 1970."""
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        for prefix in self.exclude_ref_prefixes:
            if any(prefix.startswith(own) or own.startswith(prefix) for own in _ALWAYS):
                raise InvalidRequest(
                    f"can't leave out {prefix}: every branch and tag is converted, since messages name "
                    "commits of all of them"
                )

    @property
    def scope(self) -> Scope:
        """Which refs to fetch."""
        left_out = self.exclude_ref_prefixes
        if self.all_refs and not self.include_pull_refs:
            left_out += PULL_REF_PREFIXES
        return Scope(tags=True, all_refs=self.all_refs, exclude_ref_prefixes=left_out)


@dataclass(frozen=True, slots=True)
class ConvertResult:
    """The result of a conversion."""

    source_url: str
    target: Path
    protocol: str
    refs: Mapping[str, ObjectId]
    """The converted refs, at their new ids."""
    head: str | None
    """Where HEAD points; None if there is no branch."""
    counts: Counts
    signatures: int
    message_rewrites: int
    merged: int
    """Old objects that became one with another: they differed only in signatures."""
    ambiguous: tuple[str, ...]
    origin_notes_ref: str | None
    ids: Mapping[ObjectId, ObjectId]
    """Every object's old id and new id."""
    pack_bytes: int
    kept_source: Path | None
    notes: Mapping[str, Mapping[ObjectId, ObjectId]] = field(default_factory=dict)
    """By notes ref, what its tip must hold: new ids of notes by the new ids of what they are about."""
    notes_renamed: int = 0
    """Objects whose notes were renamed, in the whole history of the notes."""
    notes_kept: tuple[ObjectId, ...] = ()
    """Old ids named by notes but not converted: these notes keep their names."""
    refs_renamed: Mapping[str, str] = field(default_factory=dict)
    """Refs whose names contain an object's id: old name to new name."""
    refs_left_out: Mapping[str, str] = field(default_factory=dict)
    """Refs that were not converted, and why."""
    source_hides: tuple[RefKind, ...] = ()
    """Kinds of refs that the source says it hides in part: the hidden ones are not converted."""

    def to_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints; git-sync's keys."""
        told: dict[str, Any] = {
            "sourceUrl": self.source_url,
            "targetDir": str(self.target),
            "protocol": self.protocol,
            "refsConverted": len(self.refs),
            "counts": self.counts._asdict(),
            "signaturesStripped": self.signatures,
            "messageRewrites": self.message_rewrites,
            "packBytes": self.pack_bytes,
        }
        if self.merged:
            told["objectsMerged"] = self.merged
        if self.notes:
            told["notesRenamed"] = self.notes_renamed
        if self.notes_kept:
            told["notesKept"] = [oid.hex() for oid in self.notes_kept]
        if self.refs_renamed:
            told["refsRenamed"] = dict(self.refs_renamed)
        if self.refs_left_out:
            told["refsLeftOut"] = dict(self.refs_left_out)
        if self.source_hides:
            told["sourceHides"] = list(self.source_hides)
        if self.ambiguous:
            told["ambiguousMessageRefs"] = list(self.ambiguous)
        if self.origin_notes_ref is not None:
            told["originNotesRef"] = self.origin_notes_ref
        if self.kept_source is not None:
            told["tempDir"] = str(self.kept_source)
        return told

    def mapping_lines(self) -> Iterator[str]:
        """Yield the lines of a mapping file: a heading, then old id, tab, new id, in order."""
        yield "# sha1\tsha256"
        yield from sorted(f"{old.hex()}\t{new.hex()}" for old, new in self.ids.items())


def convert_sha256(
    source: Transport,
    target: str | Path,
    request: ConvertRequest | None = None,
    *,
    progress: Progress = SILENT,
) -> ConvertResult:
    """Make a new bare SHA-256 repository at `target`, which must be absent or an empty folder.

    Raises InvalidRequest, TransportError, RepositoryError (a submodule, a target that isn't empty),
    CorruptData and LimitExceeded; the target is then unchanged.
    """
    request = request or ConvertRequest()
    target = Path(target)
    _refuse_taken(target)
    with _source_folder(request) as folder:
        fetched = fetch_into(
            source,
            folder,
            scope=request.scope,
            protocol=request.protocol,
            limits=request.limits,
            progress=progress,
        )
        with Repository.open(folder, request.limits) as old:
            return _convert(old, fetched, target, request, folder=folder, progress=progress)


def _convert(
    old: Repository,
    fetched: FetchResult,
    target: Path,
    request: ConvertRequest,
    *,
    folder: Path,
    progress: Progress,
) -> ConvertResult:
    if old.object_format is not SHA1:
        raise RepositoryError(f"{fetched.source_url}: its object format is {old.object_format.name} already")
    tips = {name: ref.oid for name, ref in _readable(old, fetched).items()}
    if not tips:
        hint = None if fetched.refs or fetched.source_hides else "the source repository is empty"
        raise RepositoryError(f"{fetched.source_url}: no branch or tag to convert", hint=hint)
    if request.origin_notes and ORIGIN_NOTES_REF in tips:
        raise InvalidRequest(
            f"the source has {ORIGIN_NOTES_REF} already",
            hint="origin_notes=False keeps it; exclude_ref_prefixes leaves it out",
            option="origin_notes=False exclude_ref_prefixes",
        )
    tips, objects, left_out = convertible(old, tips, request.limits, progress)
    translation = translate(
        old,
        objects,
        SHA256,
        notes=[oid for name, oid in tips.items() if name.startswith(NOTES_PREFIX)],
        rewrite_messages=request.rewrite_messages,
        limits=request.limits,
        progress=progress,
    )
    refs, renamed, replaced_by_itself = new_refs(tips, translation)
    side = MemoryStore(SHA256) if translation.notes is None else translation.notes.made
    notes = origin_notes(translation, side, request.notes_seconds) if request.origin_notes else None
    store = UnionStore([TranslatedStore(old, translation), side])
    head = _head(fetched.source_head, refs)
    pack_bytes = _write(
        target,
        store,
        translation,
        side,
        request=request,
        progress=progress,
        head=head,
        refs=(refs if notes is None else {**refs, ORIGIN_NOTES_REF: notes}),
    )
    return ConvertResult(
        source_url=fetched.source_url,
        target=target,
        protocol=fetched.protocol,
        refs=refs,
        head=head,
        counts=translation.counts,
        signatures=translation.signatures,
        message_rewrites=translation.message_rewrites,
        merged=translation.merged,
        ambiguous=translation.ambiguous,
        origin_notes_ref=None if notes is None else ORIGIN_NOTES_REF,
        ids=translation.every_id,
        pack_bytes=pack_bytes,
        kept_source=folder if request.keep_source else None,
        notes=notes_of_tips(old, tips, translation.ids),
        notes_renamed=0 if translation.notes is None else len(translation.notes.renamed),
        notes_kept=() if translation.notes is None else tuple(sorted(translation.notes.kept)),
        refs_renamed=renamed,
        refs_left_out=left_out | replaced_by_itself,
        source_hides=fetched.source_hides,
    )


def _readable(old: Repository, fetched: FetchResult) -> dict[str, Ref]:
    """Return the refs to convert: all or none, since a ref left out would be lost for good.

    Raises UnreadableRef, and RepositoryError for a ref that could not be kept here.
    """
    for result in fetched.refs:
        if result.outcome is Outcome.UNREADABLE:
            raise UnreadableRef(
                result.planned.source_ref,
                result.reason,
                hint="mend the source; nothing was converted",
            )
        if result.outcome not in (Outcome.PUSHED, Outcome.UP_TO_DATE):
            raise RepositoryError(
                f"{result.planned.source_ref}: it can't be fetched: {result.reason}",
                hint="nothing was converted",
            )
    refs = old.refs()
    for error in refs.unreadable.values():
        raise error
    return refs.known


def _write(
    target: Path,
    store: ObjectStore,
    translation: Translation,
    side: MemoryStore,
    *,
    request: ConvertRequest,
    progress: Progress,
    head: str | None,
    refs: Mapping[str, ObjectId],
) -> int:
    """Write the one pack, the refs and HEAD; return the pack's size in bytes."""
    first = len(translation.candidates)
    translated = {candidate.oid for candidate in translation.candidates}
    # A file may hold just what a note says: .git-blame-ignore-revs with one commit's id.
    added = [
        Candidate(oid, header.type, header.size, b"", first + number)
        for number, oid in enumerate(side)
        if oid not in translated
        for header in (side.header(oid),)
    ]
    plan = select(store, [*translation.candidates, *added], limits=request.limits, progress=progress)
    branch = (head or "refs/heads/main").removeprefix("refs/heads/")
    with Repository.making(target, SHA256, branch, request.limits) as repository:
        with SpooledPack.receive(
            write_pack(plan),
            object_format=SHA256,
            limits=request.limits,
            progress=progress,
            directory=repository.pack_directory,
            receiving="writing pack",
        ) as spool:
            pack_bytes = spool.pack_bytes
            repository.add_pack(spool)
        with repository.refs_durable_together():
            for name, oid in refs.items():
                repository.update_ref(name, oid, SHA256.zero)
    return pack_bytes


def _head(advertised: str | None, refs: Mapping[str, ObjectId]) -> str | None:
    """Choose where HEAD points: as at the source, else main, master, or the first branch."""
    branches = sorted(name for name in refs if name.startswith("refs/heads/"))
    preferred = (advertised, "refs/heads/main", "refs/heads/master", *branches[:1])
    return next((name for name in preferred if name in branches), None)


def _refuse_taken(target: Path) -> None:
    if not is_unmade(target):
        raise RepositoryError(f"{target}: there is something already; name a new or an empty folder")


@contextmanager
def _source_folder(request: ConvertRequest) -> Iterator[Path]:
    """Make the folder for the fetched repository; it is removed afterwards unless the user keeps it.

    Raises RepositoryError.
    """
    parent = Path(tempfile.gettempdir())
    sweep(parent)
    try:
        if request.keep_source:
            yield Path(tempfile.mkdtemp(prefix="packcore-sha1-"))
            return
        with temporary_folder(parent) as folder:
            yield folder
    except OSError as error:
        raise RepositoryError(f"{parent}: can't make a folder: {error.strerror}") from None
