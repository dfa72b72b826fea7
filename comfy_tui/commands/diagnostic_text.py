"""Diagnostics as people and as scripts read them."""

from __future__ import annotations

from typing import Any

from comfy_tui.text import clean
from comfy_tui.workflow.diagnostic import Diagnostic

_SUGGESTIONS = 3

#: Every key of a diagnostic in ``--json``, with its meaning; what does not apply is null.
DIAGNOSTIC_KEYS: dict[str, str] = {
    "severity": '"error": the server would refuse it; "warning": it may go wrong; "info"',
    "code": "the server's own error type, or a name of ours",
    "node_id": "in the prompt",
    "node_title": "as its author called it",
    "class_type": "the class of the node",
    "input": "the name of the input",
    "message": "what is wrong, in words",
    "suggestions": "values that would be valid and are near, best first",
    "hint": "what to do",
}


def as_dict(one: Diagnostic) -> dict[str, Any]:
    """A diagnostic as ``--json`` tells it."""
    return {
        "severity": one.severity.value,
        "code": one.code,
        "node_id": one.node_id,
        "node_title": one.node_title,
        "class_type": one.class_type,
        "input": one.input,
        "message": one.message,
        "suggestions": list(one.suggestions),
        "hint": one.hint,
    }


def place_of(one: Diagnostic) -> str:
    """Where in the workflow: ``node 4 KSampler.steps``, with the title where it says more."""
    if one.node_id is None and one.class_type is None:
        return ""
    name = clean(one.class_type or "?", 80) + (f".{clean(one.input, 80)}" if one.input else "")
    title = one.node_title
    called = f' "{clean(title, 40)}"' if title and title != one.class_type else ""
    return f"node {clean(one.node_id, 40)} {name}{called}" if one.node_id is not None else f"{name}{called}"


def lines_of(one: Diagnostic) -> list[str]:
    """A diagnostic as a person reads it: what, and on a line of its own what to do."""
    place = place_of(one)
    words = clean(one.message, 1000)
    lines = [f"  {one.severity.value:<8} {f'{place}: ' if place else ''}{words} [{clean(one.code, 80)}]"]
    near = " or ".join(f'"{clean(text, 120)}"' for text in one.suggestions[:_SUGGESTIONS])
    help_ = [f"Did you mean {near}?"] if near else []
    help_ += [clean(one.hint, 1000)] if one.hint else []
    if help_:
        lines.append(f"           {' '.join(help_)}")
    return lines
