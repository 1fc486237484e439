"""The option --index-version, of the commands that write an index: git's `<version>[,<offset>]`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from cli.command import option
from cli.params import OUTPUT

if TYPE_CHECKING:
    from packcore.pack.index_write import IndexForm
    from packcore.store.config import GitConfig

__all__ = ["INDEX_VERSION", "default_form"]

_INDEX_FORM = re.compile(r"([12])(?:,(0x[0-9a-f]+|[0-9]*))?", re.IGNORECASE)


def default_form(config: GitConfig) -> IndexForm:
    """Return what the setting pack.indexVersion says, or the usual form.

    Raises RepositoryError for a version that doesn't exist.
    """
    from packcore.errors import RepositoryError
    from packcore.pack.index_write import DEFAULT_FORM, IndexForm

    version = config.get("pack.indexVersion")
    if version is None:
        return DEFAULT_FORM
    if version not in ("1", "2"):
        raise RepositoryError(f"pack.indexVersion must be 1 or 2, not {version[:40]!r}")
    return IndexForm(int(version))


def _form(_: click.Context, __: click.Parameter, text: str | None) -> IndexForm | None:
    from packcore.pack.index_write import IndexForm

    if text is None:
        return None
    found = _INDEX_FORM.fullmatch(text)
    try:
        if found is None:
            raise ValueError("use 1, 2, or a version and the largest offset of 32 bits, such as 2,0x40")
        version = int(found[1])
        return IndexForm(version) if found[2] is None else IndexForm(version, int(found[2] or "0", 0))
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


INDEX_VERSION = option(
    "--index-version",
    section=OUTPUT,
    metavar="N[,OFFSET]",
    callback=_form,
    help="Version of the index, 1 or 2. Offsets above OFFSET are written with 64 bits. Default: the "
    "repository's pack.indexVersion, or 2.",
)
