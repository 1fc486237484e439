r"""Requests to upload-pack: what we want, what we have.

    v2      command=fetch, agent, object-format 0001 | thin-pack? ofs-delta … shallow* deepen* filter
            want <oid>*  want-ref <name>*  have <oid>*  done? 0000
    v0, v1  want <oid> SP <capabilities>\n  want <oid>\n*  shallow <oid>*  deepen*  filter  0000
            have <oid>\n*  ( 0000 | done )

Specified in gitprotocol-v2 and gitprotocol-pack. Over HTTP, every round is a separate request, so each
repeats the wants and all commits known to be common. A capability is sent only if the server advertised it.
Left out on purpose: `packfile-uris` (URLs chosen by a server) and `sideband-all`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from transport.errors import LocalProtocolError, UnsupportedByRemote
from transport.wire.ls_refs import command_head
from transport.wire.pktline import FLUSH, encode_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from packcore.ids import ObjectId
    from transport.wire.capabilities import Capabilities

__all__ = [
    "FetchOptions",
    "RoundV0",
    "asks_no_done",
    "encode_fetch_v0",
    "encode_fetch_v2",
    "v0_capabilities",
]


@dataclass(frozen=True, slots=True)
class FetchOptions:
    """How to fetch. If the server can't do it, preferences are left out and conditions are refused."""

    thin_pack: bool = False
    """Preference: deltas against objects that the pack lacks. Off unless the receiver can complete them."""
    ofs_delta: bool = True
    no_progress: bool = False
    include_tag: bool = False
    wait_for_done: bool = False
    """Condition: the server never decides on its own that enough is common. Then no wants are needed."""
    depth: int | None = None
    deepen_since: int | None = None
    """Seconds since 1970."""
    deepen_not: tuple[str, ...] = ()
    deepen_relative: bool = False
    filter_spec: str | None = None
    want_refs: tuple[str, ...] = ()
    shallow: tuple[ObjectId, ...] = ()
    """Commits whose parents we lack."""
    server_options: tuple[str, ...] = ()

    @property
    def deepens(self) -> bool:
        """Whether the answer will list where history was cut."""
        return self.depth is not None or self.deepen_since is not None or bool(self.deepen_not)


def encode_fetch_v2(
    capabilities: Capabilities,
    options: FetchOptions,
    *,
    wants: Sequence[ObjectId],
    common: Iterable[ObjectId] = (),
    haves: Iterable[ObjectId] = (),
    done: bool,
    agent: str,
) -> bytes:
    """Build the request for one round. Raises UnsupportedByRemote, and LocalProtocolError without wants."""
    features = capabilities.fetch
    if features is None:
        raise UnsupportedByRemote("the remote speaks protocol v2 but has no fetch")
    _require(features.shallow or not (options.deepens or options.shallow), "shallow history")
    _require(features.filter or options.filter_spec is None, "filters")
    _require(features.ref_in_want or not options.want_refs, "wants by name")
    _require(features.wait_for_done or not options.wait_for_done, "wait-for-done")
    _check_wants(wants, options)
    lines = [name for name, wished in _wishes(options) if wished]
    lines += _cut_lines(options)
    if options.deepen_relative and options.depth is not None:
        lines.append("deepen-relative")
    lines += _filter_lines(options)
    if options.wait_for_done:
        lines.append("wait-for-done")
    lines += [f"want {oid.hex()}" for oid in dict.fromkeys(wants)]
    lines += [f"want-ref {name}" for name in options.want_refs]
    lines += [f"have {oid.hex()}" for oid in dict.fromkeys((*common, *haves))]
    if done:
        lines.append("done")
    head = command_head("fetch", capabilities, agent, options.server_options)
    return head + b"".join(map(encode_text, lines)) + FLUSH


@dataclass(frozen=True, slots=True)
class RoundV0:
    """What one v0 round sends besides the wants."""

    common: tuple[ObjectId, ...] = ()
    haves: tuple[ObjectId, ...] = ()
    done: bool = False
    continued: bool = False
    """On a persistent connection, the wants were sent before and aren't sent again."""


