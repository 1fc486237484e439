r"""Names of refs: which are allowed, and how their bytes become text and back.

The rules are git-check-ref-format's:

    refs/heads/topic      components between slashes, at least two
    .x   x.lock           no component starts with a dot or ends in `.lock`
    a..b   a@{b           neither `..` nor `@{` anywhere
    ~ ^ : ? * [ \ space   nor these, nor control characters, nor DEL
    /a  a/  a//b  a.      no empty component, no dot at the end; `@` alone is no name

A name is bytes to git; here it is `str`, decoded as UTF-8 with surrogateescape, so that any bytes
survive the way there and back.

>>> is_valid_ref_name("refs/heads/topic"), is_valid_ref_name("refs/heads/a..b"), is_valid_ref_name("HEAD")
(True, False, False)
>>> encode_ref_name(decode_ref_name(b"refs/heads/caf\xe9"))
b'refs/heads/caf\xe9'
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, AnyStr, Literal, NamedTuple, get_args

from packcore.errors import InvalidRefName
from packcore.ids import hex_repr

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from packcore.errors import UnreadableRef
    from packcore.ids import ObjectId

__all__ = [
    "REF_KINDS",
    "REF_NAME_BYTES_MAX",
    "REPLACE_PREFIX",
    "Ref",
    "RefKind",
    "RefList",
    "are_all_below",
    "are_usual_ref_names",
    "check_ref_name",
    "decode_ref_name",
    "decode_ref_names",
    "encode_ref_name",
    "encode_ref_names",
    "invalid_ref_names",
    "is_remote_ref_name",
    "is_valid_ref_name",
    "ref_kind",
    "ref_sort_key",
    "sort_key_of",
]

RefKind = Literal["branch", "tag", "other"]
REF_KINDS: tuple[RefKind, ...] = get_args(RefKind)

REPLACE_PREFIX = "refs/replace/"
"""An id follows: what git reads in place of that object."""

REF_NAME_BYTES_MAX = 4096
"""Longer names fit no path of a file system, so no repository on disk can hold them."""

_ORDINARY = re.compile(r"refs(?:/[\w+#=,-]+(?:\.[\w+#=,-]+)*)+", re.ASCII)
"""What nearly all names look like. One that matches and has no `.lock` in it breaks no rule."""
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]")
_FORBIDDEN_IN_LINES = bytes(set(range(33)) - {ord("\n")} | {0x7F} | set(b"~^:?*[\\"))


class Ref(NamedTuple):
    """A ref as a repository holds it."""

    name: str
    oid: ObjectId
    """What it comes to, symbolic refs followed."""
    symref: str | None = None
    """Where it is symbolic: the ref that it comes to, further symbolic ones followed."""
    peeled: ObjectId | None = None
    """What the annotated tag it names comes to, where that is known without reading objects."""

    def __repr__(self) -> str:
        return hex_repr(self)


class RefList(NamedTuple):
    """All refs of a repository. Only a name that is in neither dict is absent."""

    known: dict[str, Ref]
    """The refs that come to an id, sorted by the bytes of their names."""
    unreadable: dict[str, UnreadableRef]
    """Refs that are there but can't be read, and folders of refs that can't be listed, sorted likewise."""


def ref_kind(name: str) -> RefKind:
    """Tell a branch from a tag from anything else below `refs/`."""
    if name.startswith("refs/heads/"):
        return "branch"
    return "tag" if name.startswith("refs/tags/") else "other"


def decode_ref_name(name: bytes) -> str:
    """Return a name's bytes as text; bytes that aren't UTF-8 become lone surrogates."""
    return name.decode("utf-8", "surrogateescape")


def decode_ref_names(names: Sequence[bytes]) -> list[str]:
    """Return many names as text. None of them may hold a line feed."""
    return decode_ref_name(b"\n".join(names)).split("\n") if names else []


def encode_ref_name(name: str) -> bytes:
    """Return the bytes of a name. Raises InvalidRefName on surrogates that never were bytes."""
    try:
        return name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise InvalidRefName(f"not a ref name: {name[:80]!r}: it holds a lone surrogate") from None


def encode_ref_names(names: Sequence[str]) -> list[bytes]:
    """Return the bytes of many names. None of them may hold a line feed. Raises InvalidRefName."""
    return encode_ref_name("\n".join(names)).split(b"\n") if names else []


def ref_sort_key(name: str) -> bytes:
    """Order names as git does: by their bytes."""
    if name.isascii():
        return name.encode()
    return name.encode("utf-8", "surrogatepass" if not _is_escaped(name) else "surrogateescape")


def _is_escaped(name: str) -> bool:
    return all("\udc80" <= char <= "\udcff" for char in name if "\ud800" <= char <= "\udfff")


def check_ref_name(name: str, *, one_level: bool = False) -> None:
    """Check a whole name such as `refs/heads/main`; `one_level` also takes `HEAD` and the like.

    Raises InvalidRefName, which says what is wrong with it.
    """
    reason = None if _is_ordinary(name) else _fault(name, one_level=one_level)
    if reason is not None:
        raise InvalidRefName(f"not a ref name: {name[:80]!r}: {reason}")


def is_valid_ref_name(name: str, *, one_level: bool = False) -> bool:
    """Tell whether `check_ref_name` would take the name."""
    return _is_ordinary(name) or _fault(name, one_level=one_level) is None


def are_usual_ref_names(names: Sequence[bytes]) -> bool:
    """Tell whether all of very many names are valid and below `refs/`, by a few searches of all their bytes.

    False if any of them might not be: `is_valid_ref_name` decides then.
    """
    if not names:
        return True
    text = b"\n".join(names)
    ends = len(names) - 1
    return not (
        text.count(b"\n") != ends
        or text.count(b"\nrefs/") != ends
        or not text.startswith(b"refs/")
        or len(text.translate(None, _FORBIDDEN_IN_LINES)) != len(text)
        or text.endswith((b"/", b"."))
        or any(fault in text for fault in (b"//", b"/\n"))
        or (b"." in text and any(fault in text for fault in (b"..", b"/.", b".\n", b".lock")))
        or b"@{" in text
        or (len(text) > REF_NAME_BYTES_MAX and max(map(len, names)) > REF_NAME_BYTES_MAX)
    )


def are_all_below(names: Collection[AnyStr], prefixes: tuple[AnyStr, ...]) -> bool:
    """Tell whether each of very many names begins with one of the prefixes."""
    if not names:
        return True
    # What the first and the last in order begin with, all between them do.
    first, last = min(names), max(names)
    if any(first.startswith(prefix) and last.startswith(prefix) for prefix in prefixes):
        return True
    return all(name.startswith(prefixes) for name in names)


def invalid_ref_names(names: Collection[str]) -> list[str]:
    """Return those of very many names that `check_ref_name` refuses; usual ones are checked together."""
    with suppress(InvalidRefName):
        raw = encode_ref_names(list(names))
        if len(raw) == len(names) and are_usual_ref_names(raw):
            return []
    return [name for name in names if not is_valid_ref_name(name)]


def sort_key_of(names: Iterable[str]) -> Callable[[str], str | bytes]:
    """Return a key that sorts these names as `ref_sort_key` does, and takes less time where it can."""
    return str if all(map(str.isascii, names)) else ref_sort_key


def is_remote_ref_name(name: str) -> bool:
    """Tell whether a name may come from a remote: `HEAD`, or a valid one below `refs/`."""
    return name == "HEAD" or (name.startswith("refs/") and is_valid_ref_name(name))


def _is_ordinary(name: str) -> bool:
    return _ORDINARY.fullmatch(name) is not None and ".lock" not in name and len(name) <= REF_NAME_BYTES_MAX


def _fault(name: str, *, one_level: bool) -> str | None:
    if not name or name == "@":
        return "it is empty or `@`"
    if not _is_escaped(name):
        return "it holds a lone surrogate"
    if len(name) > REF_NAME_BYTES_MAX:
        return f"it is longer than {REF_NAME_BYTES_MAX} bytes"
    if match := _FORBIDDEN.search(name):
        return f"it holds {match[0]!r}"
    if ".." in name or "@{" in name:
        return "it holds `..` or `@{`"
    if name.endswith("."):
        return "it ends in a dot"
    components = name.split("/")
    if len(components) < 2 and not one_level:
        return "it has only one component"
    for component in components:
        if not component:
            return "it has an empty component"
        if component.startswith(".") or component.endswith(".lock"):
            return "a component starts with a dot or ends in `.lock`"
    return None
