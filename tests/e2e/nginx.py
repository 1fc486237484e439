"""A real smart-HTTP server: nginx, fcgiwrap and `git http-backend`, without privileges, in one folder.

    port      what stands there
    plain     git http-backend, pushes allowed, request bodies streamed to it
    auth      the same behind basic authentication (`USER`, `PASSWORD`)
    small     the same with client_max_body_size 1m
    buffered  the same, but bodies are taken whole before git sees them
    tls       the same over TLS, for `localhost`, with a certificate of our own
    edge      a second nginx in front of plain, impatient: client_body_timeout 3s, keepalive_timeout 2s,
              request bodies not buffered. A body that pauses for longer is cut off, as CDNs do.

Each server is on a free port of the loopback; nothing outside its folder is written.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from scripts.free_port import free_port
from tests.e2e.servers import Child, wait_until
from tests.support import certificate_authority, find_program, git, git_environment, init_repository, require

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["EDGE_PATIENCE_SECONDS", "PASSWORD", "USER", "AccessLine", "GitHttpServer"]

USER = "mirror"
PASSWORD = "correct horse"

EDGE_PATIENCE_SECONDS = 3.0
"""What the edge's client_body_timeout allows between two reads of a body."""

_BACKENDS = 5
"""How many requests git answers at a time."""

_ORIGINS = ("plain", "auth", "small", "buffered", "tls")
_KINDS = (*_ORIGINS, "edge")

_MAIN = """\
{user}
daemon off;
pid {folder}/{name}.pid;
error_log {folder}/{name}.error.log info;
worker_processes 1;
events {{ worker_connections 256; }}
http {{
  log_format lines '$server_port $request_method $request_uri $status $request_length '
                   '$connection $connection_requests';
  access_log {folder}/{name}.access.log lines;
  client_body_temp_path {folder}/{name}.body;
  proxy_temp_path {folder}/{name}.proxy;
  fastcgi_temp_path {folder}/{name}.fastcgi;
  uwsgi_temp_path {folder}/{name}.uwsgi;
  scgi_temp_path {folder}/{name}.scgi;
  upstream git {{ least_conn; {backends} }}
  {servers}
}}
"""

_GIT = """\
server {{
    listen 127.0.0.1:{port}{listen};
    server_name localhost;
    client_max_body_size {body_max};
    {extra}
    location / {{
      fastcgi_pass git;
      fastcgi_request_buffering {buffering};
      fastcgi_read_timeout 300s;
      fastcgi_param SCRIPT_FILENAME {backend};
      fastcgi_param GIT_PROJECT_ROOT {root};
      fastcgi_param GIT_HTTP_EXPORT_ALL 1;
      fastcgi_param GIT_PROTOCOL $http_git_protocol;
      fastcgi_param PATH_INFO $uri;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length;
      fastcgi_param REMOTE_ADDR $remote_addr;
      fastcgi_param REMOTE_USER $remote_user;
    }}
  }}
"""

_EDGE = """\
server {{
    listen 127.0.0.1:{port};
    client_max_body_size 0;
    client_body_timeout {patience:g}s;
    client_header_timeout {patience:g}s;
    keepalive_timeout 2s;
    location / {{
      proxy_pass http://127.0.0.1:{origin};
      proxy_http_version 1.1;
      proxy_request_buffering off;
      proxy_buffering off;
      proxy_read_timeout 300s;
    }}
  }}
"""


@dataclass(frozen=True, slots=True)
class AccessLine:
    """One request as the server logged it."""

    port: int
    method: str
    uri: str
    status: int
    request_bytes: int
    connection: int
    connection_requests: int
    """Which request of its connection this was, from 1."""


