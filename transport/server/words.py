"""What a server tells a client of its own faults.

    public_words    everything but where on its disk they are      over a network
    own_words       the paths, too                                 where the client is this process

>>> without_folders("/srv/git/x.git/objects/pack/pack-1.idx: too short (see /srv/git/x.git)")
'pack-1.idx: too short (see x.git)'
"""

from __future__ import annotations

import re
from collections.abc import Callable

from transport.safe_text import one_line

__all__ = ["Words", "own_words", "public_words", "without_folders"]

Words = Callable[[BaseException | str], str]

_FOLDERS = re.compile(r"(?<![^\s('\"])/(?:[^\s:'\")/]+/)+")


def without_folders(text: str) -> str:
    """Return the text with each absolute path cut down to its last part."""
    return _FOLDERS.sub("", text)


def own_words(error: BaseException | str) -> str:
    """Return one line, safe to show, that says what is wrong."""
    return one_line(str(error) or type(error).__name__)


def public_words(error: BaseException | str) -> str:
    """Return the same without a path of this disk."""
    return without_folders(own_words(error))
