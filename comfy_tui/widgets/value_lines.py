"""Values and texts as lines that are safe to show: cut, folded, masked where they are secret."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from comfy_tui.masking import mask_value
from comfy_tui.text import cell_len, clean, clean_lines
from comfy_tui.widgets.line_view import Line

VALUE_LIMIT = 600
_LABEL = 18


def shown_value(name: str, value: Any, limit: int = VALUE_LIMIT) -> str:
    """A value as text that is safe to show: cut, and masked where its name says that it is secret."""
    masked = mask_value(value, name)
    if isinstance(masked, str):
        return clean_lines(masked, limit).rstrip()
    return clean(json.dumps(masked, ensure_ascii=False, default=str), limit)


def value_label(name: object) -> str:
    """The name of a value, as wide as the others."""
    return f"{clean(name, 60):<{_LABEL}}"


def value_lines(name: str, value: Any, indent: int, limit: int) -> Iterator[Line]:
    """A value beside its name, and the rest of it below its beginning."""
    first, *rest = shown_value(name, value, limit).split("\n")
    label, start = value_label(name), indent + _LABEL + 3
    if cell_len(label) > _LABEL:
        yield Line(f"{label}   {first}", "", indent)
    else:
        yield Line(first, "", start, lead=f"{'':<{indent}}{label}")
    yield from (Line(line, "", start) for line in rest)


def text_lines(text: str, look: str = "", indent: int = 0) -> Iterator[Line]:
    """A clean text, a line each."""
    for line in text.split("\n"):
        yield Line(line, look, indent)
