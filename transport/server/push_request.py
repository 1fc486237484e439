r"""What a client asks of receive-pack, read from its pkt-lines: the server's side of `wire.receive_pack`.

    shallow <oid> *                                              the client's own cut points
    <old> SP <new> SP <ref> [ NUL capabilities ]                 the first command
    <old> SP <new> SP <ref> *                                    the others
    0000  [ <push option> * 0000 ]                               options only if push-options was asked for
    PACK …                                                       none if all commands delete

and the report that answers it: `unpack ok`, then `ok <ref>` or `ng <ref> <reason>` for each command, and in
report-status-v2 `option` lines after an `ok` that changed another ref, or to another id, than was asked for.

Specified in gitprotocol-pack and gitprotocol-capabilities. Read strictly: a line that is none of these
is a `BadRequest`. A ref's name is taken as it comes; judging it is `server.ref_rules`' part. In the place of
commands there may be a certificate with them: `server.push_certificate`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from packcore.refs import REF_NAME_BYTES_MAX, decode_ref_name
from transport.safe_text import one_line
from transport.server.budget import BadRequest, RequestLimits
from transport.server.push_certificate import PushCertificate, read_certificate
from transport.server.requests import read_oid
from transport.wire.pktline import FLUSH, Special, encode_text
from transport.wire.receive_pack import RefUpdate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from packcore.ids import ObjectFormat, ObjectId
    from transport.server.proc_receive_hook import RefReport
    from transport.wire.pktline import PacketReader

__all__ = ["PushRequest", "encode_report", "read_push"]

_KNOWN_BANDS = {b"side-band-64k": 65516, b"side-band": 996}


@dataclass(slots=True)
class PushRequest:
    """The commands, and how to answer them."""

    updates: list[RefUpdate] = field(default_factory=list)
    repeated: list[RefUpdate] = field(default_factory=list)
    """Further updates of a ref that has one: they are refused."""
    shallow: set[ObjectId] = field(default_factory=set)
    push_options: list[str] | None = None
    """None: the client sends none, which is not the same as an empty list."""
    certificate: PushCertificate | None = None
    """What the pusher signed; the updates are those in it."""
    capabilities: list[bytes] = field(default_factory=list)
    """What the client asks for, word by word."""
    atomic: bool = False
    quiet: bool = False
    report: bool = False
    report_v2: bool = False
    """Whether the report may say what a ref was really changed to."""
    band_bytes: int | None = None
    """Longest payload of a side-band packet, band included; None: the report goes out bare."""

    @property
    def refusal(self) -> str | None:
        """Why the whole push is refused: not if its options are those that were signed."""
        certificate = self.certificate
        if certificate is None or certificate.has_options(self.push_options or ()):
            return None
        return "inconsistent push options"

    @property
    def brings_pack(self) -> bool:
        """Whether a pack follows: it does unless all commands delete."""
        return any(not update.is_delete for update in (*self.updates, *self.repeated))


def read_push(
    reader: PacketReader,
    object_format: ObjectFormat,
    limits: RequestLimits | None = None,
    *,
    takes_options: bool = True,
    takes_certificate: bool = False,
) -> PushRequest | None:
    """Read everything before the pack; None where nothing is asked (the probe `0000`, an empty body).

    `takes_options` and `takes_certificate` say what was offered: else options aren't read, and a certificate
    is refused.
    Raises BadRequest, and RemoteProtocolError for broken framing.
    """
    request = PushRequest()
    limits = limits or RequestLimits()
    has_options = False
    known: dict[ObjectId, ObjectId] = {}
    while isinstance(line := reader.read_or_end(), bytes):
        if reader.offset > limits.push_bytes:
            raise BadRequest(f"more than {limits.push_bytes} bytes before the pack")
        if not request.updates and line.startswith(b"shallow "):
            request.shallow.add(read_oid(line[8:].removesuffix(b"\n"), object_format))
            if len(request.shallow) > limits.push_commands:
                raise BadRequest("too many shallow lines")
            continue
        if request.certificate is not None:
            raise BadRequest("commands besides those of the push certificate")
        command, _, tokens = line.partition(b"\0")
        if not request.updates:
            has_options = _take_capabilities(request, tokens.split(), object_format)
        commands = [command.removesuffix(b"\n")]
        if takes_certificate and not request.updates and commands == [b"push-cert"]:
            request.certificate = read_certificate(reader, limits.push_bytes)
            commands = request.certificate.commands
        for text in commands:
            update = _update(text, object_format)
            # Many refs at one commit hold its id once.
            old, new = known.setdefault(update.old, update.old), known.setdefault(update.new, update.new)
            request.updates.append(RefUpdate(update.name, old, new))
            if len(request.updates) > limits.push_commands:
                raise BadRequest("too many ref updates in one push")
    if line is None:
        if request.updates or request.shallow:
            raise BadRequest("the commands end without a flush")
        return None
    if line is not Special.FLUSH:
        raise BadRequest("a section ends inside the commands")
    if not request.updates:
        return None
    first: dict[str, RefUpdate] = {}
    request.repeated = [one for one in request.updates if first.setdefault(one.name, one) is not one]
    request.updates = list(first.values())
    if has_options and takes_options:
        _read_options(reader, request, limits)
    return request


def encode_report(
    unpack: str,
    verdicts: Mapping[str, str | None],
    reports: Mapping[str, Sequence[RefReport]] = MappingProxyType({}),
    repeated: Iterable[RefUpdate] = (),
) -> bytes:
    """Build the report; `verdicts` are reasons by the ref's name, None where it is done.

    `reports` says what proc-receive changed in the place of some refs (report-status-v2). `repeated` are
    further updates of refs that have one.
    """
    lines = [encode_text(f"unpack {unpack}")]
    for name, reason in verdicts.items():
        if reason is not None:
            lines.append(encode_text(f"ng {name} {reason}"))
        elif name in reports:
            from transport.server.proc_receive_hook import report_lines

            lines.append(report_lines(name, reports[name]))
        else:
            lines.append(encode_text(f"ok {name}"))
    lines += [encode_text(f"ng {update.name} multiple updates for one ref") for update in repeated]
    return b"".join(lines) + FLUSH


def _update(command: bytes, object_format: ObjectFormat) -> RefUpdate:
    hex_size = object_format.hex_size
    old, new, name = command[:hex_size], command[hex_size + 1 : 2 * hex_size + 1], command[2 * hex_size + 2 :]
    blanks = command[hex_size : hex_size + 1] + command[2 * hex_size + 1 : 2 * hex_size + 2]
    if blanks != b"  " or not 0 < len(name) <= REF_NAME_BYTES_MAX or b"\n" in name:
        raise BadRequest(f"protocol error: expected old/new/ref, got {one_line(command, limit=200)!r}")
    return RefUpdate(decode_ref_name(name), read_oid(old, object_format), read_oid(new, object_format))


def _take_capabilities(request: PushRequest, tokens: list[bytes], object_format: ObjectFormat) -> bool:
    request.capabilities = tokens
    request.report_v2 = b"report-status-v2" in tokens
    request.report = b"report-status" in tokens or request.report_v2
    request.atomic = b"atomic" in tokens
    request.quiet = b"quiet" in tokens
    for token, band_bytes in _KNOWN_BANDS.items():
        if token in tokens:
            request.band_bytes = band_bytes
            break
    announced = [token[14:] for token in tokens if token.startswith(b"object-format=")]
    name = announced[0].decode("ascii", "replace") if announced else object_format.name
    if name != object_format.name:
        raise BadRequest(f"mismatched object format: server {object_format.name}; client {one_line(name)}")
    return b"push-options" in tokens


def _read_options(reader: PacketReader, request: PushRequest, limits: RequestLimits) -> None:
    bytes_left = limits.push_option_bytes
    request.push_options = []
    while isinstance(line := reader.read("a push option or the flush"), bytes):
        bytes_left -= len(line)
        if len(request.push_options) >= limits.push_options or bytes_left < 0:
            most = f"{limits.push_options} push options, or {limits.push_option_bytes} bytes of them"
            raise BadRequest(f"more than {most}")
        request.push_options.append(line.removesuffix(b"\n").decode("utf-8", "surrogateescape"))
    if line is not Special.FLUSH:
        raise BadRequest("a section ends inside the push options")
