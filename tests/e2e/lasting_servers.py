"""Servers of git's own protocol on loopback: `git daemon`, and an sshd with keys and settings of its own.

with GitDaemon(folder) as daemon: daemon.url("x.git")          git://127.0.0.1:port/x.git
with Sshd(folder) as sshd: sshd.url("x.git")                   ssh://user@127.0.0.1:port/…/x.git
    sshd.environment()                                         GIT_SSH_COMMAND that knows key and host
"""

from __future__ import annotations

import getpass
import os
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.free_port import free_port
from tests.e2e.servers import Child, Listening
from tests.support import find_program, git_environment, require

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["GitDaemon", "Sshd"]


class GitDaemon(Listening):
    """`git daemon` over the repositories below a folder, pushes included."""

    def __init__(self, root: Path, *options: str) -> None:
        require("git")
        self.root = root
        self.port = free_port()
        self._child = Child(
            [
                *("git", "daemon", "--listen=127.0.0.1", f"--port={self.port}", f"--base-path={root}"),
                *("--reuseaddr", "--export-all", "--enable=receive-pack", *options),
            ],
            root / "daemon.log",
            environment=git_environment(),
        )

    def url(self, name: str) -> str:
        """Return the URL of a repository."""
        return f"git://127.0.0.1:{self.port}/{name}"

    def environment(self) -> dict[str, str]:
        """Return what a client needs: nothing."""
        return {}


class Sshd(Listening):
    """An OpenSSH server for this user alone, with host key, client key and configuration in one folder."""

    def __init__(self, root: Path, *, settings: Sequence[str] = ()) -> None:
        """`settings` are further lines of its configuration."""
        self._settings = settings
        for program in ("sshd", "ssh", "ssh-keygen", "git"):
            require(program)
        self.root = root
        self.port = free_port()
        self.folder = root / "ssh"
        self.folder.mkdir(mode=0o700)
        for name in ("host", "client", "stranger"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / name], check=True
            )
        public = (self.folder / "host.pub").read_text().split()[:2]
        (self.folder / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {' '.join(public)}\n")
        (self.folder / "sshd_config").write_text(self._server_settings())
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # where a privileged sshd shuts its child in
        sshd = find_program("sshd")
        assert sshd is not None
        self._child = Child(
            [sshd, "-D", "-e", "-f", str(self.folder / "sshd_config")],
            self.folder / "sshd.log",
            environment=git_environment(),
        )

    def _server_settings(self) -> str:
        sets = " ".join(
            shlex.quote(f"{name}={value}")
            for name, value in git_environment().items()
            if name.startswith("GIT_CONFIG")
        )
        return "\n".join(
            (
                f"Port {self.port}",
                "ListenAddress 127.0.0.1",
                f"HostKey {self.folder / 'host'}",
                f"AuthorizedKeysFile {self.folder / 'client.pub'}",
                "PidFile none",
                "StrictModes no",
                "UsePAM no",
                "PasswordAuthentication no",
                "KbdInteractiveAuthentication no",
                "AcceptEnv GIT_PROTOCOL",
                f"SetEnv {sets}",
                *self._settings,
                "",
            )
        )

    def url(self, name: str) -> str:
        """Return the URL of a repository."""
        return f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}{self.root / name}"

    def environment(self, key: str = "client", known_hosts: str = "known_hosts") -> dict[str, str]:
        """Return what a client needs: an ssh that looks at nothing of this machine's user."""
        settings = {
            "IdentityFile": self.folder / key,
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": self.folder / known_hosts,
            "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "yes",
        }
        words = ["ssh", "-F", "/dev/null"]
        for name, value in settings.items():
            words += ["-o", f"{name}={value}"]
        return {"GIT_SSH_COMMAND": shlex.join(words)}
