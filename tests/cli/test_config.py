"""The user's configuration file: defaults, settings of hosts, credentials by reference and never by value."""

from __future__ import annotations

import sys

import pytest

from cli.config import Config, default_place
from cli.manifest import known_keys, option_of
from tests.support import git, history, init_repository, make_repository
from tests.transport.server.serving import serving


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write the user's own file, and return its path."""
    home = tmp_path / "config"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))

    def write(text: str):
        path = home / "packcore" / "packcore.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


@pytest.fixture
def sides(tmp_path):
    source = make_repository(tmp_path / "source.git", history(commits=2, tag="v1"))
    return source, init_repository(tmp_path / "target.git")


def refs_of(path) -> set[str]:
    return set(git("for-each-ref", "--format=%(refname)", cwd=path).split())


def read(path) -> Config:
    return Config.read(str(path), option_of, [key for key, _ in known_keys()])


def test_defaults_hold_for_every_command_that_has_the_option(packcore, write, sides):
    write('[defaults]\ntags = true\nbranch = ["main"]\n')
    assert packcore("sync", *sides).exit_code == 0
    assert refs_of(sides[1]) == {"refs/heads/main", "refs/tags/v1"}
    assert packcore("strategies").exit_code == 0


def test_what_is_typed_outranks_the_environment_and_that_the_file(packcore, write, sides):
    write('[defaults]\nbranch = ["nosuch"]\n')
    assert "no branch nosuch" in packcore("plan", *sides).stderr
    assert packcore("plan", *sides, env={"PACKCORE_BRANCH": "main"}).exit_code == 0
    assert "no branch x" in packcore("plan", "--branch", "x", *sides, env={"PACKCORE_BRANCH": "main"}).stderr


@pytest.mark.parametrize("place", ["before", "behind", "environment"])
def test_another_file_can_be_named(packcore, write, sides, tmp_path, place):
    write('[defaults]\nbranch = ["nosuch"]\n')
    other = tmp_path / "other.toml"
    other.write_text('[defaults]\nbranch = ["main"]\n')
    words = {
        "before": ["--config", other, "plan"],
        "behind": ["plan", "--config", other],
        "environment": ["plan"],
    }[place]
    env = {"PACKCORE_CONFIG": str(other)} if place == "environment" else None
    assert packcore(*words, *sides, env=env).exit_code == 0


def test_a_file_that_is_named_and_not_there_is_wrong_usage(packcore, tmp_path):
    result = packcore("--config", tmp_path / "none.toml", "strategies")
    assert result.exit_code == 2
    assert f"there is no file {tmp_path}/none.toml" in result.stderr


def test_nothing_is_read_from_the_folder_where_one_happens_to_be(packcore, sides, tmp_path, monkeypatch):
    (tmp_path / "packcore.toml").write_text("not TOML")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    assert packcore("plan", *sides).exit_code == 0
    assert default_place({"XDG_CONFIG_HOME": "relative", "HOME": str(tmp_path)}) is None


@pytest.mark.parametrize("way", ["env", "file", "helper"])
def test_a_hosts_credential_is_taken_by_reference(packcore, write, sides, tmp_path, way):
    users = tmp_path / "users"
    users.write_text("me:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=\n")  # "test"
    secret = tmp_path / "secret"
    secret.write_text("test\n")
    reference = {
        "env": 'token-env = "HOST_TOKEN"',
        "file": f'token-file = "{secret}"',
        "helper": f"token-helper = \"{sys.executable} -c 'print(chr(116)+chr(101)+chr(115)+chr(116))'\"",
    }[way]
    from transport.server.htpasswd import Passwords

    with serving(sides[1].parent, passwords=Passwords.read(users)) as server:
        base = f"http://127.0.0.1:{server.port}"
        write(f'[host."{base}/target.git"]\nusername = "me"\n{reference}\n')
        result = packcore("sync", sides[0], f"{base}/target.git", env={"HOST_TOKEN": "test"})
        assert result.exit_code == 0, result.stderr
        write(f'[host."{base}/other.git"]\nusername = "me"\n{reference}\n')
        refused = packcore("sync", sides[0], f"{base}/target.git", env={"HOST_TOKEN": "test"})
        assert refused.exit_code == 5


