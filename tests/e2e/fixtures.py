"""The repositories of Debian's libgit2-fixtures: real ones, odd ones, and some that are broken on purpose.

They lie as `NAME/.gitted` (a work tree's repository, renamed so that git leaves it alone), as bare
`NAME.git`, and as submodules' repositories within those. Each is named here by its path below the
package's examples, without `.gitted`; `copy_fixture` lays one out as a bare repository.
"""

from __future__ import annotations

import gzip
import shutil
import subprocess
from functools import cache
from pathlib import Path

__all__ = ["EXAMPLES", "PACKAGE", "copy_fixture", "fixture_names", "fixture_packs", "package_version"]

PACKAGE = "libgit2-fixtures"
EXAMPLES = Path("/usr/share/doc/libgit2-fixtures/examples")


@cache
def _folders() -> dict[str, Path]:
    heads = (head.parent for head in EXAMPLES.rglob("HEAD") if head.is_file())
    repositories = (
        folder for folder in heads if (folder / "objects").is_dir() and (folder / "refs").is_dir()
    )
    return {_name(folder): folder for folder in sorted(repositories)}


def _name(folder: Path) -> str:
    parts = [part for part in folder.relative_to(EXAMPLES).parts if part != ".gitted"]
    return "/".join(parts)


@cache
def package_version() -> str:
    """Return the package's version of libgit2, such as 1.5.1, or nothing if it isn't installed."""
    if (dpkg_query := shutil.which("dpkg-query")) is None:
        return ""
    command = [dpkg_query, "--show", "--showformat=${source:Upstream-Version}", PACKAGE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.partition("+")[0]


def fixture_names() -> list[str]:
    """Return the names of all repositories, sorted; none where the package isn't installed."""
    return sorted(_folders())


def copy_fixture(name: str, target: Path) -> Path:
    """Copy a repository to `target`, as bare; what Debian's packaging compressed is unpacked."""
    shutil.copytree(_folders()[name], target, symlinks=True)
    for path in target.rglob("*.gz"):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    # A work tree's setting, and one that names a work tree that isn't there.
    config = target / "config"
    if config.exists():
        lines = config.read_text(errors="surrogateescape").splitlines()
        kept = [line for line in lines if line.split("=")[0].strip().lower() not in {"worktree", "bare"}]
        config.write_text("\n".join(kept) + "\n", errors="surrogateescape")
    return target


def fixture_packs() -> list[Path]:
    """Return every pack file below the examples, each content once, sorted by name."""
    return sorted({path.name: path for path in sorted(EXAMPLES.rglob("*.pack"))}.values())
