"""What git sets by `option` lines, and the answer to each: `ok`, `unsupported`, or `error` with a reason.

    verbosity progress                                          what is said on standard error
    dry-run atomic cas push-option force-if-includes force      of a push
    depth deepen-since deepen-not deepen-relative filter        of a fetch in an older protocol; in v2
    followtags cloning check-connectivity update-shallow        git's own fetch sees to them itself
    from-promisor no-dependents refetch
    object-format                                               lists of refs name the format of their ids

Anything else is unsupported, signed pushes (pushcert) and servpath among them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from packcore.ids import FORMATS
from packcore.refs import is_valid_ref_name

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FETCH_FLAGS", "HelperOptions"]

OK, UNSUPPORTED = "ok", "unsupported"

FETCH_FLAGS = {
    "followtags": "--include-tag",
    "cloning": "--cloning",
    "check-connectivity": "--check-self-contained-and-connected",
    "update-shallow": "--update-shallow",
    "from-promisor": "--from-promisor",
    "refetch": "--refetch",
    "deepen-relative": "--deepen-relative",
}
"""Options that are true or false, and what `git fetch-pack` calls them."""
_FLAGS = {*FETCH_FLAGS, "no-dependents", "force-if-includes", "force", "atomic", "dry-run", "progress"}
_VALUES_MAX = 10_000
_DIGITS_MAX = 18


class _BadValue(Exception):
    """The value of an option makes no sense."""


@dataclass(slots=True)
class HelperOptions:
    """The options of one session."""

    verbosity: int = 1
    depth: int | None = None
    filter_spec: str | None = None
    deepen_since: str | None = None
    deepen_not: list[str] = field(default_factory=list)
    leases: dict[str, str] = field(default_factory=dict)
    """By target ref: the id in hex that it must have; zeros: it must not be there."""
    push_options: list[str] = field(default_factory=list)
    wants_object_format: bool = False
    flags: set[str] = field(default_factory=set)
    """The names of those that are true."""

    @property
    def progress(self) -> bool:
        """Whether progress is to be shown."""
        return "progress" in self.flags

    def set(self, name: str, value: str) -> str:
        """Set an option; return the answer."""
        try:
            if name in _FLAGS:
                (self.flags.add if _truth(value) else self.flags.discard)(name)
                return OK
            setter = _SETTERS.get(name)
            if setter is None:
                return UNSUPPORTED
            setter(self, value)
        except _BadValue as error:
            return f"error {error}"
        return OK

    def end_batch(self) -> None:
        """Forget what held for one push alone."""
        self.leases = {}
        self.push_options = []


def _truth(value: str) -> bool:
    """Read a truth; git writes some of them (from-promisor, refetch) as 1."""
    if value not in ("true", "false", "1", "0"):
        raise _BadValue("the value must be true or false")
    return value in ("true", "1")


def _number(value: str) -> int:
    if not (value.isascii() and value.isdigit()) or len(value) > _DIGITS_MAX:
        raise _BadValue("the value must be a number")
    return int(value)


class _Lease(NamedTuple):
    name: str
    expected: str


def _lease(value: str) -> _Lease:
    name, colon, expected = value.rpartition(":")
    sizes = {object_format.hex_size for object_format in FORMATS.values()}
    is_hex = len(expected) in sizes and not set(expected) - set("0123456789abcdef")
    if not colon or not is_hex or not is_valid_ref_name(name):
        raise _BadValue("the value must be a ref, a colon and an id")
    return _Lease(name, expected)


def _set_verbosity(options: HelperOptions, value: str) -> None:
    options.verbosity = _number(value)


def _set_depth(options: HelperOptions, value: str) -> None:
    options.depth = _number(value)


def _set_since(options: HelperOptions, value: str) -> None:
    options.deepen_since = _argument(value)


def _set_filter(options: HelperOptions, value: str) -> None:
    options.filter_spec = _argument(value)


def _add_not(options: HelperOptions, value: str) -> None:
    _check_room(options.deepen_not)
    options.deepen_not.append(_argument(value))


def _add_lease(options: HelperOptions, value: str) -> None:
    lease = _lease(value)
    options.leases[lease.name] = lease.expected


def _add_push_option(options: HelperOptions, value: str) -> None:
    _check_room(options.push_options)
    if "\n" in value or "\0" in value:
        raise _BadValue("a push option can't hold a line break or a NUL")
    options.push_options.append(value)


def _set_object_format(options: HelperOptions, value: str) -> None:
    if value not in ("", "true", *FORMATS):
        raise _BadValue("unknown object format")
    options.wants_object_format = True


def _argument(value: str) -> str:
    if not value or "\0" in value or "\n" in value:
        raise _BadValue("the value can't be used")
    return value


def _check_room(values: list[str]) -> None:
    if len(values) >= _VALUES_MAX:
        raise _BadValue("too many values")


_SETTERS: dict[str, Callable[[HelperOptions, str], None]] = {
    "verbosity": _set_verbosity,
    "depth": _set_depth,
    "deepen-since": _set_since,
    "deepen-not": _add_not,
    "filter": _set_filter,
    "cas": _add_lease,
    "push-option": _add_push_option,
    "object-format": _set_object_format,
}
