"""Options that say how a run's objects travel: relayed or materialized, whole or in batches.

    transfer_options        everything                         sync
    plan_transfer_options   what decides upon the way          plan
    relay_options           what is left where only the        replicate bootstrap
                            source's packs are passed on

Each group gives its command one keyword, `transfer`: fields of `SyncRequest` by their names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cli.command import group, option
from cli.params import PACKING
from cli.values import SIZE

__all__ = ["plan_transfer_options", "relay_options", "transfer_options"]

LIMITS = "Limits and batches"


def _transfer(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


_MATERIALIZE = option(
    "--materialize", is_flag=True, section=PACKING, help="Never relay the source's pack: make one of our own."
)
_OPTIMIZE = option(
    "--optimize",
    type=click.Choice(["time", "bandwidth"]),
    section=PACKING,
    help="time: relay, or reuse deltas that are there. bandwidth: select every delta anew, for the smallest "
    "pack. Default: time.",
)
_MAX_OBJECTS = option(
    "--materialized-max-objects",
    type=click.IntRange(1),
    section=PACKING,
    metavar="N",
    help="Refuse to materialize more objects than this.",
)
_LIMITS = (
    option(
        "--target-max-pack-bytes",
        type=SIZE,
        section=LIMITS,
        metavar="SIZE",
        help="Send no larger pack, but several; e.g. 100m.",
    ),
    option(
        "--max-pack-bytes",
        type=SIZE,
        section=LIMITS,
        metavar="SIZE",
        help="Give up where a pack to be relayed grows beyond this.",
    ),
    option(
        "--target-max-ref-updates",
        type=click.IntRange(1),
        section=LIMITS,
        metavar="N",
        gitsync=("GITSYNC_MAX_REF_UPDATES_PER_PUSH",),
        help="Update at most so many refs in one request.",
    ),
    option(
        "--host-profile",
        type=click.Path(dir_okay=False, path_type=Path),
        section=LIMITS,
        metavar="FILE",
        help="Remember here what TARGET's host was found to accept, and begin with that. Default: forget.",
    ),
)
_STRATEGY = option(
    "--bootstrap-strategy",
    type=click.Choice(["first-parent", "topo"]),
    default="first-parent",
    section=LIMITS,
    help="Where the batches of a first sync are cut: along the first parents, or at any commit. "
    "Default: first-parent.",
)

transfer_options = group("transfer", _transfer, _MATERIALIZE, _OPTIMIZE, _MAX_OBJECTS, *_LIMITS, _STRATEGY)
plan_transfer_options = group("transfer", _transfer, _MATERIALIZE, _OPTIMIZE, *_LIMITS, _STRATEGY)
relay_options = group("transfer", _transfer, *_LIMITS, _STRATEGY)
