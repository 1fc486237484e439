r"""Our own receive-pack: takes a push into a repository (protocol v0, which is all that pushes have).

    commands   read strictly                                         server.push_request
    pack       into a temporary file beside the packs, thin ones completed: the quarantine
    check      every object's bytes                                  server.object_checks
    refs       rules, connectivity, then pack and refs               server.one_push
    report     unpack …, then ok or ng for each ref

Until the pack is installed nothing in the repository has changed, and a refused push leaves nothing behind.
A push becomes one pack, however small, unless it is to be unpacked (`server.unpacking`); `packcore repack` or
`git gc` join them. Specified in gitprotocol-pack.
Hooks are run only where that is asked for (`server.hooks`), and only then signed pushes are taken.
What `receive.fsckObjects` asks for is checked; hidden refs stay hidden.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from packcore.errors import LimitExceeded, PackcoreError, pack_too_large
from packcore.limits import Limits
from transport.agent import agent
from transport.server.background import heard
from transport.server.budget import RequestLimits
from transport.server.offers import advertises_session_ids, has_feature, receive_pack_offers
from transport.server.push_certificate import CertificateNonces
from transport.server.push_request import PushRequest, encode_report, read_push
from transport.server.ref_lines import joined, ref_lines_v0
from transport.server.session import Session
from transport.server.shown_refs import advertised_refs
from transport.server.words import words_about_repository
from transport.wire.pktline import FLUSH, PacketReader, encode_packet, encode_text

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence

    from packcore.store.repository import Repository
    from packcore.store.spool import SpooledPack
    from transport.server.hooks import Hooks, HookSettings
    from transport.server.one_push import Push
    from transport.server.proc_receive_hook import RefReport
    from transport.server.words import Words
    from transport.wire.receive_pack import RefUpdate

__all__ = ["ReceivePack"]

_DATA, _PROGRESS, _FATAL = b"\1", b"\2", b"\3"
_FAULTS_TOLD_MAX = 20


class _Outcome(NamedTuple):
    """What became of a push."""

    report: bytes
    changed: list[RefUpdate]
    hooks: Hooks | None
    """What is to be told of the changes."""
    reports: Mapping[str, Sequence[RefReport]]
    """What proc-receive changed in their place, by the ref's name."""


