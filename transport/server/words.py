"""What a server tells a client of its own faults: everything but where on its disk they are.

>>> without_folders("/srv/git/x.git/objects/pack/pack-1.idx: too short (see /srv/git/x.git)")
'pack-1.idx: too short (see x.git)'
"""

from __future__ import annotations

import re

from transport.safe_text import one_line

__all__ = ["public_words", "without_folders"]

_FOLDERS = re.compile(r"(?<![^\s('\"])/(?:[^\s:'\")/]+/)+")


def without_folders(text: str) -> str:
    """Return the text with each absolute path cut down to its last part."""
    return _FOLDERS.sub("", text)


def public_words(error: BaseException | str, *, limit: int = 500) -> str:
    """Return one line, safe to show, that says what is wrong without a path of this disk."""
    return one_line(without_folders(str(error) or type(error).__name__), limit=limit)
