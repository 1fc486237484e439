"""Faults on purpose: their words, and what C git meets. Our own client meets them in e2e/test_hosts.py."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from tests.support import git, git_environment, history, init_repository, ls_remote, make_repository, run_git
from tests.transport.server.serving import serving, snapshot
from transport.errors import InvalidOption
from transport.server.faults import FAULTS, Simulation

pytestmark = pytest.mark.e2e

LARGE_BYTES = 1_500_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with an empty repository to push to."""
    init_repository(tmp_path / "root" / "target.git")
    return tmp_path / "root"


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """Return a repository that git sends in chunks."""
    source = make_repository(tmp_path / "large.git", history(commits=3))
    blob = random.Random(1).randbytes(LARGE_BYTES)
    git("tag", "noise", git("hash-object", "-w", "--stdin", cwd=source, stdin=blob), cwd=source)
    return source


def test_each_fault_of_the_list_can_be_asked_for():
    values = {"SECONDS": "3s", "SIZE": "1M", "N": "5", "CODE[:N]": "503:2", "CODE": "504"}
    words = [f"{fault.name}={values[fault.value]}" if fault.value else fault.name for fault in FAULTS]
    simulation = Simulation.parse(", ".join(words))
    assert simulation == Simulation(
        names=frozenset(fault.name for fault in FAULTS),
        idle_cut_seconds=3.0,
        body_bytes_max=1 << 20,
        cut_after_bytes=1 << 20,
        bytes_per_second=1 << 20,
        status=503,
        status_requests=2,
        updates_max=5,
        late_status=504,
    )
    assert Simulation.parse("") == Simulation()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("idle-cut", "is written idle-cut=SECONDS"),
        ("no-v2=1", "is written no-v2"),
        ("idle-cut=soon", "can't be 'soon'"),
        ("body-limit=1T", "can't be '1T'"),
        ("status=200", "can't be '200'"),
        ("status=503:", "can't be '503:'"),
        ("late-status=503:2", "late-status=CODE"),
        ("slow=0", "can't be 0"),
        ("no-such\x1b[2J", "no fault is called"),
    ],
)
def test_a_fault_that_is_none_is_refused_by_name(text, words):
    with pytest.raises(InvalidOption, match=re.escape(words)) as caught:
        Simulation.parse(f"no-chunked,{text}")
    assert str(caught.value).isprintable()


def test_gits_chunked_push_meets_411_where_no_chunks_are_taken(root, large):
    with serving(root, simulation=Simulation.parse("no-chunked")) as server:
        refused = run_git("push", "--mirror", f"{server.url}/target.git", cwd=large)
        assert b"411" in refused.stderr
        git("-c", "http.postBuffer=10m", "push", "-q", "--mirror", f"{server.url}/target.git", cwd=large)
    assert ls_remote(root / "target.git") == ls_remote(large)


@pytest.mark.parametrize("buffer", ["64k", "10m"])
def test_gits_push_meets_413_beyond_the_limit(root, large, buffer):
    before = snapshot(root / "target.git")
    with serving(root, simulation=Simulation.parse("body-limit=1M")) as server:
        url = f"{server.url}/target.git"
        refused = run_git("-c", f"http.postBuffer={buffer}", "push", "--mirror", url, cwd=large)
        assert b"413" in refused.stderr
        assert snapshot(root / "target.git") == before
        git("push", "-q", url, "main", cwd=large)


def stalling_git(folder: Path) -> dict[str, str]:
    """Return an environment in which git's pack-objects falls silent in mid-pack, as in a long search."""
    programs = Path(git("--exec-path"))
    folder.mkdir()
    for program in programs.iterdir():
        (folder / program.name).symlink_to(program)
    (folder / "git").unlink()
    (folder / "git").write_text(
        f"""#!/bin/sh
        case " $* " in
          *" pack-objects "*) "{programs}/git" "$@" | {{ head -c 300000; sleep 2; cat; }} ;;
          *) exec "{programs}/git" "$@" ;;
        esac
        """
    )
    (folder / "git").chmod(0o755)
    return {"GIT_EXEC_PATH": str(folder)}


def test_gits_push_is_cut_when_it_falls_silent_within_its_body(root, large, tmp_path):
    environment = git_environment(stalling_git(tmp_path / "programs"))
    with serving(root, simulation=Simulation.parse("idle-cut=0.5s")) as server:
        url = f"{server.url}/target.git"
        command = ("-c", "http.postBuffer=65536", "push", "--mirror", url)
        cut = run_git(*command, cwd=large, environment=environment)
        assert cut.returncode != 0
        assert ls_remote(root / "target.git") == {}
        git(*command, cwd=large)
    with serving(root) as patient:
        git("push", "-q", f"{patient.url}/target.git", "+main~1:main", cwd=large)


def test_a_first_answer_only_is_refused_where_a_count_is_given(root, large):
    with serving(root, simulation=Simulation.parse("status=503:1")) as server:
        assert b"503" in run_git("ls-remote", f"{server.url}/target.git").stderr
        git("ls-remote", f"{server.url}/target.git")


@pytest.mark.parametrize(
    "fault", ["no-v2", "no-sideband", "no-ofs-delta", "no-thin", "no-atomic", "no-delete"]
)
def test_git_does_without_what_is_not_offered(root, large, tmp_path, fault):
    with serving(root, simulation=Simulation.parse(fault)) as server:
        url = f"{server.url}/target.git"
        git("push", "-q", "--mirror", url, cwd=large)
        git("-c", "protocol.version=1", "clone", "-q", "--mirror", url, tmp_path / "clone.git")
    assert ls_remote(tmp_path / "clone.git") == ls_remote(large)
