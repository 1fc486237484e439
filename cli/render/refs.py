"""A remote's refs, as `git ls-remote` prints them and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packcore.refs import encode_ref_name
from transport.wire.ls_refs import is_folder_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packcore.ids import ObjectId
    from transport.wire.advertisement import Advertisement

__all__ = ["listed", "listing_json", "listing_lines", "unreadable_in"]


def listed(advertisement: Advertisement, prefixes: Sequence[str] = ()) -> Iterator[tuple[str, ObjectId]]:
    """Yield name and id of HEAD and every ref below the prefixes; a remote need not heed prefixes."""
    wanted = tuple(prefixes) or ("",)
    if advertisement.head is not None and "HEAD".startswith(wanted):
        yield "HEAD", advertisement.head
    for name, oid in advertisement.refs.items():
        if name.startswith(wanted):
            yield name, oid


def listing_lines(
    advertisement: Advertisement, prefixes: Sequence[str] = (), *, symref: bool = False
) -> Iterator[bytes]:
    """Yield `<id> TAB <name>`; annotated tags are followed by what they come to, as `<name>^{}`."""
    for name, oid in listed(advertisement, prefixes):
        raw_name = encode_ref_name(name)
        if symref and name in advertisement.symrefs:
            yield b"ref: %s\t%s" % (encode_ref_name(advertisement.symrefs[name]), raw_name)
        yield b"%s\t%s" % (oid.hex().encode(), raw_name)
        if name in advertisement.peeled:
            yield b"%s\t%s^{}" % (advertisement.peeled[name].hex().encode(), raw_name)


def listing_json(advertisement: Advertisement, url: str, prefixes: Sequence[str] = ()) -> dict[str, Any]:
    """Return the listing as an object: names that are not UTF-8 keep their bytes as lone surrogates."""
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
    """Return why refs below the prefixes, or folders of refs above them, can't be read, by name."""
    wanted = tuple(prefixes) or ("",)
    head = {} if advertisement.head_fault is None or prefixes else {"HEAD": advertisement.head_fault}
    return head | {
        name: reason
        for name, reason in advertisement.unreadable.items()
        if name.startswith(wanted) or is_folder_of(name, wanted)
    }
