"""JGit as a second reader of our packs: its command line as Debian ships it, and its daemon as a server.

Debian's jgit-cli 4.11 does not start as installed: its script names one jar only, and the class
`BuiltinLFS`, which its main class calls first, is in no package. So the class path is given here, with
an empty stand-in for that class, assembled byte by byte (The Java Virtual Machine Specification, §4).

`push_pack` speaks just enough of git:// to have the daemon take a pack: its parser then reads it all.
"""

from __future__ import annotations

import socket
import struct
import subprocess
from typing import TYPE_CHECKING

import pytest

from scripts.free_port import free_port
from tests.e2e.servers import Child, Listening
from tests.support import git_environment, require

if TYPE_CHECKING:
    from io import BufferedRWPair
    from pathlib import Path

__all__ = ["JGitDaemon", "jgit_environment", "push_pack", "skip_unless_it_starts"]

_JARS = (
    *("org.eclipse.jgit", "org.eclipse.jgit.http.apache", "org.eclipse.jgit.lfs"),
    *("httpclient", "httpcore", "commons-logging"),
)
_MISSING_CLASS = "org/eclipse/jgit/lfs/BuiltinLFS"


def jgit_environment(folder: Path) -> dict[str, str]:
    """Make `folder`, and return the environment in which Debian's jgit starts."""
    folder.mkdir()
    stand_in = folder / f"{_MISSING_CLASS}.class"
    stand_in.parent.mkdir(parents=True)
    stand_in.write_bytes(_class_with_empty_method(_MISSING_CLASS, "register"))
    jars = ":".join(f"/usr/share/java/{name}.jar" for name in _JARS)
    # A small machine's cores belong to the tests; such a process's life is short.
    java = {"JGIT_CLASSPATH": f"{folder}:{jars}", "JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1 -Xmx256m"}
    return git_environment({**java, "HOME": str(folder)})


def skip_unless_it_starts(environment: dict[str, str]) -> None:
    """Skip a test where Debian's jgit can't start, as in Debian 13: a class of its launcher is gone."""
    done = subprocess.run(["jgit", "version"], env=environment, capture_output=True, text=True, check=False)
    if "ClassNotFoundException" in done.stderr:
        pytest.skip("Debian's jgit-cli does not start here: a class of its launcher is gone")


class JGitDaemon(Listening):
    """`jgit daemon` over the bare repositories below a folder, taking pushes. A context manager."""

    def __init__(self, root: Path, folder: Path) -> None:
        require("jgit", "java")
        environment = jgit_environment(folder)
        skip_unless_it_starts(environment)
        self.port = free_port()
        where = ("--listen", "127.0.0.1", "--port", str(self.port), str(root))
        self._child = Child(
            ["jgit", "daemon", "--export-all", "--enable", "receive-pack", *where],
            folder / "jgit.log",
            environment=environment,
        )


def push_pack(port: int, repository: str, ref: str, oid: str, pack: bytes) -> list[str]:
    """Create `ref` at `oid` with this pack, over git://; return the lines of the server's report."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        stream = connection.makefile("rwb")
        with stream:
            stream.write(_packet(f"git-receive-pack /{repository}\0host=127.0.0.1\0".encode()))
            stream.flush()
            while _read_packet(stream):
                pass  # the advertisement: an empty repository's capabilities
            stream.write(_packet(f"{'0' * len(oid)} {oid} {ref}\0report-status".encode()) + b"0000")
            stream.write(pack)
            stream.flush()
            report = []
            while line := _read_packet(stream):
                report.append(line.decode().rstrip("\n"))
            return report


def _packet(payload: bytes) -> bytes:
    return b"%04x%s" % (len(payload) + 4, payload)


def _read_packet(stream: BufferedRWPair) -> bytes:
    size = int(stream.read(4) or b"0", 16)
    return stream.read(size - 4) if size else b""


def _class_with_empty_method(name: str, method: str) -> bytes:
    """Return a class file: `public class name { public static void method() {} }`."""

    def utf8(text: str) -> bytes:
        return struct.pack(">BH", 1, len(text)) + text.encode()

    def class_reference(index: int) -> bytes:
        return struct.pack(">BH", 7, index)

    pool = (
        *(utf8(name), class_reference(1), utf8("java/lang/Object"), class_reference(3)),
        *(utf8(method), utf8("()V"), utf8("Code")),
    )
    instructions = b"\xb1"  # return
    code = struct.pack(">HHI", 0, 0, len(instructions)) + instructions + struct.pack(">HH", 0, 0)
    methods = struct.pack(">HHHHHHI", 1, 0x0009, 5, 6, 1, 7, len(code)) + code
    head = struct.pack(">IHHH", 0xCAFEBABE, 0, 49, len(pool) + 1) + b"".join(pool)
    # public super; this class, its parent; no interfaces, no fields; one method; no attributes
    return head + struct.pack(">HHHHH", 0x0021, 2, 4, 0, 0) + methods + struct.pack(">H", 0)
