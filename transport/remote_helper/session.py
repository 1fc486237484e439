"""One session of a remote helper: a command of git in, an answer out, until git has no more.

list, push      one connection's list, and the push that is decided by it
connect         git's own conversation from then on; then the session is over
list, fetch     where the server speaks no protocol v2, or git was told to speak an older one
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import IO, TYPE_CHECKING, Protocol, TypeVar

from transport.errors import InvalidRequest, LocalProtocolError, UnsupportedByRemote
from transport.remote_helper.answers import CAPABILITIES, ref_list, verdict_lines
from transport.remote_helper.commands import (
    BATCH_MAX,
    LINE_BYTES_MAX,
    Capabilities,
    Connect,
    Fetch,
    ListRefs,
    Push,
    SetOption,
    parse_command,
)
from transport.remote_helper.options import HelperOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from packcore.errors import PackcoreError
    from packcore.progress import Progress
    from packcore.store.repository import Repository
    from transport.base import Transport
    from transport.options import TransportOptions
    from transport.remote_helper.carrier import Greeting
    from transport.remote_helper.git_config import GitSettings
    from transport.wire.advertisement import Advertisement

__all__ = ["Caller", "Session"]

CommandT = TypeVar("CommandT", Push, Fetch)


class Caller(Protocol):
    """The process that a session runs in: its words, its git, its terminal."""

    url: str
    git_directory: Path | None

    @property
    def settings(self) -> GitSettings:
        """What git's configuration says for the URL."""

    def transport_options(self, side: str, options: HelperOptions) -> TransportOptions:
        """Return how the remote is talked to; `side` is "source" or "target"."""

    def progress(self, options: HelperOptions) -> AbstractContextManager[Progress]:
        """Open the display that git asked for."""

    def fetch_pack(self, words: Sequence[str], talk: Callable[[IO[bytes], IO[bytes]], None]) -> bytes:
        """Run `git fetch-pack`, `talk` on its stdin and stdout, and return its last output.

        Raises RemoteError where it fails.
        """

    def resolve(self, expression: str) -> str | None:
        """Ask git for the id of an object in hex."""

    def tell(self, error: PackcoreError, *, is_harmless: bool = False) -> None:
        """Report what a push ended with, though git gets an answer for each ref."""


@dataclass(slots=True)
class _Listed:
    """The target as git has seen it."""

    transport: Transport
    refs: Advertisement


