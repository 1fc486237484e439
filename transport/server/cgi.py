"""The same server as a CGI program (RFC 3875), in the place of `git http-backend`.

    GIT_PROJECT_ROOT + PATH_INFO    which folder is served, and what the URL names below it; or
    PATH_TRANSLATED                 both in one: the folder is the one that the repository is in
    GIT_HTTP_EXPORT_ALL             serve every repository, not only those with a file git-daemon-export-ok
    GIT_PROTOCOL                    the version, where the web server doesn't pass on Git-Protocol
    and those of `server.requester`

Pushes are taken if `http.receivepack` says so; where it says nothing, from users who signed in (REMOTE_USER).
Files are served unless `http.getanyfile` says no (`server.static_files`). Specified in git-http-backend. Two
things differ: what a symbolic link reaches outside the folder is not served, and a refusal says why.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packcore.errors import RepositoryError
from transport.errors import InvalidRequest
from transport.server.served import ServedRepositories
from transport.server.settings import ServerSettings
from transport.server.unpacking import GIT_UNPACK_LIMIT
from transport.server.wsgi import WsgiServer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from io import RawIOBase

    from transport.server.hooks import HookSettings

__all__ = ["serve_cgi"]

_SERVICE = re.compile(r"/(HEAD|info/refs|objects/.*|git-[a-z-]+)\Z")


def serve_cgi(
    environment: Mapping[str, str],
    body: RawIOBase,
    write: Callable[[bytes], None],
    *,
    hooks: HookSettings | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> bool:
    """Answer the request that `environment` describes; return whether the answer is whole.

    `body` is the request's, `write` takes the answer. `tell` gets a line for each fault.
    Raises InvalidRequest where no web server can have made these variables.
    """
    if not environment.get("REQUEST_METHOD"):
        raise InvalidRequest("REQUEST_METHOD is not set", hint="a web server starts this program, by CGI")
    root, path = _served(environment)
    try:
        served = ServedRepositories(
            root, export_all=True, marked_only="GIT_HTTP_EXPORT_ALL" not in environment
        )
    except RepositoryError as error:
        tell(str(error))
        write(b"Status: 404 Not Found\r\nContent-Type: text/plain\r\n\r\nrepository not found\n")
        return True
    settings = ServerSettings(
        served,
        allow_push=None,
        static_files=True,
        unpack_limit=GIT_UNPACK_LIMIT,
        hooks=hooks,
        tell=tell,
        packs=None,
        log=lambda _: None,
    )
    request: dict[str, Any] = {name: _latin(text) for name, text in environment.items()}
    request |= {"PATH_INFO": _latin(path), "wsgi.input": body, "wsgi.input_terminated": True}
    if "GIT_PROTOCOL" in environment:
        request["HTTP_GIT_PROTOCOL"] = environment["GIT_PROTOCOL"]

    def begin(status: str, headers: list[tuple[str, str]], *_: Any) -> Callable[[bytes], object]:
        # 200 is the default (RFC 3875, 6.3.3), and git doesn't name it.
        lines = [] if status.startswith("200 ") else [f"Status: {status}"]
        lines += [f"{name}: {value}" for name, value in headers]
        write("".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1"))
        return write

    try:
        WsgiServer(settings)(request, begin)
    except ConnectionResetError:
        return False  # said by `tell`; the web server sees that the program failed
    return True


def _latin(text: str) -> str:
    """Return a variable's bytes, each as the character of that number (PEP 3333)."""
    return os.fsencode(text).decode("latin-1")


def _served(environment: Mapping[str, str]) -> tuple[str, str]:
    """Return the folder that is served and the path below it. Raises InvalidRequest."""
    path = environment.get("PATH_INFO", "")
    if root := environment.get("GIT_PROJECT_ROOT"):
        return root, path
    whole = re.sub("/+", "/", environment.get("PATH_TRANSLATED", ""))
    if not whole:
        raise InvalidRequest("neither GIT_PROJECT_ROOT nor PATH_TRANSLATED is set")
    if path and whole.endswith(path):
        return whole.removesuffix(path) or "/", path
    root = str(Path(_SERVICE.sub("", whole)).parent)
    return root, whole.removeprefix(root.rstrip("/"))
