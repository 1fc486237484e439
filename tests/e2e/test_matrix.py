"""Every way to sync, with every server: `tests.e2e.matrix` has the lists, and the run prints the outcomes."""

from __future__ import annotations

import itertools
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.e2e.matrix import EXPECTED, MODES, SERVERS, Route, Served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.command import Workplace

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Served]]:
    """Return what starts a server, once for all modes."""
    running: dict[str, Served] = {}
    with ExitStack() as stack:

        def start(name: str) -> Served:
            if name not in running:
                folder = tmp_path_factory.mktemp("matrix") / "server"
                running[name] = stack.enter_context(SERVERS[name](folder))
            return running[name]

        yield start


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("server", SERVERS)
def test_a_mode_syncs_with_a_server(
    started: Callable[[str], Served],
    workplace: Workplace,
    record_property: Callable[[str, object], None],
    mode: str,
    server: str,
) -> None:
    record_property("matrix", f"{mode}|{server}")
    served = started(server)
    workplace.environment |= getattr(served, "client_environment", {})
    route = Route(workplace, served, f"{next(_NUMBERS)}")
    route.make()
    refusal = EXPECTED.get((mode, server))
    if refusal is None:
        MODES[mode](route)
        return
    record_property("matrix outcome", f"{refusal}, as told")
    with pytest.raises(AssertionError, match=refusal):
        MODES[mode](route)
