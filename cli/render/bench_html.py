"""Comparisons as one self-contained page: no script, no network, a table beside each plot.

    per repository    the result in one sentence
                      the table of all measurements
                      size against time · where the bytes went · how deep the chains are

Everything from outside (names, paths, reasons) is escaped, and the page's policy forbids loading anything.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from cli.render import units
from cli.render.bench_plots import TYPES, Point, chain_bars, scatter, type_bar
from cli.render.bench_style import STYLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cli.bench.values import Comparison, PackFacts, Row

__all__ = ["page"]

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_WIDE, _NARROW = 540, 320
_OFF_SCALE = 2.0
"""A pack this many times as large as the smallest would squeeze all others into one line of the plot."""

_COLUMNS = (
    ("bytes", "Pack size in bytes"),
    ("ratio", "Pack size over that of the first row"),
    ("regret", "How much larger than the oracle's pack"),
    ("deltas", "Objects stored as deltas"),
    ("mean chain", "Deltas above an object that is stored as one, on average"),
    ("longest", "Deltas above the deepest object"),
    ("select", "Elapsed time of choosing deltas, with looking up types and sizes"),
    ("write", "Elapsed time of writing the pack"),
    ("CPU", "User CPU time of the whole run"),
    ("read", "Inflating every object in pack order"),
    ("random", "Inflating objects in a random order"),
    ("memory", "Largest resident set of a process"),
)
_REGRET = 2


def page(comparisons: Sequence[Comparison]) -> str:
    """Return the page."""
    body = "".join(part for number, one in enumerate(comparisons) for part in _section(number, one))
    several = len(comparisons) > 1
    links = "".join(
        f'<li><a href="#r{number}">{escape(one.repository)}</a></li>'
        for number, one in enumerate(comparisons)
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>Packs compared</title><style>{STYLE}</style></head><body>"
        '<a class="skip" href="#main">To the results</a>'
        "<header><h1>Packs compared</h1>"
        '<p class="soft">The same objects, packed by each contender, each run in a separate '
        "process. Every pack was read back and checked before it got its row.</p>"
        f"{f'<nav aria-label=Repositories><ul>{links}</ul></nav>' if several else ''}</header>"
        f'<main id="main">{body}</main>{_footer(comparisons)}</body></html>\n'
    )


def _section(number: int, comparison: Comparison) -> Iterator[str]:
    good = [(row, row.pack) for row in comparison.rows if row.pack]
    yield f'<section aria-labelledby="r{number}"><h2 id="r{number}">{escape(comparison.repository)}</h2>'
    yield f'<p class="soft">{_facts(comparison)}</p>'
    if good:
        yield f'<p class="lead">{escape(_verdict(comparison))}</p>'
    yield from _main_table(comparison)
    if good:
        yield '<div class="plots">'
        yield from _scatter_figure(number, comparison)
        yield from _types_figure(good)
        yield from _chains_figure(good)
        yield "</div>"
    yield "</section>"


def _facts(comparison: Comparison) -> str:
    settings = comparison.settings
    limits = settings.limits
    jobs = f"{settings.jobs} processes or threads each" if settings.jobs > 1 else "one thread"
    runs = f"medians of {settings.repeat} runs in turns" if settings.repeat > 1 else "one run each"
    return (
        f"{units.count_of(comparison.objects, 'objects')}, {units.size(comparison.raw_bytes)} inflated. "
        f"Window {limits.window}, depth {limits.depth}, compression {limits.compression}; {jobs}; {runs}."
    )


def _verdict(comparison: Comparison) -> str:
    """Say which pack is the smallest, and how it compares to the first row."""
    rows = [row for row in comparison.rows if row.pack]
    reference = rows[0]
    smallest = min(rows, key=lambda row: row.pack.pack_bytes if row.pack else 0)
    if len(rows) == 1:
        return f"{reference.contender.name} made {_size_of(reference)}."
    if smallest is reference:
        second = min(rows[1:], key=lambda row: row.pack.pack_bytes if row.pack else 0)
        return (
            f"{reference.contender.name} made the smallest pack, {_size_of(reference)}; "
            f"{second.contender.name} came next with {_size_of(second)}."
        )
    share = 1 - (comparison.ratio(smallest) or 1.0)
    ours, theirs = smallest.median("cpu_seconds"), reference.median("cpu_seconds")
    time = f", in {ours / theirs:.2f} times its CPU time" if ours and theirs else ""
    return (
        f"{smallest.contender.name} made the smallest pack, {_size_of(smallest)}: "
        f"{share:.1%} less than {reference.contender.name}{time}."
    )


def _name(row: Row) -> str:
    """Return a contender's name, which may be broken before each of its parameters."""
    return escape(row.contender.name).replace(":", "<wbr>:")


