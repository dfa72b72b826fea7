"""Nodes of packs that the pretended Manager installs; see :mod:`..manager`."""

from __future__ import annotations

from typing import Any

from PIL import ImageOps

from .base import Context, NodeType, Result, pictures


def _invert(ctx: Context, inputs: dict[str, Any]) -> Result:
    return Result((pictures(inputs["image"]).map(lambda item: ImageOps.invert(item.convert("RGB"))),))


EXTRA_NODES = (
    NodeType(
        "DemoExtraInvert",
        "Invert, of an installed pack",
        "demo",
        _invert,
        {"image": ["IMAGE"]},
        outputs=("IMAGE",),
        module="custom_nodes.demo-extra-nodes",
        simulated=True,
        description="Of a pack that the demo server's Manager installs; no ComfyUI has it.",
    ),
)
EXTRA_CLASSES = frozenset(node.name for node in EXTRA_NODES)
