"""`python -m packcore` is the command `packcore`."""

from __future__ import annotations

import runpy

from packcore._entry import check_packages

if __name__ == "__main__":
    check_packages()
    # By its name: the engine imports nothing of the command line.
    runpy.run_module("cli", run_name="__main__", alter_sys=True)
