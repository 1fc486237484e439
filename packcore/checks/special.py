"""Checks of the two kinds of blob that git acts on: `.gitmodules` and `.gitattributes`.

    .gitmodules      a name with `..`, a url or path that looks like an option, a url with a line break,
                     `update = !command`      each was once a way to run commands on clone
    .gitattributes   lines of 2048 bytes and more, files over 100 MB, which older versions of git mishandle

Message ids and texts are those of `git fsck` (fsck.c and submodule-config.c are the specification).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packcore.checks.findings import Finding, finding
from packcore.errors import RepositoryError
from packcore.objects import ObjectType
from packcore.store.config import CONFIG_BYTES_MAX, GitConfig

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packcore.ids import ObjectId
    from packcore.store.base import ObjectStore

__all__ = ["check_gitattributes", "check_gitmodules", "check_special_blob"]

ATTRIBUTE_LINE_BYTES_MAX = 2048
ATTRIBUTES_BYTES_MAX = 100 * 1024 * 1024

_LONG_LINE = re.compile(rb"[^\n]{%d}" % ATTRIBUTE_LINE_BYTES_MAX)
_DOTDOT = re.compile(r"(?:\A|[/\\])\.\.(?:[/\\]|\Z)")
_UPWARDS = re.compile(r"\A(?:\.\.?/)+")
_NEWLINE = re.compile(r"\n|%0a", re.IGNORECASE)
_CURL_URL = re.compile(r"(?:http|ftp)s?://(?P<host>(?:[^/?#@]*@)?[^/?#:]*)?", re.IGNORECASE)


def check_special_blob(store: ObjectStore, kind: bytes, oid: ObjectId) -> list[Finding]:
    """Check the blob of a `.gitmodules` or `.gitattributes` entry that `special_blobs` found.

    Raises CorruptData if it can't be read.
    """
    name = kind.decode()
    if oid not in store:
        return [finding(f"{name}Missing", f"unable to read .{name} blob")]
    type_, size = store.header(oid)
    if type_ is not ObjectType.BLOB:
        return [finding(f"{name}Blob", f"non-blob found at .{name}")]
    if size > (CONFIG_BYTES_MAX if kind == b"gitmodules" else ATTRIBUTES_BYTES_MAX):
        return [finding(f"{name}Large", f".{name} too large to parse")]
    if kind == b"gitmodules":
        return check_gitmodules(store.read(oid).data)
    return check_gitattributes(store.stream(oid))


def check_gitattributes(blocks: Iterable[bytes]) -> list[Finding]:
    """Check the bytes of a `.gitattributes` blob, given in blocks of any size."""
    line = b""
    for block in blocks:
        window = line + block
        if _LONG_LINE.search(window):
            return [finding("gitattributesLineLength", ".gitattributes has too long lines to parse")]
        line = window[window.rfind(b"\n") + 1 :]
    return []


def check_gitmodules(data: bytes) -> list[Finding]:
    """Check the bytes of a `.gitmodules` blob."""
    try:
        config = GitConfig.parse(data.decode("utf-8", "surrogateescape"))
    except RepositoryError:
        return [finding("gitmodulesParse", "could not parse gitmodules blob")]
    found: list[Finding] = []
    for key in config.keys("submodule."):
        name, _, variable = key.removeprefix("submodule.").rpartition(".")
        if "." not in key.removeprefix("submodule."):
            continue  # [submodule] without a name describes no submodule
        if not name or _DOTDOT.search(name):
            found.append(finding("gitmodulesName", f"disallowed submodule name: {name}"))
        for value in config.get_all(key):
            if variable == "url" and not _is_good_url(value):
                found.append(finding("gitmodulesUrl", f"disallowed submodule url: {value}"))
            elif variable == "path" and value.startswith("-"):
                found.append(finding("gitmodulesPath", f"disallowed submodule path: {value}"))
            elif variable == "update" and value.startswith("!"):
                found.append(finding("gitmodulesUpdate", f"disallowed submodule update setting: {value}"))
    return found


def _is_good_url(url: str) -> bool:
    if url.startswith("-") or _NEWLINE.search(url):
        return False
    if url.startswith(("./", "../")):
        # `../` and then `:` or `/`: joined to the url of a remote, that makes another scheme or host.
        return not _UPWARDS.sub("", url, count=1).startswith((":", "/"))
    match = _CURL_URL.match(url)
    return match is None or bool(match["host"].rpartition("@")[2])
