"""A Debian release in a folder: made by debootstrap, kept between runs, entered by chroot.

Everything that runs in it, debootstrap included, has a mount namespace and a process namespace of its own. So
no mount is ever seen outside and nothing needs to be unmounted: when the first process of the namespace ends,
killed or not, the kernel ends the others and drops the mounts.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.matrix.files import remove_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["Debian", "Unavailable", "cache_folder", "why_not"]

_NAMESPACE = ("unshare", "--mount", "--pid", "--fork", "--kill-child")
_ENTER = r"""
set -e
root=$1; shift
# A root that is a mount of its own is listed in /proc/self/mountinfo, as it is on a real machine.
mount --bind "$root" "$root"
cd "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
# The tests write a hundred thousand small files. On a memory disk, where there is room, they take less time.
kilobytes=$(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo)
if [ -d matrix/tmp ] && [ "$kilobytes" -gt 12000000 ]; then
    mount -t tmpfs -o size=60%,mode=1777 tmpfs matrix/tmp
fi
exec chroot . "$@"
"""
_STAMP = "packcore-matrix.json"
_TRIES = 3
_DAY = 86400.0
_DAYS_UNTIL_UPGRADE = {"sid": 1.0}
_DAYS_UNTIL_UPGRADE_OF_OTHERS = 30.0
_MIRROR = "http://deb.debian.org/debian"
_OWN_CERTIFICATES = Path("usr/local/share/ca-certificates")
# sid's Release file expires within days, and a mirror may be behind. Its signature is checked all the same.
_APT_SETTINGS = 'Acquire::Check-Valid-Until "false";\nAcquire::Retries "3";\n'
# What a crash of the machine would spoil is made again; without syncs it is made in half the time.
_DPKG_SETTINGS = "force-unsafe-io\n"
# Packages start their services when they are installed, unless this says no.
_NO_SERVICES = "#!/bin/sh\nexit 101\n"


class Unavailable(Exception):
    """What a column needs can't be had on this machine; the column is skipped with this reason."""


@dataclass(frozen=True, slots=True)
class Debian:
    """One release, below the cache folder."""

    codename: str
    cache: Path

    @property
    def root(self) -> Path:
        """Return the folder that is the release's `/`."""
        return self.cache / self.codename

    @contextmanager
    def locked(self, say: Callable[[str], None]) -> Iterator[None]:
        """Keep other runs out of this release; waits for one that is in it."""
        self.cache.mkdir(parents=True, exist_ok=True)
        with (self.cache / f"{self.codename}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say(f"waiting for another run to leave {self.root}")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def make(self, log: Path, say: Callable[[str], None]) -> None:
        """Have the release in its folder, upgraded if it is old. Unavailable if it can't be had."""
        if reason := why_not():
            raise Unavailable(reason)
        if not (self.root / _STAMP).exists():
            self._bootstrap(log, say)
        self._follow_the_machine()
        days = _DAYS_UNTIL_UPGRADE.get(self.codename, _DAYS_UNTIL_UPGRADE_OF_OTHERS)
        if time.time() - json.loads((self.root / _STAMP).read_text())["upgraded"] > days * _DAY:
            self._upgrade(log, say)

    def command(self, argv: Sequence[str], folder: str, environment: Mapping[str, str]) -> list[str]:
        """Return the command that runs `argv` in the release, in this folder, with this environment alone."""
        variables = [f"{name}={value}" for name, value in environment.items()]
        inner = ["/usr/bin/env", "-i", f"--chdir={folder}", *variables, *argv]
        return [*_NAMESPACE, "sh", "-c", _ENTER, "sh", str(self.root), *inner]

    def _bootstrap(self, log: Path, say: Callable[[str], None]) -> None:
        mirror = os.environ.get("DEBIAN_MIRROR", _MIRROR)
        making = self.cache / f"{self.codename}.new"
        command = [
            *(*_NAMESPACE, "--mount-proc", "debootstrap", "--variant=minbase", "--force-check-gpg"),
            *(self.codename, str(making), mirror),
        ]
        for attempt in range(1, _TRIES + 1):
            say(f"debootstrap {self.codename}" + (f", try {attempt} of {_TRIES}" if attempt > 1 else ""))
            remove_tree(making)
            with log.open("ab") as output:
                done = subprocess.run(command, stdout=output, stderr=output, check=False)
            if done.returncode == 0:
                break
            time.sleep(5 * attempt)
        else:
            remove_tree(making)
            raise Unavailable(f"debootstrap {self.codename} failed {_TRIES} times; see {log}")
        (making / "etc/apt/apt.conf.d/99packcore").write_text(_APT_SETTINGS)
        (making / "etc/dpkg/dpkg.cfg.d/99packcore").write_text(_DPKG_SETTINGS)
        policy = making / "usr/sbin/policy-rc.d"
        policy.write_text(_NO_SERVICES)
        policy.chmod(0o755)
        _write_stamp(making, self.codename)
        remove_tree(self.root)
        making.rename(self.root)

    def _follow_the_machine(self) -> None:
        """Use the name servers, and trust the certificates, that this machine's owner has set up."""
        for name in ("resolv.conf", "hosts"):
            if (Path("/etc") / name).exists():
                shutil.copyfile(Path("/etc") / name, self.root / "etc" / name)
        for own in (Path("/") / _OWN_CERTIFICATES).glob("**/*.crt"):
            (self.root / _OWN_CERTIFICATES).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(own, self.root / _OWN_CERTIFICATES / own.name)

    def _upgrade(self, log: Path, say: Callable[[str], None]) -> None:
        say(f"upgrading {self.codename}")
        script = "apt-get update -qq && apt-get dist-upgrade -y -qq --no-install-recommends && apt-get clean"
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive"}
        command = self.command(["sh", "-c", script], "/", environment)
        with log.open("ab") as output:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
            )
        if done.returncode == 0:
            _write_stamp(self.root, self.codename)
        else:
            say(f"could not upgrade {self.codename}, so it is used as it is; see {log}")


def _write_stamp(root: Path, codename: str) -> None:
    (root / _STAMP).write_text(json.dumps({"codename": codename, "upgraded": time.time()}) + "\n")


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Return where releases are kept: PACKCORE_MATRIX_CACHE, or below the user's cache folder."""
    if given := environment.get("PACKCORE_MATRIX_CACHE"):
        return Path(given).resolve()
    caches = environment.get("XDG_CACHE_HOME") or Path(environment.get("HOME", "/root")) / ".cache"
    return Path(caches).resolve() / "packcore-matrix"


def why_not() -> str:
    """Return why no Debian release can be made on this machine, or nothing if one can."""
    if os.geteuid() != 0:
        return "needs root, for debootstrap and chroot"
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
    missing = [name for name in ("debootstrap", "unshare", "chroot") if not shutil.which(name, path=path)]
    if missing:
        return f"needs {' and '.join(missing)}, which this machine doesn't have"
    tried = subprocess.run(
        [*_NAMESPACE, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False
    )
    if tried.returncode != 0:
        return "this machine doesn't allow mounts, not even in a namespace"
    return ""
