"""Reflogs that pushes leave: the same as git's own receive-pack, whatever core.logAllRefUpdates says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from packcore.store.repository import Repository
from tests.support import git, history, init_repository, make_repository
from tests.transport.server.serving import serving
from transport.options import TransportOptions
from transport.server.htpasswd import Passwords
from transport.syncing import Scope, sync

if TYPE_CHECKING:
    from pathlib import Path

BY_COMMITTER = re.compile(rb" [^\t<]*<[^>]*> [0-9]+ [+-][0-9]{4}\t")

PUSHES: dict[str, list[list[str]]] = {
    "of all kinds of refs": [["main~2:refs/heads/main", "v1", "main:refs/notes/n", "main:refs/x/y"]],
    "one after the other": [["main~2:refs/heads/main"], ["main~1:main"], ["+main~3:main"]],
    "by both names": [["main~2:refs/heads/main"], ["main~1:main", "main~1:master"]],
    "by an alias": [["main~2:refs/heads/main"], ["main~1:master"]],
    "that delete": [["main~2:refs/heads/a/b/c", "main:refs/heads/other"], [":a/b/c"], ["main:refs/heads/a"]],
    "that delete what HEAD points to": [["main~2:refs/heads/main"], [":main"]],
}


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Path:
    return make_repository(tmp_path_factory.mktemp("work") / "work.git", history(commits=6, tag="v1"))


def target(path: Path, setting: str | None) -> Path:
    init_repository(path)
    git("config", "receive.denyDeleteCurrent", "ignore", cwd=path)
    (path / "refs" / "heads" / "master").write_text("ref: refs/heads/main\n")
    if setting is not None:
        git("config", "core.logAllRefUpdates", setting, cwd=path)
    return path


def logs(repository: Path) -> dict[str, bytes]:
    """Return the logs, without who wrote them and when."""
    folder = repository / "logs"
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): BY_COMMITTER.sub(b"\t", path.read_bytes()) for path in files}


@pytest.mark.e2e
@pytest.mark.parametrize("setting", [None, "true", "always", "false"])
@pytest.mark.parametrize("pushes", PUSHES)
def test_pushes_are_logged_as_git_logs_them(tmp_path, work, pushes, setting):
    ours = target(tmp_path / "served" / "ours.git", setting)
    theirs = target(tmp_path / "theirs.git", setting)
    with serving(ours.parent) as server:
        for specs in PUSHES[pushes]:
            for url in (f"{server.url}/ours.git", str(theirs)):
                git("push", "-q", url, *specs, cwd=work)
    assert logs(ours) == logs(theirs)


@pytest.mark.e2e
def test_a_log_that_is_there_is_written_on_even_where_none_are_made(tmp_path, work):
    ours, theirs = (target(tmp_path / name, "false") for name in ("ours.git", "theirs.git"))
    for path in (ours, theirs):
        (path / "logs" / "refs" / "heads").mkdir(parents=True)
        (path / "logs" / "refs" / "heads" / "main").touch()
    git("push", "-q", theirs, "main", cwd=work)
    sync(str(work), str(ours), scope=Scope())
    assert logs(ours) == logs(theirs) != {}


@pytest.mark.e2e
def test_over_http_the_committer_is_who_signed_in(tmp_path, work):
    path = target(tmp_path / "served" / "x.git", "true")
    users = tmp_path / "users"
    users.write_text("ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=")
    with serving(path.parent, passwords=Passwords.read(users)) as server:
        url = server.url.replace("://", "://ann:secret@")
        git("push", "-q", f"{url}/x.git", "main", cwd=work)
    log = (path / "logs" / "refs" / "heads" / "main").read_bytes()
    assert re.search(rb" ann <ann@http\.127\.0\.0\.1> [0-9]{10} [+-][0-9]{4}\tpush\n\Z", log)


def test_to_a_path_the_committer_is_the_one_of_the_environment(tmp_path, work):
    path = target(tmp_path / "x.git", "true")
    environment = {
        "GIT_COMMITTER_NAME": "A",
        "GIT_COMMITTER_EMAIL": "a@e",
        "GIT_COMMITTER_DATE": "1112911993 -0700",
    }
    sync(
        str(work),
        str(path),
        scope=Scope(),
        target_options=TransportOptions(environment=environment),
    )
    tip = git("rev-parse", "main", cwd=work)
    for name in ("HEAD", "refs/heads/main"):
        log = (path / "logs" / name).read_text()
        assert log == f"{'0' * 40} {tip} A <a@e> 1112911993 -0700\tpush\n"


def test_a_log_that_cannot_be_written_keeps_its_ref_as_it_was(tmp_path, work):
    path = target(tmp_path / "x.git", "true")
    (path / "logs" / "refs" / "heads" / "main" / "x").mkdir(parents=True)
    (path / "logs" / "refs" / "heads" / "main" / "x" / "y").touch()
    done = sync(str(work), str(path), scope=Scope())
    assert "can't write the reflog" in str(done.refs[0].reason)
    with Repository.open(path) as repository:
        assert repository.refs().known == {}
