"""Colours of a log, read by us: only SGR counts, every other sequence is dropped."""

from __future__ import annotations

import re
from dataclasses import dataclass

from comfy_tui.text import clean

#: ESC with what belongs to it: CSI, the strings (OSC, DCS, SOS, PM, APC) up to their end, and the short ones.
#: A string that does not end takes no more than its line.
_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)([0-?]*)[ -/]*([@-~])?"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
_NAMES = ("", "red", "green", "yellow", "blue", "magenta", "cyan", "")


@dataclass(frozen=True, slots=True)
class Span:
    """From ``start`` on the text looks so: a colour's name or empty, and whether it is bold."""

    start: int
    colour: str = ""
    bold: bool = False


def read_ansi(raw: str, limit: int) -> tuple[str, tuple[Span, ...]]:
    """A line as clean text, with where its looks change.

    Black, white and backgrounds are left out: they would be unreadable on one theme or another.
    """
    text: list[str] = []
    spans: list[Span] = []
    look = Span(0)
    length = last = 0
    for found in _SEQUENCE.finditer(raw):
        part = raw[last : found.start()]
        last = found.end()
        text.append(part)
        length += len(part)
        if found[2] == "m":
            changed = _apply(look, found[1])
            if (changed.colour, changed.bold) != (look.colour, look.bold):
                look = Span(length, changed.colour, changed.bold)
                if spans and spans[-1].start == length:
                    spans.pop()
                spans.append(look)
    text.append(raw[last:])
    plain = clean("".join(text), limit)
    return plain, tuple(span for span in spans if span.start < len(plain))


def _apply(look: Span, codes: str) -> Span:
    """The look after one SGR sequence."""
    parts = re.split("[;:]", codes[:200])[:32]
    rest = [int(part[:6]) if part.isascii() and part.isdigit() else 0 for part in parts]
    colour, bold = look.colour, look.bold
    while rest:
        number = rest.pop(0)
        if number == 0:
            colour, bold = "", False
        elif number in (1, 22):
            bold = number == 1
        elif 30 <= number <= 37 or 90 <= number <= 97:
            colour = _NAMES[number % 10]
        elif number == 39:
            colour = ""
        elif number in (38, 48):
            nearest, rest = _extended(rest)
            colour = nearest if number == 38 else colour
    return Span(0, colour, bold)


def _extended(numbers: list[int]) -> tuple[str, list[int]]:
    """The nearest name for a colour of 256 or of 16 million, and the numbers after it."""
    if numbers[:1] == [5] and len(numbers) > 1:
        number = numbers[1]
        if number < 16:
            return _NAMES[number % 8], numbers[2:]
        if number > 231:
            return "", numbers[2:]
        number -= 16
        return _nearest(number // 36 * 51, number // 6 % 6 * 51, number % 6 * 51), numbers[2:]
    if numbers[:1] == [2] and len(numbers) > 3:
        return _nearest(*numbers[1:4]), numbers[4:]
    return "", []


def _nearest(red: int, green: int, blue: int) -> str:
    high = max(red, green, blue)
    if high - min(red, green, blue) < 48:
        return ""
    limit = high * 0.6
    bits = (red > limit) | (green > limit) << 1 | (blue > limit) << 2
    return _NAMES[bits]
