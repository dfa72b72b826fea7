"""Which part of a picture is seen: fitted, enlarged, moved about.  Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from comfy_tui.pictures.scale import Crop

_STEP = 1.5
_LARGEST = 32.0


@dataclass(frozen=True, slots=True)
class Zoom:
    """``scale`` is dots of the screen for a pixel of the original; None shows all of the picture.

    ``x`` and ``y`` are the middle of what is seen, 0 to 1.
    """

    scale: float | None = None
    x: float = 0.5
    y: float = 0.5

    @property
    def is_fitted(self) -> bool:
        """All of the picture is seen."""
        return self.scale is None

    def enlarged(self, factor: float, size: tuple[int, int], dots: tuple[int, int]) -> Zoom:
        """Larger or smaller by a factor; all of it where it would be smaller than that."""
        fitted = _fitted(size, dots)
        scale = (self.scale if self.scale is not None else fitted) * factor
        if scale <= fitted * 1.01:
            return Zoom()
        return replace(self, scale=min(_LARGEST, scale)).held(size, dots)

    def nearer(self, size: tuple[int, int], dots: tuple[int, int]) -> Zoom:
        """One step larger."""
        return self.enlarged(_STEP, size, dots)

    def farther(self, size: tuple[int, int], dots: tuple[int, int]) -> Zoom:
        """One step smaller."""
        return self.enlarged(1 / _STEP, size, dots)

    def native(self, size: tuple[int, int], dots: tuple[int, int]) -> Zoom:
        """A pixel on a dot; all of it where it is smaller than the screen."""
        return Zoom() if _fitted(size, dots) >= 1 else replace(self, scale=1.0).held(size, dots)

    def moved(self, right: int, down: int, size: tuple[int, int], dots: tuple[int, int]) -> Zoom:
        """By a quarter of what is seen."""
        if self.scale is None:
            return self
        wide, high = self._seen(size, dots)
        return replace(self, x=self.x + right * wide / 4, y=self.y + down * high / 4).held(size, dots)

    def held(self, size: tuple[int, int], dots: tuple[int, int]) -> Zoom:
        """Inside the picture."""
        wide, high = self._seen(size, dots)
        return replace(
            self,
            x=min(max(self.x, wide / 2), 1 - wide / 2),
            y=min(max(self.y, high / 2), 1 - high / 2),
        )

    def _seen(self, size: tuple[int, int], dots: tuple[int, int]) -> tuple[float, float]:
        """The part of width and height that is seen, 0 to 1."""
        scale = self.scale or _fitted(size, dots)
        return (
            min(1.0, dots[0] / scale / max(1, size[0])),
            min(1.0, dots[1] / scale / max(1, size[1])),
        )

    def crop(self, size: tuple[int, int], dots: tuple[int, int], kept: tuple[int, int]) -> Crop | None:
        """The part that is seen, in pixels of the picture as it is kept; None for all of it.

        Args:
            size: of the original, in pixels.
            dots: of the screen.
            kept: the size of the picture in memory.
        """
        if self.scale is None:
            return None
        wide, high = self._seen(size, dots)
        left, right = _pixels(self.x, wide, kept[0])
        upper, lower = _pixels(self.y, high, kept[1])
        return left, upper, right, lower

    def words(self) -> str:
        """How large: ``150 %``; empty for all of it."""
        return "" if self.scale is None else f"{self.scale * 100:.0f} %"


def _pixels(middle: float, part: float, length: int) -> tuple[int, int]:
    """Where a part of a side begins and ends; at least a pixel of it, also at its far end."""
    begin = (middle - part / 2) * length
    first = min(max(0, round(begin)), length - 1)
    return first, min(length, max(first + 1, round(begin + part * length)))


def _fitted(size: tuple[int, int], dots: tuple[int, int]) -> float:
    """The scale at which all of it is seen."""
    return min(dots[0] / max(1, size[0]), dots[1] / max(1, size[1])) or 1.0
