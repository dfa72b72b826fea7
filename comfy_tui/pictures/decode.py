"""From a file's bytes to a small picture in memory, whatever the bytes are.  Blocks: call it in a thread."""

from __future__ import annotations

import io
import re
import struct
import warnings
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from comfy_tui.errors import BadReply
from comfy_tui.pictures.excess import excess

if TYPE_CHECKING:
    from PIL import Image

#: A 9000x9000 PNG of 236 kB takes 0.8 s and 309 MB: the size is looked at before anything is unpacked.
MAX_PIXELS = 40_000_000
#: The long side of what is kept: enough for the largest terminal, 4 MB at most.
KEEP_PX = 1024
#: The long side of a picture in a grid.
THUMB_PX = 256
#: So many pixels are kept for zooming: 60 MB. Larger pictures are made smaller, which is said.
FULL_PIXELS = 20_000_000
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "AVIF")
#: These run in a process of their own (content/worker.py), which can be ended: the C libraries of the first
#: two write their complaints straight to the terminal, the others are written in Python, a minute for a large
#: picture. Left out altogether are readers that start programs (EPS).
ISOLATED_FORMATS = ("TIFF", "JPEG2000", "BMP", "PPM", "TGA", "ICO", "QOI")


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

    @property
    def memory_bytes(self) -> int:
        """What its pixels take."""
        return pixel_bytes(self.image)


def pixel_bytes(image: Image.Image) -> int:
    """What a picture takes in memory: Pillow keeps four bytes a pixel of whatever has more than one band."""
    return image.width * image.height * (1 if len(image.getbands()) == 1 else 4)


def open_pillow() -> Any:
    """Pillow's module, imported on first use (33 ms)."""
    from PIL import Image

    # Pillow refuses twice its limit, and looks at pictures inside of others and at later frames as well.
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2
    # A warning would go to stderr, the screen.
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)
    return Image


def decode(content: bytes, *, keep_px: int = KEEP_PX) -> Decoded:
    """Read a picture, its long side at most ``keep_px``.

    Raises:
        BadReply: it is no picture, a broken one, or too large to draw.
    """
    return decode_any(content, FORMATS, keep_px)


def decode_full(content: bytes) -> Decoded:
    """Read a picture with all its pixels, as far as :data:`FULL_PIXELS` allows.

    Raises:
        BadReply: as for :func:`decode`.
    """
    return decode_any(content, FORMATS, 0)


def decode_any(content: bytes, formats: tuple[str, ...], keep_px: int) -> Decoded:
    """Read a picture in one of these formats; ``keep_px`` 0 keeps its size.

    Raises:
        BadReply: as for :func:`decode`.
    """
    pillow = open_pillow()
    check(content)
    try:
        with pillow.open(io.BytesIO(content), formats=formats) as opened:
            width, height = opened.size
            image = _small(opened, keep_px or full_side(width, height))
            if _turn(opened) in _LYING:
                width, height = height, width
            return Decoded(
                image=image,
                width=width,
                height=height,
                format=str(opened.format or ""),
                size_bytes=len(content),
                animated=_is_animated(opened),
            )
    except pillow.DecompressionBombError as error:
        pixels = re.search(r"\d+", str(error))
        size = f"{int(pixels[0]) / 1e6:,.0f}" if pixels else f"more than {MAX_PIXELS / 1e6:.0f}"
        raise _too_large(f"{size} megapixels") from error
    except pillow.UnidentifiedImageError as error:
        raise BadReply("Not a picture", "it is in no format that can be drawn", _HINT) from error
    except BROKEN as error:
        reason = str(error) or type(error).__name__
        raise BadReply("The picture is broken", reason[:200], _HINT) from error


def check(content: bytes) -> None:
    """Look whether a picture costs more than its pixels.

    Raises:
        BadReply: it does.
    """
    if too_much := excess(content):
        raise BadReply("The picture takes too long to read", f"it has {too_much}", _HINT)


def full_side(width: int, height: int) -> int:
    """The long side of a picture that is kept for zooming."""
    scale = min(1.0, (FULL_PIXELS / max(1, width * height)) ** 0.5)
    return max(1, int(max(width, height) * scale))


