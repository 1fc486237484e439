"""Settings from outside a repository, found where git finds them."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from packcore.errors import RepositoryError
from packcore.store.config import GitConfig
from packcore.store.repository import Repository
from tests.support import git, init_repository, require, run_git
from transport.outer_config import outer_config

if TYPE_CHECKING:
    from pathlib import Path

NO_FILES = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": ""}


def ours(environment: dict[str, str]) -> list[str]:
    """Return every `x.…` setting as `key=value`, sorted by key."""
    config = outer_config(environment).around(GitConfig([]))
    return [f"{key}={value}" for key in config.keys("x.") for value in config.get_all(key)]


def theirs(environment: dict[str, str], cwd: Path) -> list[str]:
    listed = git("config", "-z", "--get-regexp", "^x[.]", cwd=cwd, environment=environment)
    pairs = [entry.partition("\n") for entry in listed.split("\0") if entry]
    return sorted((f"{key}={value}" if feed else f"{key}=true" for key, feed, value in pairs), key=key_of)


def key_of(line: str) -> str:
    return line.partition("=")[0]


@pytest.mark.parametrize(
    "text",
    [
        "'x.one=1'",
        "'x.one=1' 'x.two'  'x.THREE=a = b'",
        "'x.one'='1'",
        "'x.one'= 'x.Sub.two'=''",
        r"'x.one'='it'\''s' 'x.two=wow'\!''",
        "'x.one=' 'x.one'='last'",
        "'x.a b\"c.d'='1'",
    ],
)
def test_what_git_c_passes_on_is_read_in_both_of_its_forms(tmp_path, text):
    environment = {**NO_FILES, "GIT_CONFIG_PARAMETERS": text}
    assert ours(environment) == theirs(environment, tmp_path) != []


def test_settings_are_also_numbered_variables_and_those_of_git_c_count_more(tmp_path):
    numbered = {
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "x.One",
        "GIT_CONFIG_VALUE_0": "a=b",
        "GIT_CONFIG_KEY_1": "x.two",
        "GIT_CONFIG_VALUE_1": "",
    }
    environment = {**NO_FILES, **numbered, "GIT_CONFIG_PARAMETERS": "'x.one'='last'"}
    assert ours(environment) == theirs(environment, tmp_path) == ["x.one=a=b", "x.one=last", "x.two="]


@pytest.mark.parametrize(
    "environment",
    [
        {"GIT_CONFIG_PARAMETERS": "x.one=1"},
        {"GIT_CONFIG_PARAMETERS": "'x.one"},
        {"GIT_CONFIG_PARAMETERS": "'x.one'=1"},
        {"GIT_CONFIG_PARAMETERS": "'x.one'='1'2"},
        {"GIT_CONFIG_PARAMETERS": "'one=1'"},
        {"GIT_CONFIG_PARAMETERS": "''"},
        {"GIT_CONFIG_PARAMETERS": "'x.o_e=1'"},
        {"GIT_CONFIG_COUNT": "many"},
        {"GIT_CONFIG_COUNT": "1"},
        {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "x.one"},
        {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "one", "GIT_CONFIG_VALUE_0": "1"},
    ],
)
def test_what_git_refuses_is_refused(tmp_path, environment):
    environment = {**NO_FILES, **environment}
    assert run_git("config", "--list", cwd=tmp_path, environment=environment).returncode != 0
    with pytest.raises(RepositoryError, match="GIT_CONFIG"):
        outer_config(environment)


@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"XDG_CONFIG_HOME": "{home}/xdg"},
        {"GIT_CONFIG_GLOBAL": "{home}/global"},
        {"GIT_CONFIG_GLOBAL": "{home}/absent"},
        {"GIT_CONFIG_NOSYSTEM": "yes"},
    ],
)
def test_files_are_those_of_the_system_and_of_the_user(tmp_path, chosen):
    for number, name in enumerate(("system", ".config/git/config", "xdg/git/config", "global", ".gitconfig")):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"[x]\n\tplace = {name}\n\tn{number} = 1\n")
    environment = {
        "HOME": str(tmp_path),
        "GIT_CONFIG_SYSTEM": f"{tmp_path}/system",
        **{name: value.format(home=tmp_path) for name, value in chosen.items()},
    }
    require("git")
    # Not `git` of tests.support, which names a file of its own.
    words = ["git", "config", "--list"]
    place = {"PATH": os.environ["PATH"], "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}
    done = subprocess.run(
        words, cwd=tmp_path, env={**environment, **place}, capture_output=True, text=True, check=False
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("x.")]
    assert ours(environment) == sorted(lines, key=key_of)


def test_a_repositorys_own_settings_stand_between(tmp_path):
    path = init_repository(tmp_path / "x.git")
    git("config", "x.own", "repository", cwd=path)
    git("config", "x.given", "repository", cwd=path)
    (tmp_path / "user").write_text("[x]\nown = user\nuser = user\ngiven = user\n")
    environment = {**NO_FILES, "GIT_CONFIG_GLOBAL": str(tmp_path / "user")}
    environment["GIT_CONFIG_PARAMETERS"] = "'x.given'='run'"
    with Repository.open(path, outer=outer_config(environment)) as repository:
        found = [repository.config.get(f"x.{name}") for name in ("user", "own", "given")]
    assert found == ["user", "repository", "run"]


def test_what_a_repository_is_only_its_own_file_says(tmp_path):
    path = init_repository(tmp_path / "x.git")
    given = "'core.bare=false' 'extensions.objectformat=sha256' 'core.repositoryformatversion=7'"
    outer = outer_config({**NO_FILES, "GIT_CONFIG_PARAMETERS": given})
    with Repository.open(path, outer=outer) as repository:
        assert repository.is_bare
        assert repository.object_format.name == "sha1"


def test_a_file_that_this_user_may_not_see_sets_nothing_and_a_broken_one_is_an_error(tmp_path):
    path = tmp_path / "config"
    path.write_text("[x\n")
    with pytest.raises(RepositoryError, match="config: line 1"):
        outer_config({**NO_FILES, "GIT_CONFIG_GLOBAL": str(path)})
    path = tmp_path / "config" / "below-a-file"
    assert outer_config({**NO_FILES, "GIT_CONFIG_GLOBAL": str(path)}).files.keys() == []
