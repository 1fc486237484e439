"""What our servers say that they can do, as a repository's settings have it.

    upload_pack_offers     the lines of protocol v2, after its version
    receive_pack_offers    the features behind the first ref

They are apart from the servers, since most clients ask for refs, find nothing to do, and leave.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from transport.agent import agent

if TYPE_CHECKING:
    from packcore.ids import ObjectFormat
    from packcore.store.config import GitConfig

__all__ = [
    "advertises_bundle_uris",
    "advertises_session_ids",
    "has_feature",
    "receive_pack_offers",
    "unborn_rule",
    "upload_pack_offers",
]

_FETCH_FEATURES = "shallow wait-for-done filter ref-in-want find-damage"
_PUSH_FEATURES = (
    "report-status report-status-v2 delete-refs side-band-64k quiet atomic ofs-delta push-options"
)
_SWITCHES = {
    "filter": ("uploadpack.allowfilter", True),
    "ref-in-want": ("uploadpack.allowrefinwant", False),
    "atomic": ("receive.advertiseatomic", True),
    "push-options": ("receive.advertisepushoptions", True),
}
"""Settings of features, and their defaults. `git fetch-pack` fails if ref-in-want is offered."""


def has_feature(config: GitConfig, name: str) -> bool:
    """Return whether a feature is offered. Raises RepositoryError."""
    key, default = _SWITCHES.get(name, ("", True))
    return config.get_bool(key, default=default) if key else default


def unborn_rule(config: GitConfig) -> str:
    """Return what lsrefs.unborn says: `advertise` an unborn HEAD, `allow` asking for it, or `ignore` that."""
    return (config.get("lsrefs.unborn") or "advertise").lower()


def advertises_bundle_uris(config: GitConfig) -> bool:
    """Return whether bundle-uri is offered. Raises RepositoryError."""
    return config.get_bool("uploadpack.advertisebundleuris")


def advertises_session_ids(config: GitConfig) -> bool:
    """Return whether session ids are exchanged. Raises RepositoryError."""
    return config.get_bool("transfer.advertisesid")


def upload_pack_offers(config: GitConfig, object_format: ObjectFormat) -> list[str]:
    """Return what upload-pack offers in protocol v2. Raises RepositoryError."""
    unborn = "unborn " if unborn_rule(config) == "advertise" else ""
    features = " ".join(name for name in _FETCH_FEATURES.split() if has_feature(config, name))
    return [
        f"agent={agent()}",
        f"ls-refs={unborn}unreadable hidden",
        f"fetch={features}",
        "server-option",
        *(["bundle-uri"] if advertises_bundle_uris(config) else []),
        f"object-format={object_format.name}",
    ]


def receive_pack_offers(config: GitConfig) -> list[str]:
    """Return what receive-pack offers. Raises RepositoryError."""
    return [name for name in _PUSH_FEATURES.split() if has_feature(config, name)]
