"""Failures that can be asked for: slowness, hanging, errors, a full card."""

from __future__ import annotations

from typing import Any

from ..memory import OutOfMemory
from ..options import GIB
from .base import Context, NodeType, Result, Spec, pictures
from .sampling import paint

_MODULE = "custom_nodes.comfy_tui_demo"


def _sleep(ctx: Context, inputs: dict[str, Any]) -> Result:
    batch = pictures(inputs["image"])
    steps = inputs["steps"]
    if inputs.get("note"):
        ctx.send_text(inputs["note"])
    for step in range(1, steps + 1):
        ctx.sleep(inputs["seconds"] / steps)
        ctx.progress(step, steps, paint(f"step {step} of {steps}", step, (128, 128)))
    return Result((batch,))


def _hang(ctx: Context, inputs: dict[str, Any]) -> Result:
    batch = pictures(inputs["image"])
    ctx.hang(ignore_interrupt=inputs.get("ignore_interrupt", False))
    return Result((batch,))


def _out_of_memory(ctx: Context, inputs: dict[str, Any]) -> Result:
    pictures(inputs["image"])
    raise OutOfMemory(ctx.memory.refusal(round(inputs["gigabytes"] * GIB)))


def _error(ctx: Context, inputs: dict[str, Any]) -> Result:
    pictures(inputs["image"])
    kinds: dict[str, type[Exception]] = {
        "ValueError": ValueError,
        "RuntimeError": RuntimeError,
        "KeyError": KeyError,
    }
    raise kinds[inputs.get("kind", "ValueError")](inputs["message"])


def _node(
    name: str, display: str, run: Any, required: dict[str, Spec], optional: dict[str, Spec]
) -> NodeType:
    return NodeType(
        name,
        display,
        "demo",
        run,
        {"image": ["IMAGE"], **required},
        optional,
        outputs=("IMAGE",),
        module=_MODULE,
        simulated=True,
        description="Part of the demo server of comfy-tui; no ComfyUI has it.",
    )


FAILURE_NODES = (
    _node(
        "DemoSleep",
        "Sleep",
        _sleep,
        {
            "seconds": ["FLOAT", {"default": 10.0, "min": 0.0, "max": 3600.0, "step": 0.1}],
            "steps": ["INT", {"default": 20, "min": 1, "max": 10000}],
        },
        {"note": ["STRING", {"default": ""}]},
    ),
    _node("DemoHang", "Hang", _hang, {}, {"ignore_interrupt": ["BOOLEAN", {"default": False}]}),
    _node(
        "DemoOutOfMemory",
        "Out of memory",
        _out_of_memory,
        {"gigabytes": ["FLOAT", {"default": 40.0, "min": 0.1, "max": 1000.0, "step": 0.1}]},
        {},
    ),
    _node(
        "DemoError",
        "Error",
        _error,
        {"message": ["STRING", {"default": "the demo was asked to fail", "multiline": True}]},
        {"kind": [["ValueError", "RuntimeError", "KeyError"]]},
    ),
)
