"""v2's ls-refs: the refs that a client asks for, with what it wants to know of each.

    ref-prefix PREFIX       refs whose names begin so; of several, any
    peel  symrefs           what an annotated tag comes to; what a symbolic ref points to
    unborn                  HEAD, even where it points to a branch that isn't there yet
    unreadable  hidden      of our own: why a ref can't be read; which kinds of refs are not shown

Specified in gitprotocol-v2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.refs import encode_ref_name
from transport.safe_text import one_line
from transport.server.budget import BadRequest
from transport.server.offers import unborn_rule
from transport.server.ref_lines import ls_refs_lines
from transport.server.ref_prefixes import RefPrefixes
from transport.server.shown_refs import shown_head
from transport.wire.hidden_refs import encode_hidden
from transport.wire.pktline import FLUSH, encode_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from packcore.store.repository import Repository
    from transport.server.budget import Budget, RequestLimits
    from transport.server.shown_refs import ShownRefs
    from transport.server.view import RepositoryView

__all__ = ["answer_ls_refs", "tell_faults"]

_WORDS = {b"peel", b"symrefs", b"unborn", b"unreadable", b"hidden"}
_FAULTS_TOLD_MAX = 20


def answer_ls_refs(
    repository: Repository,
    arguments: Iterator[bytes],
    view: RepositoryView,
    *,
    budget: Budget,
    limits: RequestLimits,
    on_unreadable: Callable[[str], None],
) -> Iterator[bytes]:
    """Yield the answer. Raises BadRequest."""
    prefixes = RefPrefixes(limits.ref_prefixes, limits.ref_prefix_bytes)
    asked: set[bytes] = set()
    for argument in arguments:
        if argument.startswith(b"ref-prefix "):
            is_new = prefixes.add(argument[11:])
        elif argument in _WORDS:
            is_new = argument not in asked
            asked.add(argument)
        else:
            raise BadRequest(f"unexpected line: {one_line(argument, limit=100)!r}")
        if not is_new:
            budget.repeated()
    found = view.listed(prefixes)
    tell_faults(found.refs, on_unreadable)
    yield from ls_refs_lines(found.refs, asked)
    target = shown_head(repository)
    listed_head = b"HEAD" in found.refs.names[:1]
    wants_head = {b"unborn", b"symrefs"} <= asked and prefixes.wants(b"HEAD")
    if (
        not listed_head
        and isinstance(target, str)
        and wants_head
        and unborn_rule(repository.config) != "ignore"
    ):
        yield encode_text(b"unborn HEAD symref-target:" + encode_ref_name(target))
    if found.hidden and b"hidden" in asked:
        yield encode_text(b" ".join([b"hidden", *encode_hidden(found.hidden)]))
    yield FLUSH


def tell_faults(refs: ShownRefs, on_unreadable: Callable[[str], None]) -> None:
    """Say which listed refs can't be read, the first of them by name."""
    faults = [ref for ref in refs.faults() if not ref.is_dangling]
    for ref in faults[:_FAULTS_TOLD_MAX]:
        on_unreadable(f"{one_line(ref.name)} can't be read: {ref.fault}")
    if len(faults) > _FAULTS_TOLD_MAX:
        on_unreadable(f"and {len(faults) - _FAULTS_TOLD_MAX} more refs can't be read")
