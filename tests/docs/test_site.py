"""The check of the built site, and the generated parts of the reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packcore.errors import CorruptPack, PackcoreError
from scripts.check_site import check
from scripts.docs_examples import ROOT
from scripts.reference_pages import GENERATED, error_classes, variables
from transport.errors import AuthenticationRequired

if TYPE_CHECKING:
    from pathlib import Path

_GOOD = '<html><h1 id="top">x</h1><a href="#top">up</a><a href="https://example.com/">out</a></html>'


def _site(folder: Path, **pages: str) -> Path:
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(text)
    return folder


def test_a_sound_site_has_nothing_broken_and_its_outside_links_are_listed(tmp_path: Path) -> None:
    assert check(_site(tmp_path, index=_GOOD)) == ([], ["https://example.com/"])


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        ('<a href="gone.html">x</a>', "gone.html leads nowhere"),
        ('<a href="index.html#gone">x</a>', "index.html#gone has no such anchor"),
        ('<a href="#gone">x</a>', "#gone has no such anchor"),
        ('<script src="https://cdn.example/x.js"></script>', "loads https://cdn.example/x.js"),
        ('<link rel="stylesheet" href="//cdn.example/x.css">', "loads //cdn.example/x.css"),
        ('<img src="gone.png">', "gone.png leads nowhere"),
    ],
)
def test_what_is_broken_is_named(tmp_path: Path, page: str, complaint: str) -> None:
    broken, _ = check(_site(tmp_path, index=_GOOD, other=page))
    assert broken == [f"other.html: {complaint}"]


def test_a_style_that_loads_from_elsewhere_is_named(tmp_path: Path) -> None:
    (_site(tmp_path, index=_GOOD) / "x.css").write_text("@import url(https://fonts.example/x)")
    assert check(tmp_path)[0] == ["x.css: loads from elsewhere"]


def test_a_folder_without_pages_is_no_site(tmp_path: Path) -> None:
    assert check(tmp_path)[0] == [f"{tmp_path}: there is no page"]


@pytest.mark.parametrize("name", sorted(GENERATED))
def test_each_generated_part_is_made_and_asked_for_by_a_page(name: str) -> None:
    assert GENERATED[name]().strip()
    pages = (page.read_text() for page in (ROOT / "docs").rglob("*.md"))
    assert any(f"<!-- generated: {name} -->" in page for page in pages)


def test_the_tables_hold_errors_of_both_packages_and_the_variables_of_options() -> None:
    assert {PackcoreError, CorruptPack, AuthenticationRequired} <= set(error_classes())
    assert variables()["GITSYNC_SOURCE_TOKEN"][0] == ["--source-token"]
    assert "sync" in variables()["PACKCORE_STRATEGY"][1]


def test_every_page_is_reached_from_the_index() -> None:
    index = (ROOT / "docs/index.md").read_text()
    docs = ROOT / "docs"
    names = [str(page.relative_to(docs).with_suffix("")) for page in docs.rglob("*.md")]
    lost = [name for name in names if name != "index" and name not in index and not name.startswith("adr/0")]
    assert lost == []
