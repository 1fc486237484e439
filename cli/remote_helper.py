"""The `git-remote-packcore` executable: what git runs for `packcore::https://host/x.git`.

    git-remote-packcore <remote> <url>      commands of git on stdin, answers on stdout (gitremote-helpers)

Not for people: it says so when it is called without arguments. Everything but the protocol goes to stderr,
by the same `Output` as all of packcore: secrets are masked, control characters shown.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from cli.allocator import collecting_seldom
from cli.git_phases import GitPhases
from cli.streams import Output, answer_bytes, binary_input

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from packcore.errors import PackcoreError
    from packcore.progress import Progress
    from transport.options import TransportOptions
    from transport.remote_helper.git_config import GitSettings
    from transport.remote_helper.options import HelperOptions

__all__ = ["main"]

_USAGE = """\
git-remote-packcore is run by git, for URLs that begin with packcore:::

    git clone packcore::https://example.com/x.git
    git push packcore::https://example.com/x.git main
    git config url.packcore::https://example.com/.insteadOf https://example.com/"""

_PREFIX = "packcore::"


class _Process:
    """This process, as a session sees it (`transport.remote_helper.session.Caller`)."""

    def __init__(self, remote: str, url: str, output: Output) -> None:
        from cli.git_program import fetch_pack, resolve

        self.url = url
        self._remote = remote
        self._output = output
        directory = os.environ.get("GIT_DIR")
        self.git_directory = Path(directory) if directory else None
        self.fetch_pack = fetch_pack
        self.resolve = resolve

    @cached_property
    def settings(self) -> GitSettings:
        """What git's configuration says for the URL."""
        from cli.git_program import config
        from transport.remote_helper.git_config import parse_config, settings_for

        settings = settings_for(parse_config(config()), self.url, self._remote, os.environ)
        for name in settings.unspoken:
            self._output.err(f"packcore: warning: {name} is set, and packcore can't heed it")
        return settings

    def transport_options(self, side: str, options: HelperOptions) -> TransportOptions:  # noqa: ARG002
        """Return how the remote is talked to."""
        from transport.options import TransportOptions

        settings = self.settings
        usual = TransportOptions()
        return TransportOptions(
            side=side,
            headers=settings.headers,
            given_by={"headers": "http.extraHeader"},
            insecure_skip_tls_verify=not settings.ssl_verify,
            ca_bundle=settings.ca_info,
            follow_redirects=settings.follow_redirects,
            retries=usual.retries if settings.retries is None else settings.retries,
            idle_timeout=settings.idle_timeout_seconds or usual.idle_timeout,
            may_ask=True,
            trace=self._trace(),
            environment={**os.environ, **settings.environment},
            secrets=self._output.secrets,
        )

    def _trace(self) -> Callable[[str], None] | None:
        from cli.values import is_true

        if not is_true(os.environ.get("PACKCORE_HTTP_TRACE")):
            return None
        return lambda line: self._output.err(f"[http] {line}")

    @contextmanager
    def progress(self, options: HelperOptions) -> Iterator[Progress]:
        """Open the display that git asked for."""
        from cli.console import Console, Verbosity

        verbosity = Verbosity(
            quiet=options.verbosity < 1, verbose=options.verbosity > 1, progress=options.progress
        )
        with Console(verbosity, self._output).progress() as display:
            yield _AsGit(display)

    def tell(self, error: PackcoreError, *, is_harmless: bool = False) -> None:
        """Report an error, or a warning where it did no harm."""
        words = " ".join(str(error).split())
        if is_harmless:
            self._output.tell_failure(f"packcore: warning: {words}; listed again, the remote has it all")
            return
        self._output.tell_failure(f"packcore: error: {words}")
        if error.hint:
            self._output.tell_failure(f"hint: {' '.join(error.hint.split())}")


class _AsGit(GitPhases):
    """Shows a remote's own words as git shows them, behind `remote: `, and ours behind `packcore: `.

    What is blocked is left out: git's table says it.
    """

    def __init__(self, display: Progress) -> None:
        super().__init__(display, {"target: writing pack": "Writing objects"})

    def message(self, origin: str, text: str) -> None:
        from transport.wire.sideband import RemoteLine

        if isinstance(text, RemoteLine):
            origin = "remote"
        elif origin == "target":
            origin = "packcore"
        if origin != "blocked":
            super().message(origin, text)


def main() -> int:
    """Serve git on stdin and stdout; return the exit code."""
    output = Output()
    words = sys.argv[1:]
    if not words or len(words) > 2 or words[0].startswith("-"):
        output.err(_USAGE)
        return 2
    _let_terminate()
    try:
        with collecting_seldom(), output.catching_strays():
            _serve(words[0], words[-1].removeprefix(_PREFIX), output)
        output.flush()
    except (Exception, KeyboardInterrupt) as error:
        return _told(error, output)
    return 0


def _serve(remote: str, url: str, output: Output) -> None:
    from transport.remote_helper.session import Session

    session = Session(_Process(remote, url, output), binary_input(), answer_bytes)
    try:
        session.run()
    finally:
        session.close()


def _told(error: BaseException, output: Output) -> int:
    """Say what went wrong as all of packcore says it, and return the exit code."""
    from cli import exits

    def again() -> None:
        raise error

    return exits.guard(again, output=output, debug=lambda: bool(os.environ.get("PACKCORE_DEBUG")))


def _let_terminate() -> None:
    """Let SIGTERM end a push as Ctrl-C does: what was made on the way is removed.

    Only the first signal counts. The terminal and git each send one, and the second must not cut off what is
    said of the first.
    """
    numbers = [signal.SIGTERM]
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        numbers.append(signal.SIGINT)

    def interrupt(*_: object) -> NoReturn:
        for number in numbers:
            # Not SIG_IGN: Python complains of a signal that came before that was set.
            signal.signal(number, lambda *_: None)
        raise KeyboardInterrupt

    for number in numbers:
        signal.signal(number, interrupt)
