r"""The meaning of a pkt-line in a few words: the annotation beside it.

>>> from transport.recording.conversation import RecordedLine
>>> told(RecordedLine(0, 0, b"command=fetch\n", "", 0.0), "git-upload-pack")
'the request: fetch'
>>> told(RecordedLine(0, 0, b"\x02Counting objects: 3\n", "", 0.0), "git-upload-pack")
'progress: Counting objects: 3'
>>> told(RecordedLine(0, 4, b"0000", "flush", 0.0), "git-receive-pack")
'flush: the section is over'
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from transport.safe_text import one_line

if TYPE_CHECKING:
    from transport.recording.conversation import RecordedLine

__all__ = ["told"]

_SPECIALS = {
    "flush": "flush: the section is over",
    "delim": "delimiter: the next part of the same section",
    "response_end": "the answer is over",
}
_OID = r"[0-9a-f]{40}(?:[0-9a-f]{24})?"
_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"# service=(\S+)", "the answer is {1}'s"),
        (r"version (\d)", "protocol version {1}"),
        (r"command=(\S+)", "the request: {1}"),
        (r"agent=(.*)", "who speaks: {1}"),
        (r"object-format=(\S+)", "ids are {1}"),
        (rf"want ({_OID})(.*)", "send this, and what it reaches: {1:.12}"),
        (rf"have ({_OID})", "this is here already: {1:.12}"),
        (rf"ACK ({_OID})(.*)", "common ground: {1:.12}{2}"),
        (r"NAK", "no common ground so far"),
        (r"ready", "enough is known, the pack comes"),
        (r"done", "no more haves: send the pack"),
        (r"packfile", "section: the pack"),
        (r"acknowledgments", "section: common ground"),
        (r"shallow-info", "section: where history is cut off"),
        (r"ofs-delta", "may name a base by its distance"),
        (r"thin-pack", "may leave out bases that are there"),
        (r"no-progress", "no progress, please"),
        (r"include-tag", "with annotated tags of what is sent"),
        (r"ref-prefix (.*)", "only refs that start with {1}"),
        (r"symrefs|peel", "asks for {0} too"),
        (r"filter (.*)", "leave out: {1}"),
        (r"unpack ok", "the target has the pack"),
        (r"unpack (.*)", "the target could not take the pack: {1}"),
        (r"ok (.*)", "done: {1}"),
        (r"ng (\S+) (.*)", "refused: {1}, {2}"),
        (r"ERR (.*)", "the server gives up: {1}"),
        (rf"0{{40}}(?:0{{24}})? ({_OID}) ([^\0]*)(?:\0(.*))?", "create {2} at {1:.12}"),
        (rf"({_OID}) 0{{40}}(?:0{{24}})? ([^\0]*)(?:\0(.*))?", "delete {2}, which is at {1:.12}"),
        (rf"({_OID}) ({_OID}) ([^\0]*)(?:\0(.*))?", "move {3} from {1:.12} to {2:.12}"),
        (rf"({_OID}) capabilities\^\{{\}}(?:\0(.*))?", "no refs yet; what it can do: {2}"),
        (rf"({_OID}) ([^\0]*)(?:\0(.*))?", "ref {2} at {1:.12}"),
    )
)


def told(line: RecordedLine, service: str) -> str:
    """Return the annotation for one line of `service`."""
    if not line.framed:
        return "the pack" if line.head.startswith(b"PACK") else f"{line.size:,} bytes without framing"
    if line.special:
        return _SPECIALS[line.special]
    head = line.head
    if head[:1] == b"\x02":
        return f"progress: {one_line(head[1:], limit=120)}"
    if head[:1] == b"\x03":
        return f"the server's last words: {one_line(head[1:], limit=120)}"
    if head[:1] == b"\x01":
        if service == "git-receive-pack":
            return f"of the report: {one_line(re.sub(rb'[0-9a-f]{4}', b' ', head[1:]), limit=100)}"
        return f"of the pack: {max(line.size - 5, 0):,} bytes"
    text = head.removesuffix(b"\n").decode("utf-8", "backslashreplace")
    for pattern, words in _RULES:
        if match := pattern.fullmatch(text):
            return one_line(words.format(match[0], *(group or "" for group in match.groups())), limit=120)
    return one_line(text, limit=120)
