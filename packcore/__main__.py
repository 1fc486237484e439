"""`python -m packcore` is the command `packcore`."""

from __future__ import annotations

import runpy

if __name__ == "__main__":
    # By its name: the engine imports nothing of the command line.
    runpy.run_module("cli", run_name="__main__", alter_sys=True)
