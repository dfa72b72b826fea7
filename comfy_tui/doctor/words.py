"""What was found, as lines: for the command, the screen, and copying."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from comfy_tui.doctor.check import Check, Section, State
from comfy_tui.text import clean

MARKS = {State.OK: "✓", State.NOTE: "·", State.WARN: "!", State.BAD: "✗"}
PLAIN_MARKS = {State.OK: "ok", State.NOTE: "--", State.WARN: "!!", State.BAD: "XX"}
_TITLE = 14


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


def as_text(told: Iterable[Told]) -> str:
    """To be copied or printed."""
    return "\n".join(f"{line.lead:<{line.indent}}{line.text}".rstrip() for line in told)
