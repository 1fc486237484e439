"""What a server tells a client of its own faults.

    public_words    everything but where on its disk they are      over a network
    own_words       the paths, too                                 where the client is this process

A path ends at a blank, a colon or a quote, unless it begins with a folder that is known: `words_about` knows
those of a repository, whatever they are called.

>>> without_folders("/srv/git/x.git/objects/pack/pack-1.idx: too short (see /srv/git/x.git)")
'pack-1.idx: too short (see x.git)'
>>> without_folders("/srv/my repos/x.git/HEAD: empty", ["/srv/my repos/x.git"])
'HEAD: empty'
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from packcore.errors import PackcoreError
from packcore.store.alternates import listed_alternates
from transport.safe_text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from packcore.store.repository import Repository

__all__ = ["Words", "own_words", "public_words", "without_folders", "words_about", "words_about_repository"]

Words = Callable[[BaseException | str], str]

_SOME_FOLDER = "/-/"
_FOLDERS = r"(?<![^\s('\"])/(?:[^\s:'\")/]+/)+"


def without_folders(text: str, known: Iterable[str] = ()) -> str:
    """Return the text with each absolute path cut down to its last part; `known` are folders of paths."""
    for folder in sorted(known, key=len, reverse=True):
        text = text.replace(f"{folder}/", _SOME_FOLDER)
    return re.sub(_FOLDERS, "", text)


def own_words(error: BaseException | str) -> str:
    """Return one line, safe to show, that says what is wrong."""
    return one_line(str(error) or type(error).__name__)


def public_words(error: BaseException | str, *, known: Iterable[str] = ()) -> str:
    """Return the same without a path of this disk."""
    return own_words(without_folders(str(error), known) or type(error).__name__)


def words_about(*folders: Path) -> Words:
    """Return what says the same of these folders and of those that they are in, whatever their names are."""
    known = {str(each) for folder in folders for each in (folder, *folder.parents) if each.name}
    return partial(public_words, known=known)


def words_about_repository(repository: Repository) -> Words:
    """Return what says the same of a repository and of those that it borrows objects from."""
    borrowed: list[Path] = []
    with suppress(PackcoreError):
        borrowed = listed_alternates(repository.common_path / "objects")
    return words_about(repository.path, repository.common_path, *borrowed)
