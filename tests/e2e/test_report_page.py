"""The page of `packcore report` in a real browser: what it shows, how it is walked, what it never does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from cli.app import app
from tests.cli.runner import cli_runner
from tests.e2e.chromium import chromium_tab
from tests.support import git, history, make_repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.e2e.chromium import Tab

pytestmark = pytest.mark.e2e

EVIL = "<img src=x onerror=alert(1)>"
EVIL_TEXT = b"</script><script>alert(2)</script>\n"


class Report(NamedTuple):
    pack: Path
    file: Path


def packcore(*arguments: str | Path) -> bytes:
    result = cli_runner().invoke(app, list(map(str, arguments)))
    assert result.exit_code == 0, result.stderr
    return result.stdout_bytes


def make_report(folder: Path, object_format: str, *options: str) -> Report:
    repository = make_repository(folder / "x.git", evil_history(), object_format=object_format, repack=True)
    (pack,) = repository.glob("objects/pack/*.pack")
    packcore("report", pack, "-o", folder / "x.html", *options)
    return Report(pack, folder / "x.html")


def evil_history() -> Iterator[bytes]:
    """Yield a history with a path and a text that would be markup."""
    lines = list(history(commits=20))
    yield from lines[:-1]
    yield b"commit refs/heads/main\ncommitter C <c@x> 1200000000 +0000\ndata 2\nm\n"
    yield b"M 100644 inline evil/%s\ndata %d\n%s\n" % (EVIL.encode(), len(EVIL_TEXT), EVIL_TEXT)
    yield lines[-1]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return make_report(tmp_path_factory.mktemp("report"), "sha1")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with chromium_tab(tmp_path_factory.mktemp("profile")) as tab:
        yield tab


@pytest.fixture
def tab(browser: Tab, report: Report) -> Iterator[Tab]:
    """The report, freshly opened; a test that leaves a complaint or asks for another address fails."""
    browser.page.set_viewport_size({"width": 1280, "height": 900})
    browser.open(report.file)
    yield browser
    assert not browser.complaints
    assert set(browser.requests) == {report.file.as_uri()}


def oids_of(report: Report) -> list[str]:
    listed = git(
        "show-index", cwd=report.pack.parent.parent.parent, stdin=report.pack.with_suffix(".idx").read_bytes()
    )
    return [line.split()[1] for line in listed.splitlines()]


def explained(report: Report, oid: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(packcore("explain", report.pack, "--object", oid, "--json"))
    return told


def test_each_object_is_explained_as_packcore_explain_does(tab, report):
    depths = []
    for oid in oids_of(report):
        told = explained(report, oid)
        assert tab.page.evaluate("oid => packcoreReport.explain(oid)", oid) == told
        depths.append(len(told["chain"]))
    assert max(depths) > 3


def test_search_finds_by_id_and_opens_the_explanation(tab, report):
    oid = max(oids_of(report), key=lambda oid: len(explained(report, oid)["chain"]))
    told = explained(report, oid)
    tab.page.fill("#query", oid[:9])
    assert tab.page.locator("#found button").count() == 1
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_selector("#explained[open] .links")
    assert oid in tab.page.inner_text("#explained-title")
    assert tab.page.locator("#explained .links > li").count() == len(told["chain"])
    steps = tab.page.locator("#explained .steps tbody tr")
    assert steps.count() == min(len(told["chain"][-1]["instructions"]), 60)
    tab.page.keyboard.press("Escape")
    assert not tab.page.locator("#explained").is_visible()


def test_search_finds_by_path(tab):
    tab.page.fill("#query", "file3.txt")
    assert "src/part3/file3.txt" in tab.page.inner_text("#found li:first-child")


def test_the_treemap_is_walked_by_keyboard(tab):
    page = tab.page
    crumbs = page.locator("#crumbs")
    page.focus("#treemap .tile")
    focused = "document.activeElement.getAttribute('aria-label')"
    seen = {page.evaluate(focused)}
    for key in ("ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"):
        page.keyboard.press(key)
        seen.add(page.evaluate(focused))
    assert len(seen) > 1
    page.locator("#treemap .tile[aria-label^='src/']").focus()
    page.keyboard.press("Enter")
    assert crumbs.inner_text().split() == ["all", "src"]
    assert page.evaluate(focused)
    page.keyboard.press("Enter")
    assert len(crumbs.inner_text().split()) == 3
    page.keyboard.press("Escape")
    assert crumbs.inner_text().split() == ["all", "src"]
    page.keyboard.press("Backspace")
    assert crumbs.inner_text().split() == ["all"]


def test_the_table_says_the_same_as_the_treemap(tab):
    page = tab.page
    tiles = page.eval_on_selector_all(
        "#treemap .tile", "tiles => tiles.map(t => t.getAttribute('aria-label').split(', ')[0])"
    )
    rows = page.eval_on_selector_all("#treemap-table tbody th", "rows => rows.map(row => row.textContent)")
    assert rows[: len(tiles)] == tiles
    assert "(no path)" in rows


def test_the_forest_is_walked_by_keyboard_down_a_chain(tab):
    page = tab.page
    page.focus("#forest-canvas")
    page.keyboard.press("ArrowDown")
    assert "whole" in page.inner_text("#forest-says")
    page.keyboard.press("ArrowDown")
    assert "delta at depth 1" in page.inner_text("#forest-says")
    page.keyboard.press("ArrowUp")
    assert "whole" in page.inner_text("#forest-says")
    page.keyboard.press("Enter")
    page.wait_for_selector("#explained[open] .links")
    assert page.locator("#explained .links > li").count() == 1


def test_markup_within_a_pack_stays_text(tab, report):
    oid = git("rev-parse", f"main:evil/{EVIL}", cwd=report.pack.parent.parent.parent).strip()
    tab.page.fill("#query", "evil/")
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_selector("#explained[open] .links")
    if oid not in tab.page.inner_text("#explained-title"):  # the folder's own tree came first
        tab.page.keyboard.press("Escape")
        tab.page.fill("#query", oid)
        tab.page.keyboard.press("Enter")
        tab.page.wait_for_selector("#explained[open] .links")
    assert EVIL_TEXT.decode().strip() in tab.page.inner_text("#explained-body")
    assert EVIL in tab.page.inner_text("#explained-body .facts")
    assert tab.page.locator("img").count() == 0


def test_a_color_scheme_can_be_chosen(tab):
    background = "getComputedStyle(document.body).backgroundColor"
    shown = []
    for name in ("light", "dark"):
        tab.page.locator("#theme span", has_text=name.capitalize()).click()
        shown.append(tab.page.evaluate(background))
    assert shown == ["rgb(247, 247, 245)", "rgb(18, 20, 23)"]
    tab.page.locator("#theme span", has_text="Auto").click()


@pytest.mark.parametrize(
    ("width", "dark"),
    [
        pytest.param(1280, False, id="1280-light"),
        pytest.param(390, True, id="390-dark"),
        pytest.param(1280, True, id="1280-dark", marks=pytest.mark.slow),
        pytest.param(390, False, id="390-light", marks=pytest.mark.slow),
    ],
)
def test_axe_finds_nothing_serious_and_nothing_is_wider_than_the_window(tab, width, dark):
    page = tab.page
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme="dark" if dark else "light")
    for summary in page.locator("main summary").all():
        summary.click()
    assert tab.serious_faults() == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator("#object-table button").first.click()
    page.wait_for_selector("#explained[open] .links")
    assert tab.serious_faults() == []
    assert (
        page.evaluate("(box => box.scrollWidth - box.clientWidth)(document.querySelector('#explained'))") <= 0
    )


def test_of_sha256_too(browser, tmp_path):
    report = make_report(tmp_path, "sha256")
    browser.open(report.file)
    oid = oids_of(report)[0]
    assert browser.page.evaluate("oid => packcoreReport.explain(oid)", oid) == explained(report, oid)
    browser.requests.clear()


def test_what_the_page_does_not_carry_it_names_the_command_for(browser, tmp_path):
    report = make_report(tmp_path, "sha1", "--embed-bytes", "3k")
    browser.open(report.file)
    oids = oids_of(report)
    held = browser.page.evaluate(
        "oids => oids.map(oid => packcoreReport.pack.held[packcoreReport.find(oid)])", oids
    )
    assert 0 < sum(held) < len(oids)
    missing = oids[held.index(0)]
    browser.page.fill("#query", missing)
    browser.page.keyboard.press("Enter")
    browser.page.wait_for_selector("#explained[open] pre")
    assert f"packcore explain {report.pack} --object {missing}" in browser.page.inner_text("#explained-body")
    browser.requests.clear()


@pytest.mark.slow
def test_fifty_thousand_objects_open_soon(
    browser: Tab, tmp_path: Path, figures: Callable[[str, object], None]
) -> None:
    repository = make_repository(tmp_path / "x.git", history(commits=12_600, files=200), repack=True)
    packcore("report", repository, "-o", tmp_path / "x.html")
    browser.open(tmp_path / "x.html")
    figures("objects:", browser.page.evaluate("packcoreReport.pack.count"))
    figures("page opened and drawn in, seconds:", round(browser.page.evaluate("packcoreReport.seconds"), 2))
    browser.requests.clear()
