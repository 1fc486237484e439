"""Passwords from git's own credential store, against nginx: used, kept, forgotten, and never seen."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

import pytest

from tests.e2e.nginx import PASSWORD, USER

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.command import Workplace
    from tests.e2e.places import Pair

pytestmark = pytest.mark.e2e


@pytest.fixture
def store(pair: Pair, workplace: Workplace) -> Path:
    """Return git's credential store; packcore's git knows no other helper."""
    path = workplace.folder / "store"
    config = workplace.folder / "gitconfig"
    config.write_text(f"[credential]\n\thelper = store --file={path}\n")
    workplace.environment |= {"GIT_CONFIG_GLOBAL": str(config), "PACKCORE_HTTP_TRACE": "1"}
    return path


def entry(url: str, password: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{USER}:{quote(password)}@{rest.partition('/')[0]}\n"


def test_both_sides_of_a_sync_take_their_password_from_gits_store(pair, workplace, store):
    source = pair.server.url(pair.source_name, "auth")
    target = pair.server.url(pair.target_name, "auth")
    store.write_text(entry(source, PASSWORD))
    outcome = workplace.must("sync", "--all-refs", source, target)
    pair.assert_equal()
    assert unquote(store.read_text()) == unquote(entry(source, PASSWORD))
    assert PASSWORD not in outcome.stdout + outcome.stderr


def test_a_stale_entry_is_forgotten_and_no_word_of_it_shown(pair, workplace, store):
    source = pair.server.url(pair.source_name, "auth")
    store.write_text(entry(source, "stale-and-secret"))
    outcome = workplace.run("probe", "--debug", "--json", source)
    assert outcome.code == 5
    assert "from git credential" in outcome.error_lines[0]
    assert store.read_text() == ""
    assert "stale-and-secret" not in outcome.stdout + outcome.stderr
    assert "Traceback" in outcome.stderr
