"""The entry points of the programs: they check that `transport` and `cli` are ours, then start.

Both names are common. Another package of that name, first on the path or installed over ours, would end in a
traceback from somewhere inside. So it is named here, before it is loaded.
"""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec

__all__ = ["check_packages", "main", "remote_helper"]

_ONLY_OURS = {"transport": "send_pack.py", "cli": "exits.py"}
"""A file of each package that no other package of its name is likely to have."""


def main() -> int:
    """Run the command line and return its exit code."""
    check_packages()
    code: int = import_module("cli.__main__").main()  # by name: the engine must not import the command line
    return code


def remote_helper() -> int:
    """Run the program that git calls for `packcore::URL`, and return its exit code."""
    check_packages()
    code: int = import_module("cli.remote_helper").main()
    return code


def check_packages() -> None:
    """Exit with a clear error if `transport` or `cli` is another package than ours."""
    home = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 -- may be in a zip
    for name, inner in _ONLY_OURS.items():
        ours = os.path.join(home, name, "__init__.py")  # noqa: PTH118
        spec = find_spec(name)
        found = "nothing" if spec is None else spec.origin or "a folder without __init__.py"
        if found == ours and (not os.path.exists(found) or os.path.exists(_beside(found, inner))):  # noqa: PTH110
            continue
        fault = "was replaced by another package" if found == ours else f"is hidden by {found}"
        raise SystemExit(
            f"packcore: error: packcore's own package {name}, {ours}, {fault}\n"
            f"hint: rename or uninstall the other {name}, or take it off the path (PYTHONPATH, this folder)"
        )


def _beside(path: str, name: str) -> str:
    return os.path.join(os.path.dirname(path), name)  # noqa: PTH118, PTH120
