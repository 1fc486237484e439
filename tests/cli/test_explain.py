"""`packcore explain` names and decodes every byte, and shows damage where it lies."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.packcore.pack_builder import blob_id, build_pack, chain_of, whole, write_pack_file
from tests.support import git, git_bytes

if TYPE_CHECKING:
    from click.testing import Result

TEXTS = [b"one\ntwo\nthree\nfour\n", b"one\ntwo\nTHREE\nfour\n", b"one\ntwo\nTHREE\nfour\nfive\n"]


@pytest.fixture
def chain_pack(tmp_path):
    return write_pack_file(tmp_path, [build_pack(chain_of(TEXTS))])


def lines_of(result: Result) -> list[str]:
    text: str = result.stdout_bytes.decode()
    return text.splitlines()


def test_header_entry_bits_stream_and_trailer_are_named(packcore, tmp_path):
    path = write_pack_file(tmp_path, [build_pack([whole(b"x" * 300)])])
    shown = packcore("explain", path)
    assert shown.exit_code == 0, shown.stderr
    text = "\n".join(line.strip() for line in lines_of(shown))
    assert "0  50 41 43 4b              " in text
    assert "signature  PACK" in text
    # The example of gitformat-pack's coding: a blob of 300 bytes is bc 12.
    assert "12  bc 12                      type and size  blob of 300 bytes, inflated" in text
    assert "1 011 1100  more=1 type=3 size=12" in text
    assert "0 0010010  more=0 size=18" in text
    assert "trailer  sha1 of all before it" in text


def test_a_copy_shows_the_bytes_that_it_brings(packcore, chain_pack):
    text = packcore("explain", chain_pack).stdout_bytes.decode()
    assert "8 bytes of the base from 0 on, to 0" in text
    assert "one⏎two⏎" in text
    assert "insert  THREE" in text


def test_an_object_is_shown_growing_along_its_chain(packcore, chain_pack):
    oid = blob_id(TEXTS[2]).hex()
    lines = lines_of(packcore("explain", chain_pack, "--object", oid[:10]))
    assert lines[0] == f"blob {oid}: 24 bytes, at the end of a chain of 2 deltas"
    assert [line.split()[0] for line in lines if line.startswith(("full", "delta"))] == [
        "full",
        "delta",
        "delta",
    ]
    assert any("insert 5" in line and "THREE" in line for line in lines)
    assert lines[-1].startswith("cost of reading it: 3 entries, ")


def test_an_objects_chain_as_json_gives_its_instructions(packcore, chain_pack):
    told = json.loads(
        packcore("explain", chain_pack, "--object", blob_id(TEXTS[1]).hex(), "--json").stdout_bytes
    )
    assert [link["kind"] for link in told["chain"]] == ["blob", "ofs-delta"]
    made = b"".join(
        TEXTS[0][step["from"] : step["from"] + step["size"]] if step["kind"] == "copy" else b"THREE"
        for step in told["chain"][1]["instructions"]
    )
    assert made == TEXTS[1]


def test_the_json_tree_accounts_for_every_byte(packcore, repository):
    git("repack", "-adq", cwd=repository)
    (pack,) = (repository / "objects" / "pack").glob("*.pack")
    told = json.loads(packcore("explain", pack, "--json").stdout_bytes)
    at = 0
    for part in told["parts"]:
        assert part["start"] == at
        at = part["end"]
    assert at == told["size"] == pack.stat().st_size
    assert sum(part["name"] == "entry" for part in told["parts"]) == int(
        git("count-objects", "-v", cwd=repository).split("in-pack: ")[1].split()[0]
    )


def test_of_a_repository_the_object_is_named_by_a_revision(packcore, repository):
    git("repack", "-adq", cwd=repository)
    path = git("ls-tree", "-r", "--name-only", "main", cwd=repository).splitlines()[0]
    shown = packcore("explain", repository, "--object", f"main:{path}")
    assert shown.exit_code == 0, shown.stderr
    size = len(git_bytes("cat-file", "blob", f"main:{path}", cwd=repository))
    (pack,) = repository.glob("objects/pack/*.pack")
    for place in (repository, pack):
        told = json.loads(packcore("explain", place, "--object", f"main:{path}", "--json").stdout_bytes)
        assert told["size"] == size


def test_a_repository_without_packs_says_how_to_make_one(packcore, tmp_path):
    git("init", "-q", "--bare", str(tmp_path / "empty.git"), cwd=tmp_path)
    shown = packcore("explain", tmp_path / "empty.git")
    assert shown.exit_code == 1
    assert "it has no pack" in shown.stderr
    assert "hint: make one" in shown.stderr


def test_an_unknown_id_is_told(packcore, chain_pack):
    shown = packcore("explain", chain_pack, "--object", "deadbeef")
    assert shown.exit_code == 1
    assert "holds no object deadbeef" in shown.stderr


def test_an_offset_where_no_entry_starts_says_where_to_find_one(packcore, chain_pack):
    result = packcore("explain", chain_pack, "--offset", "5")
    assert result.exit_code == 3
    assert "hint: if no entry starts at 5: packcore verify-pack -v lists where they start" in result.stderr


def test_a_word_that_is_no_id_is_wrong_usage(packcore, chain_pack):
    assert packcore("explain", chain_pack, "--object", "no-id").exit_code == 2


def test_a_truncated_pack_is_explained_up_to_its_end_and_ends_with_3(packcore, chain_pack):
    data = chain_pack.read_bytes()
    chain_pack.write_bytes(data[:40])
    shown = packcore("explain", chain_pack)
    assert shown.exit_code == 3
    assert "damaged: the file ends at 40" in shown.stdout_bytes.decode()
    assert "damaged at offset 12: the file ends at 40" in shown.stderr


def test_a_file_of_another_kind_is_refused(packcore, tmp_path):
    (tmp_path / "x").write_bytes(b"hello")
    shown = packcore("explain", tmp_path / "x")
    assert shown.exit_code == 3
    assert "neither a pack" in shown.stderr


def test_control_characters_of_an_object_never_reach_the_terminal(packcore, tmp_path):
    path = write_pack_file(tmp_path, [build_pack([whole(b"\x1b]0;owned\x07 text that is long enough")])])
    assert b"\x1b" not in packcore("explain", path).stdout_bytes


class Page(HTMLParser):
    """Collects what a page would ask for, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.asked += [str(value) for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_self_contained_and_holds_the_drawing(packcore, chain_pack, tmp_path):
    page = tmp_path / "page.html"
    shown = packcore("explain", chain_pack, "--html", page)
    assert shown.exit_code == 0, shown.stderr
    parsed = Page()
    parsed.feed(page.read_text())
    assert parsed.asked == []
    assert "type and size" in parsed.text
    assert "\x1b" not in parsed.text


@pytest.mark.parametrize("suffix", [".idx", ".rev"])
def test_the_files_beside_a_pack_are_explained_too(packcore, repository, suffix):
    git("-c", "pack.writeReverseIndex=true", "repack", "-adfq", cwd=repository)
    (path,) = Path(repository / "objects" / "pack").glob(f"*{suffix}")
    shown = packcore("explain", path)
    assert shown.exit_code == 0, shown.stderr
    assert "own digest" in shown.stdout_bytes.decode()
