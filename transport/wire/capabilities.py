r"""Capabilities: what a server says it can do, parsed once into a value with one field for each.

    v0, v1    <oid> SP <name> NUL  multi_ack side-band-64k symref=HEAD:refs/heads/main agent=git/2.39
    v2        one pkt-line each:   ls-refs=unborn   fetch=shallow filter   object-format=sha1

Specified in gitprotocol-capabilities and gitprotocol-v2. Tokens are compared as a whole, so that
`report-status-v2` never counts as `report-status`. Tokens that we don't use are dropped. Of repeated
`object-format` tokens, the first is the one in use.

>>> caps = parse_capabilities(b" report-status-v2 ofs-delta agent=x/1 symref=HEAD:refs/heads/main")
>>> caps.report_status, caps.report_status_v2, caps.ofs_delta, caps.agent, caps.symrefs
(False, True, True, 'x/1', (('HEAD', 'refs/heads/main'),))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote_to_bytes

from packcore.ids import FORMATS, SHA1, ObjectFormat
from packcore.refs import decode_ref_name
from transport.errors import RemoteProtocolError, UnsupportedByRemote
from transport.safe_text import one_line
from transport.wire.hidden_refs import parse_hidden

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packcore.refs import RefKind

__all__ = ["Capabilities", "FetchFeatures", "LsRefsFeatures", "parse_capabilities", "parse_capabilities_v2"]


class LsRefsFeatures(NamedTuple):
    """What v2's `ls-refs` command can do beyond its minimum."""

    unborn: bool = False
    unreadable: bool = False
    """Whether it lists unreadable refs with the reason; only packcore's own servers do."""
    hidden: bool = False
    """Whether it says that it hides refs; only packcore's own servers do."""


class FetchFeatures(NamedTuple):
    """What v2's `fetch` command can do beyond its minimum."""

    shallow: bool = False
    filter: bool = False
    wait_for_done: bool = False
    ref_in_want: bool = False
    sideband_all: bool = False
    packfile_uris: bool = False
    find_damage: bool = False
    """Whether it can say which wants it can't send; only packcore's own servers can."""


class Capabilities(NamedTuple):
    """Everything that a server advertised and that we use."""

    object_format: ObjectFormat = SHA1
    agent: str | None = None
    session_id: str | None = None
    symrefs: tuple[tuple[str, str], ...] = ()
    """(name, target) as sent; the advertisement validates them."""
    push_cert_nonce: str | None = None
    announces_object_format: bool = False
    """Whether `object-format` was sent at all: only then may we send it back."""
    more_object_formats: tuple[ObjectFormat, ...] = ()
    """Further formats that a target without refs accepts: it may list several, the one in use first."""

    # upload-pack, v0 and v1
    multi_ack: bool = False
    multi_ack_detailed: bool = False
    no_done: bool = False
    thin_pack: bool = False
    shallow: bool = False
    deepen_since: bool = False
    deepen_not: bool = False
    deepen_relative: bool = False
    no_progress: bool = False
    include_tag: bool = False
    allow_tip_sha1_in_want: bool = False
    allow_reachable_sha1_in_want: bool = False
    filter: bool = False
    unreadable_listed: bool = False
    """Whether `unreadable` lists all refs that the server can't read; packcore's servers do, if it fits."""
    unreadable: tuple[tuple[str, str], ...] = ()
    """Refs that the server can't read, each with the reason."""
    find_damage: bool = False
    """Whether protocol v2 could ask for damage: see `transport.wire.find_damage`."""
    hidden: frozenset[RefKind] = frozenset()
    """The kinds of refs that the server partly hides; only packcore's own servers say so."""

    # both services, v0 and v1
    side_band: bool = False
    side_band_64k: bool = False
    ofs_delta: bool = False

    # receive-pack
    report_status: bool = False
    report_status_v2: bool = False
    delete_refs: bool = False
    quiet: bool = False
    atomic: bool = False
    push_options: bool = False
    no_thin: bool = False

    # v2
    ls_refs: LsRefsFeatures | None = None
    """None for a v2 server without the command, and for v0 servers."""
    fetch: FetchFeatures | None = None
    server_option: bool = False
    object_info: bool = False

    @property
    def is_dulwich(self) -> bool:
        """Whether the server is dulwich, which sends an object format but no agent.

        It refuses clients that don't accept thin packs with a 500, because git's client always does, although
        it never makes one. With no-done, it may send a pack without saying that it is ready. And its filter
        tree:0 also leaves out commits.
        """
        return self.agent is None and self.announces_object_format


