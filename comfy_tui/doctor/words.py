"""What was found, as lines: for the command, the screen, and copying."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass

from comfy_tui.doctor.check import Check, Section, State
from comfy_tui.text import clean

MARKS = {State.OK: "✓", State.NOTE: "·", State.WARN: "!", State.BAD: "✗"}
PLAIN_MARKS = {State.OK: "ok", State.NOTE: "--", State.WARN: "!!", State.BAD: "XX"}
_TITLE = 14
#: Less room than this is no reason to break a line.
_NARROWEST = 30


@dataclass(frozen=True, slots=True)
class Told:
    """A line, and how it stands with what it is about; None for headings and empty ones."""

    text: str
    state: State | None = None
    #: ``heading``, ``found``, ``remedy`` or ``line`` (to be copied into a file as it is).
    kind: str = "found"
    indent: int = 0
    #: What stands in the indent.
    lead: str = ""


def report(sections: Iterable[Section], *, plain: bool = False) -> list[Told]:
    """Every section with its checks and remedies, cleaned."""
    told: list[Told] = []
    for section in sections:
        told.append(Told(section.title, None, "heading"))
        for check in section.checks:
            told += _check(check, PLAIN_MARKS if plain else MARKS)
        told.append(Told("", None, "heading"))
    return told[:-1]


def _check(check: Check, marks: dict[State, str]) -> list[Told]:
    mark = marks[check.state]
    indent = 2 + len(mark) + 1 + _TITLE
    told = [Told(clean(check.found, 600), check.state, "found", indent, f"  {mark} {check.title}")]
    if check.remedy:
        told.append(Told(clean(check.remedy, 600), check.state, "remedy", indent))
    told += [Told(clean(line, 300), check.state, "line", indent + 2) for line in check.lines]
    return told


def as_text(told: Iterable[Told], columns: int = 0) -> str:
    """To be copied or printed.

    Args:
        told: the lines.
        columns: what is longer goes on below itself; 0 for no limit. Lines to be copied stay whole.
    """
    return "\n".join(part for line in told for part in _parts(line, columns))


def _parts(line: Told, columns: int) -> list[str]:
    width = columns - line.indent
    parts = [line.text]
    if line.kind != "line" and width >= _NARROWEST:
        parts = textwrap.wrap(line.text, width, break_on_hyphens=False) or [""]
    leads = (line.lead, *[""] * (len(parts) - 1))
    return [f"{lead:<{line.indent}}{part}".rstrip() for lead, part in zip(leads, parts, strict=True)]
