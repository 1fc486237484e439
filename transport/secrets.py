r"""The secrets of a run, and the mask that hides them in text: one value, filled by any code that finds one.

    secrets = Secrets()
    secrets.add("hunter2")                     a token, a password
    secrets.add_basic("me", "hunter2")         user and password as an Authorization header joins them
    secrets.mask("Basic bWU6aHVudGVyMg==")     'Basic ***'

A registry belongs to the `TransportOptions` of a side. The options add their own secrets, the keyring adds
each credential that it returns, and a transport adds the user and password of URLs and proxies. So it grows
during a run. `Secrets(parent)` passes everything to its parent within this process: the command line has one
parent for all sides and all pairs of a manifest, but a worker gets only those of its own pair. There is no
registry for the whole process: two runs of a library user share nothing.

What a secret hides depends on its length:

    1 to 3 characters   only as a complete part: after `Basic`, `Bearer`, `Token` or the name of its header,
                        and as the password of a URL. Elsewhere it would hide ordinary words
    4 and more          everywhere, in every form of `transport.secret_forms`

A user name is not a secret unless it looks like a token: 20 or more letters and digits. In URLs, the user of
http is never shown, because it may be a token; the user of ssh is shown.
"""

from __future__ import annotations

import binascii
import re
import threading
from base64 import b64decode
from contextlib import contextmanager
from copy import copy
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from transport.secret_forms import Needle, basic_needles, layers, needles_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["MASK", "Secrets", "looks_like_token"]

MASK = "***"

_ANYWHERE_CHARACTERS_MIN = 4
_HEADER_ANYWHERE_CHARACTERS_MIN = 8
"""The value of a header that isn't about authentication may be an ordinary word, such as `true` or `main`."""
_AUTHENTICATING = r"(?i)auth|cookie|token|secret|key|password"
_SECRET_OPTION = rf"{_AUTHENTICATING}|variable|pass"
"""Matches in the name of a push option, including `ci.variable=NAME=`."""
_TOKEN = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[!-~]{20,}\Z")
_URL_USER = r"\b([a-zA-Z][a-zA-Z0-9+.-]{0,30})://([^/?#\s'\"]*)@"
_SHOWN_USERS = {"ssh", "git+ssh", "ssh+git"}
_CUT = " [cut]"
_CUTS_MAX = 16


def looks_like_token(user: str) -> bool:
    """Return whether the user of a URL is a token rather than a name.

    >>> looks_like_token("ghp_16C7e42F292c6912E7710c838347Ae178B4a"), looks_like_token("octocat")
    (True, False)
    """
    return _TOKEN.match(user) is not None


