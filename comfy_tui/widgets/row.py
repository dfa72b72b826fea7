"""What a list of rows is made of: columns, rows, cells, and which columns fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: Cells between two columns, and before the first one.
GAP = 1
MARKER = 2
#: What a column that takes the rest asks for at least.
_LEAST_REST = 16


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    ``width`` is in cells; 0 takes what is left.  When the list is narrow, the columns with the highest
    ``drop`` go first; 0 never goes.
    """

    title: str
    width: int = 0
    drop: int = 0
    right: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """Text, already clean, and the name of its look: a component class without its prefix."""

    text: str
    look: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A row: what it is about, and a cell a column.  A ``heading`` cannot be chosen."""

    key: str
    cells: tuple[Cell | str, ...]
    heading: bool = False


def fit_columns(columns: Sequence[Column], width: int) -> list[tuple[int, int]]:
    """Which columns fit into a list, by their place, each with its width."""
    kept = list(range(len(columns)))
    while sum((columns[i].width or _LEAST_REST) + GAP for i in kept) + MARKER > width:
        droppable = [i for i in kept if columns[i].drop]
        if not droppable:
            break
        kept.remove(max(droppable, key=lambda i: columns[i].drop))
    fixed = sum(columns[i].width + GAP for i in kept) + MARKER
    flexible = [i for i in kept if not columns[i].width]
    share = max(4, (width - fixed) // max(1, len(flexible)))
    return [(i, columns[i].width or share) for i in kept]
