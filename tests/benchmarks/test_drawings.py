"""Drawings of reports: files that stand alone, and show each pack that was made."""

from __future__ import annotations

import json
import sys
from xml.etree import ElementTree

import pytest

from benchmarks import drawings

ROWS = [
    {"name": "git", "kind": "peer", "ok": True, "packBytes": 4_000_000, "cpuSeconds": 1.5},
    {"name": "a & b", "kind": "strategy", "ok": True, "packBytes": 9_000_000, "cpuSeconds": 12.0},
    {"name": "dulwich", "kind": "peer", "ok": False, "reason": "not installed"},
]


@pytest.fixture
def drawn() -> ElementTree.Element:
    return ElementTree.fromstring(drawings.drawing({"repository": "x.git", "rows": ROWS}, "x"))


def test_a_drawing_is_an_image_that_stands_alone(drawn):
    assert drawn.tag == "{http://www.w3.org/2000/svg}svg"
    assert drawn.find("{*}style") is not None


def test_each_pack_is_a_mark_with_its_name(drawn):
    assert len(drawn.findall("{*}circle")) == 2
    names = [text.text for text in drawn.findall("{*}text") if text.get("class") == "name"]
    assert names == ["git", "a & b"]


def test_each_repository_of_a_report_has_a_file(tmp_path, monkeypatch, capsys):
    report = tmp_path / "bench.json"
    report.write_text(
        json.dumps({"repositories": [{"repository": "/srv/x.git", "rows": ROWS}]}), encoding="utf-8"
    )
    monkeypatch.setattr(sys, "argv", ["drawings", str(report), str(tmp_path / "out")])
    drawings.main()
    assert capsys.readouterr().out.strip() == str(tmp_path / "out" / "x-size-time.svg")
    assert ElementTree.parse(tmp_path / "out" / "x-size-time.svg").getroot() is not None
