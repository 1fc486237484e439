"""The figures on the pages are those that the race recorded."""

from __future__ import annotations

import pytest

from benchmarks.figures import PAGES, ROOT, updated


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_the_recorded_figures(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert updated(text) == text


def test_a_page_without_a_place_for_figures_is_an_error() -> None:
    with pytest.raises(ValueError, match="the page has no"):
        updated("# A page\n")
