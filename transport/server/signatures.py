"""Who signed a push certificate, as gpg, gpgsm or ssh-keygen say: programs that the operator has installed.

    -----BEGIN PGP …        gpg          gpg.openpgp.program, gpg.program
    -----BEGIN SIGNED …     gpgsm        gpg.x509.program
    -----BEGIN SSH …        ssh-keygen   gpg.ssh.program; whom to trust: gpg.ssh.allowedSignersFile

The settings are the repository's own. They name programs to run, so nothing is verified unless the
repository's hooks are run, too. The status is a letter, as of `%G?` in git-log: G good, U good and of unknown
validity, B bad, X expired, Y by an expired key, R by a revoked key, E not to be checked, N no signature.
Specified in gpg's DETAILS, gpgsm(1), ssh-keygen(1) and git-config.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from transport.home_paths import expand_home

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from packcore.store.config import GitConfig
    from transport.server.push_certificate import PushCertificate

__all__ = ["Signature", "verify_certificate"]

_LETTERS = {
    "GOODSIG": "G",
    "BADSIG": "B",
    "EXPSIG": "X",
    "EXPKEYSIG": "Y",
    "REVKEYSIG": "R",
    "ERRSIG": "E",
}
_UNTRUSTED = ("TRUST_UNDEFINED", "TRUST_NEVER")
_STATUS = re.compile(r"^\[GNUPG:\] ([A-Z_]+)(?: (\S+))?(?: (.*))?$", re.MULTILINE)
_SSH = re.compile(r'^Good "git" signature (?:for (.+) )?with \S+ key (\S+)$', re.MULTILINE)
_SECONDS_MAX = 30
_OUTPUT_MAX = 1024 * 1024


class Signature(NamedTuple):
    """What a program says of a signature."""

    status: str
    signer: str = ""
    key: str = ""

    def told_to_hooks(self) -> dict[str, str]:
        """Return the variables that hooks read."""
        return {
            "GIT_PUSH_CERT_SIGNER": self.signer,
            "GIT_PUSH_CERT_KEY": self.key,
            "GIT_PUSH_CERT_STATUS": self.status,
        }


def verify_certificate(
    certificate: PushCertificate, config: GitConfig, environment: Mapping[str, str]
) -> Signature:
    """Ask a program who signed a certificate; `environment` is the program's."""
    if not certificate.signature:
        return Signature("N")
    with tempfile.TemporaryDirectory(prefix="packcore-") as folder:
        file = Path(folder) / "signature"
        file.write_bytes(certificate.signature)
        if certificate.signature.startswith(b"-----BEGIN SSH"):
            return _by_ssh(certificate.payload, file, config, environment)
        if certificate.signature.startswith(b"-----BEGIN SIGNED"):
            return _by_gpg(config.get("gpg.x509.program") or "gpgsm", certificate.payload, file, environment)
        program = config.get("gpg.openpgp.program") or config.get("gpg.program") or "gpg"
        return _by_gpg(program, certificate.payload, file, environment, "--keyid-format=long")


def _by_gpg(
    program: str, payload: bytes, file: Path, environment: Mapping[str, str], *options: str
) -> Signature:
    said = _run([program, *options, "--status-fd=1", "--verify", str(file), "-"], payload, environment)
    lines = _STATUS.findall(said)
    found = [(_LETTERS[word], key, signer) for word, key, signer in lines if word in _LETTERS]
    if len(found) != 1:  # none, or one signature behind another, of which git trusts none either
        return Signature("E")
    letter, key, signer = found[0]
    if letter == "G" and any(word in _UNTRUSTED for word, _, _ in lines):
        letter = "U"
    return Signature(letter, "" if letter == "E" else signer, key)


def _by_ssh(payload: bytes, file: Path, config: GitConfig, environment: Mapping[str, str]) -> Signature:
    program = config.get("gpg.ssh.program") or "ssh-keygen"
    allowed = config.get("gpg.ssh.allowedsignersfile")
    signature = ["-n", "git", "-s", str(file)]
    if allowed:
        allowed = expand_home(allowed, environment.get("HOME"))
        asked = [program, "-Y", "find-principals", "-f", allowed, "-s", str(file)]
        for principal in filter(None, _run(asked, b"", environment).splitlines()):
            asked = [program, "-Y", "verify", "-f", allowed, "-I", principal, *signature]
            if match := _SSH.search(_run(asked, payload, environment)):
                return Signature("G", match[1] or principal, match[2])
    said = _run([program, "-Y", "check-novalidate", *signature], payload, environment)
    match = _SSH.search(said)
    return Signature("B") if match is None else Signature("U", key=match[2])


def _run(command: Sequence[str], given: bytes, environment: Mapping[str, str]) -> str:
    """Return what a program says if it succeeds, or if it is gpg; empty if it can't be run."""
    try:
        done = subprocess.run(
            command,
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(environment),
            timeout=_SECONDS_MAX,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout[:_OUTPUT_MAX].decode("utf-8", "replace")
