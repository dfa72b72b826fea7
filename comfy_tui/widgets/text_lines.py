"""Lines of text of which only the changed cells are sent to the terminal: for what changes every poll."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from rich.text import Text
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget


class TextLines(Widget):
    """As many lines as it is given; a Static would be sent again as a whole."""

    DEFAULT_CSS = "TextLines { height: auto; width: 1fr; }"

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: list[Text] = []
        self._strips: list[Strip] = []

    def set_lines(self, lines: Sequence[Text]) -> None:
        """Show these lines, each cut at the width of the widget."""
        before, self._strips = self._strips, [self._strip(line) for line in lines]
        self._lines = list(lines)
        if len(before) != len(self._strips):
            self.refresh(layout=True)
            return
        for y, (old, new) in enumerate(zip(before, self._strips, strict=True)):
            span = changed_span(old, new)
            if span is not None:
                self.refresh(Region(span[0], y, span[1] - span[0], 1))

    def _strip(self, line: Text) -> Strip:
        segments = line.render(self.app.console, end="")
        return Strip(Segment(text, style) for text, style, _ in segments)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """One cell a line."""
        return len(self._lines)

    def render_line(self, y: int) -> Strip:
        """Draw a line over the widget's own colours."""
        width, base = self.size.width, self.rich_style
        if y >= len(self._strips):
            return Strip.blank(width, base)
        return self._strips[y].apply_style(base).adjust_cell_length(width, base)


def changed_span(old: Strip, new: Strip) -> tuple[int, int] | None:
    """The columns from the first to behind the last cell that differs; None where nothing does."""
    before, after = _cells(old), _cells(new)
    if before == after:
        return None
    end = max(len(before), len(after))
    if old.cell_length != len(before) or new.cell_length != len(after):
        return (0, max(old.cell_length, new.cell_length))  # wide characters: not worth the arithmetic
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    if len(before) == len(after):
        while before[end - 1] == after[end - 1]:
            end -= 1
    return (start, end)


def _cells(strip: Strip) -> list[tuple[str, object]]:
    return [(character, segment.style) for segment in strip for character in segment.text]
