"""`python -m cli` is `packcore`."""

from __future__ import annotations

import sys

from cli.allocator import collecting_seldom

__all__ = ["main"]


def main() -> int:
    """Run the program on `sys.argv` and return its exit code."""
    with collecting_seldom():
        # Loaded here, since loading makes more objects than a short run does.
        from cli.app import app

        return app.main(standalone_mode=False)


if __name__ == "__main__":
    sys.exit(main())
