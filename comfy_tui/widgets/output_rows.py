"""The rows of the output browser: made once for each output, grouped by job."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import groupby

from comfy_tui.content.sniff import Medium
from comfy_tui.monitor.outputs import Output
from comfy_tui.text import clean, count_of
from comfy_tui.widgets.row import Cell, Column, Row

COLUMNS = (
    Column("Name"),
    Column("Kind", 8),
    Column("Of", 5, drop=4),
    Column("Node", 12, drop=3),
    Column("Workflow", 22, drop=2),
    Column("Time", 6, drop=1, right=True),
)
#: What a thing is that is no picture, at a glance; the word stands beside it.
_GLYPHS = {
    Medium.VIDEO: "▶",
    Medium.AUDIO: "♪",
    Medium.MODEL: "◆",
    Medium.LATENT: "≈",
    Medium.TEXT: "¶",
}


class OutputRows:
    """Makes rows and remembers them: of thousands only the new ones are made.

    Args:
        medium: what a file is by its content, where that is known.
    """

    def __init__(self, medium: Callable[[Output], Medium | None]) -> None:
        self._medium = medium
        self._known: dict[tuple[str, bool, bool], tuple[Output, Medium | None, Row]] = {}

    def make(self, outputs: Sequence[Output], *, tiles: bool, grouped: bool) -> tuple[Row, ...]:
        """The rows of these outputs, those of one job below a heading where there are several."""
        if not grouped:
            return tuple(self._row(output, tiles=tiles, inside=False) for output in outputs)
        found: list[Row] = []
        loose = True
        for (_, prompt_id), members in groupby(
            outputs, key=lambda output: (output.server, output.job.prompt_id)
        ):
            group = list(members)
            together = len(group) > 1
            if together:
                found.append(_heading(group))
            elif tiles and not loose:
                found.append(Row(f"after {prompt_id}", ("",), heading=True))
            loose = not together
            found += [self._row(output, tiles=tiles, inside=together) for output in group]
        return tuple(found)

    def _row(self, output: Output, *, tiles: bool, inside: bool) -> Row:
        medium = self._medium(output)
        key = (output.key, tiles, inside)
        known = self._known.get(key)
        if known is not None and known[0] is output and known[1] is medium:
            return known[2]
        row = _tile(output, medium) if tiles else _line(output, medium, inside=inside)
        self._known[key] = (output, medium, row)
        if len(self._known) > 60_000:
            self._known.clear()
        return row


def _heading(group: list[Output]) -> Row:
    first = group[0]
    words = [_workflow(first), count_of(len(group), "output"), clock(first)]
    text = "▾ " + " · ".join(word for word in words if word)
    return Row(f"job {first.job.prompt_id}", (Cell(text),), heading=True)


def _name(output: Output) -> str:
    name = clean(output.name, 120) or "(empty)"
    if output.remembered and not output.server:
        name = f"° {name}"
    return f"~ {name}" if output.is_temporary else name


def _workflow(output: Output) -> str:
    """The job's name, with whose it is where that is not the server that is watched."""
    title = clean(output.job.title, 80)
    return f"{clean(output.server_name, 20)}: {title}" if output.server else title


def _line(output: Output, medium: Medium | None, *, inside: bool) -> Row:
    name = ("  " if inside else "") + _name(output)
    place, count = output.batch
    kind = output.medium if medium is None else medium
    return Row(
        output.key,
        (
            Cell(name, "dim") if output.is_temporary or output.remembered else name,
            Cell(_kind(output, medium), "" if kind is Medium.PICTURE else "accent"),
            Cell(f"{place}/{count}" if count > 1 else "", "dim"),
            clean(output.node_name or output.node_id, 40),
            _workflow(output),
            Cell(clock(output), "dim"),
        ),
    )


def _tile(output: Output, medium: Medium | None) -> Row:
    """The line below the picture, and the words in its place."""
    name = _name(output)
    place, count = output.batch
    if count > 1:
        name = f"{place}/{count} {name}"
    return Row(output.key, (Cell(name), Cell(_kind(output, medium))))


def _kind(output: Output, medium: Medium | None) -> str:
    kind = output.medium if medium is None else medium
    word = clean(output.kind, 8)
    if medium is not None and medium is not output.medium:
        word = medium.value  # its name says something else than its content
    elif output.file is not None and output.file.animated and kind is not Medium.VIDEO:
        return f"» {word}"
    return f"{_GLYPHS[kind]} {word}" if kind in _GLYPHS else word


def clock(output: Output) -> str:
    """When it was made: the time, of older ones the day."""
    made_at_s = output.made_at_s
    if made_at_s is None:
        return ""
    try:
        made, now = time.localtime(made_at_s), time.localtime()
    except (ValueError, OverflowError, OSError):
        return ""
    if (made.tm_year, made.tm_yday) == (now.tm_year, now.tm_yday):
        return time.strftime("%H:%M", made)
    return time.strftime("%b %d" if made.tm_year == now.tm_year else "%Y", made)
