"""Odd inputs that are text: each kind is a generator of commits, a commit being the files that change in it.

    kind(chance, scale) -> {path: bytes or None}, {path: ...}, ...     None takes the file out

`chance` is seeded by the kind's name, so a kind is the same on every machine. `scale` 1 is for tests and
makes some hundred kilobytes; the amount grows with it in a straight line. All names of this module's
`KINDS` are what the tables show.
"""

# ruff: noqa: D401 - a kind is described, not what its generator does

from __future__ import annotations

from base64 import b64encode
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["KINDS", "Changes", "prose"]

Changes = dict[bytes, bytes | None]

_LETTERS = "eeeeeeetttttaaaaaooooiiiinnnnsssrrrhhllddccuummffppggwyybvk_"


def _vocabulary() -> list[str]:
    """Return words of the lengths and letters that identifiers have, the common ones again and again."""
    chance = Random("vocabulary")
    words = [
        "".join(chance.choices(_LETTERS, k=chance.choice((2, 3, 4, 4, 5, 6, 7, 8, 10, 12))))
        for _ in range(900)
    ]
    return words + words[:200] * 2 + words[:40] * 20


_WORDS = _vocabulary()


def word(chance: Random) -> str:
    return chance.choice(_WORDS)


def sentence(chance: Random, words: int) -> str:
    return " ".join(word(chance) for _ in range(words))


def prose(chance: Random, lines: int) -> list[str]:
    """Return lines as a source file has them."""
    return ["    " * chance.randrange(4) + sentence(chance, chance.randrange(3, 9)) for _ in range(lines)]


def text(lines: list[str]) -> bytes:
    return "\n".join(lines).encode() + b"\n"


def edit(chance: Random, lines: list[str]) -> None:
    """Change a place or two, as people do."""
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(lines))
        lines[at : at + chance.randrange(3)] = prose(chance, chance.randrange(1, 4))


def minified(chance: Random, scale: int) -> Iterator[Changes]:
    """One line of 60 kB without spaces; functions change, and a short name is given to another thing."""
    functions = [_minified_function(chance) for _ in range(600)]
    for _ in range(8 * scale):
        for _ in range(4):
            functions[chance.randrange(len(functions))] = _minified_function(chance)
        functions.insert(chance.randrange(len(functions)), _minified_function(chance))
        old, new = chance.choice("abcdefgh"), chance.choice("abcdefgh")
        functions = [body.replace(f"({old},", f"({new},") for body in functions]
        yield {b"dist/app.min.js": ";".join(functions).encode()}


def _minified_function(chance: Random) -> str:
    a, b, c = chance.choices("abcdefghijk", k=3)
    name, other = word(chance), word(chance)
    return f"function {name}({a},{b}){{return {a}.{other}?{b}[{chance.randrange(900)}]:{name}({c},{b})}}"


def huge_text(chance: Random, scale: int) -> Iterator[Changes]:
    """A generated table of a megabyte and more, of which each version changes a few rows."""
    rows = [f"0x{chance.getrandbits(32):08x}, {number}, {word(chance)}" for number in range(16_000 * scale)]
    for _ in range(6):
        for _ in range(5 * scale):
            rows[chance.randrange(len(rows))] = f"0x{chance.getrandbits(32):08x}, 0, {word(chance)}"
        at = chance.randrange(len(rows))
        rows[at : at + 20] = [f"0x{chance.getrandbits(32):08x}, 1, {word(chance)}" for _ in range(10)]
        yield {b"src/tables.inc": text(rows)}


def line_ends(chance: Random, scale: int) -> Iterator[Changes]:
    """Files whose line ends go from LF to CRLF and back, with edits between."""
    files = {b"src/file%03d.c" % number: prose(chance, 150) for number in range(8 * scale)}
    for turn in range(6):
        end = b"\r\n" if turn % 2 else b"\n"
        for lines in files.values():
            edit(chance, lines)
        yield {path: text(lines).replace(b"\n", end) for path, lines in files.items()}


def indentation(chance: Random, scale: int) -> Iterator[Changes]:
    """Whole files indented anew: four blanks, two, a tab, one level deeper."""
    files = {b"src/file%03d.py" % number: prose(chance, 150) for number in range(8 * scale)}
    for indent, outer in (("    ", ""), ("  ", ""), ("\t", ""), ("    ", "    "), ("  ", "  "), ("    ", "")):
        for lines in files.values():
            edit(chance, lines)
        yield {
            path: text([outer + line.replace("    ", indent) for line in lines])
            for path, lines in files.items()
        }


