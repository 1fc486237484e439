"""A delta selection strategy that takes its time, as a plug-in that only a test's packcore can see.

`install(folder, seconds)` writes a module and the entry point that registers it; with the folder on the
import path, `--strategy slow` chooses what the default strategy chooses, after a long pause: so many
seconds, or until the test says go. It leaves the times at which it began and ended in two files, on the
clock that all processes of a machine share.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SlowStrategy", "install"]

_MODULE = '''
    """Written by tests/e2e/slow_strategy.py."""

    import time
    from pathlib import Path

    from packcore.search.strategies.chunk_window import ChunkWindow


    class Slow(ChunkWindow):
        """Sleeps, then chooses as the default does."""

        name = "slow"
        description = "waits, then does what chunk-window does"

        def choose(self, work):
            """Yield the default's choices, late."""
            folder = Path(__file__).parent
            (folder / "begun").write_text(str(time.monotonic()))
            deadline = time.monotonic() + {seconds}
            while time.monotonic() < deadline and not (folder / "go").exists():
                time.sleep(0.01)
            yield from super().choose(work)
            (folder / "ended").write_text(str(time.monotonic()))
'''


@dataclass(frozen=True, slots=True)
class SlowStrategy:
    """An installed plug-in."""

    folder: Path
    """To be put on the import path."""

    def has_begun(self) -> bool:
        """Tell whether selection runs, or ran."""
        return (self.folder / "begun").exists()

    def go(self) -> None:
        """Let selection go on, however long it was to wait."""
        (self.folder / "go").touch()

    def ended(self) -> float:
        """Return when selection was over, on `time.monotonic()`."""
        return float((self.folder / "ended").read_text())


def install(folder: Path, seconds: float) -> SlowStrategy:
    """Write the plug-in into a new folder."""
    information = folder / "packcore_slow-1.dist-info"
    information.mkdir(parents=True)
    (folder / "packcore_slow.py").write_text(textwrap.dedent(_MODULE).format(seconds=seconds))
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: packcore-slow\nVersion: 1\n")
    (information / "entry_points.txt").write_text("[packcore.strategies]\nslow = packcore_slow:Slow\n")
    return SlowStrategy(folder)
