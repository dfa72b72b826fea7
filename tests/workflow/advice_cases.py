"""What the tests of advice share: a small server, a map of packs, short ways to ask."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from comfy_tui.workflow.advice import (
    Advice,
    Catalogue,
    Knowledge,
    ModelSource,
    Origin,
    Pack,
    PackMap,
    RegistryPack,
    Replacement,
    advise,
)
from comfy_tui.workflow.diagnostic import Diagnostic, Severity

HF = "https://huggingface.co/Comfy-Org/z/resolve/main/"
RECORDINGS = Path(__file__).resolve().parents[3] / "shared" / "recordings" / "manager"
OBJECT_INFO: dict[str, Any] = {
    "VAELoader": {"input": {"required": {"vae_name": [["x/ae.safetensors"], {}]}}, "python_module": "nodes"},
    "OddLoader": {
        "input": {"required": {"file": [["a.pt", "b.pt"], {}]}},
        "python_module": "custom_nodes.odd",
    },
    "KSampler": {"input": {"required": {"sampler_name": [["euler"], {}]}}, "python_module": "nodes"},
    "ControlNetLoader": {"input": {}, "python_module": "nodes"},
}
MAP = {
    "https://github.com/comfyanonymous/ComfyUI": [["KSampler", "NewCore"], {}],
    "https://github.com/Comfy-Org/comfyui-other": [["NotCore"], {}],
    "https://github.com/kijai/ComfyUI-KJNodes": [["GetImageSize+", "SetBlocks"], {"title_aux": "KJNodes"}],
    "comfyui-impact-pack": [["SAMLoader", "MaskRect"], {"title_aux": "Impact", "preemptions": ["SAMLoader"]}],
    "fork-of-impact": [["SAMLoader", "MaskRect", "Common"], {}],
    "rgthree-comfy": [["Any Switch"], {"nodename_pattern": "\\(rgthree\\)$"}],
    "a-fork": [["Seed (rgthree)", "Common"], {}],
    "bad-pattern": [["X"], {"nodename_pattern": "Hunyuan"}],
    "worse-pattern": [["Y"], {"nodename_pattern": "^(a+)+$"}],
    "-evil; rm -rf /": [["Evil"], {}],
    "https://user:pw@host.example/x": [["Evil"], {}],
    "odd": "text",
}


def missing(name: str, node_id: str = "1", **other: Any) -> Diagnostic:
    return Diagnostic(Severity.ERROR, "missing_node_type", "", node_id=node_id, class_type=name, **other)


def unlisted(class_type: str, name: str, node_id: str = "1", **other: Any) -> Diagnostic:
    return Diagnostic(
        Severity.ERROR, "value_not_in_list", "", node_id=node_id, class_type=class_type, input=name, **other
    )


def only(advices: tuple[Advice, ...]) -> Advice:
    assert len(advices) == 1, advices
    return advices[0]


def editor(*nodes: dict[str, Any], **other: Any) -> dict[str, Any]:
    return {"nodes": list(nodes), "links": [], **other}


def node(kind: str, **properties: Any) -> dict[str, Any]:
    return {"id": 1, "type": kind, "properties": properties}


def everything(**other: Any) -> Knowledge:
    facts: dict[str, Any] = {
        "version": "0.26.0",
        "object_info": OBJECT_INFO,
        "replacements": {"Old": Replacement("ControlNetLoader"), "Gone": Replacement("AlsoGone")},
        "manager_map": PackMap.read(MAP),
        "cached_map": PackMap.read({"cached-pack": [["Old", "NewCore", "OnlyCached", "MaskRect"], {}]}),
        "registry": {
            name: (RegistryPack(Pack("from-registry", "https://github.com/a/b", "1.0.0")),)
            for name in ("Old", "NewCore", "OnlyCached", "OnlyRegistry", "MaskRect")
        },
        "catalogue": Catalogue(core={"TemplateNode": ("0.20.0", "0.33.0", "0.34.0"), "Lost": ("0.3.0",)}),
    }
    return Knowledge(**{**facts, **other})


def entry(name: str, url: str = "", folder: str = "vae", **other: Any) -> dict[str, Any]:
    return {"name": name, "url": url or HF + name, "directory": folder, **other}


def prompt_of(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"1": {"class_type": class_type, "inputs": inputs}}


def ask(value: str, workflow: Any = None, class_type: str = "VAELoader", **facts: Any) -> Advice:
    name = {"VAELoader": "vae_name", "OddLoader": "file"}.get(class_type, "model_name")
    found = [unlisted(class_type, name)]
    known = Knowledge(object_info=OBJECT_INFO, **facts)
    return only(
        advise(found, prompt=prompt_of(class_type, **{name: value}), workflow=workflow, knowledge=known)
    )


def source(name: str, origin: Origin, folder: str | None = "vae", **other: Any) -> ModelSource:
    return ModelSource(name, folder, f"{HF}{origin.name}/{name}", origin, **other)
