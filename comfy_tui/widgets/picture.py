"""A picture drawn with characters: made off the event loop, kept as lines, never an older one than asked."""

from __future__ import annotations

import asyncio

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual import work
from textual.strip import Strip
from textual.widget import Widget

from comfy_tui.pictures import blocks
from comfy_tui.pictures.blocks import Blocks, Colour
from comfy_tui.pictures.decode import Decoded


class Picture(Widget):
    """Draws one decoded picture as large as it fits, in the middle.

    What draws is chosen by :meth:`show`'s ``how``; a way with a graphics protocol would be another branch
    of :meth:`_make`, with lines that hold its place.
    """

    DEFAULT_CSS = """
    Picture { width: 1fr; height: 1fr; background: $surface; }
    """

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.decoded: Decoded | None = None
        self._how = Blocks.QUADRANTS
        self._lines: list[Strip] = []
        self._made_for: tuple[object, ...] = ()

    def show(self, decoded: Decoded | None, how: Blocks = Blocks.QUADRANTS) -> None:
        """Draw this picture from now on, or none; what was drawn before goes at once."""
        if decoded is self.decoded and how is self._how:
            return
        self.decoded, self._how = decoded, how
        self._lines, self._made_for = [], ()
        self.refresh()
        self._make_soon()

    @property
    def drawn(self) -> bool:
        """Whether the picture is on the screen, at the size of now."""
        return self.decoded is not None and self._made_for == self._wanted()

    def on_resize(self) -> None:
        """Make it anew at the new size."""
        self._make_soon()

    def on_show(self) -> None:
        """Make it where it was hidden when it came."""
        self._make_soon()

    def notify_style_update(self) -> None:
        """Another theme: ASCII depends on whether it is dark."""
        super().notify_style_update()
        self._make_soon()

    def _wanted(self) -> tuple[object, ...]:
        theme = self.app.current_theme
        return (self.decoded, self._how, self.size, self.app.no_color, theme.dark)

    def _make_soon(self) -> None:
        if not self.is_attached or self.decoded is None or not self.size.area:
            return
        if self._made_for != self._wanted():
            self._make()

    @work(group="picture", exclusive=True, exit_on_error=True)
    async def _make(self) -> None:
        wanted, decoded, size = self._wanted(), self.decoded, self.size
        if decoded is None:
            return
        columns, lines = blocks.fit(decoded.width, decoded.height, size.width, size.height)
        grey, dark = self.app.no_color, self.app.current_theme.dark
        made = await asyncio.to_thread(_strips, decoded, columns, lines, self._how, grey=grey, dark=dark)
        # A newer picture or size has a worker of its own; this one came too late.
        if wanted == self._wanted():
            self._lines, self._made_for = made, wanted
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """A line of the picture, or the ground around it."""
        width, style = self.size.width, self.rich_style
        position = y - (self.size.height - len(self._lines)) // 2
        if not 0 <= position < len(self._lines):
            return Strip.blank(width, style)
        line = self._lines[position]
        left = max(0, (width - line.cell_length) // 2)
        ground = Strip.blank(left, style) if left else Strip([])
        return Strip.join([ground, line.apply_style(style)]).adjust_cell_length(width, style)


def _strips(
    decoded: Decoded, columns: int, lines: int, how: Blocks, *, grey: bool, dark: bool
) -> list[Strip]:
    """Runs for every thread: the picture as lines."""
    if not columns or not lines:
        return []
    rows = blocks.draw(decoded.image, columns, lines, how, grey=grey, dark=dark)
    return [Strip([Segment(text, _style(front, back)) for text, front, back in row], columns) for row in rows]


def _style(front: Colour | None, back: Colour | None) -> Style | None:
    if front is None and back is None:
        return None
    return Style(color=_colour(front), bgcolor=_colour(back))


def _colour(colour: Colour | None) -> Color | None:
    return Color.from_rgb(*colour) if colour is not None else None
