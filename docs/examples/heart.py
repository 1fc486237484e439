"""The heart of the library in twenty lines: `heart.py REPOSITORY REVISION PACK`."""

import sys
from pathlib import Path

import packcore

with packcore.open_repository(sys.argv[1]) as store:
    tip = packcore.resolve_revision(store, sys.argv[2])

    # What to send: everything that the tip reaches, and a receiver that has nothing.
    objects = packcore.list_objects(store, wants=[tip], haves=[])

    # Phase 1 decides which object becomes a delta of which. It takes its time; nothing is sent.
    plan = packcore.select(store, objects, strategy="chunk-window")

    # Phase 2 is a generator of blocks of at most 64 KiB: for a socket as well as for a file.
    with Path(sys.argv[3]).open("wb") as file:
        file.writelines(packcore.write_pack(plan))

print(f"{plan.object_count} objects, {plan.delta_count} deltas, {Path(sys.argv[3]).stat().st_size} bytes")
