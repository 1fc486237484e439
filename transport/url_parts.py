r"""The parts of an endpoint that a user typed: user, password, host, port; text in, values out.

    https://user:secret@host:8443/x      parsed as in curl: the user ends at the last `@`
    ssh://me@[::1]:22/x                  parsed as in git: decoded first, then split
    [me@host:2222]:x                     brackets enclose an IPv6 address, or everything before the path
    http://[fe80::1%25eth0]/x            a zone id: the interface of this machine to use

See RFC 3986, RFC 6874 (zone ids), git-clone(1) under "GIT URLS".

>>> ssh_place("[me@host:2222]")
Place(host='host', port=2222, user='me', password=None)
>>> http_place("me:p%40w@[fe80::1%25eth0]:8080")[:2]
('fe80::1%eth0', 8080)
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from typing import NamedTuple
from urllib.parse import unquote

from transport.errors import InvalidEndpoint

__all__ = [
    "Place",
    "decoded",
    "end_of_brackets",
    "http_place",
    "opaque_place",
    "ssh_place",
    "without_dot_segments",
]

_NAME_AND_PORT = r"(?P<host>[^:\[\]]*)(?::(?P<port>[0-9]*))?"
_BRACKETS_AND_PORT = r"\[(?P<host>[^\[\]]*)\](?::(?P<port>[0-9]*))?"
_NO_HOST_NAME = r"[\s/?#@<>\\^`{|}%]"
_ZONE = r"[A-Za-z0-9._~-]+"
_PORT_MAX = 65535
_NO_PLACE = "can't make sense of the host or port of the URL"


class Place(NamedTuple):
    """Where to connect, and as which user. None means that no user was typed; an empty one was typed."""

    host: str
    """Without brackets; an IPv6 address with a zone id is `address%zone`."""
    port: int | None
    user: str | None
    password: str | None


def decoded(text: str) -> str:
    """Undo percent-encoding; bytes that are not UTF-8 stay as they are."""
    return unquote(text, errors="surrogateescape")


def http_place(netloc: str) -> Place:
    """Parse the part between `://` and the path. Raises InvalidEndpoint, without quoting a secret."""
    place = opaque_place(netloc)
    in_brackets = re.fullmatch(_BRACKETS_AND_PORT, place.host)
    found = in_brackets or re.fullmatch(_NAME_AND_PORT, place.host)
    if found is None:
        raise InvalidEndpoint(_NO_PLACE)
    host = _ipv6(found["host"]) if in_brackets else _host_name(decoded(found["host"]))
    return place._replace(host=host, port=_port(found["port"]))


def opaque_place(netloc: str) -> Place:
    """Parse only the user and password; the rest, including a port, becomes the host as it is."""
    userinfo, at, place = netloc.rpartition("@")
    user, colon, password = userinfo.partition(":")
    return Place(place, None, decoded(user) if at else None, decoded(password) if colon else None)


def _ipv6(text: str) -> str:
    """Parse an address with or without a zone id, whose `%` may be written `%25`."""
    address, percent, zone = text.partition("%")
    zone = decoded(zone.removeprefix("25"))
    try:
        IPv6Address(address)
    except ValueError:
        raise InvalidEndpoint(_NO_PLACE) from None
    if percent and not re.fullmatch(_ZONE, zone):
        raise InvalidEndpoint("the zone id of the URL's address is not the name of an interface")
    return address.lower() + (f"%{zone}" if percent else "")


def _host_name(host: str) -> str:
    try:
        host = host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        raise InvalidEndpoint("the URL's host is not a valid domain name") from None
    if re.search(_NO_HOST_NAME, host):
        raise InvalidEndpoint("the URL's host is not a valid domain name")
    return host.lower()


def _port(digits: str | None) -> int | None:
    if not digits:
        return None
    if len(digits) > 6 or int(digits) > _PORT_MAX:
        raise InvalidEndpoint(_NO_PLACE)
    return int(digits)


def end_of_brackets(text: str) -> int:
    """Return the end of the first bracketed part: colons and slashes inside it are not separators."""
    start = text.find("@[") + 1
    return text.find("]", start) + 1 if text.startswith("[", start) else 0


def ssh_place(text: str) -> Place:
    """Parse the part before the path, already decoded. Raises InvalidEndpoint.

    Brackets may enclose only the address, or user, host and port.
    """
    end = end_of_brackets(text)
    start = text.index("[") if end else 0
    name, port = (text[:start] + text[start + 1 : end - 1], text[end:]) if end else (text, "")
    user, at, host = name.rpartition("@")
    if not port:
        host, port = _divided(host)
    if port and not re.fullmatch(r":[0-9]*", port):
        raise InvalidEndpoint(_NO_PLACE)
    user, colon, password = user.partition(":")
    return Place(host, _port(port[1:]), user or None if at else None, password if colon else None)


def _divided(place: str) -> tuple[str, str]:
    """Split host and port; an IPv6 address without brackets has no port."""
    host, colon, port = place.partition(":")
    return (place, "") if ":" in port else (host, colon + port)


def without_dot_segments(path: str) -> str:
    """Resolve `.` and `..` in the path of a URL, as curl does before sending a request.

    >>> [without_dot_segments(path) for path in ("/a/./b/../c.git", "/../x/..", "/a//b")]
    ['/a/c.git', '/', '/a//b']
    """
    kept: list[str] = []
    for segment in path.split("/")[1:]:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if path.endswith(("/.", "/..")):
        kept.append("")
    return "".join(f"/{segment}" for segment in kept)
