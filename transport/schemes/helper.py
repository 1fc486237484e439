"""Any other `scheme://…`: a `git-remote-<scheme>` on the user's PATH carries the conversation.

    we send                                the helper answers
    capabilities                           stateless-connect, connect, …, an empty line
    stateless-connect git-upload-pack      an empty line, then as `git upload-pack` in protocol v2;
                                           behind each answer a response-end packet
    connect git-receive-pack               an empty line, then as `git receive-pack`

`stateless-connect` is only for fetches in protocol v2. For pushes and for fetches in other versions, the
helper must offer `connect`. Its `fetch`, `import` and `push` commands are not supported, because they need a
local git repository. The helper is found by its exact name in the absolute folders of PATH, and runs without
a shell. `ext` and `fd` are never run, because they would run commands from a URL. Only schemes that the user
typed get here: no redirect and no repository can choose one. See gitremote-helpers(7).
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from transport.errors import (
    AnswerTooLarge,
    InvalidEndpoint,
    NetworkError,
    RemoteError,
    RemoteProtocolError,
    TransportError,
    UnsupportedByRemote,
)
from transport.safe_text import one_line
from transport.schemes.lasting import LastingTransport
from transport.schemes.links import ProgramLink
from transport.schemes.patience import Patience

if TYPE_CHECKING:
    from collections.abc import Mapping

    from transport.base import Service
    from transport.endpoint import Endpoint
    from transport.options import TransportOptions
    from transport.schemes.links import Link
    from transport.trace import RequestTrace

__all__ = ["open_helper"]

_NEVER = frozenset({"ext", "fd"})
_KNOWN = frozenset({"stateless-connect", "connect", "option", "fetch", "push", "import", "export", "get"})
_LINE_BYTES_MAX = 4096
_LINES_MAX = 100
_UNASKING = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "SSH_ASKPASS": "", "GCM_INTERACTIVE": "never"}


def open_helper(endpoint: Endpoint, options: TransportOptions) -> LastingTransport:
    """Return the transport for an endpoint whose scheme needs a helper.

    Raises InvalidEndpoint if there is no helper, or if the URL would expose a password on this machine.
    """
    program = _find(endpoint.scheme, options.environment)
    if endpoint.password is not None or endpoint.secrets:
        raise InvalidEndpoint(
            f"a password or token in a {endpoint.scheme}:// URL would be visible in the process list",
            hint="leave it out, and let the helper look it up",
        )
    url = str(endpoint)
    name = f"git-remote-{endpoint.scheme}"

    def connect(service: Service, version: int, trace: RequestTrace) -> Link:
        environment = {**options.environment, **_UNASKING}
        environment.pop("GIT_PROTOCOL", None)
        if version:
            environment["GIT_PROTOCOL"] = f"version={version}"
        trace.say(f"runs {name} for {service}")
        link = ProgramLink(
            [program, endpoint.typed, endpoint.typed],
            environment=environment,
            name=url,
            idle_timeout=options.idle_timeout,
            patience=Patience(options.stall_timeout, side=options.side),
            on_line=lambda line: trace.say(f"stderr: {line}"),
            explain=lambda code, said: _explain(name, url, code, said),
        )
        try:
            transport.response_end = _Handshake(link, name, url).connect(service, version)
        except BaseException:
            link.close(politely=False)
            raise
        return link

    transport = LastingTransport(url, options, connect, scheme="helper")
    return transport


def _find(scheme: str, environment: Mapping[str, str]) -> str:
    if scheme in _NEVER:
        raise InvalidEndpoint(f"{scheme}:// would run any command that a URL names; it is never used")
    name = f"git-remote-{scheme}"
    folders = [
        folder for folder in environment.get("PATH", "").split(os.pathsep) if Path(folder).is_absolute()
    ]
    found = shutil.which(name, path=os.pathsep.join(folders)) if folders else None
    if found is None:
        raise InvalidEndpoint(
            f"{scheme}:// is not supported, and there is no {name} on PATH",
            hint="supported without a helper: https, http, ssh, git, file",
        )
    return found


def _explain(name: str, url: str, code: int, said: str) -> TransportError | None:
    if code == 0:
        return None
    return RemoteError(
        f"{name} failed for {url}" + (f"; it said: {said}" if said else f" (exit code {code})")
    )


class _Handshake:
    """The lines before the git conversation."""

    def __init__(self, link: ProgramLink, name: str, url: str) -> None:
        self._link = link
        self._name = name
        self._url = url
        self._held = b""

    def connect(self, service: Service, version: int) -> bool:
        """Make the helper connect; return whether each answer will end with a response-end packet."""
        offered = self._capabilities()
        ways = ["connect"] if service == "git-receive-pack" else ["stateless-connect", "connect"]
        if version != 2:
            ways.reverse()
        for way in ways:
            if way not in offered:
                continue
            answer = self._ask(f"{way} {service}")
            if answer == b"":
                self._link.stream.put_back(self._held)
                return way == "stateless-connect"
            if answer != b"fallback":
                raise RemoteProtocolError(
                    f"{self._name} answers to {way!r} with {one_line(answer, limit=80)!r}"
                )
        raise self._unable(service)

    def _unable(self, service: Service) -> UnsupportedByRemote:
        if service == "git-receive-pack":
            return UnsupportedByRemote(
                f"{self._name} can't be pushed through: it offers no way to connect to git-receive-pack",
                hint="its own push command needs a git repository on this disk; push with git",
            )
        return UnsupportedByRemote(
            f"{self._name} can't be fetched through: it connects to {self._url} "
            "neither by stateless-connect nor by connect",
            hint="stateless-connect needs a server that speaks protocol v2",
        )

    def _capabilities(self) -> set[str]:
        line = self._ask("capabilities")
        offered: set[str] = set()
        for _ in range(_LINES_MAX):
            if not line:
                return offered
            capability = line.decode("utf-8", "replace")
            mandatory, name = capability.startswith("*"), capability.removeprefix("*").split(" ")[0]
            if mandatory and name not in _KNOWN:
                raise UnsupportedByRemote(
                    f"{self._name} insists on {one_line(name, limit=80)}, which is unknown"
                )
            offered.add(name)
            line = self._line()
        raise AnswerTooLarge(
            f"{self._name} lists more than {_LINES_MAX} capabilities",
            limit=f"{_LINES_MAX} capabilities",
            named=True,
        )

    def _ask(self, command: str) -> bytes:
        self._link.stream.write(f"{command}\n".encode("ascii"))
        return self._line()

    def _line(self) -> bytes:
        while b"\n" not in self._held:
            data = self._link.stream.receive()
            if not data:
                raise self._link.fault() or NetworkError(f"{self._name} ended without an answer")
            self._held += data
            if len(self._held) > _LINE_BYTES_MAX and b"\n" not in self._held:
                raise AnswerTooLarge(
                    f"{self._name} sends an endless line",
                    limit=f"{_LINE_BYTES_MAX} bytes a line",
                    named=True,
                )
        line, _, self._held = self._held.partition(b"\n")
        return line
