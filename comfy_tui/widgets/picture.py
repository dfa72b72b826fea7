"""A picture in the terminal: made off the event loop, kept as lines, never an older one than asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rich.segment import Segment
from rich.style import Style
from textual import work
from textual.color import Color
from textual.filter import LineFilter
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from comfy_tui.pictures.decode import Decoded
from comfy_tui.pictures.mode import ImageMode, Look
from comfy_tui.pictures.scale import Crop, fit
from comfy_tui.widgets.graphics import Drawn, Graphics, graphics_of
from comfy_tui.widgets.leavable import Leavable
from comfy_tui.widgets.picture_strip import PictureStrip

_OFF = "Pictures are off: P shows them."


@dataclass(slots=True)
class Base:
    """What the lines of a widget have in common: finding it asks every widget above."""

    style: Style
    ground: Color
    filters: Sequence[LineFilter]
    #: Pieces of ground by their width.
    blanks: dict[int, Strip] = field(default_factory=dict)

    def filtered(self, strip: Strip) -> Strip:
        """The strip as the app's filters want it."""
        for line_filter in self.filters:
            strip = strip.apply_filter(line_filter, self.ground)
        return strip


class PictureCanvas(Leavable, Widget):
    """A widget whose lines hold pictures.  No border, padding or opacity: put those on its parent.

    A subclass gives whole lines in :meth:`picture_line`, joined from the strips of :class:`~.graphics.Drawn`
    and others.  They go to the screen as they are: a filter would change the colours that name a picture.
    """

    _base: Base | None = None

    @property
    def graphics(self) -> Graphics:
        """How the app shows pictures."""
        return graphics_of(self.app)

    @property
    def ground(self) -> tuple[int, int, int]:
        """The colour around the pictures."""
        red, green, blue = self.background_colors[1].rgb
        return (red, green, blue)

    @property
    def pixels(self) -> Size:
        """How many dots the widget shows: pixels with a protocol, parts of cells without."""
        across, down = self.graphics.look().dots
        return Size(self.size.width * across, self.size.height * down)

    def on_mount(self) -> None:
        """Draw anew when the app's pictures are shown another way."""
        self.graphics.changed.subscribe(self, self.look_changed)

    def look_changed(self, _mode: ImageMode) -> None:
        """The app shows pictures another way now."""
        self.refresh()

    def picture_line(self, y: int) -> Strip:
        """A line, as wide as the widget."""
        return self.blank(self.size.width)

    @property
    def base(self) -> Base:
        """What every line begins with; looked up once for all lines of a frame."""
        return self._base or Base(self.rich_style, self.background_colors[1], self.app.get_line_filters())

    def blank(self, width: int) -> Strip:
        """A piece of ground."""
        base = self.base
        known = base.blanks.get(width)
        if known is None:
            known = base.filtered(Strip.blank(width, base.style)) if width > 0 else Strip([], 0)
            base.blanks[width] = known
        return known

    def filtered(self, strip: Strip) -> Strip:
        """A strip without pictures as the app's filters want it: no control characters, no colours."""
        return self.base.filtered(strip)

    def render_line(self, y: int) -> Strip:
        """A line for those who ask for one alone."""
        return self.picture_line(y)

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines inside the crop.

        Under a dialog Textual tints the cells, which would change the colours that name pictures: ground is
        in their place then, and pixels of a sixel picture go with the spaces that are written over them.
        """
        hidden = self.graphics.mode.has_pixels and not self.screen.is_active
        lines: list[Strip] = []
        self._base = self.base
        try:
            for y in crop.line_range:
                full = PictureStrip.of(self.picture_line(y))
                line = full.emptied(self.base.style) if hidden else full
                whole = crop.column_span == (0, line.cell_length)
                lines.append(line if whole else line.crop(crop.x, crop.right))
        finally:
            self._base = None
        return lines


class Picture(PictureCanvas):
    """Draws one picture, or a part of it, as large as it fits, in the middle."""

    DEFAULT_CSS = """
    Picture { width: 1fr; height: 1fr; background: $surface; }
    """

    class Resized(Message):
        """It has another size: who shows a part of the picture may choose another one."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.decoded: Decoded | None = None
        #: Said in the middle while there is no picture.
        self.words = ""
        self._mode: ImageMode | None = None
        self._crop: Crop | None = None
        self._drawn: Drawn | None = None
        self._made_for: tuple[object, ...] = ()
        self._making = False
        self._moving = False

    def show(
        self,
        decoded: Decoded | None,
        mode: ImageMode | None = None,
        *,
        crop: Crop | None = None,
        keep: bool = False,
    ) -> None:
        """Draw this picture from now on, or none.

        Args:
            decoded: the picture.
            mode: how, if not as the app does.
            crop: the part of it, in pixels of ``decoded.image``.
            keep: what was drawn stays until this is; for the next frame of an animation and for moving
                about in a picture. Otherwise it goes at once.
        """
        if decoded is self.decoded and mode is self._mode and crop == self._crop:
            return
        self.decoded, self._mode, self._crop, self._moving = decoded, mode, crop, keep
        if not keep or decoded is None:
            self._drawn, self._made_for, self._making = None, (), False
            self.refresh()
        self._make_soon()

    async def prepare(self, decoded: Decoded) -> None:
        """Draw a picture that may be shown next, as it would be shown now; it is there at once then."""
        if self.is_attached and self.size.area:
            look = self.graphics.look(self._mode, self.ground)
            width, height = fit(
                decoded.width, decoded.height, self.size.width, self.size.height, look.cell_ratio
            )
            await self.graphics.draw(decoded, width, height, look)

    @property
    def drawn(self) -> bool:
        """Whether the picture is on the screen, at the size and in the way of now."""
        return self.decoded is not None and bool(self._made_for) and self._made_for == self._wanted()

    def on_resize(self) -> None:
        """Make it anew at the new size."""
        self._make_soon()
        self.post_message(self.Resized())

    def on_show(self) -> None:
        """Make it where it was hidden when it came."""
        self._make_soon()

    def look_changed(self, _mode: ImageMode) -> None:
        """Make it anew."""
        self._drawn, self._made_for = None, ()
        self.refresh()
        self._make_soon()

    def notify_style_update(self) -> None:
        """Another theme: the ground is another."""
        super().notify_style_update()
        self._make_soon()

    def _look(self) -> Look:
        look = self.graphics.look(self._mode, self.ground)
        # One picture of many in a second, or soon to be another: few bytes count more than every colour.
        return replace(look, thin=True) if self._moving else look

    def _wanted(self) -> tuple[object, ...]:
        return (self.decoded, self._crop, self.size, self._look())

    def _make_soon(self) -> None:
        if not self.is_attached or self.decoded is None or not self.size.area or self._making:
            return
        wanted = self._wanted()
        if self._made_for == wanted:
            return
        decoded, look = self.decoded, self._look()
        known = self.graphics.known(decoded, *self._box(decoded, look), look, self._crop)
        if known is not None:
            self._take(known, wanted)
        else:
            self._make()

    def _box(self, decoded: Decoded, look: Look) -> tuple[int, int]:
        width, height = decoded.width, decoded.height
        if self._crop is not None:
            width, height = self._crop[2] - self._crop[0], self._crop[3] - self._crop[1]
        return fit(width, height, self.size.width, self.size.height, look.cell_ratio)

    @work(group="picture", exclusive=True, exit_on_error=True)
    async def _make(self) -> None:
        wanted, decoded, look = self._wanted(), self.decoded, self._look()
        if decoded is None:
            return
        # What is kept on the screen may be a frame behind; waiting for the newest could be for ever.
        late = self._making = self._drawn is not None
        drawn = await self.graphics.draw(decoded, *self._box(decoded, look), look, self._crop)
        if late and not self._making:
            return
        self._making = False
        # A newer picture or size has a worker of its own; this one came too late.
        if wanted == self._wanted() or late:
            self._take(drawn, wanted)
        self._make_soon()

    def _take(self, drawn: Drawn, wanted: tuple[Any, ...]) -> None:
        self._drawn, self._made_for = drawn, wanted
        self.refresh()

    def picture_line(self, y: int) -> Strip:
        """A line of the picture, or the ground around it."""
        width, drawn = self.size.width, self._drawn
        if self.decoded is None and self.words and y == self.size.height // 2:
            return self._line_of(self.words)
        # Under a dialog Textual would tint every cell of it: a tenth of a second, and all its bytes again.
        if drawn is None or drawn.columns > width or not self.screen.is_active:
            return self.blank(width)
        position = y - (self.size.height - drawn.lines) // 2
        if not 0 <= position < drawn.lines:
            return self.blank(width)
        if drawn.drawing.look.mode is ImageMode.OFF:
            return self._line_of(_OFF) if position == drawn.lines // 2 else self.blank(width)
        left = (width - drawn.columns) // 2
        line = drawn.strips[position]
        if drawn.takes_style(self.base.style):
            line = line.apply_style(self.base.style)
        return PictureStrip.joined([self.blank(left), line, self.blank(width - left - drawn.columns)])

    def _line_of(self, words: str) -> Strip:
        """Words where a picture would be."""
        width = self.size.width
        line = Strip([Segment(words.center(width)[:width], self.base.style + Style(dim=True))], width)
        return self.filtered(line)
