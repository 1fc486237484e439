"""`python -m packcore` is the command `packcore`."""

from __future__ import annotations

import runpy

from packcore._entry import check_packages

if __name__ == "__main__":
    check_packages()
    # Imported by name, because the engine must not depend on the command line.
    runpy.run_module("cli", run_name="__main__", alter_sys=True)
