"""`packcore strategies`: what there is to select deltas with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.command import command
from cli.params import output_options

if TYPE_CHECKING:
    from cli.console import Console


@command("strategies", short_help="List the delta selection strategies.")
@output_options(progress=False)
def run(*, console: Console) -> None:
    """List the delta selection strategies: name, one line, parameters with their defaults.

    Other distributions can add strategies, under the entry-point group packcore.strategies.
    """
    from cli.render.table import columns
    from packcore.search.registry import strategies

    known = list(strategies().values())
    if console.verbosity.json:
        console.show_json(
            {
                "strategies": [
                    {
                        "name": strategy.name,
                        "description": strategy.description,
                        "cites": strategy.cites,
                        "reusesDeltas": strategy.reuses_deltas,
                        "parameters": [parameter._asdict() for parameter in strategy.parameters],
                    }
                    for strategy in known
                ]
            }
        )
        return
    rows = [
        (
            strategy.name,
            strategy.description,
            " ".join(f"{parameter.name}={parameter.default}" for parameter in strategy.parameters) or "-",
        )
        for strategy in known
    ]
    console.show(columns(rows, heading=("NAME", "WHAT IT DOES", "PARAMETERS")))
    if console.verbosity.verbose:
        for strategy in known:
            console.show(("", f"{strategy.name}: see {strategy.cites}"))
            console.show(
                columns([(f"  {p.name}", str(p.default), p.description) for p in strategy.parameters])
            )
