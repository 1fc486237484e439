"""Assemble the page: frame, style, script, figures, columns, and the bytes of the pack.

The page loads nothing: its own policy forbids that, and allows only the script with the given digest.
Everything from outside (names, paths, contents) is in the page as escaped text, or as JSON or base64 that the
script shows through `textContent`.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from cli.render import units
from cli.render.report.columns import survey_columns
from cli.render.report.embed import base64_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.render.report.summary import Summary
    from packcore.anatomy.survey import PackSurvey

__all__ = ["page_blocks"]

_SCRIPTS = (
    *("dom", "data", "bytes", "charts", "squarify", "treemap", "forest"),
    *("objects", "search", "content", "explanation", "theme", "main"),
)
_NAME_CHARACTERS_MAX = 255
"""The limit of file systems; longer names in a tree are no real file names."""
_SHARE_MIN = 0.002  # a thinner slice of a bar can't be seen


def page_blocks(survey: PackSurvey, summary: Summary, held: bytearray) -> Iterator[str]:
    """Yield the page piece by piece; reads the bytes of the pack as needed."""
    script = "(() => {\n'use strict';\n" + "".join(map(_script, _SCRIPTS)) + "\n})();\n"
    style = _asset("style.css")
    columns = survey_columns(survey, bytes(held))
    facts = {
        "file": survey.label,
        "digestSize": survey.table.object_format.digest_size,
        "packBytes": survey.table.pack_bytes,
        "layout": columns.layout,
        "names": [_name(name) for name in survey.origins.paths.names],
    }
    frame = Template(_asset("page.html")).substitute(
        policy=f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'",
        style=style,
        name=escape(_title(Path(survey.label))),
        file=escape(survey.label),
        lead=escape(_lead(summary)),
        tiles="".join(_tiles(survey, summary)),
        types="".join(_type_rows(summary)),
        bar="".join(_type_bar(summary)),
        carried=escape(_carried(survey, held)),
        facts=json.dumps(facts).replace("<", "\\u003c"),
        columns=columns.base64(),
        script=script,
        bytes="\0",
    )
    before, _, behind = frame.partition("\0")
    yield before
    yield from base64_of(survey, held)
    yield behind


def _title(path: Path) -> str:
    """Return the name of the repository that contains the pack, else that of the pack."""
    if path.parts[-3:-1] != ("objects", "pack"):
        return path.name
    repository = path.absolute().parents[2]
    return repository.parent.name if repository.name == ".git" else repository.name


def _asset(name: str) -> str:
    return (files("cli.render.report") / "assets" / name).read_text(encoding="utf-8")


def _script(name: str) -> str:
    return f"// --- {name}\n{_asset(f'{name}.js')}"


def _digest(text: str) -> str:
    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}"


def _name(name: bytes) -> str:
    text = name[: 4 * _NAME_CHARACTERS_MAX].decode("utf-8", "backslashreplace")
    return text if len(text) <= _NAME_CHARACTERS_MAX else text[: _NAME_CHARACTERS_MAX - 1] + "…"


def _lead(summary: Summary) -> str:
    if not summary.objects:
        return "The pack has no objects."
    share = summary.deltas / summary.objects
    return (
        f"{units.count_of(summary.objects, 'objects')} of {units.size(summary.raw_bytes)} are stored in "
        f"{units.size(summary.pack_bytes)}: {share:.0%} of them as deltas."
    )


def _tiles(survey: PackSurvey, summary: Summary) -> Iterator[str]:
    table = survey.table
    tiles: tuple[tuple[str, str, str], ...] = (
        ("Objects", units.grouped(summary.objects), f"{units.grouped(summary.deltas)} as deltas"),
        ("Pack", units.size(summary.pack_bytes), units.count_of(summary.pack_bytes, "bytes")),
        ("Objects inflated", units.size(summary.raw_bytes), units.count_of(summary.raw_bytes, "bytes")),
        ("Raw to stored", f"{summary.ratio:.1f} : 1", "bytes of objects for one of the pack"),
        ("Chains", f"{summary.mean_chain:.1f}", f"deltas on average, {summary.longest_chain} at most"),
        ("Format", f"version {survey.version}", f"objects named by {table.object_format.name}"),
    )
    for label, value, told in tiles:
        yield f"<div><dt>{escape(label)}</dt><dd>{escape(value)}<small>{escape(told)}</small></dd></div>"
    yield (
        f'<div class="whole"><dt>Trailer, {escape(table.object_format.name)} of all before it</dt>'
        f"<dd><code>{table.checksum.hex()}</code></dd></div>"
    )


def _type_rows(summary: Summary) -> Iterator[str]:
    for name, figures in summary.types.items():
        ratio = f"{figures.raw / figures.stored:.1f} : 1" if figures.stored else "-"
        share = figures.stored / summary.pack_bytes if summary.pack_bytes else 0.0
        cells: tuple[Any, ...] = (
            units.grouped(figures.objects),
            units.grouped(figures.deltas),
            units.grouped(figures.stored),
            f"{share:.1%}",
            units.grouped(figures.raw),
            ratio,
        )
        shown = "".join(f"<td>{cell}</td>" for cell in cells)
        yield f'<tr><th scope="row"><i class="dot {name}"></i>{name}</th>{shown}</tr>'


def _type_bar(summary: Summary) -> Iterator[str]:
    """Draw the share of each type in the pack as one bar; the table below says the same."""
    total, left = max(summary.pack_bytes, 1), 0.0
    for name, figures in summary.types.items():
        share = figures.stored / total
        if share >= _SHARE_MIN:
            yield f'<rect class="{name}" x="{1000 * left:.1f}" width="{1000 * share:.1f}" height="28"></rect>'
        left += share


def _carried(survey: PackSurvey, held: bytearray) -> str:
    count = held.count(1)
    if count == len(survey):
        return "The page contains the bytes of the whole pack."
    return (
        f"The page contains the bytes of {units.grouped(count)} of {units.grouped(len(survey))} objects, "
        "the largest and the deepest first (--embed-bytes); for the others it shows the command."
    )
