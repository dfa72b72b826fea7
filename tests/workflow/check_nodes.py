"""A small server's node definitions, of our own making, for the tests of the check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from comfy_tui.workflow.checking import Verdict, check


def node(
    required: dict[str, Any] | None = None,
    optional: dict[str, Any] | None = None,
    *,
    gives: list[Any] | None = None,
    output: bool = False,
    module: str = "nodes",
) -> dict[str, Any]:
    inputs: dict[str, Any] = {"required": required or {}}
    if optional is not None:
        inputs["optional"] = optional
    return {"input": inputs, "output": gives or [], "output_node": output, "python_module": module}


SIZE = ["INT", {"default": 512, "min": 1, "max": 1024}]
NODES: dict[str, Any] = {
    "Blank": node({"width": SIZE}, gives=["IMAGE", "MASK"]),
    "Invert": node({"image": ["IMAGE"]}, gives=["IMAGE"]),
    "Save": node({"images": ["IMAGE", {}]}, {"note": ["STRING", {}]}, output=True),
    "Show": node({"source": ["*", {}]}, output=True),
    "Number": node({"value": ["INT", {}]}, gives=["INT"]),
    "Text": node({"value": ["STRING", {}]}, gives=["STRING"]),
    "Loader": node({"name": [["a.safetensors", "sub/beta_v2.safetensors"]]}, gives=["MODEL"]),
    "Types": node(
        {},
        {
            "i": ["INT", {"min": 0, "max": 10}],
            "f": ["FLOAT", {"min": 0.0, "max": 1.0}],
            "s": ["STRING", {}],
            "b": ["BOOLEAN", {}],
            "either": ["INT,FLOAT", {"min": 0}],
            "old": [["red", "green", 2], {}],
            "new": ["COMBO", {"options": ["red", "green"]}],
            "many": ["COMBO", {"options": ["red", "green"], "multiselect": True}],
            "remote": ["COMBO", {"remote": {"route": "/x"}}],
            "image": ["IMAGE"],
            "any": ["*", {}],
        },
        gives=["INT,FLOAT", "*", ["red"], "COMBO"],
        output=True,
    ),
    "LoadImage": node({"image": [["example.png"], {"image_upload": True}]}, gives=["IMAGE"]),
    "LoadVideo": node(
        {"file": ["COMBO", {"options": ["clip.mp4"], "video_upload": True}]},
        gives=["VIDEO"],
        module="comfy_extras.nodes_video",
    ),
    "Dynamic": node(
        {
            "mode": [
                "COMFY_DYNAMICCOMBO_V3",
                {
                    "options": [
                        {"key": "none", "inputs": {}},
                        {
                            "key": "size",
                            "inputs": {"required": {"width": SIZE}, "optional": {"deep": ["INT"]}},
                        },
                        {
                            "key": "nested",
                            "inputs": {
                                "required": {
                                    "inner": [
                                        "COMFY_DYNAMICCOMBO_V3",
                                        {
                                            "options": [
                                                {"key": "a", "inputs": {"required": {"text": ["STRING"]}}}
                                            ]
                                        },
                                    ]
                                }
                            },
                        },
                    ]
                },
            ],
            "images": [
                "COMFY_AUTOGROW_V3",
                {
                    "template": {
                        "input": {"required": {"img": ["IMAGE"]}},
                        "prefix": "img",
                        "min": 1,
                        "max": 3,
                    }
                },
            ],
            "named": [
                "COMFY_AUTOGROW_V3",
                {
                    "template": {
                        "input": {"required": {}, "optional": {"n": ["INT"]}},
                        "names": ["x", "y"],
                        "min": 2,
                    }
                },
            ],
        },
        gives=["COMFY_MATCHTYPE_V3"],
        output=True,
    ),
    "Anything": node({}, {}, gives=["*"], module="custom_nodes.pack"),
}


def graph(**nodes: tuple[str, dict[str, Any]] | Any) -> dict[str, Any]:
    """``graph(n1=("Blank", {...}))`` is a prompt with the node "1"."""
    return {
        name.removeprefix("n"): {"class_type": value[0], "inputs": value[1]}
        if isinstance(value, tuple)
        else value
        for name, value in nodes.items()
    }


def judge(
    prompt: Any, *, version: str | None = None, nodes: Mapping[str, Any] = NODES, **more: Any
) -> Verdict:
    return check(prompt, nodes, version=version, **more)


def found(verdict: Verdict, severity: str = "error") -> set[tuple[str | None, str, str | None]]:
    """The findings of one severity, as (node, code, input)."""
    return {(d.node_id, d.code, d.input) for d in verdict.diagnostics if d.severity == severity}


def types(version: str | None = None, /, **inputs: Any) -> set[tuple[str, str | None]]:
    """The errors that a node of class Types has with these inputs, as (code, input)."""
    verdict = judge(graph(n1=("Types", inputs)), version=version)
    return {(code, name) for _, code, name in found(verdict)}
