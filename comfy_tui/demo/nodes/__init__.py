"""The nodes that the demo server has."""

from __future__ import annotations

from .base import NodeType
from .extra import EXTRA_CLASSES, EXTRA_NODES
from .failure import FAILURE_NODES
from .image import IMAGE_NODES
from .image_io import IMAGE_IO_NODES
from .loading import LOADING_NODES
from .primitive import PRIMITIVE_NODES
from .sampling import SAMPLING_NODES

NODES: dict[str, NodeType] = {
    node.name: node
    for group in (
        IMAGE_IO_NODES,
        IMAGE_NODES,
        LOADING_NODES,
        SAMPLING_NODES,
        PRIMITIVE_NODES,
        FAILURE_NODES,
        EXTRA_NODES,
    )
    for node in group
}

__all__ = ["EXTRA_CLASSES", "NODES", "NodeType"]