def _size_of(row: Row) -> str:
    return units.size(row.pack.pack_bytes) if row.pack else ""


def _main_table(comparison: Comparison) -> Iterator[str]:
    has_regret = any(comparison.regret(row) is not None for row in comparison.rows)
    columns = [column for at, column in enumerate(_COLUMNS) if has_regret or at != _REGRET]
    heads = "".join(
        f'<th scope="col"><abbr title="{escape(told, quote=True)}" style="text-decoration:none">'
        f"{escape(name)}</abbr></th>"
        for name, told in columns
    )
    least = min((row.pack.pack_bytes for row in comparison.rows if row.pack), default=0)
    yield '<div class="scroll" tabindex="0" role="region" aria-label="All measurements"><table>'
    yield f'<thead><tr><th scope="col">by</th>{heads}</tr></thead><tbody>'
    for row in comparison.rows:
        name = f'<th scope="row">{_name(row)}</th>'
        if row.pack is None:
            kind = "reason wrong" if row.is_wrong else "reason"
            yield f'<tr>{name}<td class="{kind}" colspan="{len(columns)}">{escape(row.reason)}</td></tr>'
            continue
        cells = [
            cell for at, cell in enumerate(_cells(comparison, row, row.pack)) if has_regret or at != _REGRET
        ]
        best = ' class="best"' if row.pack.pack_bytes == least else ""
        shown = "".join(
            f"<td{' class=bytes' if at == 0 else ''}>{escape(cell)}</td>" for at, cell in enumerate(cells)
        )
        yield f"<tr{best}>{name}{shown}</tr>"
    yield "</tbody></table></div>"


def _cells(comparison: Comparison, row: Row, pack: PackFacts) -> tuple[str, ...]:
    regret = comparison.regret(row)
    memory = row.median("peak_bytes")
    return (
        units.grouped(pack.pack_bytes),
        f"{comparison.ratio(row):.3f}",
        "-" if regret is None else f"{regret:+.1%}",
        units.grouped(pack.deltas),
        f"{pack.mean_chain:.1f}",
        str(pack.longest_chain),
        *(_seconds(row.median(f"{name}_seconds")) for name in ("select", "write", "cpu", "read", "random")),
        "-" if memory is None else units.size(memory, digits=0),
    )


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} s"


def _scatter_figure(number: int, comparison: Comparison) -> Iterator[str]:
    points = [
        Point(row.contender.name, cpu, row.pack.pack_bytes, row.contender.is_peer)
        for row in comparison.rows
        if row.pack and (cpu := row.median("cpu_seconds")) is not None
    ]
    if not points:
        return
    least = min(point.pack_bytes for point in points)
    off = [point for point in points if point.pack_bytes > _OFF_SCALE * least]
    points = [point for point in points if point not in off]
    left_out = ", ".join(
        f"{point.name} ({units.size(point.pack_bytes)}, {point.cpu_seconds:.2f} s)" for point in off
    )
    yield "<figure><figcaption><h3>Size against time</h3>Left is faster, low is smaller."
    yield f"{escape(f' Off the scale: {left_out}.') if off else ''}</figcaption>"
    yield f'<div class="wideonly">{scatter(points, width=_WIDE, identity=f"s{number}w")}</div>'
    yield f'<div class="narrow">{scatter(points, width=_NARROW, identity=f"s{number}n")}</div>'
    yield '<ul class="key"><li><i class="own"></i>strategy</li>'
    yield '<li><i class="peer"></i>other program</li></ul>'
    yield "</figure>"


