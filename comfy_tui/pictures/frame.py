"""What is on its way to the terminal: finds the cells of pictures in it, and where they land.  Pure.

A frame is text with cursor movements between; nothing else says where a piece of a picture will be after
everything that covers it was drawn.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from comfy_tui.pictures.cells import FIRST, KITTY, NUMBERS, SLOTS
from comfy_tui.text import cell_len

_SLOT = f"[{chr(FIRST)}-{chr(FIRST + SLOTS - 1)}]"
_ANY = re.compile(_SLOT)
_RUN = re.compile(f"(?:{_SLOT}[{NUMBERS}]{{2}})+")
_MOVE = re.compile(r"\x1b\[(\d+);(\d+)H")
#: Colours, links and whatever else takes no room.
_ROOMLESS = re.compile(r"\x1b\[[\d;:?]*[A-Za-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
_KITTY_ID = re.compile(rf"\x1b\[(?:[\d;]*;)?38;2;(\d+);(\d+);(\d+)(?:;[\d;]*)?m{KITTY}")
_NUMBER = {character: number for number, character in enumerate(NUMBERS)}


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of a picture, and where on the screen it is; all in cells."""

    slot: int
    x: int
    y: int
    column: int
    row: int
    columns: int
    lines: int = 1

    @property
    def origin(self) -> tuple[int, int, int]:
        """Which picture, and where its first cell would be."""
        return (self.slot, self.x - self.column, self.y - self.row)


def kitty_ids(data: str) -> set[int]:
    """The ids of kitty pictures that a frame shows."""
    if KITTY not in data:
        return set()
    return {int(r) << 16 | int(g) << 8 | int(b) for r, g, b in set(_KITTY_ID.findall(data))}


def has_cells(data: str) -> bool:
    """Whether there are cells that must not go to the terminal as they are."""
    return _ANY.search(data) is not None


def taken_out(data: str) -> tuple[str, list[Area]]:
    """The frame with spaces for the cells of pictures, and what should be drawn over them."""
    moves = [(found.end(), int(found[1]), int(found[2])) for found in _MOVE.finditer(data)]
    ends = [end for end, _, _ in moves]
    parts: list[str] = []
    areas: list[Area] = []
    done = 0
    for run in _RUN.finditer(data):
        parts += [data[done : run.start()], " " * (len(run[0]) // 3)]
        done = run.end()
        at = bisect_right(ends, run.start()) - 1
        if at < 0:
            continue
        end, line, column = moves[at]
        before = cell_len(_ROOMLESS.sub("", data[end : run.start()]))
        areas += _areas(run[0], column - 1 + before, line - 1)
    parts.append(data[done:])
    return (_ANY.sub(" ", "".join(parts)), merged(areas))


def _areas(run: str, x: int, y: int) -> list[Area]:
    """The pieces of a run: cells of several pictures, or of places apart, may stand side by side."""
    cells = [
        (ord(run[at]) - FIRST, _NUMBER[run[at + 1]], _NUMBER[run[at + 2]], x + at // 3)
        for at in range(0, len(run), 3)
    ]
    found: list[Area] = []
    for (slot, row, _), group in groupby(cells, key=lambda cell: (cell[0], cell[1], cell[3] - cell[2])):
        same = list(group)
        found.append(Area(slot, same[0][3], y, same[0][2], row, len(same)))
    return found


def merged(areas: Iterable[Area]) -> list[Area]:
    """As few rectangles as can be: neighbours in a line, then lines of the same width."""
    lines: list[Area] = []
    for area in sorted(areas, key=lambda a: (*a.origin, a.row, a.column)):
        last = lines[-1] if lines else None
        if (
            last is not None
            and last.origin == area.origin
            and last.row == area.row
            and area.column <= last.column + last.columns
        ):
            columns = max(last.columns, area.column + area.columns - last.column)
            lines[-1] = Area(area.slot, last.x, last.y, last.column, last.row, columns)
        else:
            lines.append(area)
    whole: dict[tuple[object, ...], Area] = {}
    for line in lines:
        key = (line.origin, line.column, line.columns)
        above = whole.get(key)
        if above is not None and above.row + above.lines == line.row:
            whole[key] = Area(
                above.slot, above.x, above.y, above.column, above.row, above.columns, above.lines + 1
            )
        else:
            if above is not None:
                whole[(*key, above.row)] = above
            whole[key] = line
    return list(whole.values())