_FLAGS = {
    name.replace("_", "-"): name for name, default in Capabilities._field_defaults.items() if default is False
}
for _spelled in ("multi_ack", "multi_ack_detailed"):
    _FLAGS[_spelled] = _FLAGS.pop(_spelled.replace("_", "-"))
del _FLAGS["announces-object-format"]
_V2_FLAGS = frozenset({"server-option", "object-info"})
_V0_FLAGS = {token: name for token, name in _FLAGS.items() if token not in _V2_FLAGS}
_SYMREFS_MAX = 10_000


def parse_capabilities(text: bytes) -> Capabilities:
    """Parse the space-separated list that follows the NUL of a v0 or v1 advertisement's first line.

    Raises UnsupportedByRemote for an object format that we don't know.
    """
    found: dict[str, Any] = {}
    symrefs: list[tuple[str, str]] = []
    unreadable: list[tuple[str, str]] = []
    for token in text.split():
        key, separator, value = token.partition(b"=")
        name = key.decode("ascii", "replace")
        if not separator and name in _V0_FLAGS:
            found[_V0_FLAGS[name]] = True
        elif separator and name == "symref" and len(symrefs) < _SYMREFS_MAX:
            source, _, target = value.partition(b":")
            symrefs.append((decode_ref_name(source), decode_ref_name(target)))
        elif separator and name == "unreadable" and len(unreadable) < _SYMREFS_MAX:
            ref, _, reason = value.partition(b":")
            unreadable.append((decode_ref_name(unquote_to_bytes(ref)), one_line(unquote_to_bytes(reason))))
        elif separator and name == "hidden":
            found["hidden"] = parse_hidden(value.split(b","))
        elif separator:
            _take_value(found, name, value)
    return Capabilities(symrefs=tuple(symrefs), unreadable=tuple(unreadable), **found)


def parse_capabilities_v2(lines: Iterable[bytes]) -> Capabilities:
    """Parse the lines (without newline) between `version 2` and the flush.

    Raises UnsupportedByRemote for an object format that we don't know, RemoteProtocolError for a line
    that isn't `key` or `key=value`.
    """
    found: dict[str, Any] = {}
    for line in lines:
        key, separator, value = line.partition(b"=")
        if not key.isascii() or not key or any(byte <= 0x20 or byte == 0x7F for byte in key):
            raise RemoteProtocolError(f"not a capability: {one_line(line, limit=200)!r}")
        name = key.decode("ascii")
        if name == "ls-refs":
            found.setdefault("ls_refs", _ls_refs_features(value.split()))
        elif name == "fetch":
            found.setdefault("fetch", _fetch_features(value.split()))
        elif name in _V2_FLAGS:
            found[_FLAGS[name]] = True
        elif separator:
            _take_value(found, name, value)
    return Capabilities(**found)


def _take_value(found: dict[str, Any], name: str, value: bytes) -> None:
    """Handle a `name=value` token of either version; the first of repeated ones counts."""
    if name == "object-format":
        if "object_format" not in found:
            found["object_format"] = _object_format(value)
            found["announces_object_format"] = True
        elif (other := FORMATS.get(value.decode("ascii", "replace"))) is not None:
            found["more_object_formats"] = (*found.get("more_object_formats", ())[:1], other)
    elif name == "agent":
        found.setdefault("agent", one_line(value, limit=200))
    elif name == "session-id":
        found.setdefault("session_id", one_line(value, limit=200))
    elif name == "push-cert":
        found.setdefault("push_cert_nonce", one_line(value, limit=200))


def _object_format(name: bytes) -> ObjectFormat:
    known = FORMATS.get(name.decode("ascii", "replace"))
    if known is None:
        raise UnsupportedByRemote(
            f"the remote's object format is unknown: {one_line(name, limit=40)!r}",
            hint=f"known are {', '.join(FORMATS)}",
        )
    return known


def _ls_refs_features(words: list[bytes]) -> LsRefsFeatures:
    return LsRefsFeatures(
        unborn=b"unborn" in words, unreadable=b"unreadable" in words, hidden=b"hidden" in words
    )


def _fetch_features(words: list[bytes]) -> FetchFeatures:
    return FetchFeatures(
        shallow=b"shallow" in words,
        filter=b"filter" in words,
        wait_for_done=b"wait-for-done" in words,
        ref_in_want=b"ref-in-want" in words,
        sideband_all=b"sideband-all" in words,
        packfile_uris=b"packfile-uris" in words,
        find_damage=b"find-damage" in words,
    )
