"""Recorded conversations: what a run sent and received, and when, in a file that can be shown later.

recorder       wraps transports, and writes each block and pkt-line with its time as JSON lines
conversation   reads such a file: exchanges with their blocks and packets, and the anatomy of each stream
"""

from transport.recording.conversation import (
    LINE_CHARACTERS_MAX,
    Conversation,
    RecordedExchange,
    read_conversation,
)
from transport.recording.recorder import Recorder

__all__ = ["LINE_CHARACTERS_MAX", "Conversation", "RecordedExchange", "Recorder", "read_conversation"]
