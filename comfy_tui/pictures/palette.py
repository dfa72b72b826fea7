"""The fixed colours of plain terminals, and pictures drawn with them alone: dithered, not banded."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from comfy_tui.pictures.mode import ColourDepth

if TYPE_CHECKING:
    from PIL import Image

Colour: TypeAlias = tuple[int, int, int]

_LEVELS = (0, 95, 135, 175, 215, 255)
#: The colours 16 to 255 of xterm's 256, which all terminals share; the first 16 are the theme's.
EIGHT_BIT: tuple[Colour, ...] = (
    *((red, green, blue) for red in _LEVELS for green in _LEVELS for blue in _LEVELS),
    *((level, level, level) for level in range(8, 248, 10)),
)
#: The sixteen, as Rich takes them to be; a terminal's theme may have others.
STANDARD: tuple[Colour, ...] = (
    *((0, 0, 0), (170, 0, 0), (0, 170, 0), (170, 85, 0)),
    *((0, 0, 170), (170, 0, 170), (0, 170, 170), (170, 170, 170)),
    *((85, 85, 85), (255, 85, 85), (85, 255, 85), (255, 255, 85)),
    *((85, 85, 255), (255, 85, 255), (85, 255, 255), (255, 255, 255)),
)
#: The dark one of each bright colour.
DARKER = dict(zip(STANDARD[8:], STANDARD[:8], strict=True))


@cache
def _palette(depth: ColourDepth) -> Image.Image:
    from PIL import Image as pillow

    colours = EIGHT_BIT if depth is ColourDepth.EIGHT_BIT else STANDARD
    holder = pillow.new("P", (1, 1))
    holder.putpalette([channel for colour in colours for channel in colour])
    return holder


def dithered(image: Image.Image, depth: ColourDepth) -> Image.Image:
    """The picture in RGB with only the colours of that depth; Floyd and Steinberg spread the rest.

    Args:
        image: RGB.
        depth: what the terminal has; with ``truecolor`` the picture stays as it is.
    """
    from PIL import Image as pillow

    if depth not in (ColourDepth.EIGHT_BIT, ColourDepth.STANDARD):
        return image
    return image.quantize(palette=_palette(depth), dither=pillow.Dither.FLOYDSTEINBERG).convert("RGB")
