r"""The command line for the user's ssh, the same as git's; text in, words out; starts no process.

    GIT_SSH_COMMAND="ssh -i key"   a command: its words; run by a shell only if it has shell characters
    GIT_SSH=/path/to/wrapper       a program
    (neither)                      ssh

    variant         batch mode             port   protocol version             name
    ssh             -o BatchMode=yes       -p N   -o SendEnv=GIT_PROTOCOL      ssh, or if it knows -G
    plink, putty    -batch                 -P N                                plink
    tortoiseplink   -batch                 -P N                                tortoiseplink
    simple          (nothing)              none                                any that doesn't know -G

GIT_SSH_VARIANT overrides this. core.sshCommand is not used, because packcore reads no git configuration here.
See git(1), gitprotocol-pack(5), git-config(1) under ssh.variant.

>>> remote_command("git-upload-pack", "it's/x.git")
"git-upload-pack 'it'\\''s/x.git'"
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from transport.errors import AuthenticationRequired, InvalidOption, NetworkError, RemoteError, TransportError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from transport.base import Service
    from transport.endpoint import Endpoint

__all__ = ["SshProgram", "remote_command", "ssh_arguments", "ssh_error", "ssh_program"]

_VARIANTS = ("ssh", "simple", "plink", "putty", "tortoiseplink")
_SHELL_SIGNS = re.compile(r"[$`|&;<>()*?\[\]#~!{}\n]")
_CONNECTION_FAILED = 255
_NO_SUCH_COMMAND = 127


@dataclass(frozen=True, slots=True)
class SshProgram:
    """The program to run: the words before our own, and the variant; None means that it must be asked."""

    words: tuple[str, ...]
    variant: str | None


def ssh_program(environment: Mapping[str, str]) -> SshProgram:
    """Return the user's ssh. Raises InvalidOption for a variable that can't be parsed."""
    command = environment.get("GIT_SSH_COMMAND")
    program = environment.get("GIT_SSH")
    words: tuple[str, ...]
    if command:
        words = _command_words(command)
        named = words[0] if words[0] != "sh" else shlex.split(command, posix=True)[0]
    else:
        words = (program or "ssh",)
        named = words[0]
    variant = environment.get("GIT_SSH_VARIANT", "auto").lower()
    if variant in _VARIANTS:
        return SshProgram(words, variant)
    if variant != "auto":
        raise InvalidOption(f"GIT_SSH_VARIANT knows no such variant; it knows {', '.join(_VARIANTS)}")
    name = (PureWindowsPath(named) if "\\" in named else PurePosixPath(named)).name.lower()
    name = name.removesuffix(".exe")
    return SshProgram(words, name if name in ("ssh", "plink", "tortoiseplink") else None)


def _command_words(command: str) -> tuple[str, ...]:
    try:
        words = shlex.split(command)
    except ValueError:
        raise InvalidOption("GIT_SSH_COMMAND has a quote that is not closed") from None
    if not words:
        raise InvalidOption("GIT_SSH_COMMAND holds no command")
    if _SHELL_SIGNS.search(command) or "=" in words[0]:
        # As in git: the user's own line, followed by our words as they are.
        return ("sh", "-c", f'{command} "$@"', command)
    return tuple(words)


def ssh_arguments(
    program: SshProgram,
    variant: str,
    endpoint: Endpoint,
    command: str,
    *,
    version: int,
    connect_timeout: float,
    may_ask: bool = False,
) -> list[str]:
    """Return the whole command line; in batch mode, unless it may ask.

    Raises InvalidOption for a port that the variant can't be told.
    """
    words = list(program.words)
    if variant == "ssh":
        words += [] if may_ask else ["-o", "BatchMode=yes"]
        words += ["-o", f"ConnectTimeout={max(1, round(connect_timeout))}"]
        if version:
            words += ["-o", "SendEnv=GIT_PROTOCOL"]
    elif variant != "simple" and not may_ask:
        words.append("-batch")
    if endpoint.port is not None:
        if variant == "simple":
            raise InvalidOption(
                "this ssh is of the simple variant, which has no option for a port",
                hint="GIT_SSH_VARIANT=ssh, if it takes the options of OpenSSH",
            )
        words += ["-p" if variant == "ssh" else "-P", str(endpoint.port)]
    return [*words, f"{endpoint.user}@{endpoint.host}" if endpoint.user else endpoint.host, command]


def remote_command(service: Service, path: str) -> str:
    """Return the command for the shell of the host, with the path quoted as in git.

    `/~user/x` becomes `~user/x`, which the service itself looks up.
    """
    if path.startswith("/~"):
        path = path[1:]
    return f"{service} '" + re.sub(r"['!]", r"'\\\g<0>'", path) + "'"


def ssh_error(url: str, code: int, said: str) -> TransportError | None:
    """Return the error for ssh's exit code and its last output (made safe); None for success."""
    if code == 0:
        return None
    words = f"; it said: {said}" if said else f" (exit code {code})"
    if code == _CONNECTION_FAILED:
        if "Permission denied" in said or "Too many authentication failures" in said:
            return AuthenticationRequired(
                f"ssh could not sign in for {url}{words}",
                hint="there is no password prompt: load a key into ssh-agent, or set one in ~/.ssh/config",
            )
        hint = None
        if "Host key verification failed" in said:
            hint = "connect once by hand with ssh, to check the host's key"
        return NetworkError(f"ssh could not reach {url}{words}", hint=hint)
    if code == _NO_SUCH_COMMAND:
        return RemoteError(f"{url} has no such git service{words}", hint="is git installed on that host?")
    return RemoteError(f"{url} refused{words}", hint="is the path right, and may this user read it?")
