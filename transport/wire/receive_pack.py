r"""The request to receive-pack: commands first, then the pack.

    shallow <oid> *                                                    our own cut points
    <old> SP <new> SP <ref> NUL SP report-status-v2 side-band-64k …    the first command
    <old> SP <new> SP <ref> *                                          the others
    0000  [ <push option> * 0000 ]
    PACK …                                                             none if all commands delete

    create  old = 00…00        delete  new = 00…00 (only with delete-refs)

Specified in gitprotocol-pack and gitprotocol-capabilities. A capability is sent only if the server advertised
it. A condition that the server can't meet (atomic, push options, deletion) is refused here, before a byte is
sent. Two commands for one ref are refused too, because servers run both, in their own order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import InvalidRefName
from packcore.ids import hex_repr
from packcore.refs import check_ref_name, encode_ref_name
from transport.errors import LocalProtocolError, UnsupportedByRemote
from transport.safe_text import one_line
from transport.wire.pktline import FLUSH, encode_packet, encode_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packcore.ids import ObjectFormat, ObjectId
    from transport.wire.capabilities import Capabilities

__all__ = ["PushOptions", "RefUpdate", "empty_pack", "encode_commands", "push_capabilities"]


class RefUpdate(NamedTuple):
    """One command: set `name` from `old` to `new`, if it is still `old`. All zeros mean no such ref."""

    name: str
    old: ObjectId
    new: ObjectId

    @property
    def is_create(self) -> bool:
        """Whether the ref must not exist yet."""
        return not any(self.old)

    @property
    def is_delete(self) -> bool:
        """Whether to delete the ref."""
        return not any(self.new)

    def __repr__(self) -> str:
        return hex_repr(self)


class PushOptions(NamedTuple):
    """Conditions and preferences of a push."""

    atomic: bool = False
    """All updates or none; refused if the server can't guarantee it."""
    push_options: tuple[str, ...] = ()
    """Texts for the hooks of the server; refused if the server takes none."""
    quiet: bool = False
    shallow: tuple[ObjectId, ...] = ()


def encode_commands(
    updates: Sequence[RefUpdate], capabilities: Capabilities, options: PushOptions, *, agent: str
) -> bytes:
    """Build everything before the pack.

    Raises UnsupportedByRemote for what the server can't do, and LocalProtocolError for updates that must not
    be sent (none at all, one ref twice, a bad name, an id of the wrong format).
    """
    _check_updates(updates, capabilities)
    tokens = push_capabilities(capabilities, options, agent=agent)
    lines = [encode_text(f"shallow {oid.hex()}") for oid in options.shallow]
    for position, update in enumerate(updates):
        command = b"%s %s %s" % (
            update.old.hex().encode(),
            update.new.hex().encode(),
            encode_ref_name(update.name),
        )
        if position == 0:
            command += b"\0 " + " ".join(tokens).encode("ascii")
        lines.append(encode_packet(command))
    lines.append(FLUSH)
    if options.push_options:
        lines += [_encode_push_option(option) for option in options.push_options]
        lines.append(FLUSH)
    return b"".join(lines)


def push_capabilities(capabilities: Capabilities, options: PushOptions, *, agent: str) -> list[str]:
    """Return the tokens for the first command. Raises UnsupportedByRemote for an unmet condition."""
    if not (capabilities.report_status or capabilities.report_status_v2):
        raise UnsupportedByRemote("the remote can't report whether a push succeeded (no report-status)")
    if options.atomic and not capabilities.atomic:
        raise UnsupportedByRemote(
            "the remote does not support atomic pushes", hint="push without atomic", option="atomic"
        )
    if options.push_options and not capabilities.push_options:
        raise UnsupportedByRemote("the remote does not take push options")
    tokens = ["report-status-v2" if capabilities.report_status_v2 else "report-status"]
    if capabilities.side_band_64k:
        tokens.append("side-band-64k")
    elif capabilities.side_band:
        tokens.append("side-band")
    if options.quiet and capabilities.quiet:
        tokens.append("quiet")
    if options.atomic:
        tokens.append("atomic")
    if options.push_options:
        tokens.append("push-options")
    if capabilities.announces_object_format:
        tokens.append(f"object-format={capabilities.object_format.name}")
    if capabilities.agent is not None:
        tokens.append(f"agent={agent}")
    return tokens


def empty_pack(object_format: ObjectFormat) -> bytes:
    """Return a pack without objects, which a push that sends no objects must still send.

    >>> from packcore.ids import SHA1
    >>> empty_pack(SHA1).hex()
    '5041434b0000000200000000029d08823bd8a8eab510ad6ac75c823cfd3ed31e'
    """
    header = b"PACK\0\0\0\2\0\0\0\0"
    trailer: bytes = object_format.new_hash(header).digest()
    return header + trailer


def _check_updates(updates: Sequence[RefUpdate], capabilities: Capabilities) -> None:
    if not updates:
        raise LocalProtocolError("a push without ref updates")
    digest_size = capabilities.object_format.digest_size
    names: set[str] = set()
    for update in updates:
        try:
            check_ref_name(update.name)
        except InvalidRefName as error:
            raise LocalProtocolError(str(error)) from None
        shown = one_line(update.name, limit=200)
        if update.name in names:
            raise LocalProtocolError(f"{shown} is updated twice in one push")
        names.add(update.name)
        if len(update.old) != digest_size or len(update.new) != digest_size:
            raise LocalProtocolError(f"{shown}: not an id of the remote's {capabilities.object_format.name}")
        if update.is_create and update.is_delete:
            raise LocalProtocolError(f"{shown}: an update from nothing to nothing")
        if update.is_delete and not capabilities.delete_refs:
            raise UnsupportedByRemote(f"the remote does not let refs be deleted ({shown})")


def _encode_push_option(option: str) -> bytes:
    if "\n" in option or "\0" in option:
        raise LocalProtocolError("a push option must be one line")
    return encode_text(option)
