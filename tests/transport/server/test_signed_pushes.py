"""Signed pushes: offered where hooks are run and a seed is set; what hooks are told of signer and nonce."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from packcore.store.config import GitConfig
from packcore.store.repository import Repository
from tests.support import git, history, make_repository, run_git, write_hook
from tests.transport.server.serving import serving
from transport.server.budget import BadRequest
from transport.server.hooks import HookSettings
from transport.server.push_certificate import CertificateNonces, PushCertificate, read_certificate
from transport.server.receive_pack import ReceivePack
from transport.server.signatures import Signature, verify_certificate
from transport.wire.pktline import FLUSH, PacketReader, encode_packet, encode_text

if TYPE_CHECKING:
    from pathlib import Path

NEEDS_SSH = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs ssh-keygen")
WRITE_ALL = "env | grep ^GIT_PUSH_CERT | sort > told; git cat-file blob $GIT_PUSH_CERT > certificate"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    made = make_repository(tmp_path / "root/x.git", history(commits=3))
    git("config", "receive.certNonceSeed", "secret", cwd=made)
    return made


@pytest.fixture
def signing(tmp_path: Path, target: Path) -> list[str]:
    """Make a key that the repository trusts; return what a pusher's git is told."""
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    allowed = tmp_path / "allowed"
    allowed.write_text(f"ann@example.com {key.with_suffix('.pub').read_text()}")
    git("config", "gpg.ssh.allowedSignersFile", str(allowed), cwd=target)
    return ["-c", "gpg.format=ssh", "-c", f"user.signingkey={key}"]


def told(repository: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in (repository / "told").read_text().splitlines())


def certificate(nonce: str | None = "n", *options: str, commands: tuple[str, ...] = ()) -> PushCertificate:
    head = ["certificate version 0.1", "pusher me 1 +0000"]
    head += [] if nonce is None else [f"nonce {nonce}"]
    head += [f"push-option {option}" for option in options]
    return PushCertificate("\n".join([*head, "", *commands, ""]).encode(), b"", [])


@pytest.mark.parametrize("hooks", [None, HookSettings()])
def test_certificates_are_offered_where_hooks_are_run(target, hooks):
    with Repository.open(target) as repository:
        text = b"".join(ReceivePack(repository, hooks=hooks).advertise(0))
    assert (b" push-cert=" in text) == (hooks is not None)


def test_without_a_seed_none_are_offered_or_taken(target):
    git("config", "--unset", "receive.certNonceSeed", cwd=target)
    with Repository.open(target) as repository:
        service = ReceivePack(repository, hooks=HookSettings())
        assert b"push-cert" not in b"".join(service.advertise(0))
        body = encode_packet(b"push-cert\0report-status\n") + encode_text("certificate version 0.1")
        assert b"ERR " in b"".join(service.answer([body + FLUSH], 0))


@NEEDS_SSH
def test_hooks_are_told_who_signed_and_that_the_nonce_is_right(target, signing):
    write_hook(target, "post-receive", WRITE_ALL)
    git("config", "receive.certNonceSlop", "60", cwd=target)
    with serving(target.parent, hooks=HookSettings(environment=os.environ)) as server:
        git(*signing, "push", "-q", "--signed", f"{server.url}/x.git", "main~1:refs/heads/new", cwd=target)
    seen = told(target)
    text = (target / "certificate").read_text()
    assert (seen["GIT_PUSH_CERT_STATUS"], seen["GIT_PUSH_CERT_SIGNER"]) == ("G", "ann@example.com")
    assert seen["GIT_PUSH_CERT_KEY"].startswith("SHA256:")
    assert seen["GIT_PUSH_CERT_NONCE_STATUS"] == "OK"
    assert f"nonce {seen['GIT_PUSH_CERT_NONCE']}\n" in text
    assert f"{git('rev-parse', 'main~1', cwd=target)} refs/heads/new\n" in text


@NEEDS_SSH
def test_a_hook_may_refuse_whom_it_does_not_know(target, signing):
    git("config", "--unset", "gpg.ssh.allowedSignersFile", cwd=target)
    write_hook(
        target, "pre-receive", 'test "$GIT_PUSH_CERT_STATUS" = G || { echo "$GIT_PUSH_CERT_STATUS"; exit 1; }'
    )
    with serving(target.parent, hooks=HookSettings(environment=os.environ)) as server:
        done = run_git(*signing, "push", "--signed", f"{server.url}/x.git", "main:refs/heads/new", cwd=target)
        unsigned = run_git("push", f"{server.url}/x.git", "main:refs/heads/new", cwd=target)
    assert b"remote: U" in done.stderr
    assert done.returncode
    assert unsigned.returncode


@NEEDS_SSH
def test_a_certificate_that_was_changed_is_bad(target, signing, tmp_path):
    payload = certificate().payload
    (tmp_path / "payload").write_bytes(payload)
    key = tmp_path / "key"
    subprocess.run(
        ["ssh-keygen", "-q", "-Y", "sign", "-n", "git", "-f", key, tmp_path / "payload"], check=True
    )
    signature = (tmp_path / "payload.sig").read_bytes()
    config = GitConfig.parse(f'[gpg "ssh"]\nallowedSignersFile = {tmp_path}/allowed')
    assert verify_certificate(PushCertificate(payload, signature), config, os.environ).status == "G"
    assert verify_certificate(PushCertificate(payload + b"x", signature), config, os.environ).status == "B"