def test_a_refused_credential_is_named_by_its_place_in_the_file(packcore, write, sides, tmp_path):
    users = tmp_path / "users"
    users.write_text("me:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=\n")
    from transport.server.htpasswd import Passwords

    with serving(sides[1].parent, passwords=Passwords.read(users)) as server:
        base = f"http://127.0.0.1:{server.port}"
        path = write(f'[host."{base}/"]\nusername = "me"\ntoken-env = "HOST_TOKEN"\n')
        result = packcore("sync", sides[0], f"{base}/target.git", env={"HOST_TOKEN": "wrong-and-secret"})
    assert f'token-env of [host."{base}/"] in {path}' in result.stderr
    assert "wrong-and-secret" not in result.stderr


@pytest.mark.parametrize("key", ["token", "bearer-token", "header"])
def test_a_secret_in_the_file_is_refused_with_the_line_and_without_the_secret(packcore, write, sides, key):
    path = write(f'[host."https://example.com/"]\nusername = "me"\n{key} = "hunter2"\n')
    result = packcore("plan", *sides)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"packcore: error: {path}:3: {key} is a secret, not to be kept here: ")
    assert f"{key}-env or {key}-file or {key}-helper" in result.stderr
    assert "hunter2" not in result.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[defaults]\nprune = true\n", ":2: prune can't be a default"),
        ("[defaults]\nforce-blind = true\n", ":2: force-blind can't be a default"),
        ('[defaults]\ntarget-token = "hunter2"\n', ":2: target-token can't be a default"),
        ("[defaults]\ntgas = true\n", ":2: unknown key tgas"),
        ('[defaults]\ntags = "yes"\n', ":2: tags must be true or false"),
        ("[default]\n", ":1: unknown key default; did you mean defaults?"),
        ('[host."https://me:hunter2@example.com/"]\n', "without a password"),
        ('[host."/srv/x"]\n', "must name an https:// or http:// URL"),
        (
            '[host."https://example.com/"]\ntoken-evn = "X"\n',
            ":2: unknown key token-evn; did you mean token-env",
        ),
        ("[defaults\n", "not TOML"),
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_without_secrets(write, text, words):
    import click

    with pytest.raises(click.UsageError) as caught:
        read(write(text))
    assert words in caught.value.message
    assert "hunter2" not in caught.value.message.replace("https://me:hunter2@example.com/", "")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.com/team/x.git", "team"),
        ("https://example.com/teams/x.git", "all"),
        ("https://EXAMPLE.com/team", "team"),
        ("https://example.com:443/team/x.git", "team"),
        ("https://example.com:8443/team/x.git", None),
        ("http://example.com/team/x.git", None),
        ("https://git.example.org/x.git", "below"),
        ("https://a.git.example.org/x.git", None),
        ("https://example.org/x.git", None),
        ("/srv/x.git", None),
        ("git@example.com:team/x.git", None),
    ],
)
def test_hosts_fit_by_scheme_host_port_and_path_as_in_git(write, url, expected):
    hosts = {
        "https://example.com/": "all",
        "https://example.com/team/": "team",
        "https://*.example.org": "below",
    }
    config = read(write("".join(f'[host."{host}"]\nusername = "{name}"\n' for host, name in hosts.items())))
    found = config.setting(url, "username", {})
    assert (found and found.value) == expected


def test_a_reference_that_leads_nowhere_is_an_error_that_names_it(packcore, write, sides):
    write('[host."http://127.0.0.1:1/"]\ntoken-env = "NOT_SET"\n')
    result = packcore("sync", sides[0], "http://127.0.0.1:1/x.git")
    assert result.exit_code == 2
    assert "the environment variable NOT_SET is not set" in result.stderr
