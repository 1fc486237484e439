"""Reads the target back, to check that its refs hold what the run reported.

    outcome                        must read back as
    pushed, up to date             the source's id
    deleted                        absent
    anything else                  not compared: the run itself reports that it isn't as it should be

A server may say `ok` and do something else (a hook that rewrites, a mirror that lags behind, a proxy for
another host); one more request finds out. What the target hides can't be read back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.errors import PackcoreError
from transport.listing import advertise_push
from transport.syncing.outcome.result import Outcome
from transport.syncing.outcome.verification import RefDifference, Verification

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transport.base import Transport
    from transport.syncing.outcome.result import RefResult

__all__ = ["read_back"]

_SAID_TO_BE_DONE = {Outcome.PUSHED, Outcome.UP_TO_DATE, Outcome.DELETED}


def read_back(target: Transport, refs: Sequence[RefResult]) -> Verification:
    """List the target again and compare. Raises nothing for a target that can't be listed."""
    try:
        found = advertise_push(target).tips
    except PackcoreError as error:
        return Verification(0, error=error)
    # A deleted ref has no source id, and should be absent.
    expected = {
        ref.planned.target_ref: ref.planned.source_id for ref in refs if ref.outcome in _SAID_TO_BE_DONE
    }
    return Verification(
        len(expected),
        tuple(
            RefDifference(name, oid, found.get(name))
            for name, oid in expected.items()
            if found.get(name) != oid
        ),
    )
