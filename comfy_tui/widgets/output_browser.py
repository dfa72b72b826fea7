"""The outputs as a list or as tiles with thumbnails; one cursor and one set of marks for both."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.segment import Segment
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip

from comfy_tui.pictures.decode import Decoded
from comfy_tui.pictures.mode import ImageMode
from comfy_tui.pictures.scale import fit
from comfy_tui.text import cell_len, shorten
from comfy_tui.widgets.graphics import Drawn
from comfy_tui.widgets.picture import PictureCanvas
from comfy_tui.widgets.picture_strip import PictureStrip
from comfy_tui.widgets.row import Column, Row
from comfy_tui.widgets.row_list import RowList

#: A tile: a picture of so many cells, and a line below it.
TILE_WIDTH, TILE_HEIGHT = 18, 8
_EACH_WIDTH, _EACH_HEIGHT = TILE_WIDTH + 1, TILE_HEIGHT + 1


@dataclass(frozen=True, slots=True)
class _Band:
    """A line of headings or a row of tiles: where it begins, which rows it shows."""

    top: int
    first: int
    count: int
    heading: bool

    @property
    def height(self) -> int:
        return 1 if self.heading else _EACH_HEIGHT


class OutputBrowser(RowList, PictureCanvas):
    """A :class:`RowList` that can also show its rows as tiles.

    In tiles the first cell of a row is the line below its picture, the last one the words in place of it.
    """

    class VisibleChanged(Message):
        """Other rows are to be seen, or the rows changed."""

        def __init__(self, browser: OutputBrowser) -> None:
            super().__init__()
            self.browser = browser

        @property
        def control(self) -> OutputBrowser:
            """The widget that sent this."""
            return self.browser

        def can_replace(self, message: Message) -> bool:
            """Only what is seen now matters."""
            return isinstance(message, OutputBrowser.VisibleChanged)

    def __init__(self, columns: Sequence[Column], id: str | None = None) -> None:
        super().__init__(columns, markable=True, id=id)
        self.tiles = False
        self._bands: list[_Band] = []
        self._tops: list[int] = []
        self._firsts: list[int] = []
        self._bands_for: tuple[object, ...] = ()
        self._thumbs: dict[str, Decoded] = {}
        self._drawn: dict[str, tuple[Decoded, Drawn]] = {}
        self._seen: tuple[str, ...] = ()

    # -- what is shown -------------------------------------------------------------------------

    def show_tiles(self, tiles: bool) -> None:
        """Change between list and tiles; the cursor stays on its row."""
        if tiles is not self.tiles:
            self.tiles = tiles
            self._thumbs.clear()
            self._drawn.clear()
            self._measure()
            self._scroll_to_cursor()
            self._see()
            self.refresh()

    def set_rows(self, rows: Iterable[Row]) -> None:
        """Show these rows."""
        super().set_rows(rows)
        self._see()

    def _measure(self) -> None:
        """Divide the rows into bands, and tell how high all of it is."""
        if not self.tiles:
            super()._measure()
            return
        across = max(1, (self.size.width + 1) // _EACH_WIDTH)
        wanted = (self.rows, across)
        if self._bands_for != wanted:
            self._bands_for = wanted
            self._bands = _bands(self.rows, across)
            self._tops = [band.top for band in self._bands]
            self._firsts = [band.first for band in self._bands]
        height = self._bands[-1].top + self._bands[-1].height if self._bands else 0
        self.virtual_size = Size(self.size.width, height)

    def on_resize(self) -> None:
        """Other tiles may fit."""
        self.call_later(self._see)

    def _band_of(self, position: int) -> int:
        """The band of a row."""
        return max(0, bisect_right(self._firsts, position) - 1)

    def visible_keys(self) -> tuple[str, ...]:
        """The rows on the screen, from the top, without headings."""
        top, bottom = int(self.scroll_offset.y), int(self.scroll_offset.y) + self.size.height
        if not self.tiles:
            shown = self.rows[top : max(0, bottom - 1)]
            return tuple(row.key for row in shown if not row.heading)
        first = max(0, bisect_right(self._tops, top) - 1)
        found: list[str] = []
        for band in self._bands[first:]:
            if band.top >= bottom:
                break
            if not band.heading and band.top + band.height > top:
                found += [row.key for row in self.rows[band.first : band.first + band.count]]
        return tuple(found)

    def keys_around(self, count: int) -> tuple[str, ...]:
        """Rows that come next: those below what is seen, then those above."""
        seen = self.visible_keys()
        if not seen:
            return ()
        first, last = self._index.get(seen[0], 0), self._index.get(seen[-1], 0)
        below = [row.key for row in self.rows[last + 1 : last + 1 + count] if not row.heading]
        above = [row.key for row in self.rows[max(0, first - count // 2) : first] if not row.heading]
        return (*below, *reversed(above))

    def neighbours(self, after: int, before: int) -> tuple[str, ...]:
        """The rows next to the cursor's, nearest first."""
        behind = [row.key for row in self.rows[self.cursor + 1 : self.cursor + 2 + after] if not row.heading]
        start = max(0, self.cursor - before - 1)
        ahead = [row.key for row in self.rows[start : self.cursor] if not row.heading]
        return (*behind[:after], *reversed(ahead[-before:] if before else []))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Other rows came into view."""
        super().watch_scroll_y(old_value, new_value)
        self._see()

    def _see(self) -> None:
        seen = self.visible_keys()
        if seen != self._seen:
            self._seen = seen
            self.post_message(self.VisibleChanged(self))

    # -- thumbnails ----------------------------------------------------------------------------

    def has_thumb(self, key: str) -> bool:
        """Whether its picture is there."""
        return key in self._thumbs

    def set_thumb(self, key: str, decoded: Decoded) -> None:
        """The picture of a row; drawn when it is seen."""
        if self._thumbs.get(key) is not decoded:
            self._thumbs[key] = decoded
            self._draw(key, decoded)

    def keep_thumbs(self, keys: Sequence[str]) -> None:
        """Forget the pictures of all other rows: those are kept where they come from."""
        kept = set(keys)
        for key in self._thumbs.keys() - kept:
            del self._thumbs[key]
            self._drawn.pop(key, None)

    def look_changed(self, _mode: object) -> None:
        """Draw all anew."""
        self._drawn.clear()
        self.refresh()
        for key, decoded in self._thumbs.items():
            self._draw(key, decoded)

    def notify_style_update(self) -> None:
        """Another theme: the ground is another."""
        super().notify_style_update()
        if self.is_attached and self._thumbs:
            for key, decoded in self._thumbs.items():
                self._draw(key, decoded)

    def _draw(self, key: str, decoded: Decoded) -> None:
        look = self.graphics.look(None, self.ground)
        if look.mode is ImageMode.OFF:
            return
        columns, lines = fit(decoded.width, decoded.height, TILE_WIDTH, TILE_HEIGHT, look.cell_ratio)
        known = self.graphics.known(decoded, columns, lines, look)
        if known is not None:
            self._take(key, decoded, known)
            return

        async def work() -> None:
            drawn = await self.graphics.draw(decoded, columns, lines, look)
            if self._thumbs.get(key) is decoded and look.mode is self.graphics.mode:
                self._take(key, decoded, drawn)

        self.run_worker(work, group="thumbs")

    def _take(self, key: str, decoded: Decoded, drawn: Drawn) -> None:
        self._drawn[key] = (decoded, drawn)
        self._refresh_row(self._index.get(key, -1))

    # -- moving --------------------------------------------------------------------------------

    def action_cursor_down(self) -> None:
        """One row down; of tiles, a row of them."""
        self._vertical(1) if self.tiles else super().action_cursor_down()

    def action_cursor_up(self) -> None:
        """One row up."""
        self._vertical(-1) if self.tiles else super().action_cursor_up()

    def action_page_down(self) -> None:
        """A page down."""
        self._vertical(self._page()) if self.tiles else super().action_page_down()

    def action_page_up(self) -> None:
        """A page up."""
        self._vertical(-self._page()) if self.tiles else super().action_page_up()

    def _page(self) -> int:
        return max(1, self.size.height // _EACH_HEIGHT)

    def step(self, step: int) -> None:
        """So many rows on, or back."""
        self._move(step)

    def _vertical(self, step: int) -> None:
        """So many rows of tiles down, in the same column as far as there is one."""
        if not self._bands:
            return
        here = self._band_of(self.cursor)
        column = self.cursor - self._bands[here].first
        direction = 1 if step > 0 else -1
        target, left = here, abs(step)
        while left and 0 <= target + direction < len(self._bands):
            target += direction
            left -= not self._bands[target].heading
        if self._bands[target].heading:
            # Only a heading lies there.
            if direction < 0:
                self.scroll_to(y=0, animate=False)
            target = here
        band = self._bands[target]
        position = band.first + min(column, band.count - 1)
        if position != self.cursor:
            self._move(position - self.cursor)
        elif step > 0 and band.first + band.count - 1 > self.cursor:
            self._move(band.first + band.count - 1 - self.cursor)

    def on_click(self, event: events.Click) -> None:
        """Move to the tile that was clicked; a click on the cursor's opens it."""
        if not self.tiles:
            super().on_click(event)
            return
        event.prevent_default()
        y = int(self.scroll_offset.y) + event.y
        index = bisect_right(self._tops, y) - 1
        if not 0 <= index < len(self._bands) or self._bands[index].heading:
            return
        band, column = self._bands[index], event.x // _EACH_WIDTH
        if column < band.count and y < band.top + band.height:
            position = band.first + column
            self.action_open_row() if position == self.cursor else self._move(position - self.cursor)

    def _scroll_to_cursor(self) -> None:
        if not self.tiles:
            super()._scroll_to_cursor()
            return
        if not self.size.height or not self._bands:
            return
        index = self._band_of(self.cursor)
        band = self._bands[index]
        top = band.top - (1 if index and self._bands[index - 1].heading else 0)
        self.scroll_to_region(
            Region(0, top, 1, band.top + band.height - top), animate=False, force=True, immediate=True
        )

    # -- drawing -------------------------------------------------------------------------------

    def _refresh_cells(self, position: int, before: Row, after: Row) -> None:
        if self.tiles:
            self._refresh_row(position)
        else:
            super()._refresh_cells(position, before, after)

    def _refresh_row(self, position: int) -> None:
        if not self.tiles:
            super()._refresh_row(position)
            return
        if not self._bands or not 0 <= position < len(self.rows):
            return
        band = self._bands[self._band_of(position)]
        x = (position - band.first) * _EACH_WIDTH
        y = band.top - int(self.scroll_offset.y)
        if y < self.size.height and y + band.height > 0:
            self.refresh(Region(x, max(0, y), _EACH_WIDTH, band.height + min(0, y)))

    def picture_line(self, y: int) -> Strip:
        """A line of the list, or of tiles."""
        if not self.tiles:
            return self.filtered(RowList.render_line(self, y))
        at = int(self.scroll_offset.y) + y
        index = bisect_right(self._tops, at) - 1
        if not 0 <= index < len(self._bands):
            return self.blank(self.size.width)
        band = self._bands[index]
        line = at - band.top
        if line >= band.height:
            return self.blank(self.size.width)
        if band.heading:
            return self.filtered(self._heading(band.first))
        parts: list[Strip] = []
        for position in range(band.first, band.first + band.count):
            parts += [
                self._caption(position) if line == TILE_HEIGHT else self._tile_line(position, line),
                self.blank(1),
            ]
        width = sum(part.cell_length for part in parts)
        # Where not even one tile fits, its right edge is cut.
        line_strip = PictureStrip.joined([*parts, self.blank(self.size.width - width)])
        return line_strip.crop(0, self.size.width) if width > self.size.width else line_strip

    def render_line(self, y: int) -> Strip:
        """A line for those who ask for one alone."""
        return self.picture_line(y)

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines inside the crop; pictures and text are joined with care."""
        return PictureCanvas.render_lines(self, crop)

    def _heading(self, position: int) -> Strip:
        cell = self.rows[position].cells[0] if self.rows[position].cells else ""
        text = shorten(cell if isinstance(cell, str) else cell.text, self.size.width)
        base = self.base.style
        strip = Strip([Segment(text, base + self._look("heading"))])
        return strip.adjust_cell_length(self.size.width, base)

    def _caption(self, position: int) -> Strip:
        row = self.rows[position]
        style = self.base.style
        chosen, marked = position == self.cursor, row.key in self.marked
        if chosen:
            style = style + self._look("cursor" if self.has_focus else "cursor-blurred")
        elif marked:
            style = style + self._look("mark")
        cell = row.cells[0]
        mark = "✓ " if marked else ("› " if chosen else "  ")
        text = mark + shorten(cell if isinstance(cell, str) else cell.text, TILE_WIDTH - 2)
        return self.filtered(Strip([Segment(text, style)]).adjust_cell_length(TILE_WIDTH, style))

    def _tile_line(self, position: int, line: int) -> Strip:
        row = self.rows[position]
        _, drawn = self._drawn.get(row.key, (None, None))
        if drawn is None:
            return self._words(position, line)
        at = line - (TILE_HEIGHT - drawn.lines) // 2
        if not 0 <= at < drawn.lines:
            return self.blank(TILE_WIDTH)
        left = (TILE_WIDTH - drawn.columns) // 2
        strip = drawn.strips[at]
        if drawn.takes_style(self.base.style):
            strip = strip.apply_style(self.base.style)
        return PictureStrip.joined([self.blank(left), strip, self.blank(TILE_WIDTH - left - drawn.columns)])

    def _words(self, position: int, line: int) -> Strip:
        """In place of a picture: what it is."""
        if line != TILE_HEIGHT // 2 - 1:
            return self.blank(TILE_WIDTH)
        cell = self.rows[position].cells[-1]
        text = shorten(cell if isinstance(cell, str) else cell.text, TILE_WIDTH)
        left = (TILE_WIDTH - cell_len(text)) // 2
        style = self.base.style + self._look("dim")
        strip = Strip([Segment(" " * left + text, style)]).adjust_cell_length(TILE_WIDTH, style)
        return self.filtered(strip)


def _bands(rows: Sequence[Row], across: int) -> list[_Band]:
    found: list[_Band] = []
    top = first = 0
    while first < len(rows):
        heading = rows[first].heading
        count = 1
        while not heading and count < across and first + count < len(rows):
            if rows[first + count].heading:
                break
            count += 1
        found.append(_Band(top, first, count, heading))
        top += found[-1].height
        first += count
    return found
