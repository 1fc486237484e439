"""A script is run with stand-ins in the place of git's commands, and the checkout stays as it is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from scripts.conformance.git_suite import GitCheckout, read_calls
from scripts.conformance.suites import ConformanceError

if TYPE_CHECKING:
    from pathlib import Path


SCRIPT = """#!/bin/sh
PATH="$GIT_TEST_INSTALLED:$PATH"
echo "expecting success of 0001.1 'git itself': "
test "$(git status)" = "real git: status" && echo "ok 1 - git itself"
echo "expecting success of 0001.2 'ours': "
git -C . fsck --nonsense 2>&1
test $? = 129 && echo "ok 2 - ours"
echo "expecting success of 0001.3 'git calls': "
test "$("$GIT_TEST_EXEC_PATH"/git fsck)" = "real git: fsck" && echo "ok 3 - git calls"
echo 1..3
"""


@pytest.fixture
def checkout(tmp_path: Path) -> GitCheckout:
    """Return a folder that looks like a built checkout."""
    path = tmp_path / "git"
    (path / "t" / "helper").mkdir(parents=True)
    for name, text in {
        "git": '#!/bin/sh\necho "real git: $*"\n',
        "git-upload-pack": "#!/bin/sh\n",
        "t/helper/test-tool": "#!/bin/sh\n",
        "t/t0001-x.sh": SCRIPT,
    }.items():
        (path / name).write_text(text)
        (path / name).chmod(0o755)
    return GitCheckout(path)


def snapshot(folder: Path) -> list[tuple[str, int]]:
    return sorted((str(path), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file())


def test_packcore_answers_in_the_place_of_one_command_and_git_the_others(checkout, tmp_path):
    before = snapshot(checkout.path)
    outcome = checkout.run("t0001-x", tmp_path / "run", ["fsck"])
    assert outcome.passed == {1, 2, 3}, (tmp_path / "run" / "out.txt").read_text()
    assert snapshot(checkout.path) == before
    (call,) = read_calls(tmp_path / "run" / "calls.jsonl")
    assert (call.arguments, call.not_offered, call.exit_code) == (
        ("fsck", "--nonsense"),
        ("--nonsense",),
        129,
    )
    assert outcome.begins[1][0] < call.at < outcome.begins[2][0]


def test_git_s_own_calls_are_answered_too_if_asked_for(checkout, tmp_path):
    outcome = checkout.run("t0001-x", tmp_path / "run", ["fsck"], inside=True)
    assert 3 not in outcome.passed
    assert len(read_calls(tmp_path / "run" / "calls.jsonl")) == 2


def test_a_checkout_that_is_not_built_is_refused(tmp_path):
    with pytest.raises(ConformanceError, match="run make there first"):
        _ = GitCheckout(tmp_path).version


def test_variables_of_this_machine_reach_no_script(checkout, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_TEST_PASSING", "1")
    (checkout.path / "t" / "t0001-x.sh").write_text("#!/bin/sh\nenv\n")
    checkout.run("t0001-x", tmp_path / "run")
    environment = (tmp_path / "run" / "out.txt").read_text()
    assert "GIT_TEST_PASSING" not in environment
    assert f"PATH={os.environ['PATH']}" in environment
