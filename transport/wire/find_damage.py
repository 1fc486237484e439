r"""find-damage: ask our own servers which wants they can't send, after a fetch has failed.

    request   0014command=fetch\n  agent=…  0001  find-damage  want <oid> …  have <oid> …  done  0000
    answer    damage
              <oid> SP <reason>         for each want that reaches a damaged object; percent-encoded text
              keepalive                 any number of times, while the server checks
              0000

The server reads all objects that a pack for these wants would contain, but sends none. It advertises this as
a feature of protocol v2's fetch, and among the capabilities of v0 and v1, where the request still uses v2.
Other clients don't use it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from transport.safe_text import one_line
from transport.wire.ls_refs import command_head
from transport.wire.pktline import FLUSH, PacketReader, Special, encode_text
from transport.wire.ref_lines import parse_oid

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from packcore.ids import ObjectFormat, ObjectId
    from transport.wire.capabilities import Capabilities
    from transport.wire.headway import Headway

__all__ = ["encode_find_damage", "parse_damage"]


def encode_find_damage(
    capabilities: Capabilities, *, wants: Iterable[ObjectId], haves: Iterable[ObjectId], agent: str
) -> bytes:
    """Build the request."""
    lines = ["find-damage", *(f"want {oid.hex()}" for oid in dict.fromkeys(wants))]
    lines += [f"have {oid.hex()}" for oid in dict.fromkeys(haves)]
    return command_head("fetch", capabilities, agent) + b"".join(map(encode_text, [*lines, "done"])) + FLUSH


def parse_damage(
    blocks: Iterable[bytes],
    object_format: ObjectFormat,
    wants: Sequence[ObjectId],
    *,
    headway: Headway | None = None,
) -> dict[ObjectId, str]:
    """Return the reason for each want that can't be sent. Raises RemoteError, RemoteProtocolError."""
    reader = PacketReader(blocks, headway=headway)
    if reader.read_line("the section of damage") != b"damage":
        raise reader.error("not the section of damage")
    wanted = frozenset(wants)
    found: dict[ObjectId, str] = {}
    while (line := reader.read_line("a damaged object or the flush")) is not Special.FLUSH:
        if isinstance(line, Special):
            raise reader.error("a section ends inside the list of damage")
        if line != b"keepalive":
            hex_oid, _, reason = line.partition(b" ")
            oid = parse_oid(hex_oid, object_format)
            if oid not in wanted:
                raise reader.error(f"damage of {oid.hex()}, which was not asked for")
            found[oid] = one_line(unquote_to_bytes(reason))
    return {oid: found[oid] for oid in wants if oid in found}