class ReceivePack:
    """Takes pushes into one repository. Keeps nothing between two calls."""

    def __init__(
        self,
        repository: Repository,
        *,
        limits: Limits | None = None,
        keepalive_seconds: float | None = None,
        request_limits: RequestLimits | None = None,
        signed: Callable[[], bytes] | None = None,
        hooks: HookSettings | None = None,
        session: Session | None = None,
        tell: Callable[[str], None] = lambda _: None,
        unpack_limit: int = 0,
    ) -> None:
        """Take pushes into `repository`.

        `unpack_limit`: packs of fewer objects are unpacked where no setting says otherwise.
        `tell` gets what hooks say if the client can't be told, having no side-band.
        `signed` returns who pushes, and when (`Name <mail> seconds zone`); None: no reflogs are written.
        `hooks` None: none is run.
        """
        self._hooks = hooks
        self._session = session or Session()
        self._tell = tell
        self._unpack_limit = unpack_limit
        # Without hooks nobody would look at a certificate.
        self._nonces = None if hooks is None else CertificateNonces.of(repository)
        self._signed = signed
        self._request_limits = request_limits or RequestLimits()
        self._repository = repository
        self._format = repository.object_format
        self._words = words_about_repository(repository)
        self._limits = _with_input_limit(limits or Limits(), repository)
        self._keepalive_seconds = keepalive_seconds

    def advertise(
        self,
        version: int,
        *,
        over_http: bool = True,
        lasting: bool = False,  # noqa: ARG002 - a push is one request in any case
    ) -> Iterator[bytes]:
        """Yield the advertisement; `over_http` puts `# service` before it. Version 2 counts as 0."""
        refs = advertised_refs(self._repository)
        if over_http:
            yield encode_text("# service=git-receive-pack") + FLUSH
        if version == 1:
            yield encode_text("version 1")
        words = [*self.offered(), f"object-format={self._format.name}"]
        if advertises_session_ids(self._repository.config):
            words.append(f"session-id={self._session.id}")
        if self._nonces is not None:
            words.append(f"push-cert={self._nonces.give()}")
        tokens = " ".join([*words, f"agent={agent()}"]).encode()
        lines = ref_lines_v0(refs.names, refs.ids, [])
        lines += [b"%b .have" % oid.hex().encode() for oid in refs.haves]
        lines = lines or [self._format.zero.hex().encode() + b" capabilities^{}"]
        yield encode_text(lines[0] + b"\0" + tokens)
        yield from joined(lines[1:])
        # So that a pusher takes no commit for present that is cut off here.
        yield from joined(b"shallow " + oid.hex().encode() for oid in sorted(self._repository.shallow()))
        yield FLUSH

    def offered(self) -> list[str]:
        """Return the capabilities that are advertised, format and agent aside."""
        return receive_pack_offers(self._repository.config)

    def judge(self, request: PushRequest) -> None:
        """Raise what refuses a push as a whole, before its pack is read: nothing, here."""

    def report(
        self,
        unpack: str,
        verdicts: Mapping[str, str | None],
        reports: Mapping[str, Sequence[RefReport]] = MappingProxyType({}),
        repeated: Sequence[RefUpdate] = (),
    ) -> bytes:
        """Build the report: `push_request.encode_report`."""
        return encode_report(unpack, verdicts, reports, repeated)

    def answer(self, blocks: Iterable[bytes], version: int) -> Generator[bytes, None, PackcoreError | None]:
        """Take one push, whose body's blocks are given, and yield the report on it.

        A client's or the repository's fault is told to the client; what the blocks' iterator raises, for
        a connection that broke, comes out here, and nothing has changed then.
        """
        return (yield from self.converse(blocks, version, lasting=False))

    def converse(
        self,
        blocks: Iterable[bytes],
        version: int,  # noqa: ARG002 - pushes have one
        *,
        lasting: bool = True,
    ) -> Generator[bytes, None, PackcoreError | None]:
        """Do as `answer`; return the fault that ended it before it began, which the client was told.

        `lasting`: the client may keep the connection open behind its pack.
        """
        reader = PacketReader(blocks)
        try:
            request = read_push(
                reader,
                self._format,
                self._request_limits,
                takes_options=has_feature(self._repository.config, "push-options"),
                takes_certificate=self._nonces is not None,
            )
            if request is not None:
                self._session.note_client(request.capabilities)
                request.atomic = request.atomic and has_feature(self._repository.config, "atomic")
            if self._signed is not None:
                self._repository.log_ref_changes(self._signed, b"push")
        except PackcoreError as error:
            yield encode_text(f"ERR {self._words(error)}")
            return error
        if request is None:
            return None
        self.judge(request)
        taken = threading.Event()
        outcome = yield from heard(
            lambda say: self._take(request, _until_taken(reader, taken), say, lasting=lasting),
            seconds=self._keepalive_seconds if request.band_bytes is not None else None,
            ready=None if lasting else taken,
            line=lambda text: _progress(request, text),
            keepalive=encode_packet(_DATA),
        )
        if request.report:
            yield from _banded(request, outcome.report)
            yield b""
        if outcome.hooks is not None and outcome.changed:
            yield from self._after(request, outcome, outcome.hooks)
        if request.band_bytes is not None:
            yield FLUSH
        return None

    def _take(
        self, request: PushRequest, pack: Iterator[bytes], say: Callable[[str], None], *, lasting: bool
    ) -> _Outcome:
        """Do the push, and return its report and what changed."""
        # Loaded here, since a mirror that is level only asks for refs.
        from transport.server.hooks import Hooks

        progress = _without_chatter(say) if request.quiet else say
        try:
            hooks = (
                None
                if self._hooks is None
                else Hooks(self._repository, self._hooks, request.push_options, self._heard(request, say))
            )
            if hooks is not None and request.certificate is not None and self._nonces is not None:
                hooks.certify(request.certificate, self._nonces)
            push, verdicts = self._judged(request, pack, progress, hooks=hooks, lasting=lasting)
            reports = push.reports if request.report_v2 else {}
            report = self.report("ok", verdicts, reports, request.repeated)
            return _Outcome(report, push.changed, hooks, push.reports)
        except PackcoreError as error:
            words = _refusal(error, self._limits, self._words)
            say(f"error: {words}")
            report = self.report(words, {update.name: "unpacker error" for update in request.updates})
            return _Outcome(report, [], None, {})

    def _heard(self, request: PushRequest, say: Callable[[str], None]) -> Callable[[str], None]:
        """Return who hears what hooks say."""
        return self._tell if request.band_bytes is None else say

    def _after(self, request: PushRequest, outcome: _Outcome, hooks: Hooks) -> Iterator[bytes]:
        """Run the hooks that follow a push, and pass their words on."""
        yield from heard(
            lambda say: hooks.after(outcome.changed, outcome.reports, self._heard(request, say)),
            seconds=self._keepalive_seconds if request.band_bytes is not None else None,
            line=lambda text: _progress(request, text),
            keepalive=encode_packet(_DATA),
        )

    def _judged(
        self,
        request: PushRequest,
        pack: Iterator[bytes],
        say: Callable[[str], None],
        *,
        hooks: Hooks | None,
        lasting: bool,
    ) -> tuple[Push, dict[str, str | None]]:
        """Do the push; return it, and each ref's reason, None where it is done. Raises PackcoreError."""
        from packcore.store.spool import SpooledPack
        from transport.server.object_checks import check_objects
        from transport.server.one_push import Push

        def judged(spool: SpooledPack | None) -> tuple[Push, dict[str, str | None]]:
            push = Push(
                self._repository,
                request,
                spool,
                self._limits,
                say=say,
                words=self._words,
                hooks=hooks,
                unpack_limit=self._unpack_limit,
            )
            return push, push.run()

        if not request.brings_pack:
            return judged(None)
        with SpooledPack.receive(
            pack,
            object_format=self._format,
            limits=self._limits,
            bases=self._repository,
            directory=self._repository.pack_directory,
            lasting=lasting,
        ) as spool:
            say(f"{spool.object_count:,} objects, {spool.pack_bytes:,} bytes received")
            check_objects(self._repository, spool, say)
            return judged(spool)


