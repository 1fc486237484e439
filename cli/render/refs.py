"""The refs of a remote, as `git ls-remote` prints them and as JSON."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from packcore.refs import encode_ref_name
from transport.wire.ls_refs import is_folder_of
from transport.wire.ref_columns import RefColumns

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
    for name, oid in advertisement.refs.items():
        if name.startswith(wanted):
            yield name, oid


def listing_lines(
    advertisement: Advertisement, prefixes: Sequence[str] = (), *, symref: bool = False
) -> Iterator[bytes]:
    """Yield blocks of lines: `<id> TAB <name>`, and after a tag its peeled object, as `<name>^{}`."""
    wanted = tuple(map(encode_ref_name, prefixes)) or (b"",)
    refs, peeled = RefColumns.of(advertisement.refs), RefColumns.of(advertisement.peeled)
    tagged = dict(zip(peeled.names, peeled.hexes, strict=True))
    symrefs = {encode_ref_name(name): target for name, target in advertisement.symrefs.items() if symref}

    def lines_of(hexes: bytes, name: bytes) -> bytes:
        symbolic = b"ref: %b\t%b\n" % (encode_ref_name(symrefs[name]), name) if name in symrefs else b""
        line = b"%b%b\t%b" % (symbolic, hexes, name)
        return b"%b\n%b\t%b^{}" % (line, tagged[name], name) if name in tagged else line

    if advertisement.head is not None and b"HEAD".startswith(wanted):
        yield lines_of(advertisement.head.hex().encode(), b"HEAD")
    rows: Iterator[tuple[bytes, bytes]] = zip(refs.hexes, refs.names, strict=True)
    if prefixes:
        rows = (row for row in rows if row[1].startswith(wanted))
    while block := list(islice(rows, _LINES_AT_ONCE)):
        is_plain = not (tagged or symrefs)
        yield b"\n".join([b"%b\t%b" % row if is_plain else lines_of(*row) for row in block])


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
