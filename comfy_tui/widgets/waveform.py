"""How loud a sound is over its length, drawn with characters around a middle line."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from comfy_tui.pictures.mode import ImageMode
from comfy_tui.widgets.graphics import graphics_of

_EIGHTHS = " ▁▂▃▄▅▆▇█"


class Waveform(Widget):
    """Bars up and down from the middle, as wide as there is room."""

    DEFAULT_CSS = """
    Waveform { height: 1fr; width: 1fr; background: $surface; color: $text-accent; padding: 0 1; }
    """

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._peaks: tuple[float, ...] = ()

    def show(self, peaks: tuple[float, ...]) -> None:
        """Draw these, each 0 to 1."""
        if peaks != self._peaks:
            self._peaks = peaks
            self.refresh()

    def columns(self, width: int) -> list[float]:
        """The peaks as so many columns: the loudest of those that share one."""
        count = len(self._peaks)
        if not count or width < 1:
            return []
        return [
            max(self._peaks[x * count // width : max(x * count // width + 1, (x + 1) * count // width)])
            for x in range(width)
        ]

    def render_line(self, y: int) -> Strip:
        """A line of the drawing."""
        width, height, style = self.size.width, self.size.height, self.rich_style
        half = min(height, 16) // 2
        from_middle = height // 2 - 1 - y if y < height // 2 else y - height // 2
        upper = y < height // 2
        if not half or not 0 <= from_middle < half:
            return Strip.blank(width, style)
        return Strip(self._cells(self.columns(width), from_middle, half, style, upper=upper)).simplify()

    def _cells(
        self, columns: list[float], from_middle: int, half: int, style: Style, *, upper: bool
    ) -> list[Segment]:
        turned = style + Style(reverse=True)
        ascii_only = graphics_of(self.app).mode is ImageMode.ASCII
        found: list[Segment] = []
        for peak in columns:
            # The quietest sound still has a line, so that its length is seen.
            eighths = max(1 if not from_middle else 0, min(8, round(peak * half * 8) - 8 * from_middle))
            eighths = max(0, eighths)
            if ascii_only:
                found.append(Segment("#" if eighths >= 4 else ("-" if not from_middle else " "), style))
            elif upper or eighths in (0, 8):
                found.append(Segment(_EIGHTHS[eighths], style))
            else:
                found.append(Segment(_EIGHTHS[8 - eighths], turned))
        return found
