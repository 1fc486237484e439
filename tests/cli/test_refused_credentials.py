"""A refused credential is named by the option, variable or key that it came from, and never shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cli.manifest import Manifest
from cli.sync_job import Reporting, SyncJob
from tests.transport.http.scripted import answer, scripted

if TYPE_CHECKING:
    from pathlib import Path

REFUSAL = b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"
FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize(
    ("arguments", "environment", "named"),
    [
        (["--source-token", "hush"], {}, "the credentials from --source-token"),
        (["--source-bearer-token", "hush"], {}, "the credentials from --source-bearer-token"),
        (["--source-header", "Authorization: hush"], {}, "the Authorization header of --source-header"),
        ([], {"PACKCORE_SOURCE_TOKEN": "hush"}, "the credentials from PACKCORE_SOURCE_TOKEN"),
        ([], {"GITSYNC_SOURCE_TOKEN": "hush"}, "the credentials from GITSYNC_SOURCE_TOKEN"),
        ([], {"PACKCORE_SOURCE_BEARER_TOKEN": "hush"}, "the credentials from PACKCORE_SOURCE_BEARER_TOKEN"),
    ],
)
def test_an_option_or_a_variable_is_named(packcore, arguments, environment, named):
    with scripted(answer(REFUSAL)) as server:
        done = packcore("ls-refs", f"{server.url}/x.git", *arguments, env=environment)
    assert done.exit_code == 5
    assert f"authentication failed for source {server.url}/x.git: it refused {named}" in done.stderr
    assert "hush" not in done.stderr


def test_a_url_is_named(packcore):
    with scripted(answer(REFUSAL)) as server:
        done = packcore("ls-refs", f"{server.url}/x.git".replace("//", "//:hush@"))
    assert "it refused the credentials from the URL" in done.stderr
    assert "hush" not in done.stderr


def test_a_netrc_is_named_with_its_line(packcore, tmp_path):
    (tmp_path / "netrc").write_text("# mine\nmachine 127.0.0.1 login me password hush\n")
    with scripted(answer(REFUSAL), answer(REFUSAL)) as server:
        environment = {"NETRC": str(tmp_path / "netrc"), "PATH": ""}
        done = packcore("ls-refs", f"{server.url}/x.git", env=environment)
    assert f"it refused the credentials from netrc ({tmp_path}/netrc, line 2)" in done.stderr
    assert "hush" not in done.stderr


def test_the_side_is_named(packcore, repository):
    with scripted(answer(REFUSAL)) as server:
        target = f"{server.url}/x.git"
        done = packcore("sync", repository, target, env={"PACKCORE_TARGET_TOKEN": "hush"})
    assert f"failed for target {target}: it refused the credentials from PACKCORE_TARGET_TOKEN" in done.stderr


def test_a_403_names_what_was_sent(packcore):
    with scripted(answer(FORBIDDEN)) as server:
        done = packcore("ls-refs", f"{server.url}/x.git", env={"PACKCORE_SOURCE_TOKEN": "hush"})
    assert "hint: the credentials from PACKCORE_SOURCE_TOKEN may lack the right to do this" in done.stderr


def test_where_there_is_none_the_option_of_the_side_is_named(packcore):
    with scripted(answer(REFUSAL)) as server:
        done = packcore("ls-refs", f"{server.url}/x.git", env={"PATH": "", "HOME": "/nonexistent"})
    assert f"source {server.url}/x.git wants credentials" in done.stderr
    assert "--source-token" in done.stderr


def test_a_manifests_key_and_variable_are_named(tmp_path: Path):
    path = tmp_path / "fleet.toml"
    path.write_text(
        '[[pair]]\nsource = "https://a/x"\ntarget = "https://b/x"\n'
        'source-header = "Authorization: x"\ntarget-token-env = "BACKUP"\n'
    )
    nothing: object = None
    job = SyncJob("", "", {}, nothing, Reporting(), nothing)  # type: ignore[arg-type]
    (pair,) = Manifest(str(path), {"BACKUP": "hush"}).pairs(job)
    assert pair.source_options.origin_of("headers") == "source-header"
    assert pair.target_options.origin_of("token") == "BACKUP, which target-token-env names"
    assert (pair.source_options.side, pair.target_options.side) == ("source", "target")
