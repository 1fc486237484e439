"""Each recipe of docs/recipes.md, run as far as a test can: its commands, its checkers, its limits."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.reference_pages import commands
from tests.cli.prometheus import parse
from tests.support import (
    ROOT,
    find_program,
    git_environment,
    history,
    init_repository,
    ls_remote,
    make_repository,
    require,
)
from tests.transport.server.serving import serving
from transport.server.faults import Simulation

EXAMPLES = ROOT / "docs/examples"
RECIPES = EXAMPLES / "recipes"
SERVICE = RECIPES / "packcore-sync.service"
_NAMES = ("docs", "site")


def text_of(name: str) -> str:
    return (RECIPES / name).read_text()


def yaml_of(name: str) -> Any:
    return yaml.safe_load(text_of(name))


class Machine:
    """A folder that stands for the root of a machine with packcore, and two repositories to mirror."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("etc/packcore", "var/lib/packcore", "bin"):
            (folder / name).mkdir(parents=True)
        program = folder / "bin/packcore"
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -W error -m cli "$@"\n')
        program.chmod(0o755)
        for number, name in enumerate(_NAMES):
            make_repository(folder / f"{name}-source.git", history(commits=2, seed=number, tag="v1"))
            init_repository(folder / f"{name}-target.git")
        (folder / "etc/packcore/mirrors.toml").write_text(self.here(text_of("mirrors.toml")))
        (folder / "etc/packcore/environment").write_text(text_of("environment"))

    def here(self, text: str) -> str:
        """Return text with the paths and URLs of a recipe moved into the folder."""
        text = re.sub(r"https://example\.com/(\w+)\.git", rf"{self.folder}/\1-source.git", text)
        text = re.sub(r"https://backup\.example\.org/(\w+)\.git", rf"{self.folder}/\1-target.git", text)
        text = text.replace("/usr/local/bin/packcore", f"{self.folder}/bin/packcore")
        return re.sub(r"(?<![\w./])/(etc|var/lib)/packcore", rf"{self.folder}/\1/packcore", text)

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        environment = git_environment({"PYTHONPATH": str(ROOT), "PATH": path, **variables})
        return subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def is_mirrored(self, *names: str) -> bool:
        pairs = [(self.folder / f"{n}-source.git", self.folder / f"{n}-target.git") for n in names or _NAMES]
        return all(ls_remote(source) == ls_remote(target) for source, target in pairs)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def _typed() -> list[tuple[str, str]]:
    """Yield every command line of packcore in a recipe."""
    found = []
    for path in sorted(RECIPES.iterdir()):
        for line in path.read_text().splitlines():
            if not line.lstrip().startswith("#"):
                found += [(path.name, words) for words in re.findall(r"packcore ((?:sync|serve) .*)", line)]
    return found


@pytest.mark.parametrize(("name", "line"), _typed())
def test_each_command_of_a_recipe_has_the_options_that_it_is_given(name, line):
    command, *words = line.split()
    known = {option for parameter in commands()[command].params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


def test_every_recipe_is_on_the_page():
    page = (ROOT / "docs/recipes.md").read_text()
    assert [path.name for path in RECIPES.iterdir() if f"examples/recipes/{path.name}" not in page] == []


# cron


def _cron_line() -> tuple[list[str], str, str]:
    (line,) = [line for line in text_of("packcore.cron").splitlines() if re.match(r"[0-9*]", line)]
    *when, user, command = line.split(maxsplit=6)
    return when, user, command


def test_the_cron_line_has_five_times_a_user_and_no_percent_sign():
    when, user, command = _cron_line()
    assert all(re.fullmatch(r"[0-9*,/-]+", word) for word in when)
    assert user == "packcore"
    assert "%" not in command, "cron takes it for the end of a line"


@pytest.mark.e2e
def test_the_cron_job_mirrors_says_nothing_and_leaves_metrics(machine):
    require("flock")
    done = machine.run("/bin/sh", "-c", machine.here(_cron_line()[2]))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert machine.is_mirrored()
    found = parse((machine.folder / "var/lib/packcore/mirrors.prom").read_text())
    assert found.value("packcore_manifest_exit_code") == 0


@pytest.mark.e2e
def test_the_cron_job_is_left_out_while_another_runs(machine):
    require("flock")
    fcntl = pytest.importorskip("fcntl")
    with (machine.folder / "var/lib/packcore/lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = machine.run("/bin/sh", "-c", machine.here(_cron_line()[2]))
    assert done.returncode == 1
    assert not machine.is_mirrored()


# systemd


def _unit(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(text_of(name))
    return parser


@pytest.mark.e2e
def test_systemd_finds_nothing_wrong_with_the_units(machine):
    require("systemd-analyze")
    units = []
    for name in ("packcore-sync.service", "packcore-sync.timer"):
        unit = machine.folder / name
        unit.write_text(machine.here(text_of(name)))
        units.append(str(unit))
    done = machine.run("systemd-analyze", "verify", "--man=no", *units)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.e2e
def test_systemd_calls_the_service_hardly_exposed():
    require("systemd-analyze")
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(SERVICE)],
        capture_output=True,
        text=True,
        check=False,
    )
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd can't judge a unit that isn't loaded")
    assert done.returncode == 0, done.stdout


@pytest.mark.e2e
def test_the_service_mirrors(machine):
    command = shlex.split(machine.here(_unit(SERVICE.name)["Service"]["ExecStart"]))
    done = machine.run(*command, TARGET_TOKEN="x")
    assert done.returncode == 0, done.stderr
    assert machine.is_mirrored()


def test_the_environment_file_is_what_both_systemd_and_sh_read():
    lines = [line for line in text_of("environment").splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r'[A-Z_]+="[^"$`\\]*"', line) for line in lines)


