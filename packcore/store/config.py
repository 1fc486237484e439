r"""A repository's config file: git's syntax, as git-config describes it, and our use of it.

    [core]                              core.bare                 sections and names ignore case
        bare = true         ; comment
        odd                             core.odd                  a name alone means true
    [remote "Origin"]                   remote.Origin.url         a subsection keeps its case
        url = "a # b" \                 quotes, \n \t \b \" \\, and a backslash to continue the line
              c

Left out on purpose: includes, since a repository that we open must not point us to other files. Settings of
the user, the system or one run come from the caller, as an `OuterConfig`.

>>> GitConfig.parse('[Core]\n\tBare = yes\n[remote "X"] url=a').get_bool("core.bare")
True
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

from packcore.errors import RepositoryError
from packcore.ids import FORMATS, SHA1, ObjectFormat

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = [
    "GitConfig",
    "OuterConfig",
    "RefStorageName",
    "bool_of",
    "folded_key",
    "object_format_of",
    "ref_storage_of",
]

_SECTION = re.compile(r'[ \t]*\[([A-Za-z0-9.-]+)(?:[ \t]+"((?:[^"\\\n]|\\.)*)")?\]')
_NAME = re.compile(r"[ \t]*([A-Za-z][A-Za-z0-9-]*)[ \t]*")
_ESCAPES = {"n": "\n", "t": "\t", "b": "\b", '"': '"', "\\": "\\"}

RefStorageName = Literal["files", "reftable"]
_REF_STORAGES: dict[str, RefStorageName] = {"files": "files", "reftable": "reftable"}

CONFIG_BYTES_MAX = 16 * 1024 * 1024

_KNOWN_EXTENSIONS = frozenset(
    ("noop", "noop-v1", "objectformat", "partialclone", "preciousobjects", "refstorage", "relativeworktrees")
) | {"worktreeconfig"}
_V1_ONLY_EXTENSIONS = frozenset(("noop-v1", "objectformat", "refstorage", "relativeworktrees"))


class GitConfig:
    """The values of one config file, by `section.name` or `section.subsection.name`."""

    def __init__(self, entries: Sequence[tuple[str, str | None]]) -> None:
        self._entries = entries
        self._values: dict[str, list[str | None]] = {}
        for key, value in entries:
            self._values.setdefault(key, []).append(value)

    @classmethod
    def parse(cls, text: str, *, source: str = "config") -> GitConfig:
        """Parse a config file's text. Raises RepositoryError with the line's number."""
        return cls(list(_read(text.removeprefix("\ufeff").replace("\r\n", "\n"), source)))

    @classmethod
    def read(cls, path: Path) -> GitConfig:
        """Read a config file; a missing one sets nothing. Raises RepositoryError."""
        try:
            with path.open("rb") as file:
                data = file.read(CONFIG_BYTES_MAX + 1)
        except FileNotFoundError:
            return cls([])
        except OSError as error:
            raise RepositoryError(f"{path}: {error.strerror}") from None
        if len(data) > CONFIG_BYTES_MAX:
            raise RepositoryError(f"{path}: longer than {CONFIG_BYTES_MAX} bytes")
        return cls.parse(data.decode("utf-8", "surrogateescape"), source=str(path))

    def get(self, key: str, default: str | None = None) -> str | None:
        """Return the last value of a key; "true" for a name without a value."""
        found = self.get_all(key)
        return found[-1] if found else default

    def get_all(self, *keys: str) -> list[str]:
        """Return all values of one or more keys, in the order of the file."""
        if len(keys) > 1:
            return [value for _, value in self.entries(*keys)]
        return ["true" if value is None else value for value in self._values.get(folded_key(keys[0]), [])]

    def get_bool(self, key: str, *, default: bool = False) -> bool:
        """Return a truth value as git reads it. Raises RepositoryError on any other word."""
        value = self.get(key)
        return default if value is None else bool_of(key, value)

    def get_size(self, key: str) -> int | None:
        """Return a number of bytes, perhaps given with k, m or g; None if it isn't set or 0.

        Raises RepositoryError.
        """
        value = self.get(key)
        if not value:
            return None
        number, unit = (value[:-1], value[-1].lower()) if value[-1].isalpha() else (value, "")
        if unit not in ("", "k", "m", "g") or not number.isdecimal() or len(number) > 12:
            raise RepositoryError(f"{key} is no size: {value[:40]!r}")
        return int(number) << {"": 0, "k": 10, "m": 20, "g": 30}[unit] or None

    def get_number(self, key: str, low: int, high: int) -> int | None:
        """Return a whole number; None if it isn't set. Raises RepositoryError if it is out of range."""
        value = self.get(key)
        if value is None:
            return None
        if not re.fullmatch("-?[0-9]{1,9}", value) or not low <= int(value) <= high:
            raise RepositoryError(f"{key} must be a number from {low} to {high}, not {value[:40]!r}")
        return int(value)

    def entries(self, *keys: str) -> list[tuple[str, str]]:
        """Return all entries of several keys, in the order of the file."""
        folded = set(map(folded_key, keys))
        return [(key, "true" if value is None else value) for key, value in self._entries if key in folded]

    def keys(self, prefix: str = "") -> list[str]:
        """Return the keys that start with a prefix, sorted."""
        return sorted(key for key in self._values if key.startswith(prefix))

    def followed_by(self, *others: GitConfig) -> GitConfig:
        """Return the entries of this config and then those of others, which count more."""
        return GitConfig([entry for config in (self, *others) for entry in config._entries])

    def _without(self, prefixes: tuple[str, ...]) -> GitConfig:
        return GitConfig([entry for entry in self._entries if not entry[0].startswith(prefixes)])


