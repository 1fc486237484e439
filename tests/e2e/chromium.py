"""A headless Chromium with a fresh profile, which notes what a page says, asks for and complains of.

with chromium_page(tmp_path) as page:
    page.goto(file.as_uri())
page.words, page.requests
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import find_program, missing_is_failure, require

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Tab", "chromium_tab"]

_FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
_SERIOUS = ("serious", "critical")


@dataclass(slots=True)
class Tab:
    """One page, and what it did; `page` is playwright's."""

    page: Any
    complaints: list[str] = field(default_factory=list)
    """Errors and warnings of its console, exceptions, dialogs."""
    requests: list[str] = field(default_factory=list)

    def open(self, file: Path) -> None:
        """Open a report and wait until it is drawn."""
        self.page.goto(file.as_uri())
        self.page.wait_for_selector("html[data-ready]", timeout=60_000)

    def serious_faults(self, below: str = "html") -> list[str]:
        """Return what axe calls serious or critical of what a selector names, as things are now."""
        spec = find_spec("axe_core_python")
        assert spec is not None
        assert spec.origin is not None
        self.page.evaluate(Path(spec.origin).with_name("axe.min.js").read_text(encoding="utf-8") + ";0")
        result = self.page.evaluate("below => axe.run(below, {resultTypes: ['violations']})", below)
        assert result["passes"]
        return [
            f"{fault['id']}: {[node['target'] for node in fault['nodes']][:5]}"
            for fault in result["violations"]
            if fault["impact"] in _SERIOUS
        ]


@contextmanager
def chromium_tab(profile: Path) -> Iterator[Tab]:
    """Start a browser of its own, with one page; it ends with the block."""
    require("chromium")
    for module in ("playwright", "axe_core_python"):
        if find_spec(module) is None:
            reason = f"needs {module} (the test group of pyproject.toml)"
            (pytest.fail if missing_is_failure() else pytest.skip)(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=find_program("chromium"),
            headless=True,
            args=[*_FLAGS],
        )
        try:
            tab = Tab(context.new_page())
            tab.page.on("request", lambda request: tab.requests.append(request.url))
            tab.page.on("pageerror", lambda error: tab.complaints.append(str(error)))
            tab.page.on("dialog", lambda dialog: tab.complaints.append(dialog.message))
            tab.page.on("console", lambda said: tab.complaints.append(f"{said.type}: {said.text}"))
            yield tab
        finally:
            context.close()
