"""The figures that each strategy makes of one small generated corpus, and the file that records them.

python -m benchmarks.expected            compare with benchmarks/expected_bytes.json; exit code 1 if not equal
python -m benchmarks.expected --write    record today's figures        (`make bench-expect`)

deltas        how many objects are deltas
deltaBytes    inflated bytes of all deltas         these two hang on the strategy alone
packBytes     bytes of the pack                    this on the deflate library too, which is recorded
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.corpora import generated_store
from packcore import list_objects, select, write_pack
from packcore.deflate import DEFLATE_LIBRARY
from packcore.errors import LimitExceeded
from packcore.plans.entries import Delta
from packcore.search.registry import strategies

__all__ = ["EXPECTED", "corpus", "figures_of"]

EXPECTED = Path(__file__).with_name("expected_bytes.json")
OBJECTS = 1200
ORACLE_OBJECTS = 150
"""The oracle tries all pairs; it gets a corpus of its own."""
SEED = 1


def corpus(strategy: str) -> tuple[Any, Any]:
    """Return the store and the candidates that a strategy is measured on."""
    store, tips = generated_store(ORACLE_OBJECTS if strategy == "oracle" else OBJECTS, seed=SEED)
    return store, list_objects(store, tips, ())


def figures_of(strategy: str) -> dict[str, int]:
    """Return what a strategy makes of the corpus."""
    store, objects = corpus(strategy)
    plan = select(store, objects, strategy=strategy)
    deltas = [entry.encoding for entry in plan.entries if isinstance(entry.encoding, Delta)]
    return {
        "objects": plan.object_count,
        "deltas": len(deltas),
        "deltaBytes": sum(delta.delta_size for delta in deltas),
        "packBytes": sum(map(len, write_pack(plan))),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="record today's figures")
    arguments = parser.parse_args()
    found: dict[str, dict[str, int]] = {}
    for name in strategies():
        try:
            found[name] = figures_of(name)
        except LimitExceeded as error:
            sys.exit(f"{name}: {error}")
    report = {"deflate": DEFLATE_LIBRARY, "strategies": found}
    before = json.loads(EXPECTED.read_text(encoding="utf-8")) if EXPECTED.exists() else {"strategies": {}}
    for name, figures in found.items():
        was = before["strategies"].get(name)
        change = "" if was == figures else f"   was {was['packBytes']:,}" if was else "   new"
        print(f"{name:14} {figures['deltas']:6,} deltas {figures['packBytes']:10,} bytes{change}")
    if arguments.write:
        EXPECTED.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    elif before != report:
        sys.exit("these are not the recorded figures; if that is meant, run it again with --write")


if __name__ == "__main__":
    main()
