"""Other web servers over bare repositories: lighttpd, Apache, and dulwich's own.

    Lighttpd    `git http-backend` by mod_cgi, server.stream-request-body = 2: chunked bodies are told 411
    Apache      `git http-backend` by mod_cgi
    Dulwich     dulwich.web, in a process of its own

Each is a context manager with `root`, `url(path)` and `create(path)`, as `tests.e2e.nginx.GitHttpServer` is,
on a free port of the loopback; nothing outside its folder is written.
"""

from __future__ import annotations

import os
import sys
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scripts.free_port import free_port
from tests.e2e.servers import Child, Listening
from tests.support import find_program, git, git_environment, init_repository, require, require_path

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Apache", "Dulwich", "Lighttpd", "WebServer"]

_LIGHTTPD = """\
server.modules = ("mod_alias", "mod_setenv", "mod_cgi")
server.document-root = "{root}"
server.bind = "127.0.0.1"
server.port = {port}
server.errorlog = "{folder}/error.log"
server.upload-dirs = ("{folder}")
server.stream-request-body = 2
server.stream-response-body = 2
alias.url = ("/git/" => "{backend}/")
cgi.assign = ("" => "")
setenv.set-environment = ({environment})
"""

_APACHE = """\
ServerRoot "{folder}"
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
PidFile "{folder}/apache.pid"
ErrorLog "{folder}/error.log"
LogLevel info
LoadModule mpm_prefork_module {modules}/mod_mpm_prefork.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule alias_module {modules}/mod_alias.so
LoadModule env_module {modules}/mod_env.so
LoadModule setenvif_module {modules}/mod_setenvif.so
LoadModule cgi_module {modules}/mod_cgi.so
StartServers 4
LimitRequestBody 0
{environment}
SetEnvIf Git-Protocol ".*" GIT_PROTOCOL=$0
ScriptAlias /git/ "{backend}/"
<Directory "/">
  Options +ExecCGI
  Require all granted
</Directory>
"""

_DULWICH = """\
import logging
import sys
from dulwich.repo import Repo
from dulwich.server import FileSystemBackend
from dulwich.web import WSGIRequestHandlerLogger, WSGIServerLogger, make_server, make_wsgi_chain
import socketserver

class Server(socketserver.ThreadingMixIn, WSGIServerLogger):
    daemon_threads = True

logging.basicConfig(level=logging.INFO)
application = make_wsgi_chain(FileSystemBackend())
make_server(
    "127.0.0.1", int(sys.argv[1]), application, handler_class=WSGIRequestHandlerLogger, server_class=Server
).serve_forever()
"""


class WebServer(Listening, ABC):
    """What the three have in common."""

    @property
    def path_prefix(self) -> str:
        """What stands before a repository's path in its URL."""
        return "git/"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "root"
        self.root.mkdir(parents=True)
        self.port = free_port()
        self._child = Child(self.command(), folder / "server.log", environment=self.environment())

    @abstractmethod
    def command(self) -> Sequence[str]:
        """Write what the server needs, and return how it is started."""

    def environment(self) -> dict[str, str]:
        """Return what `git http-backend` is to find in its environment."""
        config = {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "http.receivepack",
            "GIT_CONFIG_VALUE_0": "true",
            "GIT_HTTP_EXPORT_ALL": "1",
        }
        return git_environment({**config, "GIT_PROJECT_ROOT": str(self.root)})

    def url(self, path: str) -> str:
        """Return the URL of a repository below the root."""
        return f"http://127.0.0.1:{self.port}/{self.path_prefix}{path}"

    def create(self, path: str) -> Path:
        """Make an empty bare repository below the root and return its path on disk."""
        return init_repository(self.root / path)

    def logs(self) -> str:
        """Return the tails of all logs, for a failed test's report."""
        logs = sorted(self.folder.glob("*.log"))
        return "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')[-4000:]}" for log in logs)


class Lighttpd(WebServer):
    """lighttpd as its manual has it for git, streaming bodies: it then takes none without a length."""

    def command(self) -> Sequence[str]:
        """Write the configuration."""
        require("git", "lighttpd")
        environment = ", ".join(f'"{name}" => "{value}"' for name, value in self.environment().items())
        configuration = self.folder / "lighttpd.conf"
        configuration.write_text(
            _LIGHTTPD.format(
                root=self.root,
                port=self.port,
                folder=self.folder,
                backend=_backend(),
                environment=environment,
            )
        )
        return [_program("lighttpd"), "-D", "-f", str(configuration)]


class Apache(WebServer):
    """Apache as git-http-backend's manual has it."""

    def command(self) -> Sequence[str]:
        """Write the configuration."""
        require("git", "apache2")
        modules = Path("/usr/lib/apache2/modules")
        require_path(modules / "mod_cgi.so", package="apache2-bin")
        environment = "\n".join(f'SetEnv {name} "{value}"' for name, value in self.environment().items())
        configuration = self.folder / "apache.conf"
        configuration.write_text(
            _APACHE.format(
                folder=self.folder,
                port=self.port,
                modules=modules,
                backend=_backend(),
                environment=environment,
            )
        )
        return [*_unprivileged(), _program("apache2"), "-DFOREGROUND", "-f", str(configuration)]


class Dulwich(WebServer):
    """dulwich's WSGI application on Python's own server."""

    @property
    def path_prefix(self) -> str:
        """It serves the whole disk: below any other root it takes no path that begins with a slash."""
        return f"{self.root}/"[1:]

    def command(self) -> Sequence[str]:
        """Write the few lines that start it."""
        pytest.importorskip("dulwich.web", reason="dulwich is not installed")
        program = self.folder / "serve.py"
        program.write_text(_DULWICH)
        return [sys.executable, str(program), str(self.port)]


def _backend() -> Path:
    return Path(git("--exec-path")) / "git-http-backend"


def _program(name: str) -> str:
    path = find_program(name)
    assert path is not None
    return path


def _unprivileged() -> list[str]:
    """Apache serves nothing as root: let it be nobody, who still may open what root made for the test."""
    if os.geteuid() != 0:
        return []
    require("setpriv")
    # Without the secure bit access(2) would ask what nobody may do without that power.
    powers = (
        "--securebits",
        "+no_setuid_fixup",
        "--inh-caps",
        "+dac_override",
        "--ambient-caps",
        "+dac_override",
    )
    return ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", *powers]
