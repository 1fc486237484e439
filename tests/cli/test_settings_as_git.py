"""Commands that take git's place read the settings that git reads; a server does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from wsgiref.util import setup_testing_defaults

import pytest

from tests.support import git, git_bytes, history, init_repository, make_repository
from transport.server.wsgi import make_application

if TYPE_CHECKING:
    from pathlib import Path


def given(*settings: str) -> dict[str, str]:
    """Return what `git -c` sets for these settings."""
    return {"GIT_CONFIG_PARAMETERS": " ".join(f"'{setting}'" for setting in settings)}


@pytest.fixture
def one_blob(tmp_path: Path) -> tuple[Path, bytes]:
    """A repository with one loose object of two thousand blanks, and its id as a line."""
    path = init_repository(tmp_path / "x.git")
    return path, git_bytes("hash-object", "-w", "--stdin", cwd=path, stdin=b" " * 2000)


@pytest.mark.parametrize(
    ("settings", "options", "is_small"),
    [
        (["core.compression=0"], [], False),
        (["core.compression=9", "pack.compression=0"], [], False),
        (["core.compression=0", "pack.compression=9"], [], True),
        (["pack.compression=0"], ["--compression=9"], True),
        (["pack.compression=-1"], [], True),
    ],
)
def test_the_level_of_compression_is_a_setting_unless_an_option_says_it(
    packcore, one_blob, settings, options, is_small
):
    repository, names = one_blob
    result = packcore("pack-objects", repository, *options, stdin=names, env=given(*settings))
    assert result.exit_code == 0, result.stderr
    assert (len(result.stdout_bytes) < 2000) == is_small


@pytest.mark.parametrize("setting", ["pack.window=0", "pack.depth=0"])
def test_settings_may_rule_out_deltas(packcore, tmp_path, setting):
    repository = make_repository(tmp_path / "x.git", history(commits=5))
    git("repack", "-adfq", "--depth=0", cwd=repository)
    arguments = ("pack-objects", repository, "--all", tmp_path / "x")
    assert packcore(*arguments, env=given(setting)).exit_code == 0
    (pack,) = tmp_path.glob("x-*.pack")
    assert "chain length" not in git("verify-pack", "-s", pack)


def test_a_setting_that_is_no_level_is_an_error_that_names_it(packcore, one_blob):
    repository, names = one_blob
    result = packcore("pack-objects", repository, stdin=names, env=given("pack.compression=10"))
    assert result.exit_code != 0
    assert "pack.compression" in result.stderr


def test_index_pack_reads_settings_with_and_without_a_repository(packcore, one_blob, tmp_path):
    repository, names = one_blob
    pack = tmp_path / "x.pack"
    pack.write_bytes(packcore("pack-objects", repository, stdin=names).stdout_bytes)
    for more in ([], ["--repo", repository]):
        result = packcore("index-pack", pack, *more, env=given("pack.writeReverseIndex=no"))
        assert result.exit_code == 0, result.stderr
        assert not pack.with_suffix(".rev").exists()


def test_fsck_takes_the_severity_that_the_user_has_set(packcore, tmp_path):
    repository = init_repository(tmp_path / "x.git")
    tree = git_bytes("hash-object", "-w", "-t", "tree", "--stdin", cwd=repository)
    bad = b"tree %sauthor A <a@e> 0 +0000\ncommitter C <c@e 0 +0000\n\n" % tree
    git("hash-object", "-w", "-t", "commit", "--stdin", "--literally", cwd=repository, stdin=bad)
    user = tmp_path / "user"
    user.write_text("[fsck]\n\tmissingEmail = ignore\n\tbadEmail = ignore\n")
    assert packcore("fsck", repository).exit_code != 0
    assert packcore("fsck", repository, env={"GIT_CONFIG_GLOBAL": str(user)}).exit_code == 0


@pytest.mark.parametrize("allowed", ["true", "false"])
def test_receive_pack_heeds_git_c_as_git_does(process, tmp_path, allowed):
    source = make_repository(tmp_path / "source.git", history(commits=1))
    target = init_repository(tmp_path / "target.git")
    git("config", "receive.denyDeletes", "true", cwd=target)
    git("push", "-q", target, "main:gone", cwd=source)
    tip = git("rev-parse", "main", cwd=source)
    line = f"{tip.strip()} {'0' * 40} refs/heads/gone\0report-status delete-refs".encode()
    body = b"%04x%s0000" % (len(line) + 4, line)
    settings = given(f"receive.denyDeletes={'false' if allowed == 'true' else 'true'}")
    done = process("receive-pack", "--stateless-rpc", target, stdin=body, env=settings)
    assert (b"ok refs/heads/gone" in done.stdout) == (allowed == "true")


def test_a_server_takes_no_settings_from_its_environment(tmp_path, monkeypatch):
    repository = make_repository(tmp_path / "served" / "x.git", history(commits=1))
    for name, value in given("uploadpack.hideRefs=refs/heads").items():
        monkeypatch.setenv(name, value)
    request: dict[str, Any] = {"PATH_INFO": "/x.git/info/refs", "QUERY_STRING": "service=git-upload-pack"}
    setup_testing_defaults(request)
    written: list[bytes] = []
    returned = make_application(repository.parent)(request, lambda *_: written.append)
    assert b"refs/heads/main" in b"".join([*written, *returned])
