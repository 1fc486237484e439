"""What a side said about itself, as a table and as JSON."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from cli.render import units
from cli.render.table import columns
from packcore.refs import ref_kind
from transport.safe_text import one_line
from transport.syncing.decide.absence import KIND_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packcore.refs import RefKind
    from transport.wire.advertisement import Advertisement
    from transport.wire.capabilities import Capabilities

__all__ = ["capability_tokens", "side_lines"]

_PLURALS: dict[RefKind, str] = {"branch": "branches", "tag": "tags", "other": "other"}
_UNDERSCORED = frozenset({"multi_ack", "multi_ack_detailed"})


def capability_tokens(capabilities: Capabilities) -> list[str]:
    """Return the advertised capabilities that are known here, spelled as on the wire.

    Commands of protocol v2 look like `fetch=shallow filter`.
    """
    tokens = []
    for name, value in capabilities._asdict().items():
        token = name if name in _UNDERSCORED else name.replace("_", "-")
        if value is True and name != "announces_object_format":
            tokens.append(token)
        elif name in {"ls_refs", "fetch"} and value is not None:
            features = [each.replace("_", "-") for each, has in value._asdict().items() if has]
            tokens.append(f"{token}={' '.join(features)}" if features else token)
    if capabilities.announces_object_format:
        tokens.append(f"object-format={capabilities.object_format.name}")
    if capabilities.agent:
        tokens.append(f"agent={capabilities.agent}")
    return tokens


def side_lines(side: str, url: str, advertisement: Advertisement) -> Iterator[str]:
    """Yield the table of one side: `side` is "source" or "target"."""
    capabilities = advertisement.capabilities
    kinds = Counter(ref_kind(name) for name in advertisement.refs)
    counted = ", ".join(f"{kinds[kind]:,} {units_of(kind, kinds[kind])}" for kind in _PLURALS if kinds[kind])
    head = advertisement.symrefs.get("HEAD")
    rows = [
        ("protocol", f"v{advertisement.version}"),
        ("object format", advertisement.object_format.name),
        ("HEAD", one_line(head) if head else advertisement.head.hex() if advertisement.head else "not told"),
        ("refs", f"{len(advertisement.refs):,}" + (f" ({counted})" if counted else "")),
        ("agent", capabilities.agent or "not told"),
    ]
    if advertisement.unreadable:
        rows.append(("unreadable", units.count_of(len(advertisement.unreadable), "refs")))
    if advertisement.hidden:
        rows.append(
            ("hidden", ", ".join(f"some {KIND_WORDS[kind]}" for kind in sorted(advertisement.hidden)))
        )
    if advertisement.haves:
        rows.append(("other tips", units.count_of(len(advertisement.haves), "objects")))
    if advertisement.shallow:
        rows.append(("shallow at", units.count_of(len(advertisement.shallow), "commits")))
    tokens = [token for token in capability_tokens(capabilities) if not token.startswith("agent=")]
    rows += [("capabilities" if number == 0 else "", token) for number, token in enumerate(tokens)]
    yield f"{side}: {url}"
    yield from (f"  {line}" for line in columns(rows))


def units_of(kind: RefKind, number: int) -> str:
    """Return a kind of ref in the singular or plural."""
    return kind if number == 1 else _PLURALS[kind]


def probe_json(
    source_url: str,
    source: Advertisement,
    target_url: str | None,
    target: Advertisement | None,
    *,
    requested: str,
    prefixes: tuple[str, ...],
    names: list[str],
) -> dict[str, Any]:
    """Return the object for `probe --json`, with git-sync's keys and the refs of the target."""
    found: dict[str, Any] = {
        "sourceUrl": source_url,
        "requestedMode": requested,
        "protocol": f"v{source.version}",
        "objectFormat": source.object_format.name,
        "refPrefixes": list(prefixes),
        "sourceCapabilities": capability_tokens(source.capabilities),
        "refs": [{"name": name, "hash": source.refs[name].hex()} for name in names],
        "unreadable": [{"name": name, "reason": reason} for name, reason in source.unreadable.items()],
        "sourceHides": sorted(source.hidden),
        "sourceHead": source.symrefs.get("HEAD", ""),
    }
    if target is not None:
        found["targetUrl"] = target_url
        found["targetCapabilities"] = capability_tokens(target.capabilities)
        found["targetRefs"] = [{"name": name, "hash": oid.hex()} for name, oid in target.refs.items()]
    return found