_OWN_ONLY = ("core.bare", "core.repositoryformatversion", "core.worktree", "extensions.")
"""What a repository is: only its own file can say that."""


class OuterConfig(NamedTuple):
    """Settings from outside a repository."""

    files: GitConfig
    """Files of the system and the user: the repository's own settings count more."""
    given: GitConfig
    """Settings for one run, which count most."""

    def around(self, own: GitConfig) -> GitConfig:
        """Return all settings that hold in a repository with this config file."""
        return self.files._without(_OWN_ONLY).followed_by(own, self.given._without(_OWN_ONLY))


def bool_of(key: str, value: str) -> bool:
    """Return a truth value as git reads it. Raises RepositoryError, naming the key, for any other word."""
    word = value.lower()
    if word in ("true", "yes", "on") or (word.isdecimal() and int(word[:9]) != 0):
        return True
    if word in ("false", "no", "off", "") or word.isdecimal():
        return False
    raise RepositoryError(f"config {key}: {value[:80]!r} is no truth value")


def folded_key(key: str) -> str:
    """Return a key as it is compared: only a subsection keeps its case."""
    section, dot, rest = key.partition(".")
    subsection, inner_dot, name = rest.rpartition(".")
    return section.lower() + dot + subsection + inner_dot + name.lower()


def _read(text: str, source: str) -> Iterator[tuple[str, str | None]]:
    prefix = ""
    at, line = 0, 1
    while at < len(text):
        if text[at] in " \t\r\n":
            line += text[at] == "\n"
            at += 1
        elif text[at] in "#;":
            end = text.find("\n", at)
            at = len(text) if end < 0 else end
        elif match := _SECTION.match(text, at):
            prefix = match[1].lower() + "."
            if match[2] is not None:
                prefix += re.sub(r"\\(.)", r"\1", match[2]) + "."
            at = match.end()
        elif match := _NAME.match(text, at):
            at = match.end()
            if at >= len(text) or text[at] == "\n":
                yield prefix + match[1].lower(), None
            elif text[at] == "=":
                value, at, newlines = _value(text, at + 1, f"{source}: line {line}")
                yield prefix + match[1].lower(), value
                line += newlines
            else:
                raise RepositoryError(f"{source}: line {line}: {text[at]!r} after the name {match[1]!r}")
        else:
            raise RepositoryError(f"{source}: line {line}: neither a section nor a name")


def _value(text: str, at: int, where: str) -> tuple[str, int, int]:
    """Read a value up to the end of its line; return it, the place after it, and its continuation lines."""
    out: list[str] = []
    quoted = False
    newlines = 0
    blank: list[str] = []  # held back: white space counts only before more text
    while at < len(text) and text[at] != "\n":
        char = text[at]
        at += 1
        if char == '"':
            quoted = not quoted
            out += blank
            blank = []
        elif char == "\\":
            escaped = text[at : at + 1]
            at += 1
            out += blank
            blank = []
            if escaped in ("\n", ""):  # the end of the file counts as the end of a line
                newlines += 1
            elif escaped in _ESCAPES:
                out.append(_ESCAPES[escaped])
            else:
                raise RepositoryError(f"{where}: unknown escape \\{escaped}")
        elif not quoted and char in "#;":
            end = text.find("\n", at)
            at = len(text) if end < 0 else end
        elif not quoted and char in " \t\r":
            if out:
                blank.append(char)
        else:
            out += [*blank, char]
            blank = []
    if quoted:
        raise RepositoryError(f"{where}: a quote is not closed")
    return "".join(out), at, newlines


def object_format_of(config: GitConfig, *, source: str) -> ObjectFormat:
    """Check that we know this kind of repository, and return its object format.

    Raises RepositoryError for a newer format, or an unknown extension.
    """
    version_text = config.get("core.repositoryformatversion", "0") or "0"
    if version_text not in ("0", "1"):
        raise RepositoryError(f"{source}: repository format version {version_text[:20]!r} is not known")
    extensions = {key.removeprefix("extensions."): config.get(key) for key in config.keys("extensions.")}
    if version_text == "1":
        unknown = sorted(set(extensions) - _KNOWN_EXTENSIONS)
        if unknown:
            raise RepositoryError(f"{source}: unknown repository extension {', '.join(unknown)[:120]}")
    elif early := sorted(set(extensions) & _V1_ONLY_EXTENSIONS):
        raise RepositoryError(f"{source}: extension {', '.join(early)} in a repository of format version 0")
    name = extensions.get("objectformat") or SHA1.name
    if name not in FORMATS:
        raise RepositoryError(f"{source}: object format {name[:40]!r} is not known")
    return FORMATS[name]


def ref_storage_of(config: GitConfig, *, source: str) -> RefStorageName:
    """Return how a repository keeps its refs. Raises RepositoryError for a way that we don't know."""
    storage = (config.get("extensions.refstorage") or "files").lower()
    if storage in _REF_STORAGES:
        return _REF_STORAGES[storage]
    raise RepositoryError(
        f"{source}: its refs are kept as {storage[:40]!r}; files and reftable are supported",
        hint="git refs migrate --ref-format=files",
    )