class Secrets:
    """The texts that must not be shown. Thread-safe; pickled without its parent."""

    def __init__(self, parent: Secrets | None = None) -> None:
        self._parent = parent
        self._lock = threading.Lock()
        # Replaced, never changed, so that masking in another thread continues with the old value.
        self._needles: frozenset[Needle] = frozenset()
        self._parts: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return "Secrets()"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (self._needles, self._parts)

    # -- filling ----------------------------------------------------------------------------------

    def add(self, secret: str) -> None:
        """Add a token or a password."""
        if len(secret) >= _ANYWHERE_CHARACTERS_MIN:
            self._add(needles_of(secret))
        elif secret:
            self._add((), (rf"(?i:\b(?:basic|bearer|token)\s+)({re.escape(secret)})(?![\w.~+/-])",))
            self._add((), (rf":({re.escape(secret)})@",))

    def add_basic(self, user: str, password: str) -> None:
        """Add the user and password of basic authentication; the user alone counts only if it is a token."""
        self.add(password)
        self.add_user(user)
        self._add(basic_needles(user, password))

    def add_user(self, user: str) -> None:
        """Add a user name if it looks like a token."""
        if looks_like_token(user):
            self.add(user)

    def add_url(self, user: str | None, password: str | None) -> None:
        """Add the decoded user and password of a URL."""
        if password is not None:
            self.add_basic(user or "", password)
        elif user:
            self.add_user(user)

    def add_header(self, name: str, value: str) -> None:
        """Add the value of a header that the user gave: as a whole, and the credentials in it."""
        value = value.strip()
        scheme, _, rest = value.partition(" ")
        if name.lower() == "cookie":
            words = [value, *(cookie.partition("=")[2].strip() for cookie in value.split(";"))]
        else:
            words = [value, rest.strip()]
        if scheme.lower() == "basic":
            self._add_decoded(rest.strip())
        for word in filter(None, words):
            if len(word) < _ANYWHERE_CHARACTERS_MIN:
                self.add(word)
                self._add((), (rf"(?i:\b{re.escape(name)})['\"]?\s*[:=]\s*['\"]?({re.escape(word)})(?!\w)",))
            elif re.search(_AUTHENTICATING, name) or len(word) >= _HEADER_ANYWHERE_CHARACTERS_MIN:
                self.add(word)
            else:
                self._add(needles_of(word, alone=True))

    def add_push_option(self, option: str) -> None:
        """Add the value of a push option if it looks like a secret or its name says so.

        `merge_request.target=main` isn't one, `ci.variable=TOKEN=hunter2` is.
        """
        name, _, value = option.rpartition("=")
        if re.search(_SECRET_OPTION, name) or looks_like_token(value):
            self.add(value)
            self.add(option.partition("=")[2])

    def _add_decoded(self, text: str) -> None:
        try:
            user, colon, password = b64decode(text, validate=True).decode("utf-8").partition(":")
        except (binascii.Error, ValueError):
            return
        if colon:
            self.add_basic(user, password)

    def _add(self, needles: Iterable[Needle], parts: Iterable[str] = ()) -> None:
        found = frozenset(needle for needle in needles if needle.text)
        with self._lock:
            self._needles |= found
            self._parts |= frozenset(parts)
        if self._parent is not None:
            self._parent._add(found, parts)

    # -- masking ----------------------------------------------------------------------------------

    def mask(self, text: str) -> str:
        """Return the text with each secret, and the user and password of each URL, replaced by `***`.

        >>> Secrets().mask("cannot reach https://me:pw@host/x.git")
        'cannot reach https://***@host/x.git'
        """
        spans = self._spans(text)
        if not spans:
            return text
        kept, at = [], 0
        for start, end in spans:
            kept += [text[at:start], MASK]
            at = end
        return "".join((*kept, text[at:]))

    def mask_bytes(self, data: bytes) -> bytes:
        """Return bytes of the same length, with each byte of a secret replaced by `*`."""
        spans = self._spans(data.decode("latin-1"))
        masked = bytearray(data)
        for start, end in spans:
            masked[start:end] = b"*" * (end - start)
        return bytes(masked)

    def masked(self, value: Any) -> Any:
        """Return a value with its texts masked, at any depth: in lists, dicts, dataclasses and errors.

        A value without secrets is returned as it is; an error is changed in place.
        """
        if isinstance(value, str):
            return self.mask(value)
        if isinstance(value, dict):
            changed = {self.masked(key): self.masked(item) for key, item in value.items()}
            return value if changed == value else changed
        if isinstance(value, list | tuple):
            items = [self.masked(item) for item in value]
            if all(item is before for item, before in zip(items, value, strict=True)):
                return value
            return getattr(type(value), "_make", type(value))(items)
        if isinstance(value, BaseException):
            self.mask_error(value)
        elif is_dataclass(value) and not isinstance(value, type):
            return self._masked_fields(value)
        return value

    def _masked_fields(self, value: Any) -> Any:
        before = {each.name: getattr(value, each.name) for each in fields(value)}
        after = {name: self.masked(item) for name, item in before.items()}
        changed = {name: item for name, item in after.items() if item is not before[name]}
        if not changed:
            return value
        # Not `replace`, whose checks would refuse a ref named refs/heads/***.
        masked = copy(value)
        for name, item in changed.items():
            object.__setattr__(masked, name, item)
        return masked

    def mask_error(self, error: BaseException) -> None:
        """Mask the message of an error, its notes, and the errors that caused it."""
        waiting, seen = [error], set[int]()
        while waiting:
            each = waiting.pop()
            if id(each) in seen:
                continue
            seen.add(id(each))
            if not (isinstance(each, OSError) and each.strerror):  # whose message comes from the system
                each.args = self.masked(each.args)
            for name, value in list(vars(each).items()):
                if isinstance(value, str | list | tuple | dict):
                    setattr(each, name, self.masked(value))
            # The message of a group can't be changed, so another group replaces it.
            each.__context__ = self._masked_group(each.__context__)
            if each.__cause__ is not None:
                each.__cause__ = self._masked_group(each.__cause__)
            waiting += [led for led in (each.__cause__, each.__context__) if led is not None]
            if isinstance(each, BaseExceptionGroup):
                waiting += each.exceptions

    def _masked_group(self, error: BaseException | None) -> BaseException | None:
        """Return an error group with its message masked if it has a secret, and anything else as it is."""
        if not isinstance(error, BaseExceptionGroup) or self.mask(error.message) == error.message:
            return error
        masked = BaseExceptionGroup(self.mask(error.message), error.exceptions)
        masked.__cause__, masked.__context__ = error.__cause__, error.__context__
        vars(masked).update(vars(error))
        return masked.with_traceback(error.__traceback__)

    @contextmanager
    def masking_errors(self) -> Iterator[None]:
        """Mask any error raised in the block."""
        try:
            yield
        except Exception as error:
            self.mask_error(error)
            raise

    def _spans(self, text: str) -> list[tuple[int, int]]:
        """Return the positions of secrets, in order and without overlaps."""
        found = list(_url_users(text)) if "://" in text else []
        needles = self._needles
        if needles:
            found += _found(text, needles)
            for plain, starts, ends in layers(text):
                found += [(starts[start], ends[end - 1]) for start, end in _found(plain, needles)]
        for part in self._parts:
            found += [match.span(1) for match in re.finditer(part, text)]
        return _joined(found) if found else found