def encode_fetch_v0(
    capabilities: Capabilities,
    options: FetchOptions,
    *,
    wants: Sequence[ObjectId],
    round_: RoundV0,
    agent: str,
    stateless: bool = True,
) -> bytes:
    """Build the request for one round in protocol 0 or 1. Raises what `encode_fetch_v2` does."""
    lines: list[bytes] = []
    if not round_.continued:
        _check_v0(capabilities, options)
        _check_wants(wants, options)
        tokens = v0_capabilities(capabilities, options, agent=agent, stateless=stateless)
        first, *others = dict.fromkeys(wants)
        lines.append(encode_text(" ".join([f"want {first.hex()}", *tokens])))
        lines += [encode_text(f"want {oid.hex()}") for oid in others]
        lines += [encode_text(line) for line in (*_cut_lines(options), *_filter_lines(options))]
        lines.append(FLUSH)
    lines += [encode_text(f"have {oid.hex()}") for oid in dict.fromkeys((*round_.common, *round_.haves))]
    lines.append(encode_text("done") if round_.done else FLUSH)
    return b"".join(lines)


def v0_capabilities(
    capabilities: Capabilities, options: FetchOptions, *, agent: str, stateless: bool = True
) -> list[str]:
    """Return the tokens for the first want: those that we can use and the server advertised."""
    tokens = []
    if capabilities.multi_ack_detailed:
        tokens.append("multi_ack_detailed")
        if asks_no_done(capabilities, stateless=stateless):
            tokens.append("no-done")
    if capabilities.side_band_64k:
        tokens.append("side-band-64k")
    elif capabilities.side_band:
        tokens.append("side-band")
    offered = {
        "thin-pack": capabilities.thin_pack,
        "no-progress": capabilities.no_progress,
        "include-tag": capabilities.include_tag,
        "ofs-delta": capabilities.ofs_delta,
    }
    wished = [name for name, wanted in _wishes(options) if wanted]
    if capabilities.is_dulwich:
        wished.insert(0, "thin-pack")
    tokens += [name for name in dict.fromkeys(wished) if offered[name]]
    if options.deepen_since is not None:
        tokens.append("deepen-since")
    if options.deepen_not:
        tokens.append("deepen-not")
    if options.deepen_relative and options.depth is not None:
        tokens.append("deepen-relative")
    if options.filter_spec is not None:
        tokens.append("filter")
    # No object-format: git's client doesn't send it here, and the ids show it.
    if capabilities.agent is not None:
        tokens.append(f"agent={agent}")
    return tokens


def asks_no_done(capabilities: Capabilities, *, stateless: bool) -> bool:
    """Return whether to ask a v0 server for the pack as soon as it is ready, without another `done`."""
    return capabilities.no_done and stateless and not capabilities.is_dulwich


def _check_v0(capabilities: Capabilities, options: FetchOptions) -> None:
    _require(capabilities.shallow or not (options.deepens or options.shallow), "shallow history")
    _require(capabilities.deepen_since or options.deepen_since is None, "deepening by date")
    _require(capabilities.deepen_not or not options.deepen_not, "deepening by exclusion")
    _require(capabilities.deepen_relative or not options.deepen_relative, "relative deepening")
    _require(capabilities.filter or options.filter_spec is None, "filters")
    _require(not options.want_refs, "wants by name")
    _require(not options.wait_for_done, "wait-for-done")
    _require(not options.server_options, "server options")


def _check_wants(wants: Sequence[ObjectId], options: FetchOptions) -> None:
    if not wants and not options.want_refs and not options.wait_for_done:
        raise LocalProtocolError("a fetch that wants nothing")
    if options.depth is not None and options.depth < 1:
        raise LocalProtocolError(f"a depth of {options.depth}")


def _require(supported: bool, what: str) -> None:
    if not supported:
        raise UnsupportedByRemote(f"the remote does not support {what}")


def _wishes(options: FetchOptions) -> tuple[tuple[str, bool], ...]:
    return (
        ("thin-pack", options.thin_pack),
        ("no-progress", options.no_progress),
        ("include-tag", options.include_tag),
        ("ofs-delta", options.ofs_delta),
    )


def _cut_lines(options: FetchOptions) -> list[str]:
    lines = [f"shallow {oid.hex()}" for oid in dict.fromkeys(options.shallow)]
    if options.depth is not None:
        lines.append(f"deepen {options.depth}")
    if options.deepen_since is not None:
        lines.append(f"deepen-since {options.deepen_since}")
    lines += [f"deepen-not {name}" for name in options.deepen_not]
    return lines


def _filter_lines(options: FetchOptions) -> list[str]:
    return [f"filter {options.filter_spec}"] if options.filter_spec is not None else []
