"""Texts that harm a careless terminal program, and how the demo server puts them everywhere."""

from __future__ import annotations

from typing import Any

from .models import MODELS

#: Markup that crashes, sequences that talk to the terminal, C1, and bidirectional characters.
NASTY = (
    " [bold red]x[/]y [/nope] [@click=app.quit]z[/]"
    " \x1b]52;c;aGFja2Vk\x07 \x1b]0;hacked\x07 \x1b[2J\x9b31m\x85 \u202egnp.exe\u202c \u2066q\u2069\u200f"
)
_TEXT_INPUTS = ("text", "value", "message", "note")


def hostile_text(text: str) -> str:
    """The text followed by everything that may not reach a terminal."""
    return text if text.endswith(NASTY) else text + NASTY


def hostile_name(text: str) -> str:
    """Like :func:`hostile_text`, but legal as a file name."""
    return text + NASTY.replace("/", "|")


def dress_document(document: dict[str, Any]) -> None:
    """Make a workflow hostile in place, whether it is a prompt or a saved editor file."""
    if isinstance(document.get("nodes"), list):
        for node in document["nodes"]:
            node["title"] = hostile_text(str(node.get("title", node.get("type"))))
            values = node.get("widgets_values")
            if isinstance(values, list):
                node["widgets_values"] = [_dress_model(value) for value in values]
        return
    for node in document.values():
        meta = node.setdefault("_meta", {})
        meta["title"] = hostile_text(str(meta.get("title", node["class_type"])))
        inputs = node.get("inputs", {})
        for name, value in inputs.items():
            if name in _TEXT_INPUTS and isinstance(value, str):
                inputs[name] = hostile_text(value)
            else:
                inputs[name] = _dress_model(value)


def _dress_model(value: Any) -> Any:
    known = isinstance(value, str) and any(value in names for names in MODELS.values())
    return hostile_text(value) if known else value
