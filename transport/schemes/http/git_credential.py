"""`git credential`: the user's own helpers, used after a 401 if there is a git on PATH.

    fill       after a 401 that netrc had no credential for
    approve    the first time that the server accepts the credential
    reject     after a 401, or a 403 to a credential that never worked in this run

It never prompts: no terminal (a session of its own), GIT_TERMINAL_PROMPT=0, no askpass of any kind. Secrets
go through pipes, never into an argument; what git prints on stderr is not shown. One call at a time, since
both sides of a sync may ask at once and helpers keep files. It runs in the root folder: no configuration
of a repository that one happens to stand in can name a helper.

With `may_ask` it runs as git runs it: where the user stands, with the terminal, and without a time limit.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from typing import TYPE_CHECKING

from transport.errors import AuthenticationRequired

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence

    from transport.auth import Credential
    from transport.credentials import Filled
    from transport.endpoint import Endpoint

__all__ = ["GitCredentialSource"]

_ANSWER_SECONDS = 60.0
_NEVER_ASKING = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "SSH_ASKPASS": "",
    "SSH_ASKPASS_REQUIRE": "never",
    "GCM_INTERACTIVE": "never",
}
_ONE_AT_A_TIME = threading.Lock()


class GitCredentialSource:
    """A CredentialSource that asks git, if there is one on the PATH of the environment."""

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        answer_seconds: float = _ANSWER_SECONDS,
        may_ask: bool = False,
    ) -> None:
        self._environment = environment
        self._may_ask = may_ask
        self._answer_seconds = answer_seconds
        self._filled: list[Filled] = []

    def fill(self, endpoint: Endpoint, *, challenges: Sequence[str], redirected: bool) -> Credential | None:  # noqa: ARG002
        """Return the credential of the user's helpers for this endpoint, or None.

        Raises AuthenticationRequired if they don't answer in time or the answer is unusable.
        """
        from transport.credentials import encode_question, parse_answer

        answer = self._run("fill", encode_question(endpoint, challenges), endpoint)
        filled = None if answer is None else parse_answer(answer, endpoint)
        if filled is None:
            return None
        self._filled.append(filled)
        return filled.credential

    def approve(self, endpoint: Endpoint, credential: Credential) -> None:
        """Let the helpers store it."""
        self._tell("approve", endpoint, credential)

    def reject(self, endpoint: Endpoint, credential: Credential) -> None:
        """Let the helpers forget it."""
        self._tell("reject", endpoint, credential)

    def _tell(self, verdict: str, endpoint: Endpoint, credential: Credential) -> None:
        from transport.credentials import encode_verdict

        for filled in self._filled:
            if filled.credential is credential:
                # A helper that hangs here costs time, but doesn't fail the sync.
                with contextlib.suppress(AuthenticationRequired):
                    self._run(verdict, encode_verdict(endpoint, filled), endpoint)

    def _run(self, action: str, sent: bytes, endpoint: Endpoint) -> bytes | None:
        """Run `git credential ACTION`; return None without a git, or if it has no answer."""
        import shutil
        import subprocess

        path = self._environment.get("PATH")
        git = shutil.which("git", path=path) if path else None
        if git is None:
            return None
        with _ONE_AT_A_TIME:
            try:
                process = subprocess.Popen(
                    [git, "credential", action],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=None if self._may_ask else subprocess.DEVNULL,
                    env={**self._environment, **({} if self._may_ask else _NEVER_ASKING)},
                    cwd=None if self._may_ask else "/",
                    start_new_session=not self._may_ask,
                )
            except OSError:
                return None  # a git that can't be run counts as none
            with process:
                try:
                    answer, _ = process.communicate(sent, None if self._may_ask else self._answer_seconds)
                except subprocess.TimeoutExpired:
                    _end(process, is_group=not self._may_ask)
                    raise AuthenticationRequired(
                        f"git credential had no answer for {endpoint} in {self._answer_seconds:g} seconds",
                        hint="is its helper waiting for a click?",
                    ) from None
                except BaseException:
                    _end(process, is_group=not self._may_ask)
                    raise
        return answer if process.returncode == 0 else None


def _end(process: subprocess.Popen[bytes], *, is_group: bool) -> None:
    """Kill git and, where they are one process group, the helpers that it started."""
    with contextlib.suppress(OSError):
        if is_group and hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
