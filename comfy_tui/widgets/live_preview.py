"""The latest picture of a running job, while it is made."""

from __future__ import annotations

import asyncio

from textual import work

from comfy_tui.errors import ComfyError
from comfy_tui.monitor.state import Preview
from comfy_tui.pictures.decode import decode
from comfy_tui.widgets.picture import Picture

#: A picture of 45 columns is 13 kB on the line: a new one is drawn at most so often.
PAUSE_S = 2.0


class LivePreview(Picture):
    """Draws the newest preview; one that cannot be drawn leaves the one before."""

    DEFAULT_CSS = """
    LivePreview { display: none; height: 12; }
    """

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._latest: Preview | None = None
        self._drawing: Preview | None = None
        self._pausing = False

    def show_preview(self, preview: Preview | None) -> None:
        """Draw this one soon; None hides the picture."""
        self.display = preview is not None
        if preview == self._latest:
            return
        self._latest = preview
        if preview is None:
            self.show(None)
        elif not self._pausing:
            self._draw()

    def _draw(self) -> None:
        if self._latest is None:
            return
        self._pausing = True
        self.set_timer(PAUSE_S, self._go_on)
        self._drawing = self._latest
        self._decode(self._latest)

    def _go_on(self) -> None:
        self._pausing = False
        if self._latest is not None and self._latest != self._drawing:
            self._draw()

    @work(group="decode", exclusive=True, exit_on_error=True)
    async def _decode(self, preview: Preview) -> None:
        try:
            decoded = await asyncio.to_thread(decode, preview.image)
        except ComfyError:
            return
        if self._latest is not None:
            self.show(decoded, keep=True)
