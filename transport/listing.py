"""The refs of a remote, over any transport: GET the advertisement; in v2 a second request, ls-refs.

list_refs        what a source offers, by upload-pack
advertise_push   what a target has, by receive-pack; always protocol v0

A repository on this disk is read in place, with the same result.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeVar

from transport.agent import agent
from transport.base import Body, RefsAtHand
from transport.errors import RemoteProtocolError
from transport.truncation import naming_the_answer
from transport.wire.advertisement import Advertisement, parse_advertisement
from transport.wire.headway import Headway
from transport.wire.ls_refs import encode_ls_refs, is_folder_of, parse_ls_refs, reduce_prefixes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from transport.base import Service, Transport
    from transport.wire.limits import WireLimits

__all__ = ["Protocol", "advertise_push", "list_refs", "refs_at_hand"]

_T = TypeVar("_T")

Protocol = Literal["auto", "v0", "v1", "v2"]

_UPLOAD: Literal["git-upload-pack"] = "git-upload-pack"
_RECEIVE: Literal["git-receive-pack"] = "git-receive-pack"
_VERSIONS: dict[str, int] = {"auto": 2, "v0": 0, "v1": 1, "v2": 2}


def list_refs(
    transport: Transport,
    *,
    protocol: Protocol = "auto",
    prefixes: Sequence[str] = (),
    server_options: Sequence[str] = (),
    limits: WireLimits | None = None,
) -> Advertisement:
    """Return the refs of the source below `prefixes` and its HEAD; no prefixes means all refs.

    `protocol` is the requested version ("auto" means v2); the server may answer in a lower one. Raises
    RemoteError, RemoteProtocolError, UnsupportedByRemote, and what the transport raises.
    """
    limits = limits or transport.limits
    if (at_hand := refs_at_hand(transport, protocol=protocol, prefixes=prefixes, limits=limits)) is not None:
        return at_hand
    to_end = transport.stateless
    with (
        naming_the_answer(transport, "its list of refs"),
        transport.advertise(_UPLOAD, version=_VERSIONS[protocol], headway=(headway := Headway())) as blocks,
    ):
        advertisement = parse_advertisement(blocks, _UPLOAD, limits=limits, to_end=to_end, headway=headway)
    if advertisement.version < 2:
        return _below(advertisement, prefixes)
    body = encode_ls_refs(
        advertisement.capabilities, prefixes=prefixes, agent=agent(), server_options=server_options
    )
    with (
        naming_the_answer(transport, "its list of refs"),
        transport.request(_UPLOAD, Body.of(body), version=2, headway=(headway := Headway())) as blocks,
    ):
        listing = parse_ls_refs(
            blocks,
            advertisement.object_format,
            prefixes=prefixes,
            limits=limits,
            to_end=to_end,
            headway=headway,
        )
    return replace(
        advertisement,
        refs=listing.refs,
        peeled=listing.peeled,
        symrefs=listing.symrefs,
        head=listing.head,
        warnings=(*advertisement.warnings, *listing.warnings),
        unreadable=listing.unreadable,
        may_lack_names=listing.may_lack_names,
        head_fault=listing.head_fault,
        hidden=listing.hidden,
    )


def refs_at_hand(
    transport: Transport,
    *,
    protocol: Protocol = "auto",
    prefixes: Sequence[str] = (),
    limits: WireLimits | None = None,
) -> Advertisement | None:
    """Return what `list_refs` does if nothing needs to be asked for it; else None."""
    if _VERSIONS[protocol] != 2:
        return None
    return _at_hand(transport, _UPLOAD, prefixes, limits or transport.limits)


def advertise_push(transport: Transport, *, limits: WireLimits | None = None) -> Advertisement:
    """Return the refs of the target and the capabilities of its receive-pack.

    Raises RemoteError, RemoteProtocolError, UnsupportedByRemote, and what the transport raises.
    """
    limits = limits or transport.limits
    if (at_hand := _at_hand(transport, _RECEIVE, (), limits)) is not None:
        return at_hand
    with (
        naming_the_answer(transport, "its list of refs"),
        transport.advertise(_RECEIVE, version=0, headway=(headway := Headway())) as blocks,
    ):
        advertisement = parse_advertisement(
            blocks,
            _RECEIVE,
            limits=limits,
            to_end=transport.stateless,
            headway=headway,
        )
    if advertisement.version == 2:
        raise RemoteProtocolError("the remote advertises receive-pack in protocol v2, which doesn't exist")
    return advertisement


def _at_hand(
    transport: Transport, service: Service, prefixes: Sequence[str], limits: WireLimits
) -> Advertisement | None:
    """Return the refs of a repository on this disk; None if its server must be asked."""
    if not isinstance(transport, RefsAtHand):
        return None
    return transport.refs_at_hand(service, prefixes, limits)


def _below(advertisement: Advertisement, prefixes: Sequence[str]) -> Advertisement:
    wanted = tuple(reduce_prefixes(prefixes))
    if not wanted:
        return advertisement

    return replace(
        advertisement,
        refs=_kept(advertisement.refs, wanted),
        peeled=_kept(advertisement.peeled, wanted),
        symrefs=_kept(advertisement.symrefs, wanted),
        unreadable={
            name: reason
            for name, reason in advertisement.unreadable.items()
            if name.startswith(wanted) or is_folder_of(name, wanted)
        },
    )


def _kept(refs: Mapping[str, _T], wanted: tuple[str, ...]) -> dict[str, _T]:
    return {name: value for name, value in refs.items() if name == "HEAD" or name.startswith(wanted)}
