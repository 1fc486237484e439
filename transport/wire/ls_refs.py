r"""ls-refs, protocol v2's list of refs on request.

    request     0014command=ls-refs\n  agent=…  object-format=…  0001
                peel  symrefs  unborn  ref-prefix refs/heads/ …  0000
    answer      <oid> SP <name> [SP symref-target:<name>] [SP peeled:<oid>] [SP unreadable:<reason>]
                unborn SP HEAD SP symref-target:refs/heads/main
                hidden SP branch SP tag
                0000

Only our own servers know `unreadable` (`ls-refs=unborn unreadable hidden`): on request they also list refs
that git leaves out, and say in percent-encoded text why a ref or its object can't be read. Only they know
`hidden` too: see `transport.wire.hidden_refs`. The rest is specified in gitprotocol-v2. Attributes come in
any order, and unknown ones are ignored. A server may list refs outside the prefixes (and does so from 65,536
prefixes on), so we filter again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote_to_bytes

from packcore.refs import decode_ref_name, encode_ref_name
from transport.errors import UnsupportedByRemote
from transport.safe_text import one_line
from transport.wire.hidden_refs import parse_hidden
from transport.wire.limits import WireLimits
from transport.wire.pktline import DELIM, FLUSH, PacketReader, Special, encode_text
from transport.wire.ref_lines import RefCollector, parse_oid
from transport.wire.ref_runs import take_run_v2

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from packcore.ids import ObjectFormat, ObjectId
    from packcore.refs import RefKind
    from transport.wire.capabilities import Capabilities
    from transport.wire.headway import Headway

__all__ = [
    "RefListing",
    "command_head",
    "encode_ls_refs",
    "is_folder_of",
    "parse_ls_refs",
    "reduce_prefixes",
]

_PREFIXES_MAX = 1000


class RefListing(NamedTuple):
    """The answer to ls-refs; fields as in `Advertisement`."""

    refs: Mapping[str, ObjectId]
    peeled: Mapping[str, ObjectId]
    symrefs: dict[str, str]
    head: ObjectId | None
    warnings: tuple[str, ...]
    unreadable: dict[str, str]
    may_lack_names: bool
    hidden: frozenset[RefKind]
    head_fault: str | None


def command_head(
    command: str, capabilities: Capabilities, agent: str, server_options: Sequence[str] = ()
) -> bytes:
    """Return the start of each v2 request: command, capabilities, delim.

    It has only what the server advertised. Raises UnsupportedByRemote if the server takes no server options.
    """
    if server_options and not capabilities.server_option:
        raise UnsupportedByRemote("the remote takes no server options")
    lines = [f"command={command}"]
    if capabilities.agent is not None:
        lines.append(f"agent={agent}")
    if capabilities.announces_object_format:
        lines.append(f"object-format={capabilities.object_format.name}")
    lines += [f"server-option={option}" for option in server_options]
    return b"".join(map(encode_text, lines)) + DELIM


def encode_ls_refs(
    capabilities: Capabilities,
    *,
    prefixes: Sequence[str] = (),
    agent: str,
    server_options: Sequence[str] = (),
) -> bytes:
    """Build the request for HEAD and all refs below `prefixes`; no prefixes means all refs.

    Raises UnsupportedByRemote if the server has no ls-refs.
    """
    if capabilities.ls_refs is None:
        raise UnsupportedByRemote("the remote speaks protocol v2 but has no ls-refs")
    arguments = ["peel", "symrefs"]
    if capabilities.ls_refs.unborn:
        arguments.append("unborn")
    if capabilities.ls_refs.unreadable:
        arguments.append("unreadable")
    if capabilities.ls_refs.hidden:
        arguments.append("hidden")
    reduced = reduce_prefixes(prefixes)
    if reduced and len(reduced) < _PREFIXES_MAX:
        arguments += [f"ref-prefix {prefix}" for prefix in reduce_prefixes([*reduced, "HEAD"])]
    head = command_head("ls-refs", capabilities, agent, server_options)
    return head + b"".join(map(encode_text, arguments)) + FLUSH


def reduce_prefixes(prefixes: Iterable[str]) -> list[str]:
    """Return the prefixes sorted, without repeats and without those that another one covers.

    >>> reduce_prefixes(["refs/tags/", "refs/heads/a", "refs/heads/", "refs/tags/"])
    ['refs/heads/', 'refs/tags/']
    """
    reduced: list[str] = []
    for prefix in sorted(prefixes):
        if not reduced or not prefix.startswith(reduced[-1]):
            reduced.append(prefix)
    return [] if reduced == [""] else reduced


def parse_ls_refs(
    blocks: Iterable[bytes],
    object_format: ObjectFormat,
    *,
    prefixes: Sequence[str] = (),
    limits: WireLimits | None = None,
    to_end: bool = True,
    headway: Headway | None = None,
) -> RefListing:
    """Parse the answer from blocks in any split; keep HEAD and the refs below `prefixes`.

    `headway` counts what was read. Raises RemoteError for an ERR line, RemoteProtocolError for anything that
    breaks the protocol, and AnswerTooLarge for an endless list.
    """
    limits = limits or WireLimits()
    reader = PacketReader(
        blocks, bytes_max=limits.advertisement_bytes, limit="advertisement_bytes", headway=headway
    )
    refs = RefCollector(object_format, limits)
    wanted = tuple(reduce_prefixes(prefixes)) or ("",)
    raw_wanted = tuple(map(encode_ref_name, wanted))
    while True:
        lines = reader.read_lines()
        if lines:
            if not take_run_v2(lines, refs, raw_wanted):
                reader.reread()
            continue
        line = reader.read_line("a ref or the flush")
        if line is Special.FLUSH:
            break
        if isinstance(line, Special):
            raise reader.error("a section ends inside the list of refs")
        _take_line(line, refs, wanted, reader)
    if to_end:
        reader.expect_end()
    return RefListing(
        refs.refs(),
        refs.peeled(),
        refs.symrefs,
        refs.head,
        refs.warnings(),
        refs.unreadable,
        refs.may_lack_names,
        refs.hidden,
        refs.head_fault,
    )


def is_folder_of(name: str, prefixes: Iterable[str]) -> bool:
    """Return whether `name` is a folder above one of the prefixes.

    If it can't be read, that affects every ref below it.
    """
    return any(prefix.startswith(f"{name}/") for prefix in prefixes)


def _split(rest: bytes) -> tuple[bytes, list[bytes]]:
    """Return the name in a line and its attributes, each of which has a colon.

    The file of a ref that git can't read may have any name ("main (copy)"), and is listed under it.
    """
    name, *words = rest.split(b" ")
    count = next((number for number, word in enumerate(words) if b":" in word), len(words))
    return b" ".join([name, *words[:count]]), words[count:]


def _take_line(line: bytes, refs: RefCollector, wanted: tuple[str, ...], reader: PacketReader) -> None:
    hex_oid, _, rest = line.partition(b" ")
    if hex_oid == b"hidden":
        refs.count_line()
        refs.hidden |= parse_hidden(rest.split())
        return
    name, attributes = _split(rest)
    if not name:
        raise reader.error(f"not a line of ls-refs: {one_line(line, limit=200)!r}")
    text = decode_ref_name(name)
    keep = name == b"HEAD" or text.startswith(wanted)
    faults = (a[11:] for a in attributes if a.startswith(b"unreadable:"))
    fault = next((one_line(unquote_to_bytes(fault)) for fault in faults), None)
    if hex_oid == b"unborn":
        refs.count_line()
        listed = keep
    else:
        oid = parse_oid(hex_oid, refs.object_format)
        if not keep and not any(oid):
            keep = is_folder_of(text, wanted)
        listed = keep and refs.add(name, oid, fault)
        if not keep:
            refs.count_line()
    for attribute in attributes:
        key, _, value = attribute.partition(b":")
        if key == b"symref-target" and listed:
            refs.add_symref(text, decode_ref_name(value))
        elif key == b"peeled":
            peeled = parse_oid(value, refs.object_format)
            if listed and hex_oid != b"unborn":
                refs.add_peeled(name, peeled)
