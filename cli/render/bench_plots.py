"""Plots of a comparison as inline SVG: size against time, chain depths, bytes by type.

Marks get their colours from the page's style sheet by class. Every plot has a title and a description, and
every mark has its own text, so nothing is shown by colour or position alone. Text that must stay legible on a
small screen is not scaled: the scatter plot is drawn once for each of two widths, and the others have no text
within their SVG.
"""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from cli.render import units

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cli.bench.values import PackFacts

__all__ = ["TYPES", "Point", "chain_bars", "nice_ticks", "scatter", "type_bar"]

TYPES = ("commit", "tree", "blob", "tag")

_LETTER_CELLS = 7.0
"""The approximate width of a letter in pixels; a label is placed only where there is room."""


class Point(NamedTuple):
    """One contender in the scatter plot."""

    name: str
    cpu_seconds: float
    pack_bytes: int
    is_peer: bool


class _Axis(NamedTuple):
    """Maps a range of values to positions between two pixels."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool

    def at(self, value: float) -> float:
        low, high, value = (
            (map(math.log, (self.low, self.high, value)))
            if self.is_log
            else (
                self.low,
                self.high,
                value,
            )
        )
        return self.start + (self.end - self.start) * (value - low) / (high - low)


def nice_ticks(low: float, high: float, *, count: int = 5) -> list[float]:
    """Return round numbers, at most a few more than `count`, that enclose the range.

    >>> nice_ticks(3.1, 9.2)
    [2.0, 4.0, 6.0, 8.0, 10.0]
    """
    span = (high - low) or abs(high) or 1.0
    power = 10.0 ** math.floor(math.log10(span / count))
    step = next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) <= count)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(number * step, 12) for number in range(first, max(last, first + 1) + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
    first = max((tick for tick in ticks if tick <= low), default=low)
    last = min((tick for tick in ticks if tick >= high), default=high)
    return [tick for tick in ticks if first <= tick <= last]


def _axis(values: Sequence[float], start: float, end: float, *, log_from: float) -> tuple[_Axis, list[float]]:
    """Make an axis for the values; logarithmic if they span more than a factor of `log_from`."""
    low, high = min(values), max(values)
    is_log = low > 0 and high / low > log_from
    ticks = _log_ticks(low, high) if is_log else nice_ticks(low, high)
    return _Axis(ticks[0], ticks[-1], start, end, is_log), ticks


def scatter(points: Sequence[Point], *, width: int, identity: str) -> str:
    """Return a plot of pack bytes over CPU seconds: left and low is good."""
    height, left, right, top, bottom = (340 if width > 500 else 320), 66, 22, 16, 46
    x_axis, x_ticks = _axis(
        [max(point.cpu_seconds, 0.01) for point in points], left, width - right, log_from=12
    )
    y_axis, y_ticks = _axis([point.pack_bytes for point in points], height - bottom, top, log_from=6)
    parts = [_open(width, height, identity, _told(points))]
    parts += _grid(x_axis, x_ticks, y_axis, y_ticks, height)
    spots = [
        (point, x_axis.at(max(point.cpu_seconds, 0.01)), y_axis.at(point.pack_bytes)) for point in points
    ]
    labels = _place_labels([(point.name, x, y) for point, x, y in spots], left + 4, width)
    for (point, x, y), (label_x, label_y, anchor) in zip(spots, labels, strict=True):
        told = escape(f"{point.name}: {units.size(point.pack_bytes)}, {point.cpu_seconds:.2f} s")
        kind = "peer" if point.is_peer else "own"
        parts.append(f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="6"><title>{told}</title></circle>')
        parts.append(
            f'<text class="name" x="{label_x:.1f}" y="{label_y:.1f}" text-anchor="{anchor}">'
            f"{escape(point.name)}</text>"
        )
    return "".join([*parts, "</svg>"])


def _told(points: Sequence[Point]) -> str:
    return "; ".join(
        f"{point.name}: {units.size(point.pack_bytes)} in {point.cpu_seconds:.2f} seconds" for point in points
    )


def _open(width: int, height: int, identity: str, description: str) -> str:
    return (
        f'<svg class="scatter" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-labelledby="{identity}-t {identity}-d"><title id="{identity}-t">'
        f"Pack size against CPU time</title>"
        f'<desc id="{identity}-d">{escape(description)}</desc>'
    )


def _grid(
    x_axis: _Axis, x_ticks: list[float], y_axis: _Axis, y_ticks: list[float], height: int
) -> Iterator[str]:
    base = y_axis.start
    for tick in y_ticks:
        y = y_axis.at(tick)
        yield f'<line class="grid" x1="{x_axis.start:.1f}" x2="{x_axis.end:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        text = escape(_bytes_label(tick))
        yield f'<text class="tick" x="{x_axis.start - 8:.1f}" y="{y + 4:.1f}" text-anchor="end">{text}</text>'
    last = -math.inf
    for tick in x_ticks:
        x = x_axis.at(tick)
        if x - last < 38:
            continue
        last = x
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{base:.1f}" y2="{base + 5:.1f}"/>'
        yield f'<text class="tick" x="{x:.1f}" y="{base + 18:.1f}" text-anchor="middle">{tick:g}</text>'
    scale = ", logarithmic" if x_axis.is_log else ""
    middle = (x_axis.start + x_axis.end) / 2
    yield (
        f'<text class="axis" x="{middle:.1f}" y="{height - 8}" text-anchor="middle">'
        f"user CPU, seconds{scale}</text>"
    )


def _bytes_label(value: float) -> str:
    """Return the label for a tick in bytes, with decimal units like the ticks.

    >>> _bytes_label(2.5e6), _bytes_label(0), _bytes_label(600_000)
    ('2.5 MB', '0', '600 kB')
    """
    for size, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if value >= size:
            return f"{value / size:g} {unit}"
    return f"{value:g}"


def _place_labels(
    spots: Sequence[tuple[str, float, float]], leftmost: float, width: int
) -> list[tuple[float, float, str]]:
    """Place each name beside its point, where it hides no point, other name or tick of the axis."""
    taken = [(x - 8, x + 8, y - 7, y + 7) for _, x, y in spots]
    found: dict[int, tuple[float, float, str]] = {}
    for index in sorted(range(len(spots)), key=lambda index: spots[index][2]):
        name, x, y = spots[index]
        length = len(name) * _LETTER_CELLS
        places = [
            (label_x, y + 4 + away, anchor, (left, left + length, y - 8 + away, y + 6 + away))
            for away in (0, *(sign * step for step in range(4, 100, 4) for sign in (1, -1)))
            for label_x, anchor, left in (
                (x + 11, "start", x + 11),
                (x - 11, "end", x - 11 - length),
                (x, "middle", x - length / 2),
            )
            if left >= leftmost and left + length <= width - 2 and y - 8 + away > 0
        ]
        free = [place for place in places if not any(_overlap(place[3], other) for other in taken)]
        label_x, baseline, anchor, box = (free or places)[0]
        taken.append(box)
        found[index] = (label_x, baseline, anchor)
    return [found[index] for index in range(len(spots))]


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[1] and other[0] < one[1] and one[2] < other[3] and other[2] < one[3]


def type_bar(name: str, pack: PackFacts, most_bytes: int) -> str:
    """Return the bytes of one contender as a stacked bar; the page shows its text beside it."""
    parts, x = [], 0.0
    for type_name in TYPES:
        facts = pack.by_type.get(type_name)
        for kind, size in (("whole", facts.whole_bytes), ("delta", facts.delta_bytes)) if facts else ():
            if size:
                width = 1000 * size / most_bytes
                told = escape(f"{type_name}, {kind}: {units.size(size)}")
                parts.append(
                    f'<rect class="{type_name} {kind}" x="{x:.2f}" y="0" width="{max(width - 1.5, 0.4):.2f}" '
                    f'height="20"><title>{told}</title></rect>'
                )
                x += width
    label = escape(f"{name}: {units.size(pack.pack_bytes)}", quote=True)
    return (
        f'<svg class="bar" viewBox="0 0 1000 20" preserveAspectRatio="none" role="img" aria-label="{label}">'
        f"{''.join(parts)}</svg>"
    )


def chain_bars(name: str, pack: PackFacts, deepest: int, most_objects: int) -> str:
    """Return bars for the number of objects at each depth from 1; all contenders have the same scale."""
    step, height = 1000 / max(deepest, 1), 100

    def at(count: int) -> float:
        return height * count / max(most_objects, 1)

    bars = "".join(
        f'<rect x="{(depth - 1) * step:.2f}" y="{height - at(count):.2f}" width="{step * 0.86:.2f}" '
        f'height="{at(count):.2f}"><title>depth {depth}: {units.count_of(count, "objects")}</title></rect>'
        for depth, count in pack.chain_lengths.items()
        if depth
    )
    label = escape(
        f"{name}: chain depths; mean {pack.mean_chain:.1f}, longest {pack.longest_chain}", quote=True
    )
    return (
        f'<svg class="chains" viewBox="0 0 1000 {height}" preserveAspectRatio="none" role="img" '
        f'aria-label="{label}"><line class="base" x1="0" x2="1000" y1="{height}" y2="{height}"/>{bars}</svg>'
    )
