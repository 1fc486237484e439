"""The user's configuration file: defaults, settings of hosts, credentials by reference and never by value."""

from __future__ import annotations

import sys

import pytest

from cli.config import Config
from cli.config_place import default_place
from cli.manifest import known_keys, option_of
from tests.support import git, history, init_repository, make_repository
from tests.transport.server.serving import serving
from transport.server.htpasswd import Passwords


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
    with serving(sides[1].parent, passwords=Passwords.read(users)) as server:
        base = f"http://127.0.0.1:{server.port}"
        path = write(f'[host."{base}/"]\nusername = "me"\ntoken-env = "HOST_TOKEN"\n')
        result = packcore("sync", sides[0], f"{base}/target.git", env={"HOST_TOKEN": "wrong-and-secret"})
    assert f'token-env of [host."{base}/"] in {path}' in result.stderr
    assert "wrong-and-secret" not in result.stderr


@pytest.mark.parametrize(
    ("key", "way"),
    [
        ("token", "token"),
        ("bearer-token", "bearer-token"),
        ("header", "header"),
        ("password", "token"),
        ("target-token", "token"),
        ("bearer_token", "bearer-token"),
    ],
)
@pytest.mark.parametrize("table", ['host."https://example.com/"', "defaults"], ids=["host", "defaults"])
def test_a_secret_in_the_file_is_refused_with_the_line_and_without_the_secret(
    packcore, write, sides, key, way, table
):
    path = write(f'[{table}]\n# mine\n{key} = "hunter2"\n')
    result = packcore("plan", *sides)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"packcore: error: {path}:3: {key} is a secret, not to be kept here: ")
    assert f"{way}-env or {way}-file or {way}-helper" in result.stderr
    assert "hunter2" not in result.stderr


def test_settings_of_hosts_hold_for_the_pairs_of_a_manifest(packcore, write, sides, tmp_path):
    users, helper, asked = tmp_path / "users", tmp_path / "helper", tmp_path / "asked"
    users.write_text("me:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=\n")  # "test"
    helper.write_text(f"#!/bin/sh\necho x >> {asked}\necho test\n")
    helper.chmod(0o755)
    with serving(sides[1].parent, passwords=Passwords.read(users)) as server:
        base = f"http://127.0.0.1:{server.port}"
        write(f'[host."{base}/"]\nusername = "me"\ntoken-helper = "{helper}"\n[defaults]\ntags = true\n')
        pair = f'[[pair]]\nsource = "{sides[0]}"\ntarget = "{base}/target.git"\n'
        manifest = tmp_path / "fleet.toml"
        manifest.write_text(f'{pair}name = "one"\n{pair}name = "two"\n')
        # A token for whatever host is in the environment is neither sent nor in the way.
        result = packcore("sync", "--manifest", manifest, env={"PACKCORE_TARGET_TOKEN": "for-another"})
        assert result.exit_code == 0, result.stderr
        assert refs_of(sides[1]) == {"refs/heads/main", "refs/tags/v1"}
        assert asked.read_text() == "x\n", "the helper is asked once, not for each pair"
        manifest.write_text(pair + 'target-token-env = "OWN"\ntarget-username = "me"\n')
        refused = packcore("sync", "--manifest", manifest, env={"OWN": "not-it"})
    assert "OWN, which target-token-env names" in refused.stderr
    assert "not-it" not in refused.stderr


def test_a_pair_without_credentials_is_told_how_a_manifest_names_them(packcore, sides, tmp_path):
    users = tmp_path / "users"
    users.write_text("me:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=\n")
    with serving(sides[1].parent, passwords=Passwords.read(users)) as server:
        manifest = tmp_path / "fleet.toml"
        url = f"http://127.0.0.1:{server.port}/target.git"
        manifest.write_text(f'[[pair]]\nsource = "{sides[0]}"\ntarget = "{url}"\n')
        result = packcore("sync", "--manifest", manifest)
    assert "give a token by target-token-env in the manifest" in result.stderr
    assert "PACKCORE_TARGET_TOKEN" not in result.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[defaults]\nprune = true\n", ":2: prune can't be a default"),
        ("[defaults]\nforce-blind = true\n", ":2: force-blind can't be a default"),
        ('[defaults]\ntoken-env = "X"\n', ":2: token-env belongs to one host: write token-env below [host."),
        ("[defaults]\nforce_blind = true\n", ":2: force_blind can't be a default"),
        ("[defaults]\nidle_timeout = 9\n", ":2: unknown key idle_timeout; did you mean idle-timeout?"),
        ('[host."https://example.com/"]\nuser = "me"\n', ":2: unknown key user; did you mean username?"),
        (
            '[host."https://example.com/"]\ntarget-token-env = "X"\n',
            ":2: unknown key target-token-env; did you mean token-env?",
        ),
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
