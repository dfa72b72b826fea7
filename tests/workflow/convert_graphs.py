"""A small server of our own and short ways to write workflows for it, for the tests of the conversion."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from comfy_tui.workflow import Conversion, Converter
from comfy_tui.workflow.diagnostic import Severity

NOW = datetime(2026, 3, 7, 14, 5, 6)


def _class(
    required: dict[str, Any], outputs: list[str], optional: dict[str, Any] | None = None
) -> dict[str, Any]:
    inputs = {"required": required, "optional": optional or {}, "hidden": {"prompt": "PROMPT"}}
    return {"input": inputs, "input_order": {k: list(v) for k, v in inputs.items()}, "output": outputs}


def _int(default: int = 0, least: int = 0, most: int = 4096, **more: Any) -> list[Any]:
    return ["INT", {"default": default, "min": least, "max": most, **more}]


def _grow(name: str, kind: str, **template: Any) -> list[Any]:
    return ["COMFY_AUTOGROW_V3", {"template": {"input": {"required": {name: [kind, {}]}}, **template}}]


def _dynamic(**choices: dict[str, Any]) -> list[Any]:
    options = [{"key": key, "inputs": {"required": inputs}} for key, inputs in choices.items()]
    return ["COMFY_DYNAMICCOMBO_V3", {"options": options}]


TEXT = ["STRING", {"multiline": True, "dynamicPrompts": True}]
NUMBER = ["FLOAT", {"default": 1.0, "min": 0.0, "max": 10.0, "step": 0.1, "round": 0.01}]
INFO: dict[str, Any] = {
    "LoadPicture": _class({"image": [["a.png", "b.png"], {"image_upload": True}]}, ["PICTURE", "MASK"]),
    "Invert": _class({"picture": ["PICTURE"]}, ["PICTURE"]),
    "Blend": _class({"one": ["PICTURE"], "two": ["PICTURE"], "by": NUMBER}, ["PICTURE"]),
    "Cut": _class({"mask": ["MASK"], "picture": ["PICTURE"]}, ["PICTURE", "MASK"]),
    "Blank": _class(
        {"width": _int(512, 16, 4096, step=8), "height": _int(512), "count": _int(1)}, ["PICTURE"]
    ),
    "Sample": _class(
        {
            "picture": ["PICTURE"],
            "seed": _int(0, 0, 18446744073709551615),
            "steps": _int(20, 1, 100),
            "cfg": NUMBER,
            "schedule": [["flat", "steep", "wavy"]],
        },
        ["PICTURE"],
    ),
    "Encode": _class({"text": TEXT, "model": ["MODEL"]}, ["COND"]),
    "Note2": _class({"text": ["STRING", {"default": "hi"}]}, ["STRING"]),
    "SaveImage": _class({"images": ["PICTURE"], "filename_prefix": ["STRING", {"default": "out"}]}, []),
    "Show": _class({"source": ["*", {}]}, []),
    "Whole": _class({"value": _int(0, -100, 100, control_after_generate="fixed")}, ["INT"]),
    "Pick": _class(
        {"name": ["COMBO", {"options": ["x", "xy", "z"], "control_after_generate": True}]}, ["COMBO"]
    ),
    "Forced": _class({"box": _int(forceInput=True), "w": _int(1), "h": _int(2)}, ["PICTURE"]),
    "Many": _class({"tags": ["COMBO", {"options": ["p", "q"], "multi_select": {"chip": True}}]}, ["STRING"]),
    "Bend": _class({"curve": ["CURVE", {"default": {"points": [[0, 0]]}}]}, ["CURVE"]),
    "Box": _class({"region": ["BOUNDING_BOX", {"default": {"x": 0, "y": 0, "width": 8, "height": 8}}]}, []),
    "Stack": _class({"pictures": _grow("picture", "PICTURE", prefix="p", min=1, max=9)}, ["PICTURE"]),
    "Letters": _class(
        {"values": _grow("value", "*", names=["a", "b", "c"], min=0), "t": ["STRING", {}]}, ["STRING"]
    ),
    "Resize": _class(
        {
            "source": [
                "COMFY_MATCHTYPE_V3",
                {"template": {"template_id": "T", "allowed_types": "PICTURE,MASK"}},
            ],
            "how": _dynamic(
                size={"width": _int(64), "height": _int(32)},
                factor={"by": NUMBER},
                like={
                    "other": ["PICTURE", {}],
                    "extra": _grow("picture", "PICTURE", prefix="e", min=0, max=5),
                },
                nested={"inner": _dynamic(u={"n": _int(7)}, v={})},
            ),
            "method": [["area", "cubic"]],
        },
        ["COMFY_MATCHTYPE_V3"],
    ),
    "CustomCombo": _class({"choice": ["COMBO", {"options": []}]}, ["STRING", "INT"]),
    "LoadAudio": _class({"audio": ["COMBO", {"options": [], "audio_upload": True}]}, ["AUDIO"]),
    "ImageCompare": _class({"compare_view": ["IMAGECOMPARE", {}]}, [], {"image_a": ["PICTURE"]}),
    "KSampler": _class({"seed": _int(), "sampler_name": [["ddim", "euler"]]}, ["LATENT"]),
}
CONVERTER = Converter(INFO)


def node(
    key: Any,
    kind: str,
    values: Any = None,
    inputs: dict[str, Any] | None = None,
    widgets: Iterable[str] = (),
    outputs: list[list[Any]] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A saved node; ``inputs`` are links by input name, ``widgets`` the names marked as widgets."""
    marked = set(widgets)
    listed = [
        {"name": n, "type": "*", "link": link} | ({"widget": {"name": n}} if n in marked else {})
        for n, link in (inputs or {}).items()
    ]
    gives = [{"name": "o", "type": "*", "links": links} for links in outputs or []]
    saved = {"id": key, "type": kind, "mode": 0, "inputs": listed, "outputs": gives, "properties": {}}
    return saved | ({} if values is None else {"widgets_values": values}) | more


