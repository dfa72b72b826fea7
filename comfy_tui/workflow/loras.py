"""The LoRAs of a prompt with their strengths, as the usual loaders write them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from comfy_tui.workflow.parameters import MODEL_ENDINGS
from comfy_tui.workflow.tracing import Node, Tracer, scalar

_NUMBER = re.compile(r"(\d+)$")
_STRENGTHS = ("strength", "weight", "wt", "multiplier")


@dataclass(frozen=True, slots=True)
class Lora:
    """A LoRA; a strength is None where it is not told."""

    name: str
    node_id: str
    strength_model: float | None = None
    strength_clip: float | None = None


def loras_of(chosen: Mapping[str, Node], tracer: Tracer) -> tuple[Lora, ...]:
    """Every LoRA that is on, in the order of the nodes."""
    found: list[Lora] = []
    for node_id, node in chosen.items():
        for name, value in node.inputs.items():
            value = scalar(value)
            if isinstance(value, Mapping):
                found += _packed(node_id, value)
            elif _is_lora(node, str(name), value) and _is_on(node, str(name)):
                found.append(_loaded(node_id, str(name), str(value), node, tracer))
    return tuple(found)


def _is_model(value: Any) -> bool:
    return isinstance(value, str) and value.lower().endswith(MODEL_ENDINGS)


def _is_lora(node: Node, name: str, value: Any) -> bool:
    return _is_model(value) and ("lora" in name.lower() or "lora" in node.class_type.lower())


def _is_on(node: Node, name: str) -> bool:
    """Stacks have a switch for each: ``switch_1`` says ``Off``."""
    number = _suffix(name)
    switch = (
        node.inputs.get(f"switch_{number}", node.inputs.get(f"enabled_{number}", "On")) if number else "On"
    )
    return switch not in ("Off", False)


def _suffix(name: str) -> str:
    found = _NUMBER.search(name)
    return found[1] if found else ""


def _packed(node_id: str, value: Mapping[str, Any]) -> list[Lora]:
    """``{"on": true, "lora": "x.safetensors", "strength": 0.8}`` (Power Lora Loader)."""
    name = value.get("lora")
    if not _is_model(name) or value.get("on") is False:
        return []
    clip = _real(value.get("strengthTwo"))
    strength = _real(value.get("strength"))
    return [Lora(str(name), node_id, strength, clip if clip is not None else None)]


def _loaded(node_id: str, name: str, value: str, node: Node, tracer: Tracer) -> Lora:
    number = _suffix(name)
    model = clip = None
    for other in node.inputs:
        leaf = str(other).lower()
        if _suffix(leaf) != number or not any(word in leaf for word in _STRENGTHS):
            continue
        traced = tracer.literal(node_id, str(other))
        strength = _real(traced.value) if traced is not None else None
        if "clip" in leaf:
            clip = strength
        elif model is None:
            model = strength
    return Lora(value, node_id, model, clip)


def _real(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
