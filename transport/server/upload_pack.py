r"""Our own upload-pack: lets a client fetch from a repository, in protocols 0, 1 and 2.

    advertise(version)        the first answer; v2: capabilities, v0 and v1: refs
    answer(blocks, version)   one request's answer; v2: ls-refs or fetch, v0 and v1: a round, or the pack
    converse(blocks, version) the same, or on a lasting connection all requests up to its end

What it can do is what it advertises: ofs-delta, side-band, include-tag, shallow by depth, date and refs, the
filters of `server.filters`, in v2 wait-for-done, wants by name (ref-in-want) and server-option, and in v0
multi_ack_detailed with no-done. Hidden refs stay hidden.
A fault of the client's, or of the repository's, reaches it as an ERR line, or as side-band 3 once the
pack has begun. Specified in gitprotocol-v2, gitprotocol-pack, gitprotocol-http.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from packcore.errors import PackcoreError
from packcore.limits import BLOCK_BYTES, Limits
from packcore.refs import encode_ref_name
from transport.agent import agent
from transport.errors import TruncatedAnswer
from transport.safe_text import one_line
from transport.server.background import heard
from transport.server.budget import BadRequest, Budget, RequestLimits
from transport.server.bundle_uris import answer_bundle_uri
from transport.server.fault_tokens import quoted, unreadable_tokens
from transport.server.ls_refs import answer_ls_refs, tell_faults
from transport.server.negotiation import negotiate
from transport.server.offers import (
    advertises_bundle_uris,
    advertises_session_ids,
    has_feature,
    upload_pack_offers,
)
from transport.server.ref_lines import joined, ref_lines_v0
from transport.server.requests import (
    FetchRequest,
    KnownIds,
    read_command,
    read_fetch_v2,
    read_wants_v0,
)
from transport.server.session import Session
from transport.server.view import RepositoryView
from transport.server.words import words_about_repository
from transport.wire.hidden_refs import encode_hidden
from transport.wire.pktline import DELIM, FLUSH, PacketReader, encode_packet, encode_text

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from packcore.ids import ObjectId
    from packcore.plans.plan import PackPlan
    from packcore.store.repository import Repository
    from transport.server.pack_cache import PackCache
    from transport.server.packing import Cut
    from transport.server.shown_refs import ShownRefs
    from transport.server.wanted_pack import WantedPack
    from transport.server.words import Words

__all__ = ["UploadPack"]

_DATA, _PROGRESS, _FATAL = b"\1", b"\2", b"\3"
_DAMAGE_CHARACTERS_MAX = 400


class _FaultTold(Exception):
    """The client was told of a fault within the pack."""

    def __init__(self, fault: PackcoreError) -> None:
        super().__init__(str(fault))
        self.fault = fault


class UploadPack:
    """Serves one repository. Keeps nothing between two calls."""

    def __init__(
        self,
        repository: Repository,
        *,
        limits: Limits | None = None,
        strategy: str = "chunk-window",
        keepalive_seconds: float | None = None,
        on_unreadable: Callable[[str], None] = lambda _: None,
        words: Words | None = None,
        request_limits: RequestLimits | None = None,
        packs: PackCache | None = None,
        session: Session | None = None,
    ) -> None:
        """Serve `repository`. `packs` keeps packs for the next client; None: each client gets one of its own.

        `on_unreadable` gets a line about each listed ref that can't be read. `words` says to the client what
        is wrong; None: without a path of this disk.
        """
        self._words = words or words_about_repository(repository)
        self._request_limits = request_limits or RequestLimits()
        self._repository = repository
        self._on_unreadable = on_unreadable
        self._format = repository.object_format
        self._limits = limits or Limits()
        self._strategy = strategy
        self._keepalive_seconds = keepalive_seconds
        self._packs = packs
        self._session = session or Session()
        self._tells_session = advertises_session_ids(repository.config)

    # The advertisement

    def advertise(self, version: int, *, over_http: bool = True, lasting: bool = False) -> Iterator[bytes]:
        """Yield the advertisement.

        `over_http` puts `# service` before v0's and v1's; `lasting`: requests come over this connection.
        """
        if version >= 2:
            lines = ["version 2", *upload_pack_offers(self._repository.config, self._format)]
            lines += [f"session-id={self._session.id}"] * self._tells_session
            yield b"".join(map(encode_text, lines)) + FLUSH
            return
        # First of all: what fails after the first byte is an answer cut short.
        view = self._view()
        listed = view.refs
        tell_faults(listed, self._on_unreadable)
        if over_http:
            yield encode_text("# service=git-upload-pack") + FLUSH
        if version == 1:
            yield encode_text("version 1")
        tokens = self._capabilities_v0(listed, view, stateless=not lasting)
        listed = listed.without({ref.name for ref in listed.special.values() if ref.is_dangling})
        lines_of_refs = ref_lines_v0(listed.names, listed.ids, listed.peeled)
        lines_of_refs = lines_of_refs or [self._format.zero.hex().encode() + b" capabilities^{}"]
        yield encode_text(lines_of_refs[0] + b"\0" + tokens)
        yield from joined(lines_of_refs[1:])
        for oid in sorted(self._repository.shallow()):
            yield encode_text(f"shallow {oid.hex()}")
        yield FLUSH

    def offered(self, *, stateless: bool) -> list[str]:
        """Return the capabilities that v0 and v1 advertise, symbolic refs, format and agent aside."""
        tokens = ["multi_ack_detailed", "side-band", "side-band-64k", "ofs-delta", "shallow"]
        tokens += ["deepen-since", "deepen-not", "deepen-relative"]
        tokens += ["no-progress", "include-tag", "filter", *(["no-done"] if stateless else [])]
        return [token for token in tokens if has_feature(self._repository.config, token)]

    def _capabilities_v0(self, listed: ShownRefs, view: RepositoryView, *, stateless: bool) -> bytes:
        encoded = [token.encode() for token in self.offered(stateless=stateless)]
        encoded += [token.encode() for token in view.want_rules.tokens]
        head = listed.special.get(b"HEAD")
        if head is not None and head.symref is not None:
            encoded.append(b"symref=HEAD:" + encode_ref_name(head.symref))
        encoded += [*unreadable_tokens(listed.faults()), b"find-damage"]
        if view.hidden:
            encoded.append(b"hidden=" + b",".join(encode_hidden(view.hidden)))
        if self._tells_session:
            encoded.append(f"session-id={self._session.id}".encode())
        return b" ".join([*encoded, f"object-format={self._format.name} agent={agent()}".encode()])

    def _view(self) -> RepositoryView:
        return RepositoryView(self._repository, self._words)

    # The answer to a request

    def answer(self, blocks: Iterable[bytes], version: int) -> Generator[bytes, None, PackcoreError | None]:
        """Answer one stateless request, whose body's blocks are given, as `converse`."""
        return (yield from self.converse(blocks, version, lasting=False))

    def converse(
        self, blocks: Iterable[bytes], version: int, *, lasting: bool = True
    ) -> Generator[bytes, None, PackcoreError | None]:
        """Yield the answers to what comes in; return the fault that ended it, which the client was told.

        `lasting`: the client asks until it ends the connection; else once. What has been yielded must be
        sent before the next block is taken.
        """
        reader = PacketReader(blocks)
        answered = self._answer_v2 if version >= 2 else self._answer_v0
        has_answered = False
        try:
            while (yield from answered(reader, self._view(), Budget(self._request_limits), lasting=lasting)):
                has_answered = True
        except _FaultTold as told:
            return told.fault
        except PackcoreError as error:
            is_cut = isinstance(error, TruncatedAnswer)
            if is_cut and has_answered and b"".join(reader.rest()) == b"\n":
                return None  # the input of scripts ends so; git takes it for the end, too
            yield encode_text(f"ERR {self._words(error)}")
            return error
        return None

    def _answer_v2(
        self, reader: PacketReader, view: RepositoryView, budget: Budget, *, lasting: bool
    ) -> Generator[bytes, None, bool]:
        """Answer one request; return whether there may be another."""
        command = read_command(reader, self._format, budget)
        if command is None:
            return False
        self._session.note_client(command.capabilities)
        if command.name == "ls-refs":
            yield from answer_ls_refs(
                self._repository,
                command.arguments,
                view,
                budget=budget,
                limits=self._request_limits,
                on_unreadable=self._on_unreadable,
            )
        elif command.name == "fetch":
            yield from self._fetch_v2(read_fetch_v2(command.arguments, view, budget), view)
        elif command.name == "bundle-uri" and advertises_bundle_uris(self._repository.config):
            yield from answer_bundle_uri(self._repository.config, command.arguments)
        else:
            raise BadRequest(f"invalid command {one_line(command.name, limit=100)!r}")
        return lasting

    def _fetch_v2(self, request: FetchRequest, view: RepositoryView) -> Iterator[bytes]:
        named = request.want_refs
        for name, oid in named.items():
            if not view.finds(oid):
                raise BadRequest(f"upload-pack: not our ref {one_line(name, limit=100)}")
        request.wants |= dict.fromkeys(named.values())
        if not request.wants and not request.wait_for_done:
            yield FLUSH
            return
        common = list(request.common)
        if request.find_damage:
            yield from self._find_damage(request, view)
            return
        if request.has_haves and not request.done:
            ready = not request.wait_for_done and self._is_enough(request, view, common)
            lines = [f"ACK {oid.hex()}" for oid in common] or ["NAK"]
            yield b"".join(map(encode_text, ["acknowledgments", *lines, *(["ready"] if ready else [])]))
            yield DELIM if ready else FLUSH
            if not ready:
                return
        if not request.wants:
            yield FLUSH  # haves alone: a client asks, before it pushes, what is here
            return
        cut = self._cut(request, view)
        if cut is not None or view.shallow:
            yield encode_text("shallow-info") + _shallow_lines(request, view, cut) + DELIM
        if named:
            yield encode_text("wanted-refs")
            yield b"".join(encode_text(b"%b %b" % (oid.hex().encode(), name)) for name, oid in named.items())
            yield DELIM
        yield encode_text("packfile")
        yield from self._send_pack(request, view, common, cut)

    def _find_damage(self, request: FetchRequest, view: RepositoryView) -> Iterator[bytes]:
        from transport.server.damage import damaged_wants

        yield encode_text("damage")
        found = yield from heard(
            lambda _: damaged_wants(
                self._repository, request.wants, request.common, shallow=view.shallow, words=self._words
            ),
            seconds=self._keepalive_seconds,
            line=lambda _: b"",
            keepalive=encode_text("keepalive"),
        )
        for oid, reason in found.items():
            yield encode_text(b"%b %b" % (oid.hex().encode(), quoted(reason, limit=_DAMAGE_CHARACTERS_MAX)))
        yield FLUSH

    def _answer_v0(
        self, reader: PacketReader, view: RepositoryView, budget: Budget, *, lasting: bool
    ) -> Generator[bytes, None, bool]:
        """Answer one request, which in a lasting conversation is all of it."""
        request = read_wants_v0(reader, view, budget, lasting=lasting)
        if request is None:
            return False
        self._session.note_client(request.capabilities)
        cut = self._cut(request, view)
        if cut is not None:
            yield _shallow_lines(request, view, cut) + FLUSH
        haves = KnownIds(view.has, budget)
        send = yield from negotiate(
            reader,
            request,
            haves,
            budget,
            object_format=self._format,
            is_enough=lambda common: self._is_enough(request, view, common),
            lasting=lasting,
        )
        if send:
            yield from self._send_pack(request, view, list(haves.found), cut)
        return False

    # History and the pack. What these need is loaded here: most requests are for refs alone.

    def _is_enough(self, request: FetchRequest, view: RepositoryView, common: list[ObjectId]) -> bool:
        from transport.server.packing import enough_in_common

        shallow = view.shallow | request.shallow.keys()
        return enough_in_common(self._repository, request.wants, common, shallow)

    def _cut(self, request: FetchRequest, view: RepositoryView) -> Cut | None:
        from transport.server.packing import cut_by_rule, cut_history, cut_relative

        repository, shallow = self._repository, request.shallow.keys()
        if request.cuts_by_rule:
            return cut_by_rule(
                repository,
                request.wants,
                since=request.deepen_since,
                excluded=request.deepen_not,
                client_shallow=shallow,
                store_shallow=view.shallow,
            )
        if request.depth is None:
            return None
        cut = cut_relative if request.deepen_relative else cut_history
        return cut(repository, request.wants, request.depth, shallow, view.shallow)

    def _send_pack(
        self, request: FetchRequest, view: RepositoryView, common: list[ObjectId], cut: Cut | None
    ) -> Iterator[bytes]:
        """Yield the pack, multiplexed if the client can take that; a fault goes out on band 3."""
        band_bytes = request.band_bytes
        try:
            pieces = self._pieces(request, view, common, cut)
            if band_bytes is None:
                yield from (piece for piece in pieces if isinstance(piece, bytes))
                return
            for piece in pieces:
                if piece is None:
                    yield encode_packet(_DATA)
                    yield b""
                elif isinstance(piece, str):
                    if not request.no_progress:
                        yield encode_packet(_PROGRESS + piece.encode())
                else:
                    for start in range(0, len(piece), band_bytes - 1):
                        yield encode_packet(_DATA + piece[start : start + band_bytes - 1])
            yield FLUSH
        except PackcoreError as error:
            if band_bytes is None:
                raise
            words = f"fatal: {self._words(error)}"
            yield encode_packet(_FATAL + words.encode("utf-8", "replace")[: band_bytes - 1])
            raise _FaultTold(error) from None

    def _pieces(
        self, request: FetchRequest, view: RepositoryView, common: list[ObjectId], cut: Cut | None
    ) -> Iterator[bytes | str | None]:
        """Yield the pack's blocks, words about it, and None in each silence (see `server.pack_pieces`)."""
        from transport.server.pack_pieces import kept_pieces, own_pieces, silences

        repository, ofs_delta = self._repository, request.ofs_delta
        seconds = self._keepalive_seconds if request.band_bytes is not None else None
        if self._packs is None:
            yield from own_pieces(
                lambda: nullcontext(self._plan(request, view, common, cut)),
                ofs_delta=ofs_delta,
                block_bytes=(request.band_bytes or BLOCK_BYTES + 1) - 1,
                seconds=seconds,
            )
            return
        wanted = yield from silences(lambda: self._wanted(request, view, common, cut), seconds)
        yield from kept_pieces(
            self._packs,
            wanted.key(repository),
            lambda: wanted.planned(repository),
            ofs_delta=ofs_delta,
            seconds=seconds,
        )

    def _plan(
        self, request: FetchRequest, view: RepositoryView, common: list[ObjectId], cut: Cut | None
    ) -> PackPlan:
        return self._wanted(request, view, common, cut).plan(self._repository)

    def _wanted(
        self, request: FetchRequest, view: RepositoryView, common: list[ObjectId], cut: Cut | None
    ) -> WantedPack:
        from transport.server.wanted_pack import WantedPack

        tags = list(view.refs.tags()) if request.include_tag else []
        return WantedPack(request, common, cut, view.shallow, tags, self._strategy, self._limits)


def _shallow_lines(request: FetchRequest, view: RepositoryView, cut: Cut | None) -> bytes:
    shallow = cut.shallow if cut is not None else sorted(view.shallow)
    news = [f"shallow {oid.hex()}" for oid in shallow if oid not in request.shallow]
    unshallow = [f"unshallow {oid.hex()}" for oid in (cut.unshallow if cut is not None else ())]
    # Without a line feed, as git sends them: libgit2 takes one for a broken packet.
    return b"".join(encode_packet(line.encode()) for line in [*news, *unshallow])
