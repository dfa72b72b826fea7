"""Sixel: a palette, then bands of six pixel rows, colour by colour.  Pure; blocks: call it in a thread.

A byte of a band is six pixels of one column in one colour.  Colours are defined at the head: xterm paints a
colour that is defined later with what the number meant before (terminal-facts, section 1.4).
"""

from __future__ import annotations

import re
from itertools import repeat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

#: The same character four times or more is written as a count: columns without the colour first, which are
#: nearly all of a band and would take the general pattern four times as long.
_BLANK = re.compile(rb"(\?{4,})")
_REPEATED = re.compile(rb"([@-~])\1{3,}")
_END = "\x1b\\"


#: Colours of a picture, and where bytes are dear, a fifth to a third fewer. With 64 skies are steps.
COLOURS, THIN_COLOURS = 256, 128
#: The palette is found in a sample of so many pixels a side.
_SAMPLE_PX = 64


def quantized(image: Image.Image, colours: int = COLOURS) -> Image.Image:
    """The picture with a palette of its own of at most so many colours.

    Pillow's fast octree is off by 20 of 255 in places; its maximum coverage is exact and takes a second for a
    large picture: from a sample it is as good and takes 10 ms.
    """
    from PIL import Image as pillow

    sample = image
    if image.width * image.height > 2 * _SAMPLE_PX * _SAMPLE_PX:
        sample = image.resize((_SAMPLE_PX, _SAMPLE_PX), pillow.Resampling.NEAREST)
    palette = sample.quantize(colours, method=pillow.Quantize.MAXCOVERAGE)
    return palette if sample is image else image.quantize(palette=palette, dither=pillow.Dither.NONE)


def encode(image: Image.Image) -> str:
    """A picture with a palette as one sixel sequence.

    Args:
        image: of mode ``P``, as by :func:`quantized`.
    """
    width, height = image.size
    raw = image.tobytes()
    palette = image.getpalette() or []
    parts = [f'\x1bP0;1;0q"1;1;{width};{height}', _definitions(raw, palette)]
    blanks = [b"!%d?" % count for count in range(width + 1)]
    for top in range(0, height, 6):
        parts.append(_band(raw[top * width : (top + 6) * width], width, blanks))
        parts.append("-")
    parts[-1] = _END
    return "".join(parts)


def _definitions(raw: bytes, palette: list[int]) -> str:
    return "".join(
        f"#{index};2;"
        + ";".join(str(round(channel / 2.55)) for channel in palette[3 * index : 3 * index + 3])
        for index in sorted(set(raw))
    )


def _band(band: bytes, width: int, blanks: list[bytes]) -> str:
    """Six rows: for each colour the columns where it is; what has ended is not padded."""
    there = sorted(set(band))
    # The last band may lack rows: theirs is a colour that nothing has.
    rows = [band[y * width : (y + 1) * width] or repeat(_NO_COLOUR, width) for y in range(6)]
    columns = [bytearray()] * _NO_COLOUR + [bytearray(width)]
    for colour in there:
        columns[colour] = bytearray(width)
    # A pixel at a time takes a third longer, and the same with an integer for a row three times as long.
    for x, (first, second, third, fourth, fifth, sixth) in enumerate(zip(*rows, strict=True)):
        columns[first][x] = 1
        columns[second][x] |= 2
        columns[third][x] |= 4
        columns[fourth][x] |= 8
        columns[fifth][x] |= 16
        columns[sixth][x] |= 32
    lines = [_NAMES[colour] + columns[colour].rstrip(b"\0").translate(_TO_SIXEL) for colour in there]
    pieces = _BLANK.split(b"$".join(lines))
    pieces[1::2] = map(blanks.__getitem__, map(len, pieces[1::2]))
    short = _REPEATED.sub(lambda run: b"!%d%c" % (len(run[0]), run[0][0]), b"".join(pieces))
    return short.decode("ascii")


_NO_COLOUR = 256
_NAMES = [b"#%d" % colour for colour in range(_NO_COLOUR)]
_TO_SIXEL = bytes((value + 63) & 0xFF for value in range(256))
