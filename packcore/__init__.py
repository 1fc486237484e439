"""A pure-Python git packfile engine: no socket, no terminal, and the same bytes wherever it runs.

    import packcore

    store = packcore.open_repository("repo.git")
    objects = packcore.list_objects(store, wants=["main"], haves=[])
    plan = packcore.select(store, objects, strategy="chunk-window")     # phase 1: takes its time
    for block in packcore.write_pack(plan): sock.sendall(block)         # phase 2: never stalls

This is the public API. Modules are loaded when one of their names is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore._lazy import offer
from packcore._version import __version__

if TYPE_CHECKING:
    from pathlib import Path

    from packcore.errors import (
        AmbiguousRevision,
        CorruptData,
        CorruptIndex,
        CorruptObject,
        CorruptPack,
        CorruptShortcut,
        InvalidFilter,
        InvalidPlan,
        InvalidRefName,
        LimitExceeded,
        MissingObject,
        PackcoreError,
        PluginError,
        RefLocked,
        RefMoved,
        RepositoryError,
        UnknownRevision,
        UnknownType,
        UnreadableRef,
        WorkerLost,
        WrongId,
    )
    from packcore.given_ids import is_ancestor, list_commits, list_objects
    from packcore.ids import SHA1, SHA256, ObjectFormat, ObjectId
    from packcore.limits import Limits
    from packcore.objects import ObjectType
    from packcore.plans.bind import bind_plan
    from packcore.plans.compare import compare_plans
    from packcore.plans.entries import Candidate, PackEntry
    from packcore.plans.file import SavedPlan
    from packcore.plans.grow import plan_from_forest
    from packcore.plans.plan import PackPlan
    from packcore.plans.write import write_pack
    from packcore.progress import Progress
    from packcore.revision import resolve_revision
    from packcore.search.engine_strategy import EngineStrategy
    from packcore.search.registry import get_strategy, strategies
    from packcore.search.select import select
    from packcore.search.strategy import Choice, Parameter, Part, Strategy, Work
    from packcore.store.base import ObjectStore
    from packcore.store.memory import MemoryStore
    from packcore.store.repository import Repository
    from packcore.store.spool import SpooledPack

__all__ = [
    "SHA1",
    "SHA256",
    "AmbiguousRevision",
    "Candidate",
    "Choice",
    "CorruptData",
    "CorruptIndex",
    "CorruptObject",
    "CorruptPack",
    "CorruptShortcut",
    "EngineStrategy",
    "InvalidFilter",
    "InvalidPlan",
    "InvalidRefName",
    "LimitExceeded",
    "Limits",
    "MemoryStore",
    "MissingObject",
    "ObjectFormat",
    "ObjectId",
    "ObjectStore",
    "ObjectType",
    "PackEntry",
    "PackPlan",
    "PackcoreError",
    "Parameter",
    "Part",
    "PluginError",
    "Progress",
    "RefLocked",
    "RefMoved",
    "Repository",
    "RepositoryError",
    "SavedPlan",
    "SpooledPack",
    "Strategy",
    "UnknownRevision",
    "UnknownType",
    "UnreadableRef",
    "Work",
    "WorkerLost",
    "WrongId",
    "__version__",
    "bind_plan",
    "compare_plans",
    "get_strategy",
    "is_ancestor",
    "list_commits",
    "list_objects",
    "open_repository",
    "plan_from_forest",
    "resolve_revision",
    "select",
    "strategies",
    "write_pack",
]


def open_repository(path: str | Path, *, limits: Limits | None = None) -> Repository:
    """Open a repository on disk: a bare one, a work tree with its `.git`, or a gitfile.

    Raises RepositoryError if there is no repository, or one that can't be read.
    """
    from packcore.limits import Limits
    from packcore.store.repository import Repository

    return Repository.open(path, limits or Limits())


offer(
    __name__,
    {
        "packcore.errors": (
            "AmbiguousRevision",
            "CorruptData",
            "CorruptIndex",
            "CorruptObject",
            "CorruptPack",
            "CorruptShortcut",
            "InvalidFilter",
            "InvalidPlan",
            "InvalidRefName",
            "LimitExceeded",
            "MissingObject",
            "PackcoreError",
            "PluginError",
            "RefLocked",
            "RefMoved",
            "RepositoryError",
            "UnknownRevision",
            "UnknownType",
            "UnreadableRef",
            "WorkerLost",
            "WrongId",
        ),
        "packcore.ids": ("SHA1", "SHA256", "ObjectFormat", "ObjectId"),
        "packcore.limits": ("Limits",),
        "packcore.objects": ("ObjectType",),
        "packcore.plans.entries": ("Candidate", "PackEntry"),
        "packcore.plans.plan": ("PackPlan",),
        "packcore.plans.bind": ("bind_plan",),
        "packcore.plans.compare": ("compare_plans",),
        "packcore.plans.file": ("SavedPlan",),
        "packcore.plans.grow": ("plan_from_forest",),
        "packcore.search.registry": ("get_strategy", "strategies"),
        "packcore.revision": ("resolve_revision",),
        "packcore.progress": ("Progress",),
        "packcore.search.engine_strategy": ("EngineStrategy",),
        "packcore.search.select": ("select",),
        "packcore.search.strategy": ("Choice", "Parameter", "Part", "Strategy", "Work"),
        "packcore.store.base": ("ObjectStore",),
        "packcore.store.memory": ("MemoryStore",),
        "packcore.store.repository": ("Repository",),
        "packcore.store.spool": ("SpooledPack",),
        "packcore.given_ids": ("is_ancestor", "list_commits", "list_objects"),
        "packcore.plans.write": ("write_pack",),
    },
)