class Session:
    """A helper's answers to git, one command after the other."""

    def __init__(self, caller: Caller, commands: IO[bytes], answer: Callable[[bytes], None]) -> None:
        """`answer` writes bytes for git at once."""
        self._caller = caller
        self._commands = commands
        self._answer = answer
        self._options = HelperOptions()
        self._target: _Listed | None = None
        self._greeting: Greeting | None = None

    def run(self) -> None:
        """Answer until git ends the session. Raises PackcoreError where it can't go on."""
        while (line := self._line()) is not None:
            match parse_command(line):
                case None:
                    return
                case Capabilities():
                    self._lines((*CAPABILITIES, b""))
                case SetOption(name, value):
                    self._lines([self._options.set(name, value).encode("utf-8", "replace")])
                case ListRefs(for_push):
                    self._list(for_push=for_push)
                case Push() as push:
                    self._push([push, *self._batch(Push)])
                case Fetch() as fetch:
                    self._fetch([fetch, *self._batch(Fetch)])
                case Connect(service, stateless):
                    if self._connect(service, stateless=stateless):
                        return

    def close(self) -> None:
        """Close what is open."""
        if self._target is not None:
            self._target.transport.close()
        for name in ("_source", "_repository"):  # what was opened for a command
            opened = self.__dict__.get(name)
            if opened is not None:
                opened.close()

    # -- lines ------------------------------------------------------------------------------------

    def _line(self) -> bytes | None:
        line = self._commands.readline(LINE_BYTES_MAX + 1)
        if len(line) > LINE_BYTES_MAX:
            raise LocalProtocolError(f"git sent a line of more than {LINE_BYTES_MAX:,} bytes")
        return line.removesuffix(b"\n") if line else None

    def _batch(self, kind: type[CommandT]) -> list[CommandT]:
        """Read commands of one kind up to an empty line."""
        found: list[CommandT] = []
        while line := self._line():
            command = parse_command(line)
            if isinstance(command, SetOption):  # the manual allows them here, and asks for no answer
                self._options.set(command.name, command.value)
                continue
            if not isinstance(command, kind):
                raise LocalProtocolError("git mixed two kinds of commands in one batch")
            found.append(command)
            if len(found) > BATCH_MAX:
                raise LocalProtocolError(f"git sent more than {BATCH_MAX:,} commands in one batch")
        return found

    def _lines(self, lines: Iterable[bytes]) -> None:
        self._answer(b"".join(line + b"\n" for line in lines))

    # -- lists ------------------------------------------------------------------------------------

    def _list(self, *, for_push: bool) -> None:
        listed = self._list_target() if for_push else self._list_source()
        names_format = self._options.wants_object_format
        self._lines(ref_list(listed, for_push=for_push, names_format=names_format))

    def _list_target(self) -> Advertisement:
        from transport.listing import advertise_push
        from transport.schemes import open_transport
        from transport.syncing.gather.listing import in_format_of

        if self._target is not None:
            self._target.transport.close()
        options = self._caller.transport_options("target", self._options)
        transport = open_transport(self._caller.url, options)
        self._target = _Listed(transport, advertise_push(transport))
        if self._repository is not None:
            self._target.refs = in_format_of(self._repository.object_format, self._target.refs)
        return self._target.refs

    def _list_source(self) -> Advertisement:
        from transport.listing import list_refs
        from transport.remote_helper.carrier import greeting_of

        if self._greeting is None:
            self._greeting = greeting_of(self._source, 0)
        if self._greeting.listed.version < 2:
            return self._greeting.listed
        return list_refs(self._source)

    @cached_property
    def _source(self) -> Transport:
        from transport.schemes import open_transport

        return open_transport(self._caller.url, self._caller.transport_options("source", self._options))

    @cached_property
    def _repository(self) -> Repository | None:
        from packcore.store.repository import Repository

        return None if self._caller.git_directory is None else Repository(self._caller.git_directory)

    # -- push -------------------------------------------------------------------------------------

    def _push(self, commands: list[Push]) -> None:
        from transport.remote_helper.pushing import Pusher

        if self._repository is None:
            raise InvalidRequest("there is no repository here to push from")
        if self._target is None:
            self._list_target()
            assert self._target is not None
        caller, options = self._caller, self._options
        pusher = Pusher(self._repository, caller.settings, caller.resolve, caller.tell)
        with caller.progress(options) as progress:
            verdicts = pusher.push(commands, options, self._target.transport, self._target.refs, progress)
        self._lines(verdict_lines(verdicts))
        options.end_batch()

    # -- fetch ------------------------------------------------------------------------------------

    def _connect(self, service: str, *, stateless: bool) -> bool:
        """Connect git to a service, and carry its conversation to the end; False where that can't be."""
        from transport.remote_helper.carrier import SERVICE, carry, greeting_of

        if service != SERVICE or not stateless:
            self._lines([b"fallback"])
            return False
        greeting = greeting_of(self._source, 2)
        if greeting.listed.version != 2:
            self._greeting = greeting
            self._lines([b"fallback"])
            return False
        self._lines([b""])
        carry(self._source, greeting, self._commands, self._answer)
        return True

    def _fetch(self, wants: list[Fetch]) -> None:
        from transport.remote_helper.fetch_rpc import answer_requests, fetch_pack_words, lines_for_git
        from transport.wire.pktline import encode_text

        if self._greeting is None:
            self._list_source()
        greeting, transport = self._greeting, self._source
        assert greeting is not None
        words = fetch_pack_words(self._options)
        if not transport.stateless:
            # One connection that lasts: git makes it itself, as for the URL alone.
            transport.close()

            def name_wants(to_git: IO[bytes], _: IO[bytes]) -> None:
                to_git.writelines(encode_text(f"{want.oid} {want.name}")[4:] for want in wants)
                to_git.close()

            output = self._caller.fetch_pack([*words, self._caller.url], name_wants)
        elif greeting.listed.version == 2:
            raise UnsupportedByRemote(
                f"{transport.url} speaks protocol v2 alone", hint="git -c protocol.version=2 fetch …"
            )
        else:

            def carry_requests(to_git: IO[bytes], from_git: IO[bytes]) -> None:
                answer_requests(transport, greeting, wants, to_git, from_git)

            output = self._caller.fetch_pack(["--stateless-rpc", *words, transport.url], carry_requests)
        self._lines([*lines_for_git(output), b""])
