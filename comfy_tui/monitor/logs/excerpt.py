"""The lines of a server's log around a failure."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from comfy_tui.comfy.events import LogEntry
from comfy_tui.comfy.types import ExecutionError
from comfy_tui.monitor.logs.book import LogBook, LogLine

_BEFORE, _AFTER = 8, 16
_MARK = "!!! Exception during processing !!!"
#: So far apart may two clocks be that are set right, beside their time zones.
_NEAR_S = 5.0


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Lines, and where the failure is among them; ``why_not`` where there are none."""

    lines: tuple[LogLine, ...] = ()
    place: int = 0
    why_not: str = ""


def around_failure(
    entries: Iterable[LogEntry], error: ExecutionError | None, ended_at_s: float | None
) -> Excerpt:
    """The lines around the end of a job.

    The server writes the exception's words into its log, so they are looked for first.  Its times have no
    zone: a line counts as of that moment where it is a whole number of quarter hours away from it, give or
    take some seconds, and only where no line of another hour is.
    """
    book = LogBook()
    book.take_whole(entries)
    lines = tuple(book.lines)
    if not lines:
        return Excerpt(why_not="the server keeps no log")
    place = _by_words(lines, error, ended_at_s)
    if place is None:
        place = _by_time(lines, ended_at_s)
    if place is None:
        return Excerpt(why_not="the server's log does not reach back to it (it keeps the last 300 writes)")
    # What an earlier job wrote is not of this one.
    began = [index for index in range(place) if "got prompt" in lines[index].text]
    first = max(0, place - _BEFORE, *began[-1:])
    return Excerpt(lines[first : place + _AFTER], place - first)


def _by_words(lines: Sequence[LogLine], error: ExecutionError | None, ended_at_s: float | None) -> int | None:
    if error is None:
        return None
    words = LogBook(max_lines=3)
    words.take_whole([LogEntry("", error.message.strip().split("\n")[0] + "\n")])
    wanted = words.lines[0].text.strip() if words.lines else ""
    found = [
        place
        for place, line in enumerate(lines)
        if _MARK in line.text and line.text.split(_MARK, 1)[1].strip() == wanted
    ]
    if len(found) < 2:
        return found[0] if found else None
    # The same words more than once: the one at that time, else the last.
    near = [place for place in found if _distance_s(lines[place], ended_at_s) is not None]
    return near[-1] if near else found[-1]


def _by_time(lines: Sequence[LogLine], ended_at_s: float | None) -> int | None:
    near = [
        (distance, place)
        for place, line in enumerate(lines)
        if (distance := _distance_s(line, ended_at_s)) is not None
    ]
    if not near:
        return None
    # Lines of several hours may be near by the quarter; then it is not known which hour is meant.
    hours = {lines[place].at[:13] for _, place in near}
    return min(near)[1] if len(hours) <= 1 else None


def _distance_s(line: LogLine, at_s: float | None) -> float | None:
    """How far a line's time is from a moment, when the zone may be any; None where it is too far."""
    if at_s is None:
        return None
    try:
        moment = datetime.datetime.fromisoformat(line.at).replace(tzinfo=datetime.UTC).timestamp()
    except ValueError:
        return None
    apart = moment - at_s
    if abs(apart) > 15 * 3600:
        return None
    distance = abs(apart - round(apart / 900) * 900)
    return distance if distance <= _NEAR_S else None
