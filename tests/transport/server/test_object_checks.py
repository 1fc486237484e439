"""receive.fsckObjects and receive.fsck.*: which objects a push may bring, as git's receive-pack decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packcore.checks.findings import Severities
from packcore.checks.settings import ArrivalSettings, config_severities
from packcore.errors import RepositoryError
from packcore.store.config import GitConfig
from packcore.store.repository import Repository
from tests.support import git, init_repository, run_git
from tests.transport.server.serving import serving

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

WHO, ODD_ZONE = "A <a@e> 1 +0000", "A <a@e> 1 +051800"
HERE, BAD_LIST = "@skip@", "@bad@"
PREFIX = "receive.fsck."
CASES: list[tuple[str, dict[str, str]]] = [
    ("good", {}),
    ("odd-zone", {}),
    ("odd-zone", {"fsck.badTimezone": "ignore"}),
    ("odd-zone", {"fsck.badTimezone": "warn"}),
    ("odd-zone", {"fsck.badTimezone": "error"}),
    ("odd-zone", {"fsck.badTimezone": "Ignore"}),
    ("odd-zone", {"fsck.badDate": "ignore"}),
    ("odd-zone", {"fsck.noSuchId": "ignore", "fsck.badTimezone": "ignore"}),
    ("odd-zone", {"fsck.nulInHeader": "warn", "fsck.badTimezone": "ignore"}),
    ("odd-zone", {"fsck.skipList": HERE}),
    ("odd-zone", {"fsck.skipList": "skip"}),
    ("odd-zone", {"fsck.skipList": "nowhere"}),
    ("odd-zone", {"fsck.skipList": BAD_LIST}),
    ("two-faults", {"fsck.badTimezone": "ignore"}),
    ("two-faults", {"fsck.badTimezone": "ignore", "fsck.multipleAuthors": "warn"}),
    ("zero-padded", {}),
    ("zero-padded", {"fsck.zeroPaddedFilemode": "warn"}),
    ("old-mode", {}),
    ("old-mode", {"fsck.badFilemode": "error"}),
    ("odd-tag", {}),
    ("odd-tag", {"fsck.badTagName": "error"}),
    ("odd-tag", {"fsck.extraHeaderEntry": "error"}),
]


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Path:
    """Return a repository with a ref for each odd object."""
    path = init_repository(tmp_path_factory.mktemp("work") / "work.git")

    def write(type_: str, data: bytes) -> str:
        return git("hash-object", "--literally", "-t", type_, "-w", "--stdin", cwd=path, stdin=data)

    blob, empty = write("blob", b"x"), write("tree", b"")
    padded, old = (write("tree", mode + b" f\0" + bytes.fromhex(blob)) for mode in (b"0100644", b"100664"))

    def commit(tree: str, *authors: str) -> str:
        lines = "".join(f"author {author}\n" for author in authors)
        return write("commit", f"tree {tree}\n{lines}committer {WHO}\n\nm\n".encode())

    tag = f"object {blob}\ntype blob\ntag x..y\ntagger {WHO}\nfoo bar\n\nm\n"
    for name, oid in (
        ("good", commit(empty, WHO)),
        ("odd-zone", commit(empty, ODD_ZONE)),
        ("two-faults", commit(empty, ODD_ZONE, WHO)),
        ("zero-padded", commit(padded, WHO)),
        ("old-mode", commit(old, WHO)),
        ("odd-tag", write("tag", tag.encode())),
    ):
        git("update-ref", f"refs/x/{name}", oid, cwd=path)
    return path


def target(path: Path, work: Path, settings: dict[str, str]) -> Path:
    init_repository(path)
    (path / "skip").write_text(f"# excused\n\n{git('rev-parse', 'refs/x/odd-zone', cwd=work)}  # why\n")
    (path / "bad").write_text("nonsense\n")
    git("config", "receive.fsckObjects", "true", cwd=path)
    for key, value in settings.items():
        git("config", f"receive.{key}", {HERE: f"{path}/skip", BAD_LIST: "bad"}.get(value, value), cwd=path)
    return path


def push(work: Path, url: str, name: str) -> subprocess.CompletedProcess[bytes]:
    return run_git("push", url, f"refs/x/{name}", cwd=work)


@pytest.mark.e2e
@pytest.mark.parametrize(("name", "settings"), CASES)
def test_a_push_is_taken_exactly_if_git_takes_it(tmp_path, work, name, settings):
    ours = target(tmp_path / "served" / "x.git", work, settings)
    theirs = target(tmp_path / "theirs.git", work, settings)
    with serving(ours.parent) as server:
        found = push(work, f"{server.url}/x.git", name)
    expected = push(work, str(theirs), name)
    assert (found.returncode == 0) == (expected.returncode == 0), (found.stderr, expected.stderr)
    for line in expected.stderr.decode().splitlines():
        if line.startswith("remote: warning: object "):
            assert line.strip() in [one.strip() for one in found.stderr.decode().splitlines()]


@pytest.mark.e2e
def test_the_pusher_is_told_what_is_wrong(tmp_path, work):
    ours = target(tmp_path / "served" / "x.git", work, {"fsck.badTimezone": "mild"})
    with serving(ours.parent) as server:
        words = push(work, f"{server.url}/x.git", "odd-zone").stderr
    assert b"receive.fsck.badtimezone must be error, warn or ignore, not 'mild'" in words


def test_the_pusher_is_warned_of_an_id_that_no_check_has(tmp_path, work):
    path = target(tmp_path / "root/x.git", work, {"fsck.whatEver": "error", "fsck.badTimezone": "warn"})
    with serving(path.parent) as server:
        said = push(work, f"{server.url}/x.git", "good").stderr.decode()
    assert said.count("skipping unknown msg id") == 1
    assert "remote: warning: skipping unknown msg id 'whatever'" in said


def test_settings_say_how_bad_each_finding_is():
    text = '[receive "fsck"]\nbadTimezone = ignore\nhasDot = warn\nskipList = x\n'
    severities = Severities(config_severities(GitConfig.parse(text), PREFIX), strict=True)
    ids = ("badTimezone", "hasDot", "hasDotdot", "badDate", "badFilemode")
    assert [severities.of(one).name for one in ids] == ["IGNORE", "WARN", "ERROR", "ERROR", "INFO"]


@pytest.mark.parametrize("setting", ["badDate = often", "badDate", "nulInHeader = ignore"])
def test_a_setting_that_cannot_be_read_is_refused(setting):
    with pytest.raises(RepositoryError, match=r"receive\.fsck\."):
        config_severities(GitConfig.parse(f'[receive "fsck"]\n{setting}\n'), PREFIX)


def test_settings_of_fetches_change_nothing_in_pushes():
    assert config_severities(GitConfig.parse('[fetch "fsck"]\nbadTimezone = ignore\n'), PREFIX) == {}


def with_skip_list(path: Path, name: str) -> Path:
    init_repository(path)
    git("config", "receive.fsck.skipList", name, cwd=path)
    return path


@pytest.mark.parametrize("name", ["~/list", "nowhere"])
def test_a_skip_list_that_cannot_be_read_is_refused(tmp_path, name):
    with (
        Repository.open(with_skip_list(tmp_path / "x.git", name)) as repository,
        pytest.raises(RepositoryError, match=r"receive\.fsck\.skiplist"),
    ):
        ArrivalSettings.of_pushes(repository)
