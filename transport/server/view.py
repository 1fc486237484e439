"""A repository as one request sees it: its refs are listed once, and only when the request needs them.

Listing refs may read a file for each, which no number of lines in a request may repeat. The object of a ref
is looked at only if the ref is told to the client: listing one ref among 100,000 tags reads one object.
"""

from __future__ import annotations

from binascii import unhexlify
from functools import cached_property
from typing import TYPE_CHECKING

from packcore.ids import ObjectId, ids_of_hex
from transport.safe_text import one_line
from transport.server.budget import BadRequest
from transport.server.ref_objects import with_objects
from transport.server.shown_refs import ShownRef, fetchable_refs
from transport.server.want_rules import WantRules, first_unreachable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packcore.ids import ObjectFormat
    from packcore.refs import RefKind
    from packcore.store.config import GitConfig
    from packcore.store.presence import Presence
    from packcore.store.repository import Repository
    from transport.server.ref_prefixes import RefPrefixes
    from transport.server.shown_refs import FetchableRefs, ShownRefs
    from transport.server.words import Words

__all__ = ["RepositoryView"]

_SHORT_NAMES = (b"%b", b"refs/%b", b"refs/tags/%b", b"refs/heads/%b")


class RepositoryView:
    """What a fetch may see of a repository."""

    def __init__(self, repository: Repository, words: Words) -> None:
        """`words` says what is wrong with a ref that can't be read."""
        self.repository = repository
        self._words = words

    @property
    def object_format(self) -> ObjectFormat:
        """How the repository names its objects."""
        return self.repository.object_format

    @property
    def config(self) -> GitConfig:
        """The repository's own settings."""
        return self.repository.config

    @property
    def allows_filter(self) -> bool:
        """Whether a client may leave something out. Raises RepositoryError."""
        return self.config.get_bool("uploadpack.allowfilter", default=True)

    @property
    def allows_ref_in_want(self) -> bool:
        """Whether a client may want refs by name. Raises RepositoryError."""
        return self.config.get_bool("uploadpack.allowrefinwant")

    @cached_property
    def _all(self) -> FetchableRefs:
        return fetchable_refs(self.repository, self._words)

    def listed(self, prefixes: RefPrefixes) -> FetchableRefs:
        """Return the refs that begin with one of the prefixes, with what their objects say."""
        found = fetchable_refs(self.repository, self._words, prefixes)
        return found._replace(refs=with_objects(self.repository, found.refs, self._words))

    @property
    def hidden(self) -> frozenset[RefKind]:
        """The kinds of refs of which some are not shown."""
        return self._all.hidden

    @cached_property
    def refs(self) -> ShownRefs:
        """Every ref that is shown, the unreadable ones among them, with what their objects say."""
        return with_objects(self.repository, self._all.refs, self._words)

    @cached_property
    def _numbers(self) -> dict[bytes, int]:
        return {name: number for number, name in enumerate(self._all.refs.names)}

    def _ref(self, name: bytes) -> ShownRef | None:
        number, refs = self._numbers.get(name), self._all.refs
        if number is None:
            return None
        return refs.special.get(name) or ShownRef(name, ObjectId(unhexlify(refs.ids[number])))

    @cached_property
    def tips(self) -> frozenset[ObjectId]:
        """What the shown refs point to."""
        return frozenset(oid for oid in ids_of_hex(set(self._all.refs.ids)) if any(oid))

    @property
    def want_rules(self) -> WantRules:
        """What the repository's settings let a client want by id."""
        return self._all.want_rules

    def refuse_foreign(self, wants: Iterable[ObjectId], *, only_tips: bool = False) -> None:
        """Refuse what v0 and v1 may not want by id. Raises BadRequest.

        `only_tips`: what tips reach may be wanted only where a setting allows it.
        """
        if self.want_rules.opens_all:
            return
        tips = self.tips | self._all.hidden_tips if self.want_rules.opens_hidden_refs else self.tips
        others = [want for want in wants if want not in tips]
        if not others:
            return
        if only_tips and not self.want_rules & WantRules.REACHABLE:
            foreign: ObjectId | None = others[0]
        else:
            foreign = first_unreachable(self.repository, others, sorted(tips), self.shallow)
        if foreign is not None:
            raise BadRequest(self.not_our_ref(foreign))

    def not_our_ref(self, oid: ObjectId) -> str:
        """Return the words for a want that isn't here. An unreadable ref is listed with zeros."""
        unread = [] if any(oid) else [ref for ref in self.refs.faults() if not ref.is_dangling]
        if unread:
            return f"{one_line(unread[0].name, limit=100)} can't be read here: {unread[0].fault}"
        return f"upload-pack: not our ref {oid.hex()}"

    @cached_property
    def shallow(self) -> frozenset[ObjectId]:
        """Where this repository's own history is cut."""
        return self.repository.shallow()

    @cached_property
    def _presence(self) -> Presence:
        return self.repository.presence()

    def has(self, oid: ObjectId) -> bool:
        """Return whether an object is here, without looking for packs that were added since."""
        return oid in self._presence

    def finds(self, oid: ObjectId) -> bool:
        """Return whether an object is here, if need be in a pack that was added since."""
        return oid in self.repository

    def wanted_ref(self, name: bytes) -> ObjectId:
        """Return what a ref points to. Raises BadRequest if it isn't shown or can't be read."""
        ref = self._ref(name)
        if ref is None:
            raise BadRequest(f"unknown ref {one_line(name, limit=100)}")
        if not any(ref.oid):
            raise BadRequest(f"{one_line(name, limit=100)} can't be read here: {ref.fault}")
        return ref.oid

    def excluded_ref(self, name: bytes) -> ObjectId:
        """Return what a ref points to whose name may be short. Raises BadRequest."""
        return self.shown_ref(name, "git upload-pack: deepen-not is not a ref")

    def shown_ref(self, name: bytes, otherwise: str = "not a ref that is shown") -> ObjectId:
        """Return what a ref points to whose name may be short. Raises BadRequest, saying `otherwise`."""
        for pattern in _SHORT_NAMES:
            ref = self._ref(pattern % name)
            if ref is not None and any(ref.oid):
                return ref.oid
        raise BadRequest(f"{otherwise}: {one_line(name, limit=100)}")