# Hosts that run jobs


def test_the_github_action_permits_little_and_puts_no_expression_into_a_script():
    workflow = yaml_of("github-action.yml")
    assert workflow["permissions"] == {}
    assert workflow["jobs"]["mirror"]["permissions"] == {"contents": "read"}
    assert workflow["concurrency"]["cancel-in-progress"] is False
    steps = workflow["jobs"]["mirror"]["steps"]
    assert [step for step in steps if "uses" in step or "${{" in step["run"]] == []


@pytest.mark.e2e
def test_the_step_of_the_github_action_mirrors(machine):
    require("bash")
    step = yaml_of("github-action.yml")["jobs"]["mirror"]["steps"][-1]
    variables = dict.fromkeys(step["env"], "x")
    variables |= {
        "SOURCE": str(machine.folder / "docs-source.git"),
        "TARGET": str(machine.folder / "docs-target.git"),
    }
    done = machine.run("bash", "-e", "-o", "pipefail", "-c", step["run"], **variables)
    assert done.returncode == 0, done.stderr
    assert machine.is_mirrored("docs")
    assert json.loads((machine.folder / "receipt.json").read_text())["exitCode"] == 0


@pytest.mark.e2e
def test_the_script_of_the_gitlab_job_mirrors(machine):
    job = yaml_of("gitlab-ci.yml")["mirror"]
    variables = {
        "CI_JOB_TOKEN": "x",
        "MIRROR_TOKEN": "y",
        "CI_PROJECT_URL": str(machine.folder / "docs-source"),
        "MIRROR_URL": str(machine.folder / "docs-target.git"),
    }
    done = machine.run("sh", "-e", "-c", "\n".join(job["script"]), **variables)
    assert done.returncode == 0, done.stderr
    assert machine.is_mirrored("docs")
    assert (machine.folder / job["artifacts"]["paths"][0]).exists()


# Kubernetes and containers


