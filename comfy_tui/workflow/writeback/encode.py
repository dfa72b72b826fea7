"""How a value of the prompt is written in the editor (the reverse of graph-to-prompt, 10.3 and 12.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from comfy_tui.workflow.writeback.origin import Key, Origins

_SYNTAX = re.compile(r"[{}|]")
_COMMENT = re.compile(r"/(?=[/*])")


def encode(value: Any, origins: Origins, keys: Sequence[Key]) -> Any:
    """The value to save so that these inputs of the prompt get ``value``."""
    widgets = [(key, origins.widget(key)) for key in keys]
    if isinstance(value, Mapping):
        kinds = {widget.spec.kind for _, widget in widgets if widget is not None}
        return _unwrapped(value, "CURVE" in kinds)
    if isinstance(value, str) and any(
        key not in origins.promoted and widget is not None and widget.spec.options.get("dynamicPrompts")
        for key, widget in widgets
    ):
        return _literal(value)
    return value


def _unwrapped(value: Mapping[str, Any], curve: bool) -> Any:
    """A list goes out wrapped: it is saved bare."""
    inner = value.get("__value__")
    if not isinstance(inner, list):
        return value
    wrapped = {"__type__", "__value__"} if curve else {"__value__"}
    return inner if value.keys() == wrapped and value.get("__type__", "CURVE") == "CURVE" else value


def _literal(text: str) -> str:
    """A text that dynamic prompts leave as it is: braces escaped, comment marks parted by an empty group."""
    if "{" not in text and "/" not in text and "\\" not in text:
        return text  # without these nothing is read as syntax
    escaped = _SYNTAX.sub(r"\\\g<0>", text)
    return _COMMENT.sub("/{}", escaped)
