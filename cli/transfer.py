"""Options that say how a run's objects travel: relayed or materialized, whole or in batches.

    transfer_options        everything                         sync
    plan_transfer_options   what decides on the route          plan
    relay_options           what is left where only the        replicate bootstrap
                            source's packs are passed on

Each group gives its command one keyword, `transfer`: fields of `SyncRequest` by their names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cli.command import group, option
from cli.job_options import PACKING
from cli.values import SIZE

__all__ = ["plan_transfer_options", "relay_options", "transfer_options"]

LIMITS = "Limits and batches"


def _transfer(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


_MATERIALIZE = option(
    "--materialize",
    is_flag=True,
    section=PACKING,
    help="Never relay the source's pack; always build a new one.",
)
_OPTIMIZE = option(
    "--optimize",
    type=click.Choice(["time", "bandwidth"]),
    section=PACKING,
    help="time: relay, or reuse existing deltas. bandwidth: search for all deltas, for the smallest "
    "pack. Default: time.",
)
_MAX_OBJECTS = option(
    "--materialized-max-objects",
    type=click.IntRange(1),
    section=PACKING,
    metavar="N",
    help="Refuse to materialize more than N objects.",
)
_LIMITS = (
    option(
        "--target-max-pack-bytes",
        type=SIZE,
        section=LIMITS,
        metavar="SIZE",
        help="Split what is sent into packs of at most this size, e.g. 100m.",
    ),
    option(
        "--max-pack-bytes",
        type=SIZE,
        section=LIMITS,
        metavar="SIZE",
        help="Give up if a relayed pack grows larger than this.",
    ),
    option(
        "--target-max-ref-updates",
        type=click.IntRange(1),
        section=LIMITS,
        metavar="N",
        gitsync=("GITSYNC_MAX_REF_UPDATES_PER_PUSH",),
        help="Update at most N refs per request.",
    ),
    option(
        "--host-profile",
        type=click.Path(dir_okay=False, path_type=Path),
        section=LIMITS,
        metavar="FILE",
        help="Save what TARGET's host turned out to accept, and start from that next time. Default: not "
        "saved.",
    ),
)
_STRATEGY = option(
    "--bootstrap-strategy",
    type=click.Choice(["first-parent", "topo"]),
    default="first-parent",
    section=LIMITS,
    help="Where to cut the batches of a first sync: along first parents, or at any commit. "
    "Default: first-parent.",
)

transfer_options = group("transfer", _transfer, _MATERIALIZE, _OPTIMIZE, _MAX_OBJECTS, *_LIMITS, _STRATEGY)
plan_transfer_options = group("transfer", _transfer, _MATERIALIZE, _OPTIMIZE, *_LIMITS, _STRATEGY)
relay_options = group("transfer", _transfer, *_LIMITS, _STRATEGY)
