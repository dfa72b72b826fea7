"""By which means a terminal shows a picture, and how many colours it has."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ImageMode(StrEnum):
    """A graphics protocol, or the characters that stand for pixels; ``auto`` is what suits the terminal."""

    AUTO = "auto"
    KITTY = "kitty"
    SIXEL = "sixel"
    ITERM = "iterm"
    QUADRANT = "quadrant"
    HALF = "half"
    SEXTANT = "sextant"
    SHADE = "shade"
    ASCII = "ascii"
    OFF = "off"

    @property
    def has_pixels(self) -> bool:
        """Whether a graphics protocol shows real pixels."""
        return self in (ImageMode.KITTY, ImageMode.SIXEL, ImageMode.ITERM)


class ColourDepth(StrEnum):
    """How many colours a terminal shows."""

    TRUE = "truecolor"
    EIGHT_BIT = "256"
    STANDARD = "16"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Look:
    """All that decides how a picture is drawn on this terminal, beside the picture and its size."""

    #: Never ``auto``.
    mode: ImageMode = ImageMode.QUADRANT
    depth: ColourDepth = ColourDepth.TRUE
    #: Width and height of a cell in pixels; for protocols without one there is none to be drawn exactly.
    cell_px: tuple[int, int] = (10, 20)
    #: Without colours, for NO_COLOR.
    grey: bool = False
    #: The ground is dark; for ASCII, which has none of its own.
    dark: bool = True
    #: The ground around the picture.
    ground: tuple[int, int, int] = (0, 0, 0)
    #: Bytes are dear: a palette for kitty, a smaller one for sixel, fewer pixels where the terminal enlarges.
    thin: bool = False

    @property
    def cell_ratio(self) -> float:
        """How much higher than wide a cell is."""
        return self.cell_px[1] / self.cell_px[0] if self.mode.has_pixels else 2.0

    @property
    def dots(self) -> tuple[int, int]:
        """How many dots a cell shows, across and down."""
        if self.mode.has_pixels:
            return self.cell_px
        match self.mode:
            case ImageMode.SEXTANT:
                return (2, 3)
            case ImageMode.HALF:
                return (1, 2)
            case ImageMode.ASCII | ImageMode.SHADE:
                return (1, 1)
            case _:
                return (2, 2)
