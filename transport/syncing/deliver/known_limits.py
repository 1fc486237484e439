"""A target's limits: known before a run from the user or the host's profile, and saved after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from transport.syncing.deliver.host_profile import (
    HostProfile,
    TargetLimits,
    host_of,
    load_profile,
    save_profile,
)

if TYPE_CHECKING:
    from transport.base import Transport
    from transport.syncing.request import SyncRequest

__all__ = ["known_limits", "remember_limits"]


def known_limits(target: Transport, request: SyncRequest) -> TargetLimits:
    """Return the limits to begin with. Raises RepositoryError for a host profile that can't be read."""
    profile = HostProfile()
    if request.host_profile is not None:
        profile = load_profile(request.host_profile, host_of(target.url))
        target.stats.chunks_refused |= not profile.chunked
    return TargetLimits(profile, request.target_max_pack_bytes, request.target_max_ref_updates)


def remember_limits(target: Transport, request: SyncRequest, limits: TargetLimits) -> None:
    """Save what the target was found to accept. Raises RepositoryError."""
    if request.host_profile is not None:
        limits.profile.chunked = not target.stats.chunks_refused
        save_profile(request.host_profile, host_of(target.url), limits.profile)
