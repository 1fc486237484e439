"""`packcore http-backend`: one HTTP request, as a web server hands it over by CGI."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cli.command import command
from cli.exits import FAILED, Exit
from cli.hook_options import HookOptions, hook_options
from cli.params import output_options
from cli.streams import binary_input, raw_output

if TYPE_CHECKING:
    from cli.console import Console


@command(
    "http-backend",
    short_help="Answer one HTTP request by CGI.",
    examples="""
        GIT_PROJECT_ROOT=/srv/git REQUEST_METHOD=GET PATH_INFO=/x.git/HEAD packcore http-backend
    """,
)
@hook_options()
@output_options(json=False, progress=False)
def run(*, hooks: HookOptions, console: Console) -> None:
    """Answer the HTTP request that a web server describes in this program's environment.

    It takes the place of git http-backend: GIT_PROJECT_ROOT names the folder to serve, or PATH_TRANSLATED
    the repository. Repositories with a file git-daemon-export-ok are served, or all of them with
    GIT_HTTP_EXPORT_ALL. Users who signed in (REMOTE_USER) may push, and the settings http.receivepack,
    http.uploadpack and http.getanyfile of a repository say what is allowed there.

    Faults are told on stderr, which web servers write to their log. Hooks only run with --hooks.
    """
    from transport.server.cgi import serve_cgi

    output = raw_output()

    def tell(line: str) -> None:
        console.tell_error(f"packcore: error: {line}")

    def write(data: bytes) -> None:
        output.write(data)
        output.flush()

    with open(binary_input().fileno(), "rb", buffering=0, closefd=False) as body:
        is_whole = serve_cgi(os.environ, body, write, hooks=hooks.settings, tell=tell)
    if not is_whole:
        raise Exit(FAILED)
