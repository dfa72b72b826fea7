"""Small node definitions, a workflow on them in both formats, and how a command is run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[..., tuple[int, str, str]]

OBJECT_INFO: dict[str, Any] = {
    "Make": {
        "input": {"required": {"size": ["INT", {"default": 8, "min": 1, "max": 64}]}},
        "input_order": {"required": ["size"]},
        "output": ["IMAGE"],
        "output_is_list": [False],
        "output_name": ["IMAGE"],
        "name": "Make",
        "python_module": "nodes",
        "output_node": False,
    },
    "Save": {
        "input": {"required": {"images": ["IMAGE"], "name": [["a", "b"], {}]}},
        "input_order": {"required": ["images", "name"]},
        "output": [],
        "output_is_list": [],
        "output_name": [],
        "name": "Save",
        "python_module": "custom_nodes.keep",
        "output_node": True,
    },
}
PROMPT: dict[str, Any] = {
    "1": {"class_type": "Make", "inputs": {"size": 8}},
    "2": {"class_type": "Save", "inputs": {"images": ["1", 0], "name": "a"}},
}
GRAPH: dict[str, Any] = {
    "version": 0.4,
    "last_node_id": 2,
    "last_link_id": 1,
    "nodes": [
        {
            "id": 1,
            "type": "Make",
            "mode": 0,
            "inputs": [],
            "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [1]}],
            "widgets_values": [8],
        },
        {
            "id": 2,
            "type": "Save",
            "mode": 0,
            "inputs": [{"name": "images", "type": "IMAGE", "link": 1}],
            "outputs": [],
            "widgets_values": ["a"],
        },
    ],
    "links": [[1, 1, 0, 2, 0, "IMAGE"]],
}
#: A port that nothing listens on.
NOBODY = "http://127.0.0.1:9"


def write(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return path