def _types_figure(good: Sequence[tuple[Row, PackFacts]]) -> Iterator[str]:
    most = max(pack.pack_bytes for _, pack in good)
    yield "<figure><figcaption><h3>Where the bytes went</h3>By object type; whole objects are paler than "
    yield "deltas."
    yield '</figcaption><div class="bars">'
    for row, pack in good:
        yield f'<div class="row"><span class="who">{_name(row)}</span>'
        yield f'<span class="plot">{type_bar(row.contender.name, pack, most)}</span>'
        yield f'<span class="value">{units.size(pack.pack_bytes)}</span></div>'
    yield '</div><ul class="key">'
    shown = [name for name in TYPES if any(pack.by_type[name].objects for _, pack in good)]
    yield "".join(f'<li><i class="{name}"></i>{name}</li>' for name in shown)
    yield '<li><i class="half"></i>whole</li><li><i class="full"></i>delta</li></ul>'
    rows = [
        (
            f"{row.contender.name}, {name}",
            units.grouped(facts.objects),
            units.grouped(facts.deltas),
            units.grouped(facts.whole_bytes),
            units.grouped(facts.delta_bytes),
        )
        for row, pack in good
        for name in shown
        for facts in (pack.by_type[name],)
    ]
    yield _details(
        "Bytes by type, as a table", ("by, type", "objects", "deltas", "bytes whole", "bytes of deltas"), rows
    )
    yield "</figure>"


def _chains_figure(good: Sequence[tuple[Row, PackFacts]]) -> Iterator[str]:
    deepest = max(pack.longest_chain for _, pack in good)
    counts = [count for _, pack in good for depth, count in pack.chain_lengths.items() if depth]
    yield '<figure class="wide"><figcaption><h3>How deep the chains are</h3>'
    yield f"Objects at each depth, from 1 to {deepest}; all on the same scale. "
    yield "Deeper is slower to read.</figcaption>"
    yield '<div class="multiples">'
    for row, pack in good:
        kind = ' class="is-peer"' if row.contender.is_peer else ""
        yield f"<div{kind}><h4>{_name(row)}</h4>"
        yield (
            f'<p class="soft">{units.count_of(pack.chain_lengths.get(0, 0), "objects")} whole, '
            f"{units.count_of(pack.deltas, 'deltas')}</p>"
        )
        if pack.deltas:
            yield chain_bars(row.contender.name, pack, deepest, max(counts))
            yield f'<div class="ends" aria-hidden="true"><span>1</span><span>{deepest}</span></div>'
        yield "</div>"
    yield "</div>"
    depths = sorted({depth for _, pack in good for depth in pack.chain_lengths})
    rows = [
        (str(depth), *(units.grouped(pack.chain_lengths.get(depth, 0)) for _, pack in good))
        for depth in depths
    ]
    yield _details(
        "Objects at each depth, as a table", ("depth", *(row.contender.name for row, _ in good)), rows
    )
    yield "</figure>"


def _details(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    lines = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return (
        f'<details><summary>{escape(title)}</summary><div class="scroll" tabindex="0" role="region" '
        f'aria-label="{escape(title, quote=True)}"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div></details>"
    )


def _footer(comparisons: Sequence[Comparison]) -> str:
    packs = [row.pack for one in comparisons for row in one.rows if row.pack]
    notes = [pack.note for pack in packs if pack.note]
    notes += [f"Each pack was checked by {pack.checked_by}." for pack in packs]
    notes += [
        f"{one.repository}: random reading took a sample of {one.random_reads:,} objects."
        for one in comparisons
        if one.random_reads < one.objects
    ]
    shown = "".join(f"<p>{escape(note)}</p>" for note in dict.fromkeys(notes))
    columns = "; ".join(f"{name}: {told[0].lower()}{told[1:]}" for name, told in _COLUMNS)
    return (
        f"<footer>{shown}<p>{escape(columns)}.</p><p>Bytes are exact, times are this machine's.</p></footer>"
    )
