"""A picture as characters: quadrants, half blocks, sextants, or an ASCII ramp.  Pure; blocks: use a thread.

Each cell has two colours.  A quadrant block cuts it into 2x2 parts, which are sharper than half blocks and
in every font; sextants, 2x3, are sharper still and need a font of Unicode 13 (terminal-facts, section 2).
A cell is taken to be twice as high as wide.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from comfy_tui.pictures.mode import ColourDepth, ImageMode
from comfy_tui.pictures.palette import DARKER, Colour, dithered
from comfy_tui.pictures.scale import Crop, scaled
from comfy_tui.pictures.shades import shaded

if TYPE_CHECKING:
    from PIL import Image

#: A run of characters with the same colours: text, foreground, background; None is the terminal's own.
Run: TypeAlias = tuple[str, Colour | None, Colour | None]
Rows: TypeAlias = tuple[tuple[Run, ...], ...]
#: The parts of a cell that have the foreground, a bit for each; the foreground; the background.
_Cell: TypeAlias = tuple[int, Colour, Colour]

#: By the parts that have the foreground: 1 upper, 2 lower.
HALVES = " ▀▄█"
#: By the parts that have the foreground: 1 upper left, 2 upper right, 4 lower left, 8 lower right.
QUADRANTS = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"
#: By the parts in reading order: U+1FB00 and on, without the three that are older blocks.
SEXTANTS = "".join(
    {0: " ", 21: "▌", 42: "▐", 63: "█"}.get(mask) or chr(0x1FB00 + mask - 1 - (mask > 21) - (mask > 42))
    for mask in range(64)
)
#: How a cell is cut, where not in quadrants: parts across and down; characters by the parts in front.
_CUTS = {
    ImageMode.ASCII: (1, 1, ""),
    ImageMode.SHADE: (1, 1, ""),
    ImageMode.HALF: (1, 2, HALVES),
    ImageMode.SEXTANT: (2, 3, SEXTANTS),
}
_RAMP = " .:-=+*#%@"
#: Colours this near to each other are one.
_SAME = 4


def draw(
    image: Image.Image,
    columns: int,
    lines: int,
    mode: ImageMode = ImageMode.QUADRANT,
    *,
    depth: ColourDepth = ColourDepth.TRUE,
    grey: bool = False,
    dark: bool = True,
    crop: Crop | None = None,
) -> Rows:
    """Draw a picture into a box of exactly that many cells; :func:`~.scale.fit` finds the box.

    Args:
        image: RGB or RGBA.
        columns: cells across.
        lines: cells down.
        mode: the characters; anything but half blocks, sextants, shades and ASCII is quadrants.
        depth: with less than true colour the colours are dithered.
        grey: without colours, for NO_COLOR: the two tones of a cell are chosen by lightness.
        dark: the terminal's background is dark; for ASCII, which has no background of its own.
        crop: the part of the picture to draw.
    """
    across, down, glyphs = _CUTS.get(mode, (2, 2, QUADRANTS))
    size, checks = (columns * across, lines * down), (2 * across, down)
    picture = scaled(image, size, crop=crop, checks=checks, grey=grey)
    if mode is ImageMode.ASCII:
        return _ascii(picture, columns, lines, dark=dark)
    if mode is ImageMode.SHADE:
        return tuple(_runs(row) for row in shaded(picture, grey=grey))
    halved = mode is ImageMode.HALF
    cells = _halves(picture, depth) if halved else _split(picture, down, depth)
    if depth is ColourDepth.STANDARD:
        cells = [[_on_dark(cell, len(glyphs) - 1) for cell in row] for row in cells]
    return tuple(_runs([_run(cell, glyphs) for cell in row]) for row in cells)


def _halves(picture: Any, depth: ColourDepth) -> list[list[_Cell]]:
    """Each cell has the two colours of its halves."""
    rows = _pixels(dithered(picture, depth))
    return [
        [(1, above, below) for above, below in zip(upper, lower, strict=True)]
        for upper, lower in zip(rows[0::2], rows[1::2], strict=True)
    ]


def _split(picture: Any, down: int, depth: ColourDepth) -> list[list[_Cell]]:
    """Each cell, two parts wide and ``down`` high, has the two colours that come near to its parts."""
    rows = _pixels(picture)
    cells = [
        [_cell(parts) for parts in zip(*_parts(rows[y : y + down]), strict=True)]
        for y in range(0, len(rows), down)
    ]
    return _dithered_cells(cells, depth) if depth in (ColourDepth.EIGHT_BIT, ColourDepth.STANDARD) else cells


def _pixels(picture: Any) -> list[list[Colour]]:
    raw = picture.tobytes()
    width, height = picture.size
    flat = list(zip(raw[0::3], raw[1::3], raw[2::3], strict=True))
    return [flat[y * width : (y + 1) * width] for y in range(height)]


def _parts(rows: list[list[Colour]]) -> list[list[Colour]]:
    """Rows two parts wide a cell, as one list for each part of a cell in reading order."""
    return [row[side::2] for row in rows for side in (0, 1)]


def _cell(parts: Sequence[Colour]) -> _Cell:
    """Cut the colours in two at the middle of the channel that differs most; each part gets its mean."""
    widest, spread, middle = 0, -1, 0
    for channel in (0, 1, 2):
        values = [colour[channel] for colour in parts]
        low, high = min(values), max(values)
        if high - low > spread:
            widest, spread, middle = channel, high - low, (low + high) // 2
    if spread < _SAME:
        mean = _mean(parts)
        return (0, mean, mean)
    front: list[Colour] = []
    back: list[Colour] = []
    mask, bit = 0, 1
    for colour in parts:
        if colour[widest] > middle:
            mask |= bit
            front.append(colour)
        else:
            back.append(colour)
        bit <<= 1
    return (mask, _mean(front), _mean(back))


def _run(cell: _Cell, glyphs: str) -> Run:
    mask, front, back = cell
    return (glyphs[mask], front, back) if mask and front != back else (" ", None, back)


def _on_dark(cell: _Cell, whole: int) -> _Cell:
    """The cell with one of the eight dark colours behind: the Linux console has no other grounds.

    Args:
        cell: in the sixteen colours.
        whole: the mask of all parts.
    """
    mask, front, back = cell
    if back not in DARKER:
        return cell
    if not mask or front == back:
        return (whole, back, DARKER[back])
    if front not in DARKER:
        return (whole ^ mask, back, front)
    return (mask, front, DARKER[back])


def _dithered_cells(cells: list[list[_Cell]], depth: ColourDepth) -> list[list[_Cell]]:
    """The same cells in the colours that there are.

    The two colours of each cell lie side by side in one picture, so that what one cannot show is carried on
    to its neighbours.
    """
    from PIL import Image as pillow

    width = 2 * len(cells[0])
    flat = bytes(channel for row in cells for _, front, back in row for c in (back, front) for channel in c)
    colours = _pixels(dithered(pillow.frombytes("RGB", (width, len(cells)), flat), depth))
    return [
        [(mask, row[2 * x + 1], row[2 * x]) for x, (mask, _, _) in enumerate(line)]
        for line, row in zip(cells, colours, strict=True)
    ]


def _mean(colours: Sequence[Colour]) -> Colour:
    count = len(colours)
    if count == 1:
        return colours[0]
    return (
        sum(colour[0] for colour in colours) // count,
        sum(colour[1] for colour in colours) // count,
        sum(colour[2] for colour in colours) // count,
    )


def _ascii(picture: Any, columns: int, lines: int, *, dark: bool) -> Rows:
    raw = picture.convert("L").tobytes()
    ramp = _RAMP if dark else _RAMP[::-1]
    shades = [ramp[value * len(ramp) // 256] for value in range(256)]
    return tuple(
        (("".join(shades[value] for value in raw[y * columns : (y + 1) * columns]), None, None),)
        for y in range(lines)
    )


def _runs(cells: Sequence[Run]) -> tuple[Run, ...]:
    """Join neighbours of the same colours: fewer bytes on the line."""
    joined: list[Run] = []
    for text, front, back in cells:
        if joined and joined[-1][1] == front and joined[-1][2] == back:
            joined[-1] = (joined[-1][0] + text, front, back)
        else:
            joined.append((text, front, back))
    return tuple(joined)
