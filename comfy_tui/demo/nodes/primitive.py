"""Plain values, and a node that shows any value as text."""

from __future__ import annotations

import json
from typing import Any

from .base import Context, NodeType, Result, Spec

_BIG = 0x7FFFFFFFFFFFFFFF


def _value(ctx: Context, inputs: dict[str, Any]) -> Result:
    return Result((inputs["value"],))


def _show(ctx: Context, inputs: dict[str, Any]) -> Result:
    value = inputs["source"]
    if isinstance(value, str):
        text = value
    elif isinstance(value, (int, float, bool)):
        text = str(value)
    elif value is None:
        text = "None"
    else:
        try:
            text = json.dumps(value, indent=4)
        except TypeError:
            text = str(value)
    return Result((text,), {"text": [text]})


def _primitive(
    name: str, display: str, kind: str, options: dict[str, Any], *, deprecated: bool = False
) -> NodeType:
    spec: Spec = [kind, options]
    return NodeType(
        name,
        display,
        "utilities/primitive",
        _value,
        {"value": spec},
        outputs=(kind,),
        module="comfy_extras.nodes_primitive",
        v3=True,
        deprecated=deprecated,
    )


PRIMITIVE_NODES = (
    _primitive("PrimitiveInt", "Int", "INT", {"min": -_BIG, "max": _BIG, "control_after_generate": "fixed"}),
    _primitive("PrimitiveFloat", "Float", "FLOAT", {"min": -_BIG, "max": _BIG, "step": 0.1}),
    _primitive(
        "PrimitiveString", "Text String (DEPRECATED)", "STRING", {"multiline": False}, deprecated=True
    ),
    _primitive("PrimitiveStringMultiline", "Input Text", "STRING", {"multiline": True}),
    _primitive("PrimitiveBoolean", "Boolean", "BOOLEAN", {}),
    NodeType(
        "PreviewAny",
        "Preview as Text",
        "utilities",
        _show,
        {"source": ["*", {}]},
        outputs=("STRING",),
        output_node=True,
        module="comfy_extras.nodes_preview_any",
        aliases=("show output", "inspect", "debug"),
    ),
)
