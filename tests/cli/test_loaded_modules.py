"""A mirror does little else all day than finding nothing to do, so that loads as little as possible."""

from __future__ import annotations

import gc
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support import ROOT, git, history, init_repository, make_repository
from tests.transport.server.serving import serving

if TYPE_CHECKING:
    from pathlib import Path

OWN_MODULES_MAX = 175
"""A path at both ends loads 171 of ours, of some 615 that there are."""
OWN_MODULES_OVER_HTTP_MAX = 115
"""Two remotes load 109."""
LOADED_WHEN_NEEDED = (
    *("cli.config", "cli.manifest", "click.shell_completion", "transport.syncing.deliver.attempts"),
    *("asyncio", "concurrent", "difflib", "importlib.metadata", "json", "logging", "multiprocessing"),
    *("rich", "shlex", "subprocess", "tomllib"),
)
NOT_FOR_NOTHING = (
    *("packcore.checks", "packcore.pack.resolve", "packcore.plans", "packcore.search.select"),
    *("packcore.store.spool", "packcore.walk", "transport.fetch", "transport.fetch_rounds"),
    *("transport.fleet", "transport.negotiate", "transport.remote_helper", "transport.schemes.http"),
    *("transport.schemes.ssh", "transport.server.receive_pack", "transport.server.upload_pack"),
    *("transport.bundle", "transport.identity", "transport.outer_config"),
    "transport.syncing.gather.fetching",
    *("bz2", "h11", "http.client", "lzma", "random", "secrets", "shutil", "ssl", "tempfile"),
    *LOADED_WHEN_NEEDED,
)
NOT_FOR_A_CLIENT = (
    "packcore.pack",
    "packcore.plans",
    "packcore.search",
    "packcore.store.repository",
    "zlib_ng",
)


def modules_after(code: str, *, cwd: Path) -> set[str]:
    told = f"{code}\nprint('loaded', *sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{told}"],
        cwd=cwd,
        env={"PYTHONPATH": str(ROOT), "HOME": str(cwd), "PATH": "/usr/bin:/bin"},
        check=True,
        capture_output=True,
        text=True,
    )
    return set(done.stdout.partition("loaded ")[2].split())


def within(modules: set[str], names: tuple[str, ...]) -> set[str]:
    return {module for module in modules for name in names if module == name or module.startswith(f"{name}.")}


@pytest.fixture
def level(tmp_path: Path) -> Path:
    source = make_repository(tmp_path / "source.git", history(commits=3))
    target = init_repository(tmp_path / "target.git")
    git("push", "-q", target, "main", cwd=source)
    return tmp_path


def test_a_sync_with_nothing_to_do_loads_no_engine(level: Path) -> None:
    code = """
from cli.__main__ import main
sys.argv = ["packcore", "sync", "source.git", "target.git", "--branch", "main"]
assert main() == 0
"""
    modules = modules_after(code, cwd=level)
    assert not within(modules, NOT_FOR_NOTHING)
    assert len(within(modules, ("cli", "packcore", "transport"))) <= OWN_MODULES_MAX


def test_a_sync_of_two_remotes_with_nothing_to_do_loads_neither_engine_nor_store(level: Path) -> None:
    with serving(level) as server:
        code = f"""
from cli.__main__ import main
sys.argv = ["packcore", "sync", "{server.url}/source.git", "{server.url}/target.git", "--branch", "main"]
assert main() == 0
"""
        modules = modules_after(code, cwd=level)
    assert not within(modules, NOT_FOR_A_CLIENT)
    assert not within(modules, (*LOADED_WHEN_NEEDED, "h11", "hashlib", "transport.server"))
    assert len(within(modules, ("cli", "packcore", "transport"))) <= OWN_MODULES_OVER_HTTP_MAX


@pytest.mark.skipif(not hasattr(gc, "freeze"), reason="this Python counts no references")
def test_a_sync_with_nothing_to_do_looks_for_no_cycles_on_the_way_or_at_the_end(level: Path) -> None:
    code = """
import gc
from cli.__main__ import main
searches = []
gc.callbacks.append(lambda phase, _: searches.append(phase))
sys.argv = ["packcore", "sync", "source.git", "target.git", "--branch", "main"]
assert main() == 0
assert not searches
assert gc.get_freeze_count() > 10 * len(gc.get_objects())
"""
    modules_after(code, cwd=level)


def test_a_client_that_only_lists_refs_loads_no_store(tmp_path: Path) -> None:
    code = "import transport.listing, transport.send_pack, transport.schemes.http.client"
    assert not within(modules_after(code, cwd=tmp_path), NOT_FOR_A_CLIENT)


@pytest.mark.parametrize("command", ["fsck", "verify-pack"])
def test_a_check_by_one_process_loads_nothing_of_processes(command: str, tmp_path: Path) -> None:
    path = make_repository(tmp_path / "a.git", history(commits=3), repack=True)
    pack = next((path / "objects/pack").glob("*.pack"))
    code = f"""
from cli.__main__ import main
sys.argv = ["packcore", "{command}", "{path if command == "fsck" else pack}", "--jobs", "1"]
assert main() == 0
"""
    modules = modules_after(code, cwd=tmp_path)
    assert within(modules, ("packcore.pack.indexed_check",))
    assert not within(modules, ("multiprocessing", "packcore.processes", "packcore.pack.shares"))
