"""Passwords of bcrypt, as `htpasswd -B` writes them."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from packcore.errors import RepositoryError
from tests.support import require
from transport.server import htpasswd
from transport.server.htpasswd import Passwords

if TYPE_CHECKING:
    from pathlib import Path

_SHAPED = "$2y$04$......................LAtw7/ohmmBAhnXqmkuIz83Rl5Qdjhm"
"""A hash by its shape; no password is known for it."""


def read(path: Path, line: str) -> Passwords:
    path.write_text(f"{line}\n")
    return Passwords.read(path)


@pytest.fixture
def bcrypt():
    return pytest.importorskip("bcrypt", reason="needs packcore[bcrypt]")


@pytest.mark.parametrize("cost", ["4", "5", "8"])
def test_what_htpasswd_writes_is_checked(bcrypt, tmp_path, cost):
    require("htpasswd")
    line = subprocess.run(
        ["htpasswd", "-nbB", "-C", cost, "ann", "secret"], capture_output=True, text=True, check=True
    ).stdout.strip()
    passwords = read(tmp_path / "users", line)
    assert passwords.admits("ann", b"secret")
    assert not passwords.admits("ann", b"Secret")
    assert not passwords.admits("ann", b"")
    assert not passwords.admits("bob", b"secret")


@pytest.mark.parametrize("kind", [b"2a", b"2b", b"2y"])
def test_every_name_of_the_scheme_is_taken(bcrypt, tmp_path, kind):
    hashed = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).replace(b"$2b$", b"$" + kind + b"$").decode()
    assert read(tmp_path / "users", f"ann:{hashed}").admits("ann", b"secret")


def test_a_long_password_counts_as_far_as_bcrypt_reads_it(bcrypt, tmp_path):
    hashed = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()
    passwords = read(tmp_path / "users", f"ann:{hashed}")
    assert passwords.admits("ann", b"x" * 100)
    assert not passwords.admits("ann", b"x" * 71)


def test_a_password_with_a_zero_byte_is_no_password(bcrypt, tmp_path):
    hashed = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
    assert not read(tmp_path / "users", f"ann:{hashed}").admits("ann", b"secret\0more")


def test_a_stranger_takes_as_long_as_the_slowest_user(bcrypt, monkeypatch):
    asked = []
    monkeypatch.setattr(htpasswd, "_matches", lambda hashed, _: asked.append(hashed))
    quick, slow = _SHAPED, _SHAPED.replace("$04$", "$10$")
    Passwords({"a": "{SHA}" + "A" * 27 + "=", "b": quick, "c": slow}).admits("stranger", b"x")
    assert asked == [slow]


@pytest.mark.parametrize(
    "hashed",
    [
        _SHAPED.replace("$04$", "$18$"),
        _SHAPED.replace("$04$", "$31$"),
        _SHAPED.replace("$04$", "$03$"),
        _SHAPED[:-1],
        _SHAPED + "x",
        _SHAPED.replace("$2y$", "$2x$"),
    ],
)
def test_what_is_no_bcrypt_or_would_take_for_ever_is_refused_when_it_is_read(tmp_path, hashed):
    with pytest.raises(RepositoryError, match="line 1"):
        read(tmp_path / "users", f"ann:{hashed}")


def test_without_the_package_the_error_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "bcrypt", None)
    monkeypatch.setattr(htpasswd, "find_spec", lambda _: None)
    with pytest.raises(RepositoryError, match="line 1: a bcrypt hash needs the package") as caught:
        read(tmp_path / "users", f"ann:{_SHAPED}")
    assert "pip install 'packcore[bcrypt]'" in str(caught.value.hint)
    assert _SHAPED not in str(caught.value)
