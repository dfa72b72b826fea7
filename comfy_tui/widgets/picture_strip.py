"""Lines that hold cells of pictures, and may be cut anywhere.

Rich cuts a text where its width says so, which may part a cell from the characters that number it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from comfy_tui.pictures.cells import FIRST, KITTY, SLOTS

#: Characters of one cell: the picture, the row, the column.
_EACH = 3


class PictureStrip(Strip):
    """A strip in which each cell of a picture stays whole."""

    #: What it was joined from.
    _parts: Sequence[Strip] = ()

    @classmethod
    def of(cls, strip: Strip) -> PictureStrip:
        """The same line."""
        return strip if isinstance(strip, cls) else cls(list(strip), strip.cell_length)

    @classmethod
    def joined(cls, parts: Sequence[Strip]) -> PictureStrip:
        """The parts side by side; what the terminal is sent for one is made once, wherever it is shown."""
        found = cls([segment for part in parts for segment in part], sum(part.cell_length for part in parts))
        found._parts = parts
        return found

    def render(self, console: Console) -> str:
        """What the terminal is sent."""
        if not self._parts:
            return super().render(console)
        return "".join([part.render(console) for part in self._parts])

    def emptied(self, style: Style) -> Strip:
        """The line with ground where pictures are.

        Args:
            style: the ground.
        """
        return Strip(
            [
                Segment(" " * (len(segment.text) // _EACH), style) if is_picture(segment.text) else segment
                for segment in self
            ],
            self.cell_length,
        )

    def crop(self, start: int, end: int | None = None) -> Strip:
        """The cells from ``start`` to before ``end``."""
        start = max(0, start)
        end = self.cell_length if end is None else min(end, self.cell_length)
        if start == 0 and end == self.cell_length:
            return self
        if end <= start:
            return PictureStrip([], 0)
        found: list[Segment] = []
        at = 0
        for segment in self:
            if segment.control:
                continue
            width = segment.cell_length if not is_picture(segment.text) else len(segment.text) // _EACH
            left, right = max(start, at), min(end, at + width)
            if left < right:
                found.append(_cut(segment, left - at, right - at, width))
            at += width
            if at >= end:
                break
        return PictureStrip(found, end - start)

    def divide(self, cuts: Iterable[int]) -> Sequence[Strip]:
        """The pieces that end at each of the cuts."""
        inside = [cut for cut in cuts if cut <= self.cell_length]
        return [self.crop(left, right) for left, right in pairwise((0, *inside))]


def is_picture(text: str) -> bool:
    """Whether these are the cells of a picture."""
    return text[:1] == KITTY or FIRST <= ord(text[:1] or " ") < FIRST + SLOTS


def _cut(segment: Segment, start: int, end: int, width: int) -> Segment:
    if (start, end) == (0, width):
        return segment
    if is_picture(segment.text):
        return Segment(segment.text[_EACH * start : _EACH * end], segment.style)
    return segment.split_cells(end)[0].split_cells(start)[1] if start else segment.split_cells(end)[0]
