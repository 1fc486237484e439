"""`packcore tour`: a guided walk from one line of text to a pushed pack, every byte made by hand."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.command import command, option
from cli.exits import FAILED, Exit
from cli.params import output_options
from cli.streams import read_answer

if TYPE_CHECKING:
    from cli.console import Console
    from cli.streams import Output
    from cli.tour.workshop import Workshop

_WALK = "The walk"


@command(
    "tour",
    short_help="Make a pack by hand, step by step, and push it.",
    examples="""
        packcore tour
        packcore tour --auto
        packcore tour --from 7 --keep my-first-pack
    """,
)
@option("--auto", is_flag=True, section=_WALK, help="Don't ask: answer every question and go on.")
@option(
    "--from",
    "first",
    type=click.IntRange(1),
    default=1,
    section=_WALK,
    metavar="N",
    help="Start at chapter N.",
)
@option("--list", "listing", is_flag=True, section=_WALK, help="List the chapters.")
@option(
    "--keep",
    section=_WALK,
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="Keep the pack and the repository in DIR.",
)
@output_options(json=False, progress=False)
def run(*, auto: bool, first: int, listing: bool, keep: str | None, console: Console) -> None:
    """Build a pack by hand, byte by byte, and push it.

    It goes from a blob, a tree and a commit to header, entries, delta, trailer and index. Each chapter
    shows the bytes, asks for a value, and checks it. At the end C git checks the pack, if git is installed.
    """
    from cli.tour.chapters import CHAPTERS
    from cli.tour.guide import Guide, Stopped
    from cli.tour.workshop import Workshop

    if listing:
        console.show(f"{number:>2}  {chapter.title}" for number, chapter in enumerate(CHAPTERS, 1))
        return
    if first > len(CHAPTERS):
        raise click.UsageError(f"there are {len(CHAPTERS)} chapters")
    if keep is not None and Path(keep).exists() and any(Path(keep).iterdir()):
        raise click.UsageError(f"{keep} is there already, and not empty")
    shop = Workshop()
    output = console.output
    guide = Guide(shop, lambda text: output.drawn([text]), None if auto else partial(_ask, output))
    try:
        score = guide.walk(first=first)
    except Stopped as stopped:
        output.out(f"\nStopped. Go on with: packcore tour --from {stopped.chapter}")
        raise Exit(FAILED) from None
    output.out("")
    if keep is not None:
        Path(keep).mkdir(parents=True, exist_ok=True)
        _finish(shop, Path(keep), output)
        output.out(
            f"The pack and the repository are in {keep}; look again: packcore explain {keep}/poem.pack"
        )
    else:
        with tempfile.TemporaryDirectory(prefix="packcore-tour-") as folder:
            _finish(shop, Path(folder), output)
    if not auto:
        output.out(f"You knew {score.right} of {score.asked}.")


def _ask(output: Output, question: str) -> str | None:
    """Ask on the terminal; None at the end of input."""
    output.out(f"{question}\n> ", end="", flush=True)
    return read_answer(output)


def _finish(shop: Workshop, folder: Path, output: Output) -> None:
    """Write the pack and its index, have them checked, and push the pack."""
    from packcore.ids import SHA1
    from packcore.pack.verify import verify_pack

    pack = folder / "poem.pack"
    pack.write_bytes(shop.pack)
    pack.with_suffix(".idx").write_bytes(shop.index)
    report = verify_pack(pack, SHA1)
    output.out(f"packcore verify-pack: {len(report.rows)} objects, ok")
    _push(shop, folder / "poem.git")
    output.out(f"pushed to poem.git: the branch poem is at {shop.commits[1].oid.hex()[:10]}")
    _ask_git(pack, shop.index, folder / "poem.git", output)


def _push(shop: Workshop, path: Path) -> None:
    from cli.tour.workshop import BRANCH
    from packcore.ids import SHA1
    from packcore.store.repository import Repository
    from transport.base import Body
    from transport.endpoint import Endpoint
    from transport.listing import advertise_push
    from transport.schemes import open_transport
    from transport.send_pack import push
    from transport.wire.receive_pack import RefUpdate

    Repository.init(path).close()
    transport = open_transport(Endpoint.parse(str(path)))
    try:
        update = RefUpdate(BRANCH, SHA1.zero, shop.commits[1].oid)
        push(transport, advertise_push(transport), [update], Body.of(shop.pack))
    finally:
        transport.close()


def _ask_git(pack: Path, index: bytes, repository: Path, output: Output) -> None:
    """Have C git check, if installed: the same index, and a repository without a fault."""
    git = shutil.which("git")
    if git is None:
        output.out("There is no git here to ask; with one, the tour has it check the pack too.")
        return
    theirs = pack.with_name("git.idx")
    subprocess.run(
        [git, "index-pack", "--strict", "-o", str(theirs), str(pack)], check=True, capture_output=True
    )
    same = theirs.read_bytes() == index
    theirs.unlink()
    subprocess.run([git, "-C", str(repository), "fsck", "--strict"], check=True, capture_output=True)
    output.out(f"git index-pack --strict: ok, {'the same index to the byte' if same else 'another index'}")
    output.out("git fsck --strict: ok")
