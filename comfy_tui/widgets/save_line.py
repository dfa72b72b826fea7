"""One line that says how far the saving is; hidden while nothing is saved."""

from __future__ import annotations

from textual.widgets import Static

from comfy_tui.monitor.saving import SaveProgress
from comfy_tui.text import format_bytes, shorten


class SaveLine(Static):
    """The progress of saving."""

    DEFAULT_CSS = """
    SaveLine { height: 1; padding: 0 1; background: $panel; display: none; }
    """

    def __init__(self) -> None:
        super().__init__(markup=False, id="save-line")
        self._words = ""

    def show(self, progress: SaveProgress | None) -> None:
        """Show it; None hides the line."""
        self.display = progress is not None
        if progress is None:
            return
        words = shorten(progress_words(progress), max(20, self.size.width - 2 if self.size.width else 78))
        if words != self._words:
            self._words = words
            self.update(words)


def progress_words(progress: SaveProgress) -> str:
    """``Saving 3/12  film.mp4  45% of 27 MB  X stops``."""
    place = f" {progress.number}/{progress.count}" if progress.count > 1 else ""
    if progress.total_bytes:
        share = min(100, 100 * progress.done_bytes // progress.total_bytes)
        here = f"{share}% of {format_bytes(progress.total_bytes)}"
    else:
        here = format_bytes(progress.done_bytes) if progress.done_bytes else "..."
    return f"Saving{place}  {progress.name}  {here}  X stops"