def shrunk(decoded: Decoded, keep_px: int) -> Decoded:
    """The same picture with a shorter long side; itself where it is short enough.  Blocks."""
    image = decoded.image
    if max(image.size) <= keep_px:
        return decoded
    return replace(decoded, image=_resized(image, keep_px))


_HINT = "s saves the file as it is."
#: The profile of a printing press has half a megabyte; what is larger is not used.
_MOST_PROFILE_BYTES = 4 * 1024 * 1024
#: What Pillow raises on bytes that are not what they claim to be.
BROKEN = (
    *(OSError, ValueError, SyntaxError, EOFError, struct.error, zlib.error, MemoryError, OverflowError),
    *(IndexError, KeyError, TypeError, AttributeError, ArithmeticError, RuntimeError, NotImplementedError),
)


def _too_large(what: str) -> BadReply:
    limit = MAX_PIXELS // 1_000_000
    return BadReply("The picture is too large to draw", f"{what}; up to {limit} megapixels are drawn", _HINT)


def _small(opened: Any, keep_px: int) -> Image.Image:
    """The first frame, not larger than is kept, as RGB or RGBA."""
    opened.draft("RGB", (keep_px, keep_px))
    opened.load()
    small = bare(_in_srgb(opened, keep_px), keep_px)
    turned = _TURNS.get(_turn(opened))
    return small if turned is None else small.transpose(turned)


def _in_srgb(opened: Any, keep_px: int) -> Any:
    """The picture in a screen's colours where it brings a profile of others; else as it is."""
    profile = opened.info.get("icc_profile")
    if not isinstance(profile, bytes) or len(profile) > _MOST_PROFILE_BYTES:
        return opened
    if opened.mode not in ("RGB", "CMYK") or b"sRGB" in profile.replace(b"\0", b""):
        return opened
    from PIL import ImageCms

    small = _resized(opened, keep_px) if max(opened.size) > keep_px else opened
    try:
        return ImageCms.profileToProfile(
            small, io.BytesIO(profile), ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, *BROKEN):
        return opened


#: How a picture is brought upright, by the orientation that a camera wrote (EXIF), as Pillow numbers it.
_TURNS: dict[int, Any] = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
_LYING = (5, 6, 7, 8)


def _turn(opened: Any) -> int:
    """Its orientation; TIFF's reader has turned the picture already, and taken the word away."""
    try:
        found = opened.getexif().get(0x0112, 1)
    except BROKEN:
        return 1
    return found if isinstance(found, int) else 1


def bare(opened: Any, keep_px: int) -> Image.Image:
    """The pixels of the frame that is loaded, as RGB or RGBA, without anything that the file said."""
    picture = _as_colours(opened)
    if max(picture.size) > keep_px:
        picture = _resized(picture, keep_px)
    elif picture is opened:
        picture = picture.copy()
    if picture.mode == "RGBA" and picture.getchannel("A").getextrema() == (255, 255):
        picture = picture.convert("RGB")
    # The info holds the file's prompt and workflow, and whatever else was packed into it.
    picture.info = {}
    small: Image.Image = picture
    return small


def _resized(picture: Any, keep_px: int) -> Any:
    scale = keep_px / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, open_pillow().Resampling.LANCZOS, reducing_gap=2.0)


def _as_colours(opened: Any) -> Any:
    if opened.mode in ("RGB", "RGBA"):
        return opened
    if opened.mode.startswith("I") or opened.mode == "F":
        # Pillow would cut 16 bits off at 255, which is white nearly everywhere.
        grey = opened.convert("F")
        low, high = grey.getextrema()
        deep = opened.mode.startswith("I;16") or (opened.mode == "I" and low >= 0 and high > 255)
        top = 65535.0 if deep else max(high, 1.0)
        return grey.point(lambda value: value * (255.0 / top)).convert("L").convert("RGB")
    transparent = opened.mode in ("LA", "PA", "La", "RGBa") or "transparency" in opened.info
    return opened.convert("RGBA" if transparent else "RGB")


def _is_animated(opened: Any) -> bool:
    try:
        return bool(getattr(opened, "is_animated", False))
    except BROKEN:
        return False
