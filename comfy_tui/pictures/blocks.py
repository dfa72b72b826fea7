"""A picture as characters: quadrants, half blocks, or an ASCII ramp.  Pure; blocks: call it in a thread.

Each cell has two colours.  A quadrant block cuts it into 2x2 parts, which are sharper than half blocks and
in every font (terminal-facts, section 2).  A cell is taken to be twice as high as wide.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from PIL import Image

Colour: TypeAlias = tuple[int, int, int]
#: A run of characters with the same colours: text, foreground, background; None is the terminal's own.
Run: TypeAlias = tuple[str, Colour | None, Colour | None]
Rows: TypeAlias = tuple[tuple[Run, ...], ...]

#: How much higher than wide a cell is.
CELL_RATIO = 2.0
#: By the parts that have the foreground: 1 upper left, 2 upper right, 4 lower left, 8 lower right.
QUADRANTS = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"
_RAMP = " .:-=+*#%@"
_CHECKS = (0x60, 0x90)


class Blocks(StrEnum):
    """With which characters a picture is drawn."""

    QUADRANTS = "quadrants"
    HALVES = "halves"
    ASCII = "ascii"


def fit(width: int, height: int, columns: int, lines: int) -> tuple[int, int]:
    """The largest box of cells inside ``columns`` x ``lines`` with the picture's proportions."""
    if width <= 0 or height <= 0 or columns <= 0 or lines <= 0:
        return (0, 0)
    wide = min(float(columns), lines * CELL_RATIO * width / height)
    return (
        max(1, min(columns, round(wide))),
        max(1, min(lines, round(wide * height / width / CELL_RATIO))),
    )


def draw(
    image: Image.Image, columns: int, lines: int, how: Blocks, *, grey: bool = False, dark: bool = True
) -> Rows:
    """Draw a picture into a box of exactly that many cells; :func:`fit` finds the box.

    Args:
        image: RGB or RGBA.
        columns: cells across.
        lines: cells down.
        how: the characters.
        grey: without colours, for NO_COLOR: the two tones of a cell are chosen by lightness.
        dark: the terminal's background is dark; for ASCII, which has no background of its own.
    """
    across = 2 if how is Blocks.QUADRANTS else 1
    down = 1 if how is Blocks.ASCII else 2
    picture = _scaled(image, columns * across, lines * down, across, down)
    if how is Blocks.ASCII:
        return _ascii(picture, columns, lines, dark=dark)
    if grey:
        picture = picture.convert("L").convert("RGB")
    pixels = _pixels(picture)
    make = _quadrant_row if how is Blocks.QUADRANTS else _half_row
    return tuple(make(pixels[2 * y], pixels[2 * y + 1]) for y in range(lines))


def _scaled(image: Image.Image, width: int, height: int, across: int, down: int) -> Any:
    """RGB of that size; what shows through is a chequered ground."""
    from PIL import Image as pillow

    picture = image.resize((width, height), pillow.Resampling.LANCZOS, reducing_gap=2.0)
    if picture.mode != "RGBA":
        return picture.convert("RGB")
    square = (2 * across, down)
    tile = pillow.new("L", (2 * square[0], 2 * square[1]), _CHECKS[0])
    for corner in ((0, 0), square):
        tile.paste(_CHECKS[1], (*corner, corner[0] + square[0], corner[1] + square[1]))
    ground = pillow.new("L", (width, height))
    for x in range(0, width, tile.width):
        ground.paste(tile, (x, 0))
    strip = ground.crop((0, 0, width, tile.height))
    for y in range(0, height, tile.height):
        ground.paste(strip, (0, y))
    colours = ground.convert("RGB")
    colours.paste(picture, mask=picture.getchannel("A"))
    return colours


def _pixels(picture: Any) -> list[list[Colour]]:
    raw = picture.tobytes()
    width, height = picture.size
    flat = list(zip(raw[0::3], raw[1::3], raw[2::3], strict=True))
    return [flat[y * width : (y + 1) * width] for y in range(height)]


def _half_row(upper: list[Colour], lower: list[Colour]) -> tuple[Run, ...]:
    return _runs([("▀", above, below) for above, below in zip(upper, lower, strict=True)])


def _quadrant_row(upper: list[Colour], lower: list[Colour]) -> tuple[Run, ...]:
    cells: list[Run] = []
    for x in range(0, len(upper), 2):
        cells.append(_quadrant(upper[x], upper[x + 1], lower[x], lower[x + 1]))
    return _runs(cells)


def _quadrant(a: Colour, b: Colour, c: Colour, d: Colour) -> Run:
    """Cut four colours in two at the middle of the channel that differs most; each part gets its mean."""
    widest, spread, middle = 0, -1, 0
    for channel in (0, 1, 2):
        values = (a[channel], b[channel], c[channel], d[channel])
        low, high = min(values), max(values)
        if high - low > spread:
            widest, spread, middle = channel, high - low, (low + high) // 2
    if spread < 4:
        return (" ", None, _mean((a, b, c, d)))
    front: list[Colour] = []
    back: list[Colour] = []
    mask = 0
    for bit, colour in ((1, a), (2, b), (4, c), (8, d)):
        if colour[widest] > middle:
            mask |= bit
            front.append(colour)
        else:
            back.append(colour)
    return (QUADRANTS[mask], _mean(front), _mean(back))


def _mean(colours: list[Colour] | tuple[Colour, ...]) -> Colour:
    count = len(colours)
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


def _runs(cells: list[Run]) -> tuple[Run, ...]:
    """Join neighbours of the same colours: fewer bytes on the line."""
    joined: list[Run] = []
    for text, front, back in cells:
        if joined and joined[-1][1] == front and joined[-1][2] == back:
            joined[-1] = (joined[-1][0] + text, front, back)
        else:
            joined.append((text, front, back))
    return tuple(joined)