def _until_taken(reader: PacketReader, taken: threading.Event) -> Iterator[bytes]:
    try:
        yield from reader.rest()
    finally:
        taken.set()


def _without_chatter(say: Callable[[str], None]) -> Callable[[str], None]:
    def say_if_needed(text: str) -> None:
        if text.startswith(("error:", "warning:")):
            say(text)

    return say_if_needed


def _progress(request: PushRequest, text: str) -> bytes:
    if request.band_bytes is None:
        return b""
    words = text.encode("utf-8", "replace")[: request.band_bytes - 2]
    return encode_packet(_PROGRESS + words + b"\n")


def _banded(request: PushRequest, report: bytes) -> Iterator[bytes]:
    if request.band_bytes is None:
        yield report
        return
    piece_bytes = request.band_bytes - 1
    for start in range(0, len(report), piece_bytes):
        yield encode_packet(_DATA + report[start : start + piece_bytes])


def _refusal(error: PackcoreError, limits: Limits, words: Words) -> str:
    """Return why a pack was not taken; of one that is too large, by git's words alone."""
    if isinstance(error, LimitExceeded) and error.limit == "pack_bytes":
        return str(pack_too_large(limits.pack_bytes))
    return words(error)


def _with_input_limit(limits: Limits, repository: Repository) -> Limits:
    """Lower `pack_bytes` to receive.maxInputSize, where the repository sets it."""
    bound = repository.config.get_size("receive.maxInputSize")
    return replace(limits, pack_bytes=min(bound, limits.pack_bytes)) if bound else limits
