"""`packcore report`: figures as JSON, and a page that is whole, closed and safe. Its life: tests/e2e."""

from __future__ import annotations

import json
import re
import zlib
from array import array
from base64 import b64decode
from typing import TYPE_CHECKING, Any

import pytest

from cli.render.report.embed import base64_of, chosen
from packcore.anatomy.survey import survey_pack
from packcore.ids import SHA1
from tests.packcore.pack_builder import build_pack, chain_of, whole, write_pack_file
from tests.support import git

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

TEXTS = [b"".join(b"line %d of %d\n" % (n, v) for n in range(200)) for v in range(12)]


@pytest.fixture
def chain_pack(tmp_path: Path) -> Path:
    return write_pack_file(tmp_path, [build_pack(chain_of(TEXTS))])


def figures_of(packcore: Callable[..., Result], *arguments: str | Path) -> dict[str, Any]:
    result = packcore("report", *arguments, "--json")
    assert result.exit_code == 0, result.stderr
    told: dict[str, Any] = json.loads(result.stdout_bytes)
    return told


def script_of(page: str, name: str) -> str:
    found = re.search(rf'<script type="[a-z/]+" id="{name}">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return found[1]


def test_totals_agree_with_git(packcore, repository):
    told = figures_of(packcore, repository)
    index = next(repository.glob("objects/pack/*.idx"))
    listed = git("verify-pack", "-v", index, cwd=repository)
    lengths = {int(depth): int(count) for depth, count in re.findall(r"chain length = (\d+): (\d+)", listed)}
    assert told["deltas"] == sum(lengths.values())
    assert told["depths"] == {str(depth): count for depth, count in lengths.items()} | {
        "0": told["objects"] - told["deltas"]
    }
    assert told["longestChain"] == max(lengths)
    assert told["packBytes"] == index.with_suffix(".pack").stat().st_size
    sizes = git("cat-file", "--batch-all-objects", "--batch-check=%(objectsize)", cwd=repository).split()
    assert told["rawBytes"] == sum(map(int, sizes))
    assert told["hash"] in index.name
    assert told["objectFormat"] == repository.stem


def test_types_sum_to_the_pack(packcore, repository):
    told = figures_of(packcore, repository)
    digest_size = 20 if told["objectFormat"] == "sha1" else 32
    assert (
        sum(figures["stored"] for figures in told["types"].values()) == told["packBytes"] - 12 - digest_size
    )
    assert sum(figures["objects"] for figures in told["types"].values()) == told["objects"]


def test_an_index_is_not_needed(packcore, chain_pack):
    chain_pack.with_suffix(".idx").unlink(missing_ok=True)
    assert figures_of(packcore, chain_pack)["longestChain"] == len(TEXTS) - 1


def test_the_page_is_the_same_each_time(packcore, repository, tmp_path):
    for name in ("a.html", "b.html"):
        assert packcore("report", repository, "-o", tmp_path / name).exit_code == 0
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_the_page_names_no_other_place_and_forbids_itself_to_load_any(packcore, repository, tmp_path):
    packcore("report", repository, "-o", tmp_path / "x.html")
    page = (tmp_path / "x.html").read_text()
    assert "default-src 'none'" in page
    assert not re.findall(r'(?:src|href)="(?!#)', page)
    assert re.findall(r"https?://[^'\"]*", page) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"\.innerHTML|insertAdjacentHTML|document\.write|\beval\(", page)


def test_columns_hold_what_the_survey_found(packcore, chain_pack, tmp_path):
    packcore("report", chain_pack, "-o", tmp_path / "x.html")
    page = (tmp_path / "x.html").read_text()
    facts = json.loads(script_of(page, "facts"))
    data = zlib.decompress(b64decode(script_of(page, "columns")))
    codes = {"u8": "B", "u16": "H", "u32": "I", "i32": "i", "f64": "d"}
    columns = {}
    for column in facts["layout"]:
        values = columns[column["name"]] = array(codes[column["type"]])
        values.frombytes(data[column["start"] :][: column["count"] * values.itemsize])
    survey = survey_pack(chain_pack, SHA1)
    assert list(columns["depths"]) == list(range(len(TEXTS)))
    assert list(columns["sizes"]) == list(map(len, TEXTS))
    assert list(columns["stored"]) == [survey.entry_bytes(at) for at in range(len(survey))]
    assert bytes(columns["oids"]) == bytes(survey.table.oids)
    assert b64decode(script_of(page, "bytes")) == chain_pack.read_bytes()[12:-20]


@pytest.mark.parametrize("bytes_max", [0, 100, 2000, 1 << 20])
def test_a_chain_is_carried_whole_or_not_at_all_and_within_the_limit(tmp_path, bytes_max):
    noise = [bytes((n * n * 31 + n * k) % 256 for n in range(300)) for k in range(1, 9)]
    entries = [*chain_of(TEXTS), *map(whole, noise)]
    survey = survey_pack(write_pack_file(tmp_path, [build_pack(entries)]), SHA1)
    held = chosen(survey, bytes_max)
    carried = b64decode("".join(base64_of(survey, held)))
    assert len(carried) <= bytes_max
    for at in range(len(survey)):
        if held[at]:
            assert all(held[link] for link in survey.chain(at))
    data = survey.path.read_bytes()
    assert carried == b"".join(
        data[survey.table.offsets[at] : survey.table.end_offset(at)] for at in range(len(survey)) if held[at]
    )
    assert any(held) == (bytes_max >= 2000)


def test_without_a_page_the_figures_are_printed(packcore, chain_pack):
    result = packcore("report", chain_pack)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == f"as a page: packcore report {chain_pack} -o pack.html"


@pytest.mark.parametrize("cut", [5, 40, 200])
def test_a_damaged_pack_ends_with_3_names_the_place_and_leaves_no_page(packcore, chain_pack, tmp_path, cut):
    chain_pack.write_bytes(chain_pack.read_bytes()[:cut])
    page = tmp_path / "x.html"
    result = packcore("report", chain_pack, "-o", page)
    assert result.exit_code == 3
    assert re.search(r"offset \d+|too short|ends", result.stderr)
    assert not page.exists()
    assert not list(tmp_path.glob(".tmp-*"))


def test_an_empty_pack_has_a_page(packcore, tmp_path):
    result = packcore("report", write_pack_file(tmp_path, [build_pack([])]), "-o", tmp_path / "x.html")
    assert result.exit_code == 0, result.stderr
    assert "The pack has no objects." in (tmp_path / "x.html").read_text()


def test_names_from_outside_are_text(packcore, tmp_path):
    folder = tmp_path / "<img src=x onerror=alert(1)>"
    folder.mkdir()
    pack = write_pack_file(folder, [build_pack([whole(b"x")])])
    packcore("report", pack, "-o", tmp_path / "x.html")
    assert "<img" not in (tmp_path / "x.html").read_text()
