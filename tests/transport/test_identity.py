"""Who changes are logged by, as git finds it out."""

from __future__ import annotations

import pytest

from packcore.store.config import GitConfig
from tests.support import git, init_repository
from transport.identity import Identity, http_identity, own_identity, own_signature, signature

NOTHING = GitConfig.parse("")


def test_over_http_it_is_the_user_at_the_clients_address():
    assert http_identity("ann", "192.0.2.1") == Identity("ann", "ann@http.192.0.2.1")
    assert http_identity(None, "::1") == Identity("anonymous", "anonymous@http.::1")


@pytest.mark.parametrize(
    ("name", "email"),
    [("A", "a@e"), (" A ", "<a@e>"), ("A <x>\nB", "a\n@e"), ('"A, B"', "a@e;"), ("J\u00f6rg", "j@e")],
)
def test_what_no_line_can_hold_is_cut_out_as_git_does(name, email):
    environment = {
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": email,
        "GIT_COMMITTER_DATE": "1112911993 -0700",
    }
    theirs = git("var", "GIT_COMMITTER_IDENT", environment=environment).encode()
    assert own_signature(environment, NOTHING) == theirs
    assert signature(Identity(name, email), 1112911993, "-0700") == theirs


@pytest.mark.parametrize("date", ["@1112911993 +0530", "2005-04-07T22:13:13+02:00", "2005-04-07T22:13:13Z"])
def test_the_date_of_the_environment_counts(date):
    environment = {"GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@e", "GIT_COMMITTER_DATE": date}
    theirs = git("var", "GIT_COMMITTER_IDENT", environment={**environment, "TZ": "UTC"})
    assert own_signature(environment, NOTHING).split()[2] == theirs.encode().split()[2]


def test_the_environment_comes_before_the_repository_and_that_before_the_user(tmp_path):
    (tmp_path / ".gitconfig").write_text("[user]\nname = user\nemail = user@e\n[committer]\nname = c\n")
    repository = init_repository(tmp_path / "x.git")
    git("config", "user.email", "repository@e", cwd=repository)
    home = {"HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"}
    config = GitConfig.read(repository / "config")
    assert own_identity(home, config) == Identity("c", "repository@e")
    assert own_identity({**home, "GIT_COMMITTER_NAME": "given"}, config) == Identity("given", "repository@e")
    assert own_identity(home, NOTHING) == Identity("c", "user@e")


def test_without_any_setting_there_is_an_identity_all_the_same():
    name, email = own_identity({"GIT_CONFIG_NOSYSTEM": "1"}, NOTHING)
    assert name
    assert "@" in email
