"""What the release checks decide: links of the project's page, known vulnerabilities, breaks of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scripts import api_check, audit
from scripts.project_page import page_of, urls_of
from tests.scripts.test_locks import pyproject
from tests.support import ROOT, git

if TYPE_CHECKING:
    from pathlib import Path

FORGE = "https://forge.example/owner/packcore"


def test_a_relative_link_becomes_absolute_at_the_tag_of_the_version() -> None:
    page = page_of("see [the guide](docs/guide.md#limits)", FORGE, "v1.2.0")
    assert page == f"see [the guide]({FORGE}/blob/v1.2.0/docs/guide.md#limits)"


@pytest.mark.parametrize(
    "link", ["[figures](#figures)", "[x](https://example.com/x)", "[y](mailto:y@example.com)"]
)
def test_other_links_stay(link: str) -> None:
    assert page_of(link, FORGE, "v1.2.0") == page_of(link, "", "v1.2.0") == link


def test_without_a_public_address_a_relative_link_loses_its_target_alone() -> None:
    assert page_of("see [the guide](docs/guide.md)", "", "v1.2.0") == "see the guide"
    assert urls_of("", "v1.2.0") == {}


def test_the_urls_of_the_project_follow_from_its_address() -> None:
    urls = urls_of(FORGE, "v1.2.0")
    assert urls["Source"] == FORGE
    assert all(url.startswith(FORGE) for url in urls.values())


def test_every_relative_link_of_the_readme_leads_to_a_file() -> None:
    page = page_of((ROOT / "README.md").read_text(), "base:", "v1")
    targets = [part.split(")")[0] for part in page.split("](base:/blob/v1/")[1:]]
    assert len(targets) > 10
    assert [target for target in targets if not (ROOT / target.split("#")[0]).exists()] == []


def test_the_address_is_set_without_a_slash_at_its_end() -> None:
    address = pyproject()["tool"]["packcore"]["repository"]
    assert address == "" or (address.startswith("https://") and not address.endswith((".git", "/")))


def test_a_package_that_was_not_looked_up_is_not_counted_as_clean() -> None:
    found = audit.read(
        {
            "dependencies": [
                {"name": "a", "version": "1", "vulns": []},
                {"name": "b", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["3"]}]},
                {"name": "c", "skip_reason": "not found"},
            ]
        }
    )
    assert (found.looked_up, found.vulnerable, found.skipped) == (2, ["b 2: CVE-1, fixed in 3"], ["c"])


@pytest.mark.parametrize(
    ("tag", "version", "allowed"),
    [
        ("v0.1.0", "0.1.1", False),
        ("v0.1.0", "0.2.0", True),
        ("v1.2.0", "1.3.0", False),
        ("v1.9.0", "2.0.0", True),
        ("v0.9.0", "1.0.0", True),
        ("v2.0.0", "1.9.0", False),
    ],
)
def test_only_a_new_major_version_may_break_users_and_before_one_a_minor(
    tag: str, version: str, allowed: bool
) -> None:
    assert api_check.may_break(tag, version) is allowed


def test_the_tag_compared_with_is_the_newest_version_of_this_history(tmp_path: Path) -> None:
    git("init", "-q", cwd=tmp_path)
    assert api_check.newest_tag(tmp_path) is None
    for tag in ("v0.9.0", "v0.10.0", "other"):
        git("commit", "-q", "--allow-empty", "-m", tag, cwd=tmp_path)
        git("tag", tag, cwd=tmp_path)
    git("checkout", "-q", "--orphan", "aside", cwd=tmp_path)
    git("commit", "-q", "--allow-empty", "-m", "aside", cwd=tmp_path)
    git("tag", "v9.0.0", cwd=tmp_path)
    git("checkout", "-q", "other", cwd=tmp_path)
    assert api_check.newest_tag(tmp_path) == "v0.10.0"
