"""Hold together what a release says in several places: version, tag, changelog, citation, public address.

    python -m scripts.release_check

RELEASE_TAG and RELEASE_REPOSITORY come from the release workflow; without them, only what needs neither is
checked. Prints one line for each contradiction; exit status 1 if there is one.
"""

from __future__ import annotations

import os
import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from packcore import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent


def contradictions(
    *, version: str, tag: str, repository: str, published_at: str, changelog: str, citation: str
) -> Iterator[str]:
    """Yield what doesn't fit. `tag` and `published_at` are of the workflow, and may be empty.

    `repository` is `tool.packcore.repository` of pyproject.toml, `changelog` and `citation` the texts of the
    files.
    """
    if tag and tag != f"v{version}":
        yield f"the tag is {tag}, the version {version} (packcore/_version.py)"
    if tag and not re.search(rf"^## {re.escape(version)} - \d{{4}}-\d\d-\d\d$", changelog, re.MULTILINE):
        yield f"CHANGELOG.md has no heading `## {version} - YYYY-MM-DD`"
    if not re.search(rf"^version: \"?{re.escape(version)}\"?$", citation, re.MULTILINE):
        yield f"CITATION.cff is not of version {version}"
    if published_at and repository != published_at:
        yield f"pyproject.toml says tool.packcore.repository = {repository!r}, but this is {published_at}"


def main() -> int:
    """Check this checkout; return the exit status."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    found = list(
        contradictions(
            version=__version__,
            tag=os.environ.get("RELEASE_TAG", ""),
            repository=settings["tool"]["packcore"]["repository"],
            published_at=os.environ.get("RELEASE_REPOSITORY", ""),
            changelog=(ROOT / "CHANGELOG.md").read_text(),
            citation=(ROOT / "CITATION.cff").read_text(),
        )
    )
    for line in found:
        print(f"release-check: {line}", file=sys.stderr)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