def _rebuilt(needles: frozenset[Needle], parts: frozenset[str]) -> Secrets:
    secrets = Secrets()
    secrets._add(needles, parts)
    return secrets


def _url_users(text: str) -> Iterator[tuple[int, int]]:
    for match in re.finditer(_URL_USER, text):
        start, end = match.span(2)
        if match[1].lower() in _SHOWN_USERS:
            user, colon, _ = match[2].partition(":")
            start += len(user) + len(colon)
        if start < end:
            yield start, end


def _found(text: str, needles: Iterable[Needle]) -> Iterator[tuple[int, int]]:
    if _CUT in text:
        yield from _cut_off(text, needles)
    for needle, alone in needles:
        start = text.find(needle)
        while start >= 0:
            end = start + len(needle)
            if not alone or _stands_alone(text, start, end):
                yield start, end
            start = text.find(needle, start + 1)


def _stands_alone(text: str, start: int, end: int) -> bool:
    return not text[start - 1 : start].isalnum() and not text[end : end + 1].isalnum()


def _cut_off(text: str, needles: Iterable[Needle]) -> Iterator[tuple[int, int]]:
    """Find the start of a secret right before `[cut]`, where a line was cut within it."""
    end = len(text)
    for _ in range(_CUTS_MAX):
        end = text.rfind(_CUT, 0, end)
        if end < 0:
            return
        for needle, alone in needles:
            for length in range(min(len(needle) - 1, end), _ANYWHERE_CHARACTERS_MIN - 1, -1):
                if not alone and text.startswith(needle[:length], end - length):
                    yield end - length, end
                    break


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
