r"""User names and passwords from a file of Apache's htpasswd (its manual, "Password Formats").

    alice:$apr1$salt$…      what `htpasswd -m` writes: a thousand rounds of MD5, Apache's own
    dora:$2y$05$…           what `htpasswd -B` writes: bcrypt, by the package of that name (packcore[bcrypt])
    bob:{SHA}base64…        what `htpasswd -s` writes: one SHA-1, no salt; for tests, not for secrets
    carol:{SSHA}base64…     SHA-1 of password and salt, the salt behind it, as LDAP servers write it

Left out: crypt, for which Python has no code of its own, and plain text. Such a line is an error when the
file is read, and so is bcrypt where its package is missing: no login fails without a reason.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from importlib.util import find_spec
from typing import TYPE_CHECKING

from packcore.errors import RepositoryError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Passwords"]

_FILE_BYTES_MAX = 16 * 1024 * 1024
_PASSWORD_BYTES_MAX = 1024
"""Longer ones are refused unseen: hashing them a thousand times is work for nothing."""
_DIGITS = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_APR1 = re.compile(r"\$apr1\$([^$]{1,8})\$([./0-9A-Za-z]{22})\Z")
_BCRYPT = re.compile(r"\$2[aby]\$([0-9]{2})\$[./0-9A-Za-z]{53}\Z")
_BCRYPT_ROUNDS_MAX = 17
"""As logarithm; `htpasswd` makes none above. Each more doubles the time of a login, which anyone may try."""
_BCRYPT_PASSWORD_BYTES = 72
"""Of a longer password bcrypt knows the beginning; its package refuses one from release 5 on."""
_SHA1_BYTES = 20


class Passwords:
    """Who may come in."""

    def __init__(self, hashes: Mapping[str, str]) -> None:
        self._hashes = dict(hashes)
        # Asked for a user who isn't there, so that the answer takes as long as for one who is.
        self._nobody = max(self._hashes.values(), key=_work, default="{SHA}" + "A" * 27 + "=")

    @classmethod
    def read(cls, path: Path) -> Passwords:
        """Read the file. Raises RepositoryError with the line's number; no message repeats a hash."""
        try:
            with path.open("rb") as file:
                data = file.read(_FILE_BYTES_MAX)
        except OSError as error:
            raise RepositoryError(f"{path}: {error.strerror}") from None
        hashes: dict[str, str] = {}
        for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            user, colon, hashed = line.strip().partition(":")
            if not colon or not user:
                raise RepositoryError(f"{path}: line {number} is not `user:hash`")
            if _is_bcrypt(hashed) and not _has_bcrypt():
                raise RepositoryError(
                    f"{path}: line {number}: a bcrypt hash needs the package `bcrypt`",
                    hint="pip install 'packcore[bcrypt]', or make the line with `htpasswd -m` ($apr1$)",
                )
            if not _is_known(hashed):
                raise RepositoryError(
                    f"{path}: line {number}: a kind of password hash that can't be checked here",
                    hint="make it with `htpasswd -B` or `-m`; crypt and plain text are not read",
                )
            hashes.setdefault(user, hashed)
        return cls(hashes)

    def admits(self, user: str, password: bytes) -> bool:
        """Tell whether this is the user's password."""
        known = self._hashes.get(user)
        if len(password) > _PASSWORD_BYTES_MAX:
            return False
        right = _matches(known or self._nobody, password)
        return right and known is not None


def _is_known(hashed: str) -> bool:
    if hashed.startswith("{SSHA}"):
        return len(_unbase64(hashed[6:])) > _SHA1_BYTES
    if hashed.startswith("{SHA}"):
        return len(_unbase64(hashed[5:])) == _SHA1_BYTES
    return _is_bcrypt(hashed) or _APR1.match(hashed) is not None


def _is_bcrypt(hashed: str) -> bool:
    match = _BCRYPT.match(hashed)
    return match is not None and 4 <= int(match[1]) <= _BCRYPT_ROUNDS_MAX


def _has_bcrypt() -> bool:
    return find_spec("bcrypt") is not None


def _work(hashed: str) -> int:
    """Return how long a password takes to check, as far as that tells kinds of hashes apart."""
    if match := _BCRYPT.match(hashed):
        return 1 << int(match[1])
    return int(_APR1.match(hashed) is not None)


def _matches(hashed: str, password: bytes) -> bool:
    if match := _APR1.match(hashed):
        return hmac.compare_digest(_apr1(password, match[1].encode()).encode(), match[2].encode())
    if _is_bcrypt(hashed):
        import bcrypt

        # A zero byte ends a password for C's bcrypt: what is behind it would go unchecked.
        return b"\0" not in password and bcrypt.checkpw(password[:_BCRYPT_PASSWORD_BYTES], hashed.encode())
    wanted = _unbase64(hashed.partition("}")[2])
    salt = wanted[_SHA1_BYTES:] if hashed.startswith("{SSHA}") else b""
    return hmac.compare_digest(hashlib.sha1(password + salt).digest() + salt, wanted)


def _unbase64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _apr1(password: bytes, salt: bytes) -> str:
    """Return the 22 digits behind `$apr1$salt$`.

    >>> _apr1(b"password", b"xxxxxxxx")
    'dxHfLAsjHkDRmG83UXe8K0'
    """
    inner = hashlib.md5(password + salt + password).digest()
    start = password + b"$apr1$" + salt + (inner * (len(password) // 16 + 1))[: len(password)]
    length = len(password)
    while length:
        start += b"\0" if length & 1 else password[:1]
        length >>= 1
    digest = hashlib.md5(start).digest()
    for turn in range(1000):
        first, last = (password, digest) if turn & 1 else (digest, password)
        middle = (salt if turn % 3 else b"") + (password if turn % 7 else b"")
        digest = hashlib.md5(first + middle + last).digest()
    text = ""
    for a, b, c in ((0, 6, 12), (1, 7, 13), (2, 8, 14), (3, 9, 15), (4, 10, 5)):
        text += _digits(digest[a] << 16 | digest[b] << 8 | digest[c], 4)
    return text + _digits(digest[11], 2)


def _digits(number: int, count: int) -> str:
    return "".join(_DIGITS[number >> 6 * place & 63] for place in range(count))
