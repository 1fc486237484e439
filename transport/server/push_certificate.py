r"""Push certificates: what a pusher signs, and the nonce that says when, and for which repository.

    push-cert NUL capabilities                       the first packet, in the place of commands
    certificate version 0.1 LF                       \
    pusher …, pushee …, nonce …, push-option …        |  the payload: what is signed
    LF                                                |
    <old> SP <new> SP <ref> LF *                     /
    -----BEGIN … SIGNATURE----- … LF *               the signature
    push-cert-end LF

A nonce is `<seconds>-<HMAC-SHA256 of the repository's path and these seconds>`; the key is
receive.certNonceSeed. So a server recognises its own nonces, and keeps none. Specified in gitprotocol-pack
and git-receive-pack.
"""

from __future__ import annotations

import hmac
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from transport.server.budget import BadRequest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packcore.store.repository import Repository
    from transport.wire.pktline import PacketReader

__all__ = ["CertificateNonces", "PushCertificate", "read_certificate"]

_SIGNATURES = (
    b"-----BEGIN PGP SIGNATURE-----",
    b"-----BEGIN PGP MESSAGE-----",
    b"-----BEGIN SIGNED MESSAGE-----",
    b"-----BEGIN SSH SIGNATURE-----",
)
_END = b"push-cert-end"
_NONCE_BYTES_MAX = 128


@dataclass(frozen=True, slots=True)
class PushCertificate:
    """A certificate as it came; whether it is signed rightly is for a program to say."""

    payload: bytes
    signature: bytes
    commands: list[bytes] = field(default_factory=list)

    @property
    def text(self) -> bytes:
        """The whole certificate."""
        return self.payload + self.signature

    def values(self, name: bytes) -> list[bytes]:
        """Return the values of a header."""
        head = self.payload.partition(b"\n\n")[0]
        return [line[len(name) + 1 :] for line in head.split(b"\n") if line.startswith(name + b" ")]

    def has_options(self, options: Iterable[str]) -> bool:
        """Tell whether these push options are the ones that were signed."""
        return self.values(b"push-option") == [text.encode("utf-8", "surrogateescape") for text in options]


def read_certificate(reader: PacketReader, bytes_max: int) -> PushCertificate:
    """Read what follows the line `push-cert`. Raises BadRequest, RemoteProtocolError."""
    payload: list[bytes] = []
    signature: list[bytes] = []
    while True:
        line = reader.read("the rest of a push certificate")
        if not isinstance(line, bytes):
            raise BadRequest("a push certificate without its end")
        if reader.offset > bytes_max:
            raise BadRequest(f"more than {bytes_max} bytes before the pack")
        if line.removesuffix(b"\n") == _END:
            break
        (signature if signature or line.startswith(_SIGNATURES) else payload).append(line)
    text = b"".join(payload)
    head, blank, commands = text.partition(b"\n\n")
    if not blank or not head.startswith(b"certificate version 0."):
        raise BadRequest("malformed push certificate")
    return PushCertificate(text, b"".join(signature), [line for line in commands.split(b"\n") if line])


@dataclass(slots=True)
class CertificateNonces:
    """The nonces of one repository: those that it gives out, and what one that comes back is worth."""

    path: str
    seed: str
    slop_seconds: int = 0
    given: str | None = None
    """The one that this conversation gave out; None where that was another request's part."""

    @classmethod
    def of(cls, repository: Repository) -> CertificateNonces | None:
        """Return them as the repository's settings say; None if it takes no certificates."""
        config = repository.config
        seed = config.get("receive.certnonceseed")
        slop = config.get("receive.certnonceslop") or "0"
        if not seed:
            return None
        return cls(str(repository.path.absolute()), seed, int(slop) if slop.isdecimal() else 0)

    def give(self) -> str:
        """Return a new nonce."""
        self.given = self._nonce(int(time.time()))
        return self.given

    def judge(self, certificate: PushCertificate) -> dict[str, str]:
        """Return what hooks are told of a certificate's nonce, as GIT_PUSH_CERT_NONCE and its kin."""
        asked = self.given or self.give()
        found = certificate.values(b"nonce")
        nonce = found[0].decode("ascii", "replace") if found else ""
        told = {"GIT_PUSH_CERT_NONCE": asked, "GIT_PUSH_CERT_NONCE_STATUS": "OK"}
        if not nonce:
            return {**told, "GIT_PUSH_CERT_NONCE_STATUS": "MISSING"}
        if hmac.compare_digest(nonce.encode(), asked.encode()):
            return told
        seconds = nonce.partition("-")[0]
        is_ours = (
            len(nonce) <= _NONCE_BYTES_MAX
            and seconds.isascii()
            and seconds.isdecimal()
            and hmac.compare_digest(nonce.encode(), self._nonce(int(seconds)).encode())
        )
        if not is_ours:
            return {**told, "GIT_PUSH_CERT_NONCE_STATUS": "BAD"}
        slop = int(seconds) - int(asked.partition("-")[0])
        if self.slop_seconds and abs(slop) <= self.slop_seconds:
            return {**told, "GIT_PUSH_CERT_NONCE": nonce}
        return {**told, "GIT_PUSH_CERT_NONCE_STATUS": "SLOP", "GIT_PUSH_CERT_NONCE_SLOP": str(slop)}

    def _nonce(self, seconds: int) -> str:
        told = f"{self.path}:{seconds}".encode("utf-8", "surrogateescape")
        key = self.seed.encode("utf-8", "surrogateescape")
        return f"{seconds}-{hmac.new(key, told, 'sha256').hexdigest()}"
