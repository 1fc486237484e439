"""A session with a path as its remote: commands in, answers out, without a git that calls."""

from __future__ import annotations

from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING

import pytest

from packcore.progress import SILENT
from tests.support import fsck, git, history, init_repository, ls_remote, make_repository
from transport.errors import InvalidRequest, LocalProtocolError
from transport.options import TransportOptions
from transport.remote_helper.commands import LINE_BYTES_MAX
from transport.remote_helper.git_config import GitSettings
from transport.remote_helper.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from typing import IO

    from packcore.errors import PackcoreError
    from packcore.progress import Progress
    from transport.remote_helper.options import HelperOptions


class Caller:
    """The process of a session, as a test gives it."""

    settings = GitSettings()

    def __init__(self, url: Path, git_directory: Path | None) -> None:
        self.url = str(url)
        self.git_directory = git_directory
        self.resolved: list[str] = []

    def transport_options(self, side: str, options: HelperOptions) -> TransportOptions:
        return TransportOptions(side=side)

    @contextmanager
    def progress(self, options: HelperOptions) -> Iterator[Progress]:
        yield SILENT

    def resolve(self, expression: str) -> str | None:
        self.resolved.append(expression)
        return None

    def tell(self, error: PackcoreError, *, is_harmless: bool = False) -> None:
        raise error

    def fetch_pack(self, words: Sequence[str], talk: Callable[[IO[bytes], IO[bytes]], None]) -> bytes:
        raise AssertionError(words)


def answers(caller: Caller, *commands: bytes) -> list[bytes]:
    """Run a session of these lines, and return the lines of its answers."""
    said: list[bytes] = []
    session = Session(caller, BytesIO(b"".join(line + b"\n" for line in commands)), said.append)
    try:
        session.run()
    finally:
        session.close()
    return b"".join(said).split(b"\n")[:-1]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "source.git", history(commits=4, tag="v1"))


@pytest.fixture
def caller(tmp_path: Path, source: Path) -> Caller:
    return Caller(init_repository(tmp_path / "target.git"), source)


def test_capabilities_come_first_and_a_session_ends_with_its_input(caller):
    assert answers(caller, b"capabilities") == [
        b"stateless-connect", b"fetch", b"push", b"option", b"check-connectivity", b"object-format", b"",
    ]  # fmt: skip
    assert answers(caller) == []


def test_an_empty_line_ends_a_session(caller):
    assert answers(caller, b"", b"capabilities") == []


def test_two_batches_are_pushed_in_one_session(caller, tmp_path):
    said = answers(
        caller, b"list for-push", b"push refs/heads/main:refs/heads/main", b"",
        b"list for-push", b"push refs/tags/v1:refs/tags/v1", b"push +refs/heads/main:refs/heads/x", b"",
    )  # fmt: skip
    assert [line for line in said if line.startswith((b"ok", b"error"))] == [
        b"ok refs/heads/main", b"ok refs/tags/v1", b"ok refs/heads/x",
    ]  # fmt: skip
    assert fsck(tmp_path / "target.git") == []


def test_a_list_names_the_object_format_only_where_it_was_asked_for(caller, source):
    caller.url = str(source)
    plain = answers(caller, b"list for-push")
    asked = answers(caller, b"option object-format true", b"list for-push")
    assert asked == [b"ok", b":object-format sha1", *plain]
    assert plain[-1] == b""
    assert not any(line.endswith(b"^{}") for line in plain)


def test_a_dry_run_says_what_would_come_and_changes_nothing(caller, tmp_path):
    said = answers(
        caller, b"option dry-run true", b"list for-push", b"push refs/heads/main:refs/heads/main",
        b"push :refs/heads/none", b"",
    )  # fmt: skip
    assert said[-3:] == [b"ok refs/heads/main", b"error refs/heads/none remote ref does not exist", b""]
    assert ls_remote(tmp_path / "target.git") == {}


def test_a_name_that_nothing_answers_to_is_asked_of_git_and_then_an_error(caller):
    with pytest.raises(InvalidRequest, match="nothing here is called"):
        answers(caller, b"list for-push", b"push main~99:refs/heads/x", b"")
    assert caller.resolved == ["main~99"]


def test_a_push_needs_a_repository(caller):
    caller.git_directory = None
    with pytest.raises(InvalidRequest, match="no repository"):
        answers(caller, b"push refs/heads/main:refs/heads/main", b"")


@pytest.mark.parametrize(
    "lines",
    [
        [b"list for-push", b"push refs/heads/main:refs/heads/main", b"capabilities", b""],
        [b"option " + b"x" * LINE_BYTES_MAX],
        [b"no-such-command"],
    ],
    ids=["a batch of two kinds", "a line without end", "an unknown command"],
)
def test_what_git_never_sends_ends_the_session(caller, lines):
    with pytest.raises(LocalProtocolError):
        answers(caller, *lines)


def test_other_services_than_upload_pack_fall_back(caller):
    said = answers(caller, b"stateless-connect git-upload-archive", b"connect git-receive-pack")
    assert said == [b"fallback", b"fallback"]


def test_the_conversation_of_a_fetch_is_carried(caller, source):
    caller.url = str(source)
    commands = BytesIO(b"stateless-connect git-upload-pack\n0014command=ls-refs\n00010009peel\n0000")
    said: list[bytes] = []
    session = Session(caller, commands, said.append)
    session.run()
    session.close()
    answer = b"".join(said)
    assert answer.startswith(b"\n000eversion 2\n")
    assert answer.endswith(b"00000002")
    assert git("rev-parse", "main", cwd=source).encode() in answer
