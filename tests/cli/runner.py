"""click's runner, with standard output and standard error told apart by every release of it."""

from __future__ import annotations

from inspect import signature
from typing import Any

from click.testing import CliRunner

__all__ = ["cli_runner"]


def cli_runner() -> CliRunner:
    """Return a runner; before click 8.2 it mixes the streams unless told not to."""
    apart: dict[str, Any] = {"mix_stderr": False} if "mix_stderr" in signature(CliRunner).parameters else {}
    return CliRunner(**apart)
