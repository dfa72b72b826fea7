"""A picture made ready for a box of cells: characters, or what a graphics protocol is to be sent.

Making one blocks: call :func:`make` in a thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from comfy_tui.pictures import blocks, iterm, kitty, sixel
from comfy_tui.pictures.blocks import Rows
from comfy_tui.pictures.mode import ImageMode, Look
from comfy_tui.pictures.scale import Crop, placed

if TYPE_CHECKING:
    from PIL import Image

#: Column, row, columns, lines: a rectangle of a drawing, in cells.
Part: TypeAlias = tuple[int, int, int, int]
#: A piece of a picture for the terminal: how many cells right and down of the part's corner it begins.
Tile: TypeAlias = tuple[int, int, str]

#: xterm draws no sixel picture that is larger.
_TILE_PX = 1000
#: Kitty and iTerm2 enlarge: over a thin line, no more pixels than these are sent.
_THIN_PIXELS = 400_000
#: More than a frame can show of one picture, or two would push each other out for ever.
_KEPT_PARTS = 24


#: What a run of characters takes, measured: its own and its part of the line that is made of it.
_RUN_BYTES = 900


class Drawing:
    """A picture for a box of cells of this terminal."""

    def __init__(self, columns: int, lines: int, look: Look) -> None:
        self.columns = columns
        self.lines = lines
        self.look = look
        self._rows: Rows = ()
        self._runs = 0
        #: For kitty: the data to transmit.
        self.data = ""
        self._pixels: Image.Image | None = None
        self._tiles: dict[Part, list[Tile]] = {}

    @property
    def whole(self) -> Part:
        """All of it."""
        return (0, 0, self.columns, self.lines)

    @property
    def size_bytes(self) -> int:
        """About how much memory it takes."""
        size = len(self.data) + _RUN_BYTES * self._runs
        if self._pixels is not None:
            size += self._pixels.width * self._pixels.height * len(self._pixels.mode)
        return size + sum(len(tile[2]) for tiles in self._tiles.values() for tile in tiles) + 1000

    def take_rows(self) -> Rows:
        """The lines of a mode without pixels; whoever makes lines for the terminal of them keeps those."""
        rows, self._rows = self._rows, ()
        return rows

    def cost_pixels(self, part: Part) -> int:
        """How many pixels :meth:`tiles` would have to encode; 50,000 take about 5 ms."""
        if self._pixels is None or part in self._tiles:
            return 0
        return part[2] * self.look.cell_px[0] * part[3] * self.look.cell_px[1]

    def tiles(self, part: Part) -> list[Tile]:
        """What draws a part, for sixel and iTerm2; made where it was not made before.  Blocks.

        Args:
            part: the rectangle, in cells.
        """
        known = self._tiles.get(part)
        if known is None:
            known = self._make_tiles(part) if self._pixels is not None else []
            for old in [p for p in self._tiles if p != self.whole][:-_KEPT_PARTS]:
                self._tiles.pop(old, None)
            self._tiles[part] = known
        return known

    def _make_tiles(self, part: Part) -> list[Tile]:
        assert self._pixels is not None
        cell_x, cell_y = self.look.cell_px
        column, row, columns, lines = part
        wide, high = max(1, _TILE_PX // cell_x), max(1, _TILE_PX // cell_y)
        tiles: list[Tile] = []
        for y in range(0, lines, high):
            for x in range(0, columns, wide):
                across, down = min(wide, columns - x), min(high, lines - y)
                left, upper = (column + x) * cell_x, (row + y) * cell_y
                cut = self._pixels.crop((left, upper, left + across * cell_x, upper + down * cell_y))
                tiles.append((x, y, self._encode(cut, across, down)))
        return tiles

    def _encode(self, image: Image.Image, columns: int, lines: int) -> str:
        if self.look.mode is ImageMode.SIXEL:
            return sixel.encode(image)
        return iterm.encode(image, columns, lines, thin=self.look.thin)

    def fill(self, image: Image.Image, crop: Crop | None) -> None:
        """Make all that is needed for the first frame."""
        look = self.look
        if not look.mode.has_pixels:
            self._rows = blocks.draw(
                image,
                self.columns,
                self.lines,
                look.mode,
                depth=look.depth,
                grey=look.grey,
                dark=look.dark,
                crop=crop,
            )
            self._runs = sum(len(row) for row in self._rows)
            return
        size = (self.columns * look.cell_px[0], self.lines * look.cell_px[1])
        if look.mode is ImageMode.KITTY and look.thin and size[0] * size[1] > _THIN_PIXELS:
            less = (_THIN_PIXELS / (size[0] * size[1])) ** 0.5
            size = (max(1, round(size[0] * less)), max(1, round(size[1] * less)))
        pixels = placed(image, size, crop=crop, grey=look.grey, ground=look.ground)
        if look.mode is ImageMode.KITTY:
            self.data = kitty.encode(pixels, thin=look.thin)
            return
        if look.mode is ImageMode.SIXEL:
            pixels = sixel.quantized(pixels, sixel.THIN_COLOURS if look.thin else sixel.COLOURS)
        self._pixels = pixels
        self.tiles(self.whole)


def make(image: Image.Image, columns: int, lines: int, look: Look, crop: Crop | None = None) -> Drawing:
    """Draw a picture, or a part of it, into a box of exactly that many cells."""
    drawing = Drawing(columns, lines, look)
    if columns and lines and look.mode is not ImageMode.OFF:
        drawing.fill(image, crop)
    return drawing
