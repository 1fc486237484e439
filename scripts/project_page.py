"""A hook of the build backend: what the package index shows of the project.

The README links to files of this repository. On the package index such links lead nowhere, so they become
absolute here, from one setting: `tool.packcore.repository` in pyproject.toml. While that is empty, the
project has no public address: no URLs are declared, and the text of such a link stays without its target.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_LINK = re.compile(r"\[(?P<text>[^\]\n]+)\]\((?P<target>[^)\s]+)\)")
_ABSOLUTE = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


class ProjectPage(MetadataHookInterface):
    """Fills in `readme` and `urls`, which pyproject.toml declares as dynamic."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        """Fill them in. Called by the build backend."""
        root = Path(self.root)
        settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
        repository = settings["tool"]["packcore"]["repository"]
        version = re.search(
            r'__version__ = "(.+)"', (root / "packcore/_version.py").read_text(encoding="utf-8")
        )
        assert version
        ref = f"v{version[1]}"
        readme = (root / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {
            "content-type": "text/markdown",
            "text": page_of(readme, repository, ref),
        }
        metadata["urls"] = urls_of(repository, ref)


def page_of(readme: str, repository: str, ref: str) -> str:
    """Return the README with its relative links made absolute, or without them if there is no repository."""
    base = file_base(repository, ref)

    def link(match: re.Match[str]) -> str:
        target = match["target"]
        if _ABSOLUTE.match(target) or target.startswith("#"):
            return match[0]
        return f"[{match['text']}]({base}{target})" if base else match["text"]

    return _LINK.sub(link, readme)


def urls_of(repository: str, ref: str) -> dict[str, str]:
    """Return the project's URLs by their well-known labels; none if there is no repository."""
    if not repository:
        return {}
    base = file_base(repository, ref)
    return {
        "Source": repository,
        "Issues": f"{repository}/issues",
        "Changelog": f"{base}CHANGELOG.md",
        "Documentation": f"{base}docs/index.md",
    }


def file_base(repository: str, ref: str) -> str:
    """Return the URL that a file's path is added to, at the tag of a version; empty without a repository.

    The layout is that of GitHub; GitLab redirects from it to its own.
    """
    return f"{repository}/blob/{ref}/" if repository else ""