class GitHttpServer:
    """The servers above, over the bare repositories below `root`. A context manager."""

    def __init__(self, folder: Path) -> None:
        require("git", "nginx", "fcgiwrap")
        self.folder = folder
        self.root = folder / "root"
        self.root.mkdir(parents=True)
        self.ports = {kind: free_port() for kind in _KINDS}
        self.certificate = folder / "authority.pem"
        self._children: list[Child] = []
        self._write_certificate()

    def __enter__(self) -> Self:
        try:
            self._start_backend()
            self._start_nginx("origin", [self._git_server(kind) for kind in _ORIGINS])
            self._start_nginx("edge", [self._edge_server()])
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self, *, kill: bool = False) -> None:
        """End all processes; `kill` gives them no time to say goodbye. Idempotent."""
        for child in reversed(self._children):
            child.stop(kill=kill)
        self._children.clear()

    def url(self, path: str, kind: str = "plain", *, user: str = "") -> str:
        """Return the URL of a repository below the root at one of the servers."""
        scheme, host = ("https", "localhost") if kind == "tls" else ("http", "127.0.0.1")
        return f"{scheme}://{user}{'@' if user else ''}{host}:{self.ports[kind]}/{path}"

    def create(self, path: str, *, object_format: str = "sha1") -> Path:
        """Make an empty bare repository below the root and return its path on disk."""
        return init_repository(self.root / path, object_format=object_format)

    def requests(self, path: str, kind: str = "plain") -> list[AccessLine]:
        """Return the requests for a repository that one server has logged so far."""
        name = "edge" if kind == "edge" else "origin"
        lines = [_parse_line(line) for line in self._log(f"{name}.access.log").splitlines()]
        return [line for line in lines if line.port == self.ports[kind] and line.uri.startswith(f"/{path}/")]

    def wait_for_requests(self, path: str, count: int, kind: str = "plain") -> list[AccessLine]:
        """Return the logged requests once there are `count`: nginx logs after the answer is sent."""
        wait_until(lambda: len(self.requests(path, kind)) >= count, f"{count} requests for {path} in the log")
        return self.requests(path, kind)

    def logs(self) -> str:
        """Return the tails of all logs, for a failed test's report."""
        names = sorted(path.name for path in self.folder.glob("*.log"))
        return "\n".join(f"--- {name}\n{self._log(name)[-4000:]}" for name in names)

    def _log(self, name: str) -> str:
        with contextlib.suppress(FileNotFoundError):
            return (self.folder / name).read_text(errors="replace")
        return ""

    def _start_backend(self) -> None:
        settings = {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "http.receivepack",
            "GIT_CONFIG_VALUE_0": "true",
        }
        environment = git_environment(settings)
        # One process each, rather than one with children: those would outlive a test run that is killed.
        for path in self._backend_sockets():
            path.unlink(missing_ok=True)
            command = [_program("fcgiwrap"), "-f", "-s", f"unix:{path}"]
            self._children.append(Child(command, self.folder / "fcgiwrap.log", environment=environment))
        for path, child in zip(self._backend_sockets(), self._children, strict=True):
            child.wait_for(path.exists, "fcgiwrap to make its socket")

    def _backend_sockets(self) -> list[Path]:
        return [self.folder / f"fcgi{number}.sock" for number in range(_BACKENDS)]

    def _start_nginx(self, name: str, servers: Sequence[str]) -> None:
        user = f"user {_user_name()};" if os.geteuid() == 0 else ""
        backends = " ".join(f"server unix:{path} max_fails=0;" for path in self._backend_sockets())
        names = {"user": user, "folder": self.folder, "name": name, "backends": backends}
        text = _MAIN.format(**names, servers="".join(servers))
        configuration = self.folder / f"{name}.conf"
        configuration.write_text(text)
        command = [
            _program("nginx"),
            "-p",
            str(self.folder),
            "-c",
            str(configuration),
            "-e",
            f"{name}.error.log",
        ]
        child = Child(command, self.folder / f"{name}.log", environment=git_environment())
        self._children.append(child)
        for kind in ("edge",) if name == "edge" else _ORIGINS:
            child.wait_for_port(self.ports[kind])

    def _git_server(self, kind: str) -> str:
        (self.folder / "passwords").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n")
        extra = {
            "auth": f'auth_basic "packcore test"; auth_basic_user_file {self.folder}/passwords;',
            "tls": f"ssl_certificate {self.folder}/server.pem; ssl_certificate_key {self.folder}/server.pem;",
        }
        return _GIT.format(
            port=self.ports[kind],
            listen=" ssl" if kind == "tls" else "",
            body_max="1m" if kind == "small" else "0",
            buffering="on" if kind == "buffered" else "off",
            extra=extra.get(kind, ""),
            folder=self.folder,
            root=self.root,
            backend=Path(git("--exec-path")) / "git-http-backend",
        )

    def _edge_server(self) -> str:
        ports = {"port": self.ports["edge"], "origin": self.ports["plain"]}
        return _EDGE.format(**ports, patience=EDGE_PATIENCE_SECONDS)

    def _write_certificate(self) -> None:
        authority = certificate_authority()
        authority.cert_pem.write_to_path(str(self.certificate))
        issued = authority.issue_cert("localhost", "127.0.0.1")
        issued.private_key_and_cert_chain_pem.write_to_path(str(self.folder / "server.pem"))


def _program(name: str) -> str:
    path = find_program(name)
    assert path is not None
    return path


def _user_name() -> str:
    import pwd

    return pwd.getpwuid(os.geteuid()).pw_name


def _parse_line(line: str) -> AccessLine:
    port, method, uri, status, size, connection, number = line.split(" ")
    return AccessLine(int(port), method, uri, int(status), int(size), int(connection), int(number))
