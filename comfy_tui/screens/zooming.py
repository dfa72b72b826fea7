"""The keys of a screen whose picture can be enlarged and moved about in."""

from __future__ import annotations

from typing import Any

from textual.screen import Screen

from comfy_tui.pictures.zoom import Zoom
from comfy_tui.widgets.leavable import Leavable


class Zooming(Leavable, Screen[Any]):
    """A base of a screen that gives the sizes and shows what is asked for."""

    _zoom = Zoom()

    def _sizes(self) -> tuple[tuple[int, int], tuple[int, int]] | None:
        """The size of the original in pixels and of the screen in dots; None where nothing is shown."""
        return None

    def _look(self, zoom: Zoom) -> None:
        """Show this part from now on; to be given by the screen."""
        self._zoom = zoom

    def action_zoom_in(self) -> None:
        """One step larger."""
        sizes = self._sizes()
        self._look(self._zoom.nearer(*sizes) if sizes else self._zoom)

    def action_zoom_out(self) -> None:
        """One step smaller."""
        sizes = self._sizes()
        self._look(self._zoom.farther(*sizes) if sizes else self._zoom)

    def action_zoom_fit(self) -> None:
        """All of it."""
        self._look(Zoom())

    def action_zoom_native(self) -> None:
        """A pixel on a dot."""
        sizes = self._sizes()
        self._look(self._zoom.native(*sizes) if sizes else self._zoom)

    def pan(self, right: int, down: int) -> bool:
        """Move about where the picture is enlarged; returns whether it is."""
        sizes = self._sizes()
        if self._zoom.is_fitted or sizes is None:
            return False
        self._look(self._zoom.moved(right, down, *sizes))
        return True
