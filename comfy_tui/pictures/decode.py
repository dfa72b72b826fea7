"""From a file's bytes to a small picture in memory, whatever the bytes are.  Blocks: call it in a thread."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from comfy_tui.errors import BadReply

if TYPE_CHECKING:
    from PIL import Image

#: A 9000x9000 PNG of 236 kB takes 0.8 s and 309 MB: the size is looked at before anything is unpacked.
MAX_PIXELS = 40_000_000
#: The long side of what is kept: enough for the largest terminal, 4 MB at most.
KEEP_PX = 1024
#: Left out are readers that start programs (EPS), and TIFF and JPEG 2000, whose C libraries write
#: their complaints straight to the terminal.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "AVIF", "BMP", "PPM", "TGA", "ICO", "QOI")


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """A picture, made small enough to keep, and what the file said of itself.

    ``image`` is RGB, or RGBA where something shows through; an animation's first frame.
    """

    image: Image.Image
    width: int
    height: int
    format: str
    size_bytes: int
    animated: bool = False


def _pillow() -> Any:
    """Pillow's module, imported on first use (33 ms)."""
    from PIL import Image

    # Our own limit is lower than the one that is warned of; a warning would go to stderr, the screen.
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)
    return Image


def decode(content: bytes) -> Decoded:
    """Read a picture.

    Raises:
        BadReply: it is no picture, a broken one, or too large to draw.
    """
    pillow = _pillow()
    try:
        with pillow.open(io.BytesIO(content), formats=FORMATS) as opened:
            width, height = opened.size
            if width * height > MAX_PIXELS:
                raise _too_large(f"{width}x{height} pixels")
            return Decoded(
                image=_small(opened),
                width=width,
                height=height,
                format=str(opened.format or ""),
                size_bytes=len(content),
                animated=_is_animated(opened),
            )
    except pillow.DecompressionBombError as error:
        raise _too_large("more pixels than any screen") from error
    except pillow.UnidentifiedImageError as error:
        raise BadReply("Not a picture", "it is in no format that can be drawn", _HINT) from error
    except _BROKEN as error:
        reason = str(error) or type(error).__name__
        raise BadReply("The picture is broken", reason[:200], _HINT) from error


_HINT = "s saves the file as it is."
#: What Pillow raises on bytes that are not what they claim to be.
_BROKEN = (
    *(OSError, ValueError, SyntaxError, EOFError, struct.error, zlib.error, MemoryError, OverflowError),
    *(IndexError, KeyError, TypeError, AttributeError, ArithmeticError, RuntimeError, NotImplementedError),
)


def _too_large(what: str) -> BadReply:
    limit = MAX_PIXELS // 1_000_000
    return BadReply("The picture is too large to draw", f"{what}; up to {limit} megapixels are drawn", _HINT)


def _small(opened: Any) -> Image.Image:
    """The first frame, not larger than is kept, as RGB or RGBA."""
    pillow = _pillow()
    opened.draft("RGB", (KEEP_PX, KEEP_PX))
    opened.load()
    picture = _as_colours(opened)
    scale = min(1.0, KEEP_PX / max(picture.size))
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    if size != picture.size:
        picture = picture.resize(size, pillow.Resampling.LANCZOS, reducing_gap=2.0)
    elif picture is opened:
        picture = picture.copy()
    if picture.mode == "RGBA" and picture.getchannel("A").getextrema() == (255, 255):
        picture = picture.convert("RGB")
    # The info holds the file's prompt and workflow, and whatever else was packed into it.
    picture.info = {}
    small: Image.Image = picture
    return small


def _as_colours(opened: Any) -> Any:
    if opened.mode in ("RGB", "RGBA"):
        return opened
    if opened.mode.startswith("I") or opened.mode == "F":
        # Pillow would cut 16 bits off at 255, which is white nearly everywhere.
        grey = opened.convert("F")
        low, high = grey.getextrema()
        top = 65535.0 if opened.mode.startswith("I") and low >= 0 and high > 255 else max(high, 1.0)
        return grey.point(lambda value: value * (255.0 / top)).convert("L").convert("RGB")
    transparent = opened.mode in ("LA", "PA", "La", "RGBa") or "transparency" in opened.info
    return opened.convert("RGBA" if transparent else "RGB")


def _is_animated(opened: Any) -> bool:
    try:
        return bool(getattr(opened, "is_animated", False))
    except _BROKEN:
        return False
