"""`make demo [REPO=…]`: the main job on real input, watched and then checked.

A repository (this project's own, or the URL or path given) is synced into a fresh, empty repository
that is served over smart HTTP on this machine, and what arrived is verified:

    with git       git http-backend at both ends; git ls-remote and git fsck have the last word
    without        packcore serve at the target, a path is read from the disk; our own ls-refs and fsck

The CGI server below is as small as it can be and serves only this machine; it is no part of the packcore
package.
"""

from __future__ import annotations

import http.server
import json
import os
import shlex
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

ROOT = Path(__file__).resolve().parent.parent
STAGE = ROOT / "demo"
_PAGE = STAGE / "pack.html"
_BLOCK_BYTES = 65536
_LINE_BYTES_MAX = 1024


class DemoError(Exception):
    """Something that the demo needs is not there, or what it shows is not true."""


def main(arguments: list[str]) -> int:
    """Run the demo; return the process's exit code."""
    try:
        _show(arguments[0] if arguments and arguments[0] else str(ROOT))
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("demo: interrupted", file=sys.stderr)
        return 130
    return 0


def _show(repository: str) -> None:
    shutil.rmtree(STAGE, ignore_errors=True)
    STAGE.mkdir()
    remote = "://" in repository or (":" in repository and not Path(repository).exists())
    if not remote:
        _check_path(repository)
    tools: _WithGit | _WithoutGit = _WithGit() if _has_git() else _WithoutGit()
    origin = tools.prepare(repository, remote=remote)
    with tools.serving() as base:
        source = repository if remote else tools.source(base, origin)
        target = f"{base}/target.git"
        _say(
            f"source  {repository}" + ("" if remote or source == origin else f"\n        served at {source}")
        )
        _say(f"target  {target} (empty, {tools.server})\n")
        first = _sync(source, target)
        _say("\nThe same again, now that both sides agree:")
        again = _sync(source, target)
        _say("")
        _summarise(first)
        _verify(tools, source, target, again, None if remote else origin)
    _say(f"Look at it: {tools.look}")
    repository, page = shlex.quote(str(STAGE / "target.git")), shlex.quote(str(_PAGE))
    _say(f"Try next:   {_program()} report {repository} -o {page}")


def _program() -> str:
    """Return the program as it can be typed here: the demo's virtual environment need not be active."""
    script = Path(sys.executable).with_name("packcore")
    return shlex.quote(str(script)) if script.exists() else f"{shlex.quote(sys.executable)} -m packcore"


def _check_path(path: str) -> None:
    if not Path(path).is_dir():
        raise DemoError(f"{path} is no folder and no URL; say `make demo REPO=url-or-path`")
    if Path(path) == ROOT and not (ROOT / ".git").exists():
        raise DemoError(
            "this copy of packcore has no .git (an unpacked archive?), so there is no history here to sync;"
            " say `make demo REPO=url-or-path`"
        )


def _has_git() -> bool:
    """Tell whether there is a git that can serve."""
    return shutil.which("git") is not None and (Path(_git("--exec-path")) / "git-http-backend").exists()


class _WithGit:
    """Both ends, and the last word, are git's."""

    server = "git http-backend"
    look = f"git --git-dir {STAGE / 'target.git'} log --all --graph --oneline"

    def prepare(self, repository: str, *, remote: bool) -> str:
        """Make the empty target; return the source's folder."""
        object_format = "sha1"
        if not remote:
            try:
                # The common directory: a linked work tree keeps its objects with the main one.
                found = _git(
                    *("rev-parse", "--path-format=absolute", "--git-common-dir"), cwd=Path(repository)
                )
            except DemoError:
                raise DemoError(
                    f"{repository} is no git repository; say `make demo REPO=url-or-path`"
                ) from None
            (STAGE / "source.git").symlink_to(found)
            object_format = _git("rev-parse", "--show-object-format", cwd=STAGE / "source.git")
        _git("init", "-q", "--bare", f"--object-format={object_format}", str(STAGE / "target.git"))
        return str(STAGE / "source.git")

    def source(self, base: str, _: str) -> str:
        return f"{base}/source.git"

    def serving(self) -> AbstractContextManager[str]:
        return _serving_with_git(STAGE)

    def refs(self, url: str) -> str:
        return _git("ls-remote", "--refs", "--heads", "--tags", url)

    def fsck(self, directory: str) -> list[str]:
        done = _run(["git", "fsck", "--strict", "--no-dangling", "--no-progress"], cwd=Path(directory))
        return [line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("notice:")]


