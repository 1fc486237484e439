"""The refs of a remote, as `git ls-remote` prints them and as JSON."""

from __future__ import annotations

from binascii import hexlify
from itertools import islice
from typing import TYPE_CHECKING, Any

from packcore.refs import encode_ref_name, encode_ref_names
from transport.wire.ls_refs import is_folder_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packcore.ids import ObjectId
    from transport.wire.advertisement import Advertisement

__all__ = ["listed", "listing_json", "listing_lines", "unreadable_in"]


_LINES_AT_ONCE = 1000


def listed(advertisement: Advertisement, prefixes: Sequence[str] = ()) -> Iterator[tuple[str, ObjectId]]:
    """Yield name and id of HEAD and every ref below the prefixes, which a remote may ignore."""
    wanted = tuple(prefixes) or ("",)
    if advertisement.head is not None and "HEAD".startswith(wanted):
        yield "HEAD", advertisement.head
    if not prefixes:
        yield from advertisement.refs.items()
        return
    for name, oid in advertisement.refs.items():
        if name.startswith(wanted):
            yield name, oid


def listing_lines(
    advertisement: Advertisement, prefixes: Sequence[str] = (), *, symref: bool = False
) -> Iterator[bytes]:
    """Yield blocks of lines: `<id> TAB <name>`, and after a tag its peeled object, as `<name>^{}`."""
    rows = listed(advertisement, prefixes)
    peeled, symrefs = advertisement.peeled, advertisement.symrefs if symref else {}
    while names := dict(islice(rows, _LINES_AT_ONCE)):
        lines = []
        for raw_name, (name, oid) in zip(encode_ref_names(list(names)), names.items(), strict=True):
            if name in symrefs:
                lines.append(b"ref: %b\t%b" % (encode_ref_name(symrefs[name]), raw_name))
            lines.append(b"%b\t%b" % (hexlify(oid), raw_name))
            if name in peeled:
                lines.append(b"%b\t%b^{}" % (hexlify(peeled[name]), raw_name))
        yield b"\n".join(lines)


def listing_json(advertisement: Advertisement, url: str, prefixes: Sequence[str] = ()) -> dict[str, Any]:
    """Return the listing as an object; names that are not UTF-8 keep their bytes as lone surrogates."""
    refs: list[dict[str, str]] = []
    for name, oid in listed(advertisement, prefixes):
        item = {"name": name, "hash": oid.hex()}
        if name in advertisement.peeled:
            item["peeled"] = advertisement.peeled[name].hex()
        if name in advertisement.symrefs:
            item["symref"] = advertisement.symrefs[name]
        refs.append(item)
    return {
        "sourceUrl": url,
        "protocol": f"v{advertisement.version}",
        "objectFormat": advertisement.object_format.name,
        "sourceHead": advertisement.symrefs.get("HEAD", ""),
        "sourceHides": sorted(advertisement.hidden),
        "refs": refs,
        "unreadable": [
            {"name": name, "reason": reason}
            for name, reason in unreadable_in(advertisement, prefixes).items()
        ],
    }


def unreadable_in(advertisement: Advertisement, prefixes: Sequence[str] = ()) -> dict[str, str]:
    """Map each unreadable ref below the prefixes, and each folder of refs above them, to the reason."""
    wanted = tuple(prefixes) or ("",)
    head = {} if advertisement.head_fault is None or prefixes else {"HEAD": advertisement.head_fault}
    return head | {
        name: reason
        for name, reason in advertisement.unreadable.items()
        if name.startswith(wanted) or is_folder_of(name, wanted)
    }