def graph(nodes: list[Any], links: list[Any] | None = None, **more: Any) -> dict[str, Any]:
    """A saved workflow; a link is ``(id, origin, slot, target, slot)``."""
    table = [[*link, "*"] if isinstance(link, tuple) else link for link in links or []]
    return {"version": 0.4, "last_node_id": 100, "nodes": nodes, "links": table, **more}


def subgraph(
    key: str,
    nodes: list[Any],
    links: list[tuple[Any, ...]],
    inputs: list[tuple[str, str, list[int]]] | None = None,
    outputs: list[tuple[str, str, list[int]]] | None = None,
) -> dict[str, Any]:
    """A subgraph definition; ports are ``(name, type, link ids)``."""
    names = ("id", "origin_id", "origin_slot", "target_id", "target_slot")
    return {
        "id": key,
        "name": key,
        "version": 1,
        "nodes": nodes,
        "links": [dict(zip(names, link, strict=True)) for link in links],
        "inputs": [{"name": n, "type": t, "linkIds": i} for n, t, i in inputs or []],
        "outputs": [{"name": n, "type": t, "linkIds": i} for n, t, i in outputs or []],
    }


def with_subgraphs(document: dict[str, Any], *definitions: dict[str, Any]) -> dict[str, Any]:
    return document | {"definitions": {"subgraphs": list(definitions)}}


def converted(document: dict[str, Any], seed: int = 0) -> Conversion:
    return CONVERTER.convert(document, now=NOW, rng=random.Random(seed))


def inputs(document: dict[str, Any], key: str = "1") -> Any:
    """The inputs of one node of the prompt."""
    return converted(document).prompt[key]["inputs"]


def one(kind: str, values: Any = None, **more: Any) -> Any:
    """The inputs of a workflow's only node."""
    return inputs(graph([node(1, kind, values, **more)]))


def codes(document: dict[str, Any], severity: Severity | None = None) -> list[str]:
    found = converted(document).diagnostics
    return [d.code for d in found if severity is None or d.severity is severity]