class _WithoutGit:
    """Python alone: our own server, our own ls-refs and fsck."""

    server = "packcore serve, as there is no git here"
    look = f"{_program()} rev-list {STAGE / 'target.git'} --all"

    def prepare(self, repository: str, *, remote: bool) -> str:  # noqa: ARG002
        """Make the empty target, of the source's object format; return the source's folder."""
        from packcore.errors import PackcoreError
        from packcore.store.repository import Repository
        from transport.listing import list_refs
        from transport.schemes import open_transport

        try:
            transport = open_transport(repository)
            try:
                object_format = list_refs(transport).object_format
            finally:
                transport.close()
            Repository.init(STAGE / "target.git", object_format).close()
        except PackcoreError as error:
            raise DemoError(f"{error}; say `make demo REPO=url-or-path`") from None
        return repository

    def source(self, _: str, origin: str) -> str:
        return origin

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Run `packcore serve` and yield its URL, which is on its first line."""
        command = [sys.executable, "-m", "cli", "serve", str(STAGE), "--allow-push", "--port", "0"]
        with (
            (STAGE / "serve.log").open("wb") as log,
            subprocess.Popen(
                command, cwd=ROOT, env=_environment(), stdout=subprocess.PIPE, stderr=log, text=True
            ) as server,
        ):
            try:
                assert server.stdout is not None
                line = server.stdout.readline()
                if not line:
                    raise DemoError(f"packcore serve did not start; see {STAGE / 'serve.log'}")
                yield next(word for word in line.replace(",", " ").split() if word.startswith("http://"))
            finally:
                server.terminate()

    def refs(self, url: str) -> str:
        lines = _packcore("ls-refs", "--branches", "--tags", url).stdout.splitlines()
        return "\n".join(line for line in lines if not line.endswith("^{}"))

    def fsck(self, directory: str) -> list[str]:
        done = _packcore("fsck", "--strict", "--no-dangling", directory, may_fail=True)
        return (done.stdout + done.stderr).splitlines()


def _environment() -> dict[str, str]:
    # Both ends are ours: they take pushes, whoever owns the folder.
    settings = {"http.receivepack": "true", "safe.directory": "*"}
    counted = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings.items()):
        counted |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    # A proxy for the outside does not know this machine's loopback.
    direct = {name: f"127.0.0.1,{os.environ.get(name, '')}".rstrip(",") for name in ("NO_PROXY", "no_proxy")}
    return {**inherited, **counted, **direct, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


def _run(command: list[str], *, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, env=_environment(), capture_output=True, text=True, check=False)


def _packcore(*arguments: str, may_fail: bool = False) -> subprocess.CompletedProcess[str]:
    done = _run([sys.executable, "-m", "cli", *arguments])
    if done.returncode and not may_fail:
        raise DemoError(f"packcore {arguments[0]} failed:\n{done.stdout}{done.stderr}".rstrip())
    return done


def _git(*arguments: str, cwd: Path = ROOT) -> str:
    done = _run(["git", *arguments], cwd=cwd)
    if done.returncode != 0:
        raise DemoError(f"git {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout.strip()


def _sync(source: str, target: str) -> dict[str, Any]:
    # A relay would be chosen for an empty target, but what there is to see is a pack of our own.
    options = ["--tags", "--materialize", "--progress", "--json"]
    command = [sys.executable, "-m", "cli", "sync", source, target, *options]
    done = subprocess.run(
        command, cwd=ROOT, env=_environment(), stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode != 0:
        raise DemoError(f"packcore sync ended with exit code {done.returncode}")
    return dict(json.loads(done.stdout))


def _summarise(result: dict[str, Any]) -> None:
    refs = [f"{plan['targetRef']} ({plan['action']})" for plan in result["plans"]]
    _say(f"refs       {len(refs)}: {', '.join(refs[:4])}{', …' if len(refs) > 4 else ''}")
    pack = result.get("pack")
    if not pack:
        return
    _say(
        f"pack       {pack['objects']:,} objects, {pack['deltas']:,} of them deltas"
        f" ({pack['reused']:,} reused), {pack['bytes']:,} bytes, strategy {pack['strategy']}"
    )
    _say(f"selected   in {pack['selectSeconds']:.2f} s, before the connection was opened")
    first, gap, stall = (pack.get(f"{name}Seconds") for name in ("firstByte", "longestGap", "longestStall"))
    if first is not None and gap is not None and stall is not None:
        _say(f"written    first body byte after {first * 1000:.1f} ms")
        _say(f"           longest gap {gap * 1000:.1f} ms; of it ours {stall * 1000:.1f} ms at most")


def _verify(
    tools: _WithGit | _WithoutGit, source: str, target: str, again: dict[str, Any], origin: str | None
) -> None:
    if again.get("pushed"):
        raise DemoError(f"the second sync pushed {again['pushed']} refs, though nothing had changed")
    _say("again      nothing to do")
    refs = [tools.refs(url) for url in (source, target)]
    if refs[0] != refs[1]:
        raise DemoError(f"the refs differ\n--- source\n{refs[0]}\n--- target\n{refs[1]}")
    _say(f"refs       equal at both ends; branches and tags: {len(refs[1].splitlines())}")
    complaints = tools.fsck(str(STAGE / "target.git"))
    known = tools.fsck(origin) if origin is not None and complaints else complaints
    if set(complaints) - set(known):
        raise DemoError("fsck --strict, target:\n" + "\n".join(complaints))
    _say(
        "fsck       "
        + (f"the source's own {len(complaints)} complaints" if complaints else "clean (--strict)")
    )


def _say(text: str) -> None:
    print(text, flush=True)


@contextmanager
def _serving_with_git(root: Path) -> Iterator[str]:
    """Serve the repositories below `root` on a free port of the loopback; yield the base URL."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_GitHandler, root))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _GitHandler(http.server.BaseHTTPRequestHandler):
    """Hand each request to `git http-backend` by CGI (RFC 3875), streaming both ways."""

    protocol_version = "HTTP/1.1"

    def __init__(self, root: Path, *arguments: Any) -> None:
        self.root = root
        super().__init__(*arguments)

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, *_: object) -> None:
        """Stay silent: the terminal is packcore's."""

    def _serve(self) -> None:
        self.close_connection = True
        with subprocess.Popen(
            ["git", "http-backend"], env=self._cgi(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as backend:
            assert backend.stdin is not None
            assert backend.stdout is not None
            # git may answer while the request is still coming: the two directions run side by side.
            answering = threading.Thread(target=self._answer, args=(backend.stdout,))
            answering.start()
            with suppress(BrokenPipeError, ConnectionError, ValueError), backend.stdin:
                for block in self._body():
                    backend.stdin.write(block)
            answering.join()

    def _cgi(self) -> dict[str, str]:
        path, _, query = self.path.partition("?")
        headers = {
            "CONTENT_TYPE": self.headers.get("Content-Type"),
            "CONTENT_LENGTH": self.headers.get("Content-Length"),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding"),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol"),
        }
        return (
            _environment()
            | {name: value for name, value in headers.items() if value is not None}
            | {
                "REQUEST_METHOD": self.command,
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REMOTE_ADDR": self.client_address[0],
                "GIT_PROJECT_ROOT": str(self.root),
                "GIT_HTTP_EXPORT_ALL": "1",
            }
        )

    def _body(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            yield from self._take(int(self.headers.get("Content-Length", "0")))
            return
        while size := int(self.rfile.readline(_LINE_BYTES_MAX).split(b";")[0], 16):
            yield from self._take(size)
            self.rfile.readline(_LINE_BYTES_MAX)
        while self.rfile.readline(_LINE_BYTES_MAX).strip():
            pass  # trailers

    def _take(self, size: int) -> Iterator[bytes]:
        while size and (block := self.rfile.read(min(size, _BLOCK_BYTES))):
            size -= len(block)
            yield block

    def _answer(self, output: IO[bytes]) -> None:
        lines = iter(partial(output.readline, _LINE_BYTES_MAX), b"")
        fields = [line.decode("latin-1").strip().partition(": ") for line in _until_blank(lines)]
        headers = {name: value for name, _, value in fields}
        status, _, reason = headers.pop("Status", "200 OK").partition(" ")
        with suppress(ConnectionError):
            self.send_response_only(int(status), reason)
            for name, value in {**headers, "Transfer-Encoding": "chunked", "Connection": "close"}.items():
                self.send_header(name, value)
            self.end_headers()
            while block := output.read1(_BLOCK_BYTES):  # type: ignore[attr-defined]  # a BufferedReader
                self.wfile.write(b"%x\r\n%s\r\n" % (len(block), block))
            self.wfile.write(b"0\r\n\r\n")


def _until_blank(lines: Iterator[bytes]) -> Iterator[bytes]:
    for line in lines:
        if not line.strip():
            return
        yield line


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