@pytest.mark.parametrize(
    ("begin", "section", "lines", "expected"),
    [
        ("PGP SIGNATURE", "gpg", ["GOODSIG 12AB A <a>", "TRUST_FULLY 0"], Signature("G", "A <a>", "12AB")),
        ("PGP MESSAGE", 'gpg "openpgp"', ["GOODSIG 12AB A", "TRUST_NEVER 0"], Signature("U", "A", "12AB")),
        ("SIGNED MESSAGE", 'gpg "x509"', ["GOODSIG 12AB /CN=A"], Signature("G", "/CN=A", "12AB")),
        ("PGP SIGNATURE", "gpg", ["BADSIG 12AB A"], Signature("B", "A", "12AB")),
        ("PGP SIGNATURE", "gpg", ["EXPKEYSIG 12AB A"], Signature("Y", "A", "12AB")),
        ("PGP SIGNATURE", "gpg", ["GOODSIG 12AB A", "GOODSIG 34CD B"], Signature("E")),
        ("PGP SIGNATURE", "gpg", [], Signature("E")),
    ],
)
def test_what_gpg_says_is_a_letter_a_signer_and_a_key(tmp_path, begin, section, lines, expected):
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\ncat >/dev/null\n" + "".join(f"echo '[GNUPG:] {line}'\n" for line in lines))
    program.chmod(0o755)
    config = GitConfig.parse(f"[{section}]\nprogram = {program}")
    signed = PushCertificate(certificate().payload, f"-----BEGIN {begin}-----\n".encode())
    assert verify_certificate(signed, config, os.environ) == expected


@pytest.mark.parametrize("begin", ["PGP SIGNATURE", "SIGNED MESSAGE", "SSH SIGNATURE"])
def test_a_program_that_is_not_there_vouches_for_nobody(begin):
    config = GitConfig.parse(
        "".join(f'[gpg "{kind}"]\nprogram = /none\n' for kind in ("openpgp", "x509", "ssh"))
    )
    signed = PushCertificate(certificate().payload, f"-----BEGIN {begin}-----\n".encode())
    assert verify_certificate(signed, config, os.environ).status in "EB"
    assert verify_certificate(certificate(), config, os.environ) == Signature("N")


def test_a_nonce_is_good_for_one_repository_and_a_while():
    given = CertificateNonces("/x", "seed").give()
    late = CertificateNonces("/x", "seed", slop_seconds=5)
    late.given = late._nonce(int(given.partition("-")[0]) + 3)
    stale = CertificateNonces("/x", "seed", given=late.given)
    other, foreign = CertificateNonces("/y", "seed"), CertificateNonces("/x", "other")
    assert late.judge(certificate(given)) == {
        "GIT_PUSH_CERT_NONCE": given,
        "GIT_PUSH_CERT_NONCE_STATUS": "OK",
    }
    judged = stale.judge(certificate(given))
    assert (judged["GIT_PUSH_CERT_NONCE_STATUS"], judged["GIT_PUSH_CERT_NONCE_SLOP"]) == ("SLOP", "-3")
    for nonces in (other, foreign):
        assert nonces.judge(certificate(given))["GIT_PUSH_CERT_NONCE_STATUS"] == "BAD"
    assert stale.judge(certificate(None))["GIT_PUSH_CERT_NONCE_STATUS"] == "MISSING"


@pytest.mark.parametrize("nonce", ["x", "-", "1-", "1-zz", "\u0661-00", "9" * 5000 + "-00"])
def test_a_made_up_nonce_is_bad(nonce):
    assert CertificateNonces("/x", "seed").judge(certificate(nonce))["GIT_PUSH_CERT_NONCE_STATUS"] == "BAD"


def test_options_that_were_not_signed_refuse_the_push(target):
    tip = git("rev-parse", "main", cwd=target)
    with Repository.open(target) as repository:
        for sent, words in (
            ("a", b"ok refs/heads/old"),
            ("b", b"ng refs/heads/old inconsistent push options"),
        ):
            git("update-ref", "refs/heads/old", tip, cwd=target)
            signed = certificate("n", "a", commands=(f"{tip} {'0' * 40} refs/heads/old",))
            lines = [line + b"\n" for line in signed.payload.splitlines()]
            body = b"".join(map(encode_packet, [b"push-cert\0report-status push-options\n", *lines]))
            body += encode_packet(b"push-cert-end\n") + FLUSH + encode_packet(sent.encode()) + FLUSH
            service = ReceivePack(repository, hooks=HookSettings())
            assert words in b"".join(service.answer([body], 0))


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["push-cert-end"],
        ["certificate version 0.1", "nonce n"],
        ["certificate version 0.1", "nonce n", "push-cert-end"],
        ["certificate version 9", "", "x", "push-cert-end"],
    ],
)
def test_a_malformed_certificate_is_refused(lines):
    body = b"".join(encode_packet(f"{line}\n".encode()) for line in lines) + FLUSH
    with pytest.raises(BadRequest):
        read_certificate(PacketReader([body]), 1000)


def test_a_certificate_has_a_bound():
    body = b"".join(encode_packet(b"x" * 100 + b"\n") for _ in range(20)) + FLUSH
    with pytest.raises(BadRequest, match="more than 1000 bytes"):
        read_certificate(PacketReader([body]), 1000)


def test_commands_beside_a_certificate_are_refused(target):
    tip = git("rev-parse", "main", cwd=target)
    command = f"{tip} {'0' * 40} refs/heads/main"
    lines = [line + b"\n" for line in certificate(commands=(command,)).payload.splitlines()]
    body = b"".join(map(encode_packet, [b"push-cert\0report-status\n", *lines, b"push-cert-end\n"]))
    with Repository.open(target) as repository:
        service = ReceivePack(repository, hooks=HookSettings())
        assert b"ERR " in b"".join(service.answer([body + encode_text(command) + FLUSH], 0))
