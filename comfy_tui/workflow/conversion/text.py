"""Texts that change while a prompt is made: dynamic prompts, dates, other nodes' values (section 12)."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

_ESCAPED = re.compile(r"\\([{}|])")
_NEWLINE = re.compile("[\n\r\u2028\u2029]")
_PLACEHOLDER = re.compile(r"%([^%]+)%")
_DATE_PART = re.compile(r"dd?|MM?|hh?|mm?|ss?|yyy?y?")
_UNSAFE = re.compile(r'[/?<>\\:*|"\x00-\x1f\x7f]')

Rope = list[Any]


def dynamic_prompt(text: str, rng: random.Random) -> str:
    """Take comments out and choose one alternative of each ``{a|b}`` (graph-to-prompt, section 12.1).

    Nested groups are chosen inside out; an unclosed group runs to the end; a backslash keeps the next
    character from being read. Linear in the text.
    """
    if "{" not in text and "/" not in text and "\\" not in text:
        return text
    text = _without_comments(text)
    # one frame a group: its alternatives, each a rope of texts and ropes; the outermost has no alternatives
    frames: list[list[Rope]] = [[[]]]
    for piece in re.findall(r"\\.?|[{}|]|[^\\{}|]+", text, re.S):
        inside = len(frames) > 1
        if piece == "{":
            frames.append([[]])
        elif piece == "}" and inside:
            _close(frames, rng)
        elif piece == "|" and inside:
            frames[-1].append([])
        else:
            frames[-1][-1].append(piece)
    while len(frames) > 1:
        _close(frames, rng)
    return _ESCAPED.sub(r"\1", "".join(_flat(frames[0][0])))


def _close(frames: list[list[Rope]], rng: random.Random) -> None:
    alternatives = frames.pop()
    frames[-1][-1].append(rng.choice(alternatives))


def _flat(rope: Rope) -> Iterator[str]:
    stack = [iter(rope)]
    while stack:
        for piece in stack[-1]:
            if isinstance(piece, str):
                yield piece
            else:
                stack.append(iter(piece))
                break
        else:
            stack.pop()


def _without_comments(text: str) -> str:
    kept: list[str] = []
    at, closing = 0, True
    while True:
        start = text.find("/", at)
        if start < 0 or start + 1 >= len(text):
            kept.append(text[at:])
            return "".join(kept)
        mark = text[start + 1]
        if mark == "/":
            kept.append(text[at:start])
            end = _NEWLINE.search(text, start)
            at = len(text) if end is None else end.start()
        elif mark == "*" and closing and (close := text.find("*/", start + 2)) >= 0:
            kept.append(text[at:start])
            at = close + 2
        else:
            closing = closing and mark != "*"
            kept.append(text[at : start + 1])
            at = start + 1


def replace_placeholders(text: str, now: datetime, lookup: Callable[[str, str], str | None]) -> str:
    """Fill in ``%date:FORMAT%`` and ``%Node.widget%``; anything else is left alone (section 12.2)."""
    if "%" not in text:
        return text

    def fill(match: re.Match[str]) -> str:
        inside = match[1]
        parts = inside.split(".")
        if len(parts) == 2:
            found = lookup(parts[0], parts[1])
            return match[0] if found is None else _UNSAFE.sub("_", found)
        return format_date(inside[5:], now) if inside.startswith("date:") else match[0]

    return _PLACEHOLDER.sub(fill, text)


def format_date(pattern: str, now: datetime) -> str:
    """A date in the browser's notation: ``yyyy``, ``yy`` and ``d M h m s``, doubled for two digits."""
    numbers = {"d": now.day, "M": now.month, "h": now.hour, "m": now.minute, "s": now.second}

    def part(match: re.Match[str]) -> str:
        code = match[0]
        if code[0] == "y":
            return {"yy": str(now.year)[-2:], "yyyy": str(now.year)}.get(code, code)
        return str(numbers[code[0]]).rjust(len(code), "0")

    return _DATE_PART.sub(part, pattern)


def js_text(value: Any) -> str:
    """A widget's value as JavaScript would write it into a text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    if isinstance(value, dict):
        return "[object Object]"
    if isinstance(value, list):
        return ",".join(map(js_text, value))
    return str(value)
