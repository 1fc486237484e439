"""Runs packcore in this process as if on a system without POSIX: `python -m tests.without_posix ARGUMENT…`.

What Windows lacks is taken away before a module of ours is imported: modules such as fcntl, pwd and resource,
names of `os` and `signal`; sys.platform says win32. Files behave as there: one that is open can be neither
renamed nor removed nor replaced, a read-only one neither removed nor replaced, a folder can't be opened.

It can't show what only Windows has: drive letters, reserved names, its consoles, its sockets.
"""

from __future__ import annotations

# What the standard library and others decide by the system is decided by the real one.
import asyncio  # noqa: F401
import ctypes  # noqa: F401
import errno
import getpass  # noqa: F401
import importlib.abc
import multiprocessing.pool  # noqa: F401
import os
import pathlib
import pkgutil
import shutil
import signal
import stat
import subprocess  # noqa: F401
import sys
import tempfile
from types import SimpleNamespace
from typing import IO, TYPE_CHECKING, Any, NoReturn

import click.shell_completion  # noqa: F401
import rich.progress  # noqa: F401

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

MODULES = {"fcntl", "grp", "pwd", "resource", "termios", "tty", "pty", "syslog"}
OS_NAMES = (
    *("O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK", "O_SYNC"),
    *(
        "chown",
        "fchmod",
        "fchown",
        "fork",
        "forkpty",
        "getegid",
        "geteuid",
        "getgid",
        "getuid",
        "getpgid",
        "killpg",
    ),
    *(
        "mkfifo",
        "nice",
        "pread",
        "pwrite",
        "setsid",
        "statvfs",
        "sched_getaffinity",
        "sync",
        "uname",
        "wait4",
    ),
)
SIGNALS = ("SIGKILL", "SIGHUP", "SIGQUIT", "SIGPIPE", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGCHLD", "SIGWINCH")


class Lacking(importlib.abc.MetaPathFinder):
    """Refuses the modules that Windows lacks."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        """Raise ImportError for one of them; else leave it to the next finder."""
        if name in MODULES:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def take_away() -> None:
    """Make this process one of a system without POSIX."""
    shutil._use_fd_functions = False  # type: ignore[attr-defined]
    if hasattr(shutil, "_rmtree_impl"):  # from 3.14 on, chosen when shutil is imported
        shutil._rmtree_impl = shutil._rmtree_unsafe  # type: ignore[attr-defined]
        tempfile._rmtree_use_dir_fd = False  # type: ignore[attr-defined]
    # From 3.12 on, shutil.which asks Windows whether the current folder counts.
    shutil._winapi = SimpleNamespace(NeedCurrentDirectoryForExePath=lambda _: True)  # type: ignore[attr-defined]
    for name in MODULES:
        sys.modules.pop(name, None)
    sys.meta_path.insert(0, Lacking())
    for name in OS_NAMES:
        if hasattr(os, name):
            delattr(os, name)
    for name in SIGNALS:
        delattr(signal, name)
    for name in ("rename", "replace", "unlink", "remove", "rmdir"):
        setattr(os, name, _strict(getattr(os, name)))
    tempfile.TemporaryFile = _nameless  # type: ignore[assignment]
    os.open = _open_no_folder(os.open)
    sys.platform = "win32"


def _strict(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return a call that refuses files as Windows does."""

    def refusing(*paths: Any, **more: Any) -> Any:
        for number, path in enumerate(paths):
            if _is_open(path):
                _refuse(path)
            is_lost = number == 1 or call.__name__ in {"unlink", "remove"}
            if is_lost and os.path.lexists(path) and not os.lstat(path).st_mode & stat.S_IWUSR:
                _refuse(path)
        if call.__name__ == "rename" and os.path.lexists(paths[1]):
            raise FileExistsError(
                errno.EEXIST, "Cannot create a file when that file already exists", paths[1]
            )
        return call(*paths, **more)

    return refusing


def _is_open(path: Any) -> bool:
    try:
        wanted = os.stat(path, follow_symlinks=False)
    except OSError:
        return False
    if not stat.S_ISREG(wanted.st_mode):
        return False
    for handle in os.listdir("/proc/self/fd"):
        try:
            held = os.fstat(int(handle))
        except OSError:
            continue
        if os.path.samestat(held, wanted):
            return True
    return False


def _refuse(path: Any) -> NoReturn:
    raise PermissionError(errno.EACCES, "The process cannot access the file", path)


def _open_no_folder(call: Callable[..., int]) -> Callable[..., int]:
    def refusing(path: Any, *rest: Any, **more: Any) -> int:
        if os.path.isdir(path):
            _refuse(path)
        return call(path, *rest, **more)

    return refusing


def _nameless(mode: str = "w+b", **_: Any) -> IO[Any]:
    """Return a file that is gone once it is closed; Python's own way would open a folder here."""
    return os.fdopen(os.memfd_create("nameless"), mode)


def import_everything() -> list[str]:
    """Import every module of the three packages; return the names of those that can't be."""
    failed = []
    for package in ("packcore", "transport", "cli"):
        folder = pathlib.Path(__file__).parent.parent / package
        for module in pkgutil.walk_packages([str(folder)], f"{package}."):
            if module.name == "cli.__main__":
                continue
            try:
                __import__(module.name)
            except ImportError as error:
                failed.append(f"{module.name}: {error}")
    return failed


if __name__ == "__main__":
    take_away()
    if sys.argv[1:] == ["--import-everything"]:
        lacking = import_everything()
        print(*lacking, sep="\n", end="")
        sys.exit(bool(lacking))
    from cli.__main__ import main

    sys.exit(main())
