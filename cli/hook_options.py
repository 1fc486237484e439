"""Whether the commands that take pushes run a repository's hooks, and for how long."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from cli.command import group, option
from cli.values import SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from transport.server.hooks import HookSettings

__all__ = ["HookOptions", "hook_options"]

FunctionT = TypeVar("FunctionT", bound="Callable[..., Any]")

_SECTION = "Serving"


@dataclass(frozen=True, slots=True)
class HookOptions:
    """What a user says about hooks."""

    hooks: bool
    hook_timeout: float

    @property
    def settings(self) -> HookSettings | None:
        """How hooks are run; None if they aren't."""
        from transport.server.hooks import HookSettings

        return HookSettings(self.hook_timeout, os.environ) if self.hooks else None


def hook_options() -> Callable[[FunctionT], FunctionT]:
    """Add the options; the function gets `hooks`."""
    return group(
        "hooks",
        HookOptions,
        option(
            "--hooks",
            is_flag=True,
            section=_SECTION,
            envvar=None,
            help="Run a repository's hooks around pushes. Default: never.",
        ),
        option(
            "--hook-timeout",
            type=SECONDS,
            default=300,
            section=_SECTION,
            metavar="S",
            envvar=None,
            help="Stop a hook after S seconds. Default: 300.",
        ),
    )
