"""Compare the library's public names with those of the newest tag, with griffe, and print what breaks its
users.

    python -m scripts.api_check [TAG]

Public is what `packcore.__all__` and `transport.__all__` offer, with parameters and members
(docs/versions.md). Exit status 1 for a break, unless the major version (before 1.0: the minor version) is
higher than the tag's. Without a tag there is nothing to compare with, which is said, and is no failure.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from packcore import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

    import griffe

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("packcore", "transport")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def newest_tag(root: Path) -> str | None:
    """Return the tag of the newest version that is part of this history, if there is one."""
    done = subprocess.run(
        ["git", "tag", "--list", "v[0-9]*", "--merged", "HEAD", "--sort=-v:refname"],
        cwd=root,
        text=True,
        check=False,
        capture_output=True,
    )
    return next(iter(done.stdout.split()), None)


def breaks(root: Path, tag: str) -> Iterator[str]:
    """Yield one line for each public name that no longer works as it did at the tag."""
    import griffe

    for package in PACKAGES:
        old = griffe.load_git(package, ref=tag, repo=root, resolve_aliases=True, allow_inspection=False)
        new = griffe.load(package, search_paths=[root], resolve_aliases=True, allow_inspection=False)
        public = _public_paths(old)
        for name in sorted(
            {str(name) for name in old.exports or ()} - {str(name) for name in new.exports or ()}
        ):
            yield f"{package}.{name}: is no longer offered"
        for found in griffe.find_breaking_changes(old, new):
            path = found.obj.canonical_path
            if any(path == name or path.startswith(f"{name}.") for name in public):
                words = _COLOUR.sub("", found.explain(griffe.ExplanationStyle.ONE_LINE))
                yield f"{path}: {words.rpartition(': ')[2]} ({words.partition(': ')[2].partition(':')[0]})"


def _public_paths(package: griffe.Object | griffe.Alias) -> set[str]:
    """Return where the offered names are defined."""
    return {
        package[str(name)].canonical_path for name in package.exports or () if str(name) in package.members
    }


def may_break(tag: str, version: str) -> bool:
    """Return whether a version is allowed to break what a tag's version offered."""
    old, new = ([int(part) for part in text.lstrip("v").split(".")[:2]] for text in (tag, version))
    return new[0] > old[0] or (old[0] == new[0] == 0 and new[1] > old[1])


def main(arguments: list[str]) -> int:
    """Compare; return the exit status."""
    tag = arguments[0] if arguments else newest_tag(ROOT)
    if tag is None:
        print("api-check: NOT CHECKED: no tag v… to compare with; the first release makes one")
        return 0
    found = sorted(set(breaks(ROOT, tag)))
    for line in found:
        print(f"api-check: {line}")
    allowed = may_break(tag, __version__)
    note = ", as that version may" if allowed else ""
    print(f"api-check: {len(found)} breaks between {tag} and {__version__}{note}")
    return int(bool(found) and not allowed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
