"""Pictures of whole cells: two of the sixteen colours in one, mixed by the shades that every font has.  Pure.

For a Linux console whose font has no half blocks; it has eight dark grounds.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from comfy_tui.pictures.palette import STANDARD, Colour

if TYPE_CHECKING:
    from PIL import Image

#: Every shade with the part of the cell that has the foreground.
SHADES = {"░": 0.25, "▒": 0.5, "█": 1.0}
#: A character, its foreground and its background.
Mix: TypeAlias = tuple[str, Colour, Colour]


@cache
def _mixes(grey: bool) -> tuple[tuple[Mix, ...], Image.Image]:
    """All mixes that differ, and a palette of what they look like from afar.

    Args:
        grey: of greys alone.
    """
    from PIL import Image as pillow

    colours = [colour for colour in STANDARD if not grey or len(set(colour)) == 1]
    grounds = [colour for colour in colours if colour in STANDARD[:8]]
    seen: dict[Colour, Mix] = {}
    for glyph in sorted(SHADES, key=SHADES.__getitem__, reverse=True):
        part = SHADES[glyph]
        for front in colours:
            for back in grounds:
                red, green, blue = (
                    round(part * f + (1 - part) * b) for f, b in zip(front, back, strict=True)
                )
                seen.setdefault((red, green, blue), (glyph, front, back))
    holder = pillow.new("P", (1, 1))
    holder.putpalette([channel for colour in seen for channel in colour])
    return (tuple(seen.values()), holder)


def shaded(image: Image.Image, *, grey: bool) -> list[list[Mix]]:
    """The mixes for the dots of a picture, row by row; what one cannot show is carried on to its neighbours.

    Args:
        image: RGB, a dot for each cell.
        grey: without colours.
    """
    from PIL import Image as pillow

    mixes, palette = _mixes(grey)
    dots = image.quantize(palette=palette, dither=pillow.Dither.FLOYDSTEINBERG).tobytes()
    return [
        [mixes[dot] for dot in dots[y * image.width : (y + 1) * image.width]] for y in range(image.height)
    ]
