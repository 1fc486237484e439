"""Seeds that together take every way and meet every fault.

Found by `python -m tests.simulation.reaching_seeds`, which takes some minutes.
"""

from __future__ import annotations

REACHING: tuple[int, ...] = (
    34,
    46,
    106,
    113,
    477,
    503,
    719,
    977,
    1049,
    1066,
    1758,
    1802,
    2220,
    2444,
    3167,
    3234,
    4625,
    8117,
    9345,
    11970,
    12140,
)


def find(seeds: range) -> list[int]:
    """Return a few of the seeds that reach all that any of them reaches: those with the most news first."""
    from tests.simulation.campaign import memory_folder
    from tests.simulation.faults import KINDS
    from tests.simulation.plan import draw
    from tests.simulation.routes import FEATURES, WAYS
    from tests.simulation.scenario_run import run_scenario
    from tests.simulation.seams import simulated

    wanted = {*WAYS, *FEATURES, *KINDS}
    met = {}
    with memory_folder() as folder, simulated(folder) as place:
        for seed in seeds:
            report = run_scenario(draw(seed), place)
            met[seed] = wanted & {name for counts in (report.routes, report.faults) for name in counts}
    chosen: list[int] = []
    while any(met.values()):
        seed = max(met, key=lambda seed: len(met[seed]))
        news = met[seed]
        chosen.append(seed)
        met = {other: found - news for other, found in met.items()}
    return sorted(chosen)


if __name__ == "__main__":
    print(f"REACHING: tuple[int, ...] = ({', '.join(map(str, find(range(20_000))))})")
