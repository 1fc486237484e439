"""Every client, every operation, with `packcore serve` and with `git http-backend`: a table in Markdown.

    make clients [WRITE=1]      python -m tests.e2e.clients.table [--write] [CLIENT ...]

    yes          both servers served it
    no           git http-backend did, packcore serve didn't
    here only    packcore serve did, git http-backend didn't
    neither      both didn't: the client's own fault
    n/a          the client has no such thing

What was said where something failed stands below the table, and which clients are missing on this machine.
`--write` puts the table into docs/works-with.md. It ends with 1 if there is a `no`.
"""

from __future__ import annotations

import itertools
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from tests.e2e.clients.kinds import ClientFailed, NotOffered, all_clients
from tests.e2e.clients.operations import OPERATIONS, Job, Sources, Wrong
from tests.e2e.nginx import GitHttpServer
from tests.support import ROOT
from tests.transport.server.serving import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.e2e.clients.kinds import Client

__all__ = ["Stage", "outcome_of", "table"]

PAGE = ROOT / "docs" / "works-with.md"
BEGIN, END = "<!-- clients: begin -->\n", "<!-- clients: end -->\n"
_NUMBERS = itertools.count(1)


class Stage:
    """Both servers over one folder. A context manager."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self.sources = Sources(folder)
        self._backend = GitHttpServer(folder / "nginx")
        self._urls: dict[str, Callable[[str], str]] = {}

    def __enter__(self) -> Stage:
        backend = self._stack.enter_context(self._backend)
        ours = self._stack.enter_context(serving(backend.root))
        self._urls = {"packcore": lambda path: f"{ours.url}/{path}", "http-backend": backend.url}
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def do(self, client: Client, operation: str, server: str) -> str | None:
        """Let a client do one thing; return what went wrong, None if nothing did. Raises NotOffered."""
        name = f"{next(_NUMBERS)}.git"
        served, folder = self._backend.root / name, self._folder / f"work-{name}"
        shutil.copytree(self.sources.wide if operation == "5,000 refs" else self.sources.small, served)
        folder.mkdir()
        try:
            OPERATIONS[operation](Job(client, self._urls[server](name), served, folder))
        except (ClientFailed, Wrong, AssertionError) as error:
            return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        finally:
            shutil.rmtree(served)
            shutil.rmtree(folder)
        return None


def outcome_of(stage: Stage, client: Client, operation: str, notes: list[str]) -> str:
    """Return a cell; `notes` gets what was said where something failed."""
    try:
        faults = {server: stage.do(client, operation, server) for server in ("packcore", "http-backend")}
    except NotOffered:
        return "n/a"
    notes += [f"{client.name}, {operation}, {server}: {fault}" for server, fault in faults.items() if fault]
    ours, gits = faults.values()
    if ours is None:
        return "yes" if gits is None else "here only"
    return "no" if gits is None else "neither"


def table(stage: Stage, clients: Sequence[Client], notes: list[str]) -> list[str]:
    """Return the lines of the table."""
    rows = [["client", *OPERATIONS], ["---"] * (len(OPERATIONS) + 1)]
    for client in clients:
        if client.missing is None:
            rows.append([client.name, *(outcome_of(stage, client, name, notes) for name in OPERATIONS)])
    return [f"| {' | '.join(row)} |" for row in rows]


def main(arguments: Sequence[str]) -> int:
    """Print the table, and write it if that is asked for."""
    asked = [word for word in arguments if not word.startswith("-")]
    notes: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        clients = [one for one in all_clients(folder) if not asked or one.name.startswith(tuple(asked))]
        with Stage(folder) as stage:
            lines = table(stage, clients, notes)
    text = "\n".join(lines) + "\n"
    missing = "".join(f"Not run: {one.name} ({one.missing}).\n" for one in clients if one.missing)
    print(text, missing, *notes, sep="\n")
    if "--write" in arguments:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        PAGE.write_text(
            f"{before}{BEGIN}\n{text}\n{missing and missing + chr(10)}{END}{after}", encoding="utf-8"
        )
    return 1 if any("| no |" in line for line in lines) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
