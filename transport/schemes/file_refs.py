"""The refs of a repository on this disk as our server lists them, without a line for each in between.

    source_refs    upload-pack's, as ls-refs in protocol v2
    target_refs    receive-pack's

The columns of the repository's table go into the list as they are. Only exceptions are handled name by name.
"""

from __future__ import annotations

import sys
from itertools import compress
from typing import TYPE_CHECKING

from packcore.refs import decode_ref_name, encode_ref_name
from transport.agent import agent
from transport.server.offers import receive_pack_offers, upload_pack_offers
from transport.server.ref_objects import with_objects
from transport.server.ref_prefixes import RefPrefixes
from transport.server.shown_refs import advertised_refs, fetchable_refs, shown_head
from transport.server.words import own_words
from transport.wire.advertisement import Advertisement
from transport.wire.capabilities import parse_capabilities, parse_capabilities_v2
from transport.wire.ls_refs import reduce_prefixes
from transport.wire.ref_lines import RefCollector

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packcore.store.repository import Repository
    from transport.server.shown_refs import ShownRefs
    from transport.wire.limits import WireLimits

__all__ = ["source_refs", "target_refs"]


def source_refs(repository: Repository, prefixes: Sequence[str], limits: WireLimits) -> Advertisement | None:
    """Return HEAD and the refs below the prefixes; None if there are more than the limits allow.

    Raises PackcoreError.
    """
    offers = upload_pack_offers(repository.config, repository.object_format)
    capabilities = parse_capabilities_v2([line.encode() for line in offers])
    wanted = RefPrefixes(sys.maxsize, sys.maxsize)
    if reduced := reduce_prefixes(prefixes):
        for prefix in (*reduced, "HEAD"):
            wanted.add(encode_ref_name(prefix))
    found = fetchable_refs(repository, own_words, wanted)
    refs = with_objects(repository, found.refs, own_words)
    listed = RefCollector(repository.object_format, limits)
    if not _take(refs, listed):
        return None
    is_unborn = refs.names[:1] != [b"HEAD"]
    can_tell = capabilities.ls_refs is not None and capabilities.ls_refs.unborn
    if is_unborn and can_tell and isinstance(target := shown_head(repository), str):
        listed.count_line()
        listed.add_symref("HEAD", target)
    return Advertisement(
        version=2,
        capabilities=capabilities,
        refs=listed.refs(),
        peeled=listed.peeled(),
        symrefs=listed.symrefs,
        head=listed.head,
        warnings=listed.warnings(),
        unreadable=listed.unreadable,
        head_fault=listed.head_fault,
        hidden=found.hidden,
    )


def _take(refs: ShownRefs, listed: RefCollector) -> bool:
    """Add refs to a list; return False if they are too many."""
    special = sorted(refs.special.values(), key=lambda ref: (ref.name != b"HEAD", ref.name))
    apart = {ref.name for ref in special if ref.fault is not None or ref.name == b"HEAD"}
    usual = refs.without(apart)
    tags = list(compress(usual.names, usual.peeled)), list(filter(None, usual.peeled))
    if not listed.add_many((usual.names, usual.ids), tags):
        return False
    for ref in special:
        is_listed = listed.add(ref.name, ref.oid, ref.fault) if ref.name in apart else True
        if is_listed and ref.symref is not None:
            listed.add_symref(decode_ref_name(ref.name), ref.symref)
        if is_listed and ref.name == b"HEAD" and refs.peeled[0]:
            listed.add_peeled(b"HEAD", listed.object_format.from_hex(refs.peeled[0]))
    return True


def target_refs(repository: Repository, limits: WireLimits) -> Advertisement | None:
    """Return all refs, and what a push may lean on; None if there are more than the limits allow.

    Raises PackcoreError.
    """
    object_format = repository.object_format
    words = [*receive_pack_offers(repository.config), f"object-format={object_format.name}"]
    found = advertised_refs(repository)
    names, ids = found.names, found.ids
    if unreadable := set(found.unreadable):
        are_known = [name not in unreadable for name in names]
        names, ids = list(compress(names, are_known)), list(compress(ids, are_known))
    listed = RefCollector(object_format, limits)
    if not listed.add_many((names, ids), ([], [])):
        return None
    for name in found.unreadable:
        listed.add(name, object_format.zero)
    shallow = tuple(sorted(repository.shallow()))
    for _ in (*found.haves, *shallow):
        listed.count_line()
        listed.hold()
    return Advertisement(
        version=0,
        capabilities=parse_capabilities(" ".join([*words, f"agent={agent()}"]).encode()),
        refs=listed.refs(),
        haves=tuple(found.haves),
        shallow=shallow,
        warnings=listed.warnings(),
        unreadable=listed.unreadable,
        may_lack_names=listed.may_lack_names,
    )