def _pod() -> Any:
    return yaml_of("kubernetes-cronjob.yaml")["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def test_the_pod_has_no_rights_and_writes_nowhere_but_in_its_volume():
    pod = _pod()
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    writable = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
    assert writable == {"/tmp"}
    assert {mount["name"] for mount in container["volumeMounts"]} == {vol["name"] for vol in pod["volumes"]}


def test_runs_of_the_cronjob_never_overlap_and_end():
    spec = yaml_of("kubernetes-cronjob.yaml")["spec"]
    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["jobTemplate"]["spec"]["activeDeadlineSeconds"] > 0


def test_the_user_of_the_pod_is_that_of_the_container_file():
    user = re.search(r"^USER (\d+):(\d+)$", (ROOT / "Containerfile").read_text(), re.MULTILINE)
    assert user
    context = _pod()["securityContext"]
    assert (context["runAsUser"], context["runAsGroup"]) == (int(user[1]), int(user[2]))


@pytest.mark.e2e
def test_the_container_of_the_pod_mirrors(machine):
    words = [machine.here(word) for word in _pod()["containers"][0]["args"]]
    done = machine.run("packcore", *words, TARGET_TOKEN="x")
    assert done.returncode == 0, done.stderr
    assert machine.is_mirrored()


_READ_ONLY = """\
mount --make-rprivate / && mount -o remount,bind,ro / || exit 77
mount -t tmpfs -o mode=1777 tmpfs "$TMPDIR" || exit 77
exec setpriv --reuid 10001 --regid 10001 --clear-groups --no-new-privs --bounding-set=-all "$@"
"""


@pytest.mark.e2e
def test_a_user_without_rights_mirrors_on_a_read_only_root(tmp_path):
    require("unshare", "setpriv")
    make_repository(tmp_path / "source.git", history(commits=3, tag="v1"))
    init_repository(tmp_path / "target.git")
    with tempfile.TemporaryDirectory() as writable, serving(tmp_path) as server:
        Path(writable).chmod(0o755)
        shell = ["unshare", "--mount", "sh", "-c", _READ_ONLY, "sh", sys.executable, "-B"]
        urls = [f"{server.url}/source.git", f"{server.url}/target.git"]
        done = subprocess.run(
            [*shell, "-m", "cli", "sync", "--materialize", *urls],
            env=git_environment({"PYTHONPATH": str(ROOT), "TMPDIR": writable, "HOME": "/nonexistent"}),
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    if "Operation not permitted" in done.stderr or "ermission denied" in done.stderr or done.returncode == 77:
        pytest.skip(f"needs rights to mount, and a Python that all may run: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    assert ls_remote(tmp_path / "target.git")["refs/heads/main"]


@pytest.mark.slow
def test_the_image_mirrors_as_a_user_without_rights_on_a_read_only_root(tmp_path):
    podman, base = find_program("podman"), os.environ.get("PACKCORE_TEST_BASE")
    if podman is None or base is None:
        pytest.skip("needs podman, and in PACKCORE_TEST_BASE the name of an image with Python and venv")
    build = ["build", "--network", "host", "--build-arg", f"BASE={base}", "-t", "packcore-test", str(ROOT)]
    subprocess.run([podman, *build], check=True, timeout=1200)
    run = [podman, "run", "--rm", "--network", "host", *_options_of_the_page()]
    make_repository(tmp_path / "source.git", history(commits=3, tag="v1"))
    init_repository(tmp_path / "target.git")
    with serving(tmp_path) as server:
        urls = [f"{server.url}/source.git", f"{server.url}/target.git"]
        subprocess.run([*run, "packcore-test", "sync", "--materialize", *urls], check=True, timeout=300)
    assert ls_remote(tmp_path / "target.git")["refs/heads/main"]
    written = (
        "import os; print(os.getuid(), *(os.access(p, os.W_OK) for p in ('/', '/data', '/opt', '/tmp')))"
    )
    shell = [*run, "--entrypoint", "python3", "packcore-test", "-c", written]
    told = subprocess.run(shell, capture_output=True, text=True, check=True, timeout=300).stdout
    assert told == "10001 False False False True\n"


def _options_of_the_page() -> list[str]:
    """Return what restricts the container in the recipe's command."""
    page = (ROOT / "docs/recipes.md").read_text()
    command = re.search(r"^podman run --rm (.*?) *\\$", page, re.MULTILINE)
    assert command
    return shlex.split(command[1])


# A serverless function


def _function(source: Path, target: str, *numbers: int, **variables: str) -> tuple[int, dict[str, Any]]:
    command = [sys.executable, "-W", "error", str(EXAMPLES / "serverless_sync.py"), str(source), target]
    done = subprocess.run(
        [*command, *map(str, numbers)],
        env=git_environment({"PYTHONPATH": str(ROOT), **variables}),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


@pytest.mark.slow
def test_the_function_hands_over_to_the_next_run_at_its_deadline(tmp_path):
    require("git")
    source = make_repository(tmp_path / "source.git", _heavy())
    (tmp_path / "served").mkdir()
    target = init_repository(tmp_path / "served/target.git")
    runs = []
    with serving(tmp_path / "served", simulation=Simulation.parse("slow=200k")) as server:
        for _ in range(8):
            code, told = _function(source, f"{server.url}/target.git", 128, 6, BATCH_BYTES="300000")
            runs.append((code, told["again"], told.get("objects", 0)))
            if not told["again"]:
                break
    assert runs[0][:2] == (75, True)
    assert runs[-1][:2] == (0, False)
    assert runs[-1][2] < runs[0][2], "the last run has less to do than the first"
    assert ls_remote(target) == ls_remote(source), "and no temporary ref is left"


def _heavy() -> Any:
    """Return commits with a file of 100 kB each, that no deflate makes smaller."""
    import random

    chance = random.Random(5)
    for number in range(24):
        data = chance.randbytes(100_000)
        name = b"file%d" % number
        yield b"blob\nmark :%d\ndata %d\n" % (2 * number + 1, len(data)) + data + b"\n"
        yield (
            b"commit refs/heads/main\nmark :%d\ncommitter A <a@example.com> %d +0000\ndata 1\nx\n"
            % (2 * number + 2, 1_700_000_000 + number)
        )
        if number:
            yield b"from :%d\n" % (2 * number)
        yield b"M 100644 :%d %s\n\n" % (2 * number + 1, name)


@pytest.mark.e2e
@pytest.mark.skipif(find_program("git") is None, reason="git makes the repository")
def test_the_function_keeps_below_its_memory_ceiling(tmp_path):
    source = make_repository(tmp_path / "source.git", _heavy())
    target = init_repository(tmp_path / "target.git")
    code, told = _function(source, str(target), 96, 300)
    assert code == 0, told
    assert told["peakMemoryMB"] <= 96