def base64_text(chance: Random, scale: int) -> Iterator[Changes]:
    """Binary data as base64 in lines of 76; a byte put in shifts all that follows."""
    blob = bytearray(chance.randbytes(24_000))
    for turn in range(8 * scale):
        at = chance.randrange(len(blob))
        blob[at:at] = chance.randbytes(chance.randrange(1, 40))
        blob[at // 2 : at // 2 + 300] = chance.randbytes(300)
        encoded = b64encode(blob)
        lines = b"\n".join(encoded[start : start + 76] for start in range(0, len(encoded), 76))
        yield {b"certificates/bundle.pem": lines + b"\n", b"src/inline.css": b"url(data:" + encoded + b")"}
        if turn % 4 == 3:
            blob = bytearray(chance.randbytes(24_000))


def notebooks(chance: Random, scale: int) -> Iterator[Changes]:
    """JSON of short lines with pictures in base64 on one long line each, made anew with every run."""
    cells = [prose(chance, 12) for _ in range(12)]
    for run in range(6 * scale):
        edit(chance, cells[chance.randrange(len(cells))])
        lines = ["{", ' "cells": [']
        for number, cell in enumerate(cells):
            lines += ["  {", f'   "execution_count": {run * 12 + number},', '   "source": [']
            lines += [f'    "{line}\\n",' for line in cell]
            if number % 4 == 0:
                lines.append(f'    "image/png": "{b64encode(chance.randbytes(3000)).decode()}"')
            lines += ["   ]", "  },"]
        yield {b"notes/analysis.ipynb": text([*lines, " ]", "}"])}


def long_lines(chance: Random, scale: int) -> Iterator[Changes]:
    """Forty lines of 4 kB that differ in a word each; some change in the middle."""
    model = sentence(chance, 700).split(" ")
    lines = []
    for number in range(40):
        model[number % len(model)] = word(chance)
        lines.append(" ".join(model))
    for _ in range(6 * scale):
        for _ in range(3):
            at = chance.randrange(len(lines))
            words = lines[at].split(" ")
            words[chance.randrange(len(words))] = word(chance)
            lines[at] = " ".join(words)
        yield {b"data/records.jsonl": text(lines)}


def sql_dump(chance: Random, scale: int) -> Iterator[Changes]:
    """A sorted dump: rows come and go, counters change in a tenth of them."""
    keys = sorted(chance.sample(range(10**7), 3000))
    rows = {key: [word(chance), str(chance.randrange(10**6)), sentence(chance, 3)] for key in keys}
    for _ in range(4 * scale):
        for key in chance.sample(sorted(rows), len(rows) // 10):
            rows[key][1] = str(chance.randrange(10**6))
        for key in chance.sample(range(10**7), 30):
            rows[key] = [word(chance), str(chance.randrange(10**6)), sentence(chance, 3)]
        for key in chance.sample(sorted(rows), 20):
            del rows[key]
        lines = [f"INSERT INTO t VALUES ({key},'{a}',{b},'{c}');" for key, (a, b, c) in sorted(rows.items())]
        yield {b"db/dump.sql": text(lines)}


def csv_column(chance: Random, scale: int) -> Iterator[Changes]:
    """A table of which one column changes in every row."""
    rows = [
        [str(number), *(word(chance) for _ in range(5)), str(chance.randrange(10**6))]
        for number in range(1500)
    ]
    for turn in range(5 * scale):
        for row in rows:
            row[1 + turn % 6] = f"{chance.randrange(10**4) / 100}"
        yield {b"data/table.csv": text([",".join(row) for row in rows])}


def lock_file(chance: Random, scale: int) -> Iterator[Changes]:
    """A lock file: versions and hashes of a few packages change, some come, some go."""
    names = sorted({f"{word(chance)}-{word(chance)}" for _ in range(500)})
    facts = {name: _locked(chance) for name in names}
    for _ in range(8 * scale):
        for name in chance.sample(sorted(facts), 12):
            facts[name] = _locked(chance)
        facts[f"{word(chance)}-{word(chance)}-{chance.randrange(100)}"] = _locked(chance)
        del facts[chance.choice(sorted(facts))]
        lines = ["{", '  "packages": {']
        for name, (version, digest) in sorted(facts.items()):
            lines += [f'    "node_modules/{name}": {{', f'      "version": "{version}",']
            lines += [f'      "resolved": "https://registry.example/{name}/-/{name}-{version}.tgz",']
            lines += [f'      "integrity": "sha512-{digest}",', '      "license": "MIT"', "    },"]
        yield {b"package-lock.json": text([*lines, "  }", "}"])}


def _locked(chance: Random) -> tuple[str, str]:
    version = f"{chance.randrange(9)}.{chance.randrange(20)}.{chance.randrange(30)}"
    return version, b64encode(chance.randbytes(64)).decode()


def translations(chance: Random, scale: int) -> Iterator[Changes]:
    """Message catalogues in three languages, whose line numbers all move with every version."""
    messages = [sentence(chance, 7) for _ in range(700)]
    lines_at = sorted(chance.sample(range(20_000), len(messages)))
    for turn in range(3 * scale):
        moved = chance.randrange(len(lines_at))
        step = chance.randrange(1, 30)
        lines_at = [at + step if number >= moved else at for number, at in enumerate(lines_at)]
        changes: Changes = {}
        for language in (b"bg", b"ca", b"de"):
            lines = []
            for number, (message, at) in enumerate(zip(messages, lines_at, strict=True)):
                told = "" if (number * 7 + turn) % 11 == 0 else message[::-1] + language.decode()
                lines += [
                    "",
                    f"#: builtin/part{number % 40}.c:{at}",
                    f'msgid "{message}"',
                    f'msgstr "{told}"',
                ]
            changes[b"po/%s.po" % language] = text(lines)
        yield changes


def log_file(chance: Random, scale: int) -> Iterator[Changes]:
    """A log that grows by what is appended."""
    lines: list[str] = []
    for turn in range(20 * scale):
        lines += [
            f"2026-01-{turn % 28 + 1:02} {number:04} INFO {sentence(chance, 6)}"
            for number in range(400 // scale)
        ]
        yield {b"var/app.log": text(lines)}


def reordered(chance: Random, scale: int) -> Iterator[Changes]:
    """Files whose functions are put into another order."""
    files = [[text(prose(chance, chance.randrange(5, 30))) for _ in range(25)] for _ in range(3 * scale)]
    for _ in range(6):
        for functions in files:
            chance.shuffle(functions)
            functions[0] = text(prose(chance, 10))
        yield {b"src/file%02d.go" % number: b"\n".join(parts) for number, parts in enumerate(files)}


def repeated_lines(chance: Random, scale: int) -> Iterator[Changes]:
    """Files made of five lines only, in orders of chance: every line is found in a thousand places."""
    model = prose(chance, 5)
    files = [chance.choices(model, k=1200) for _ in range(3 * scale)]
    for _ in range(4):
        for lines in files:
            at = chance.randrange(len(lines))
            lines[at : at + 40] = chance.choices(model, k=chance.randrange(80))
        yield {b"src/file%02d.txt" % number: text(lines) for number, lines in enumerate(files)}


def shared_chunks(chance: Random, scale: int) -> Iterator[Changes]:
    """Many files that are different choices of the same 300 lines, so that all vote for all."""
    model = prose(chance, 300)
    yield {b"gen/%05d.txt" % number: text(chance.sample(model, k=60)) for number in range(80 * scale)}


def one_line_apart(chance: Random, scale: int) -> Iterator[Changes]:
    """The same text with another line in front and behind, in hundreds of files."""
    model = prose(chance, 80)
    yield {
        b"pages/%05d.html" % number: text([sentence(chance, 8), *model, sentence(chance, 8)])
        for number in range(100 * scale)
    }


def wide_text(chance: Random, scale: int) -> Iterator[Changes]:
    """Text of two bytes a letter: a newline is three bytes with a NUL on each side."""
    files = {b"res/strings%02d.rc" % number: prose(chance, 120) for number in range(4 * scale)}
    for _ in range(6):
        for lines in files.values():
            edit(chance, lines)
        yield {path: text(lines).decode().encode("utf-16") for path, lines in files.items()}


def word_list(chance: Random, scale: int) -> Iterator[Changes]:
    """Sorted short lines, of which some come and some go: most are too short to be found by."""
    words = {word(chance) + "-" + word(chance) for _ in range(6000)}
    for _ in range(6 * scale):
        words.update(word(chance) + "-" + word(chance) for _ in range(20))
        words.difference_update(chance.sample(sorted(words), 15))
        yield {b"share/words": text(sorted(words))}


def random_letters(chance: Random, scale: int) -> Iterator[Changes]:
    """Hexadecimal noise, new in each version: looks like text and holds nothing twice."""
    for _ in range(6 * scale):
        yield {
            b"keys/fingerprints.txt": text([chance.randbytes(32).hex() for _ in range(600)]),
            b"keys/one-line.txt": chance.randbytes(15_000).hex().encode(),
        }


KINDS = {
    "minified JavaScript": minified,
    "huge generated text": huge_text,
    "CRLF and back": line_ends,
    "re-indented files": indentation,
    "base64": base64_text,
    "notebooks": notebooks,
    "long similar lines": long_lines,
    "SQL dump": sql_dump,
    "CSV, a column changed": csv_column,
    "JSON lock file": lock_file,
    "translations (.po)": translations,
    "log, appended to": log_file,
    "reordered functions": reordered,
    "few lines, repeated": repeated_lines,
    "same lines everywhere": shared_chunks,
    "near copies": one_line_apart,
    "UTF-16 text": wide_text,
    "sorted word list": word_list,
    "hexadecimal noise": random_letters,
}
