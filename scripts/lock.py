"""Write the files in locks/: every version that development, CI and releases install, with its hashes.

    python -m scripts.lock              keep each pin that pyproject.toml still admits
    python -m scripts.lock --upgrade    take the newest versions

uv resolves once, for every platform and Python from 3.11 on. The files name no registry: pip finds packages
where it is told to look, and the hashes decide what it accepts.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = "3.11"


@dataclass(frozen=True)
class Lock:
    """One file in locks/, and the requirements of pyproject.toml that it pins."""

    name: str
    groups: tuple[str, ...]
    project: bool = False
    """With the dependencies of the project itself."""
    constrained_by: tuple[str, ...] = ()
    """Names of the locks whose versions are taken, so that they can be installed together."""
    options: tuple[str, ...] = ()


LOCKS = (
    Lock("dev", ("dev",), project=True),
    Lock("run", (), project=True, constrained_by=("dev",)),
    Lock("build", ("build",), constrained_by=("dev",)),
    Lock("docs", ("docs",), constrained_by=("dev",)),
    Lock("fuzz", ("fuzz",), constrained_by=("dev",)),
    Lock("release", ("release",), constrained_by=("dev", "docs")),
    Lock("lowest", ("test",), project=True, options=("--resolution", "lowest-direct")),
)


def command(lock: Lock, *, upgrade: bool) -> list[str]:
    """Return the uv command that writes a lock."""
    return [
        *("uv", "--no-config", "pip", "compile", "--quiet", "--universal", "--python-version", PYTHON),
        *("--generate-hashes", "--no-emit-index-url", "--no-emit-find-links"),
        *("--custom-compile-command", "make lock"),
        *(["pyproject.toml"] if lock.project else []),
        *(word for group in lock.groups for word in ("--group", group)),
        *(word for name in lock.constrained_by for word in ("--constraints", f"locks/{name}.txt")),
        *(["--upgrade"] if upgrade else []),
        *lock.options,
        *("--output-file", f"locks/{lock.name}.txt"),
    ]


def main(arguments: list[str]) -> int:
    """Write all locks; return the exit status."""
    # The uv of this environment, not one that PATH happens to name.
    beside = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    uv = shutil.which("uv", path=beside)
    if uv is None:
        print("lock: there is no uv; `make lock` installs it", file=sys.stderr)
        return 1
    for lock in LOCKS:
        done = subprocess.run(
            [uv, *command(lock, upgrade="--upgrade" in arguments)[1:]], cwd=ROOT, check=False
        )
        if done.returncode:
            print(f"lock: locks/{lock.name}.txt was not written", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
