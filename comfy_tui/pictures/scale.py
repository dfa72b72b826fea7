"""From a picture to exactly the pixels that are drawn: cut out, scaled, on a chequered ground.

Blocks: call it in a thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from PIL import Image

#: Left, upper, right and lower edge in pixels of the source.
Crop: TypeAlias = tuple[int, int, int, int]

_CHECKS = (0x60, 0x90)
#: Enlarged by more than this, pixels are shown as the squares that they are.
_SQUARES_FROM = 2.5
#: What would fill so much of its box is stretched to fill it.
_STRETCHED_FROM = 0.97


def fit(width: int, height: int, columns: int, lines: int, ratio: float = 2.0) -> tuple[int, int]:
    """The largest box of cells inside ``columns`` x ``lines`` with the picture's proportions.

    Args:
        width: of the picture.
        height: of the picture.
        columns: cells across that there are.
        lines: cells down that there are.
        ratio: how much higher than wide a cell is.
    """
    if width <= 0 or height <= 0 or columns <= 0 or lines <= 0:
        return (0, 0)
    wide = min(float(columns), lines * ratio * width / height)
    return (
        max(1, min(columns, round(wide))),
        max(1, min(lines, round(wide * height / width / ratio))),
    )


def scaled(
    image: Image.Image,
    size: tuple[int, int],
    *,
    crop: Crop | None = None,
    checks: tuple[int, int] = (8, 8),
    grey: bool = False,
) -> Image.Image:
    """The picture, or the part of it, in RGB at that size.

    Args:
        image: RGB or RGBA.
        size: width and height wanted, in pixels.
        crop: the part of it; None for all.
        checks: width and height of the squares behind what shows through.
        grey: without colours.
    """
    from PIL import Image as pillow

    box = _inside(image, crop)
    larger = min(size[0] / (box[2] - box[0]), size[1] / (box[3] - box[1]))
    if size == (box[2] - box[0], box[3] - box[1]):
        picture = image.crop(box) if box != (0, 0, *image.size) else image
    elif larger >= _SQUARES_FROM and crop is not None:
        picture = image.resize(size, pillow.Resampling.NEAREST, box=box)
    else:
        picture = image.resize(size, pillow.Resampling.LANCZOS, box=box, reducing_gap=2.0)
    if picture.mode == "RGBA":
        picture = _on_checks(picture, checks)
    elif picture.mode != "RGB":
        picture = picture.convert("RGB")
    return picture.convert("L").convert("RGB") if grey else picture


def placed(
    image: Image.Image,
    size: tuple[int, int],
    *,
    crop: Crop | None = None,
    grey: bool = False,
    ground: tuple[int, int, int] = (0, 0, 0),
) -> Image.Image:
    """As :func:`scaled`, but with its own proportions, in the middle of a ground of that size."""
    from PIL import Image as pillow

    box = _inside(image, crop)
    wide, high = box[2] - box[0], box[3] - box[1]
    factor = min(size[0] / wide, size[1] / high)
    inner = (max(1, min(size[0], round(wide * factor))), max(1, min(size[1], round(high * factor))))
    # A thin edge of ground looks like a fault, and so little stretching like nothing.
    if min(inner[0] / size[0], inner[1] / size[1]) >= _STRETCHED_FROM:
        inner = size
    picture = scaled(image, inner, crop=crop, grey=grey)
    if inner == size:
        return picture
    whole = pillow.new("RGB", size, ground)
    whole.paste(picture, ((size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2))
    return whole


def _inside(image: Image.Image, crop: Crop | None) -> Crop:
    """The crop, cut to the picture; at least one pixel."""
    if crop is None:
        return (0, 0, *image.size)
    left, upper = min(max(0, crop[0]), image.width - 1), min(max(0, crop[1]), image.height - 1)
    return (left, upper, max(left + 1, min(crop[2], image.width)), max(upper + 1, min(crop[3], image.height)))


def _on_checks(picture: Image.Image, square: tuple[int, int]) -> Image.Image:
    """RGB: what shows through is a chequered ground."""
    from PIL import Image as pillow

    width, height = picture.size
    tile = pillow.new("L", (2 * square[0], 2 * square[1]), _CHECKS[0])
    for corner in ((0, 0), square):
        tile.paste(_CHECKS[1], (*corner, corner[0] + square[0], corner[1] + square[1]))
    ground = pillow.new("L", (width, height))
    for x in range(0, width, tile.width):
        ground.paste(tile, (x, 0))
    strip = ground.crop((0, 0, width, tile.height))
    for y in range(0, height, tile.height):
        ground.paste(strip, (0, y))
    colours: Any = ground.convert("RGB")
    colours.paste(picture, mask=picture.getchannel("A"))
    result: Image.Image = colours
    return result
