"""Messages of a run without a `progress`, by `logging`: for users of the library, silent by default.

    logger       origin of the message           level
    packcore     packcore                        INFO
    transport    source, target, any other       INFO
    transport    blocked, unreadable, hidden     WARNING

The loggers are named `packcore` and `transport` and have a handler that writes nothing, so a program that
configures no logging sees nothing. The first message imports `logging`, since most runs have none.
`transport.json_logs` formats what is logged as JSON.
"""

from __future__ import annotations

__all__ = ["log"]

_WARNINGS = frozenset({"blocked", "unreadable", "hidden"})


def log(origin: str, text: str) -> None:
    """Log one message, with its control characters made visible."""
    import logging

    logger = logging.getLogger("packcore" if origin == "packcore" else "transport")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    level = logging.WARNING if origin in _WARNINGS else logging.INFO
    if logger.isEnabledFor(level):
        shown = text if text.isprintable() else "".join(map(_visible, text))
        logger.log(level, "%s: %s", origin, shown, extra={"packcore": {"origin": origin}})


def _visible(character: str) -> str:
    return character if character.isprintable() else ascii(character)[1:-1]
