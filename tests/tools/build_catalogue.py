"""Write ``comfy_tui/data/models.json.gz`` from the template package.

Run as ``python tests/tools/build_catalogue.py``.

The package, comfyui-workflow-templates-json (MIT), is a development dependency. Taken from it are, of
the workflows that ComfyUI ships: where model files are, and with which versions of ComfyUI a class is
used (manager-and-models, sections 4.1 and 5). A test fails when the file is not what this makes.
"""

from __future__ import annotations

import gzip
import importlib.metadata
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PACKAGE = "comfyui-workflow-templates-json"
TARGET = Path(__file__).resolve().parent.parent.parent / "comfy_tui" / "data" / "models.json.gz"
# Nodes of the browser, and nodes of packs that two templates use.
NOT_CORE = {"Note", "MarkdownNote", "Reroute", "PrimitiveNode", "AILab_QwenVL", "ImageRemoveAlpha+"}
VERSION = re.compile(r"v?\d+\.\d+\.\d+")


def templates_folder() -> Path:
    """Where the package keeps its workflows."""
    import comfyui_workflow_templates_json as package

    return Path(next(iter(package.__path__))) / "templates"


def nodes_of(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every node, also in subgraphs."""
    yield from document.get("nodes") or []
    for graph in (document.get("definitions") or {}).get("subgraphs") or []:
        yield from graph.get("nodes") or []


def key(version: str) -> tuple[int, ...]:
    """A version to sort by."""
    return tuple(map(int, re.findall(r"\d+", version)))


def build() -> dict[str, Any]:
    """The catalogue: ``models`` {folder: {name: [url, ..., hash?]}} and ``core`` {class: [version, ...]}."""
    folder = templates_folder()
    index = json.loads((folder / "index.json").read_text("utf-8"))
    least = {t["name"]: t.get("minComfyUIVersion") for part in index for t in part["templates"]}
    urls: dict[tuple[str, str], Counter[str]] = {}
    hashes: dict[tuple[str, str], list[str]] = {}
    core: dict[str, set[str]] = {}
    for file in sorted(folder.glob("*.json")):
        document = json.loads(file.read_text("utf-8"))
        if file.stem not in least or not isinstance(document, dict):
            continue
        graphs = {graph["id"] for graph in (document.get("definitions") or {}).get("subgraphs") or []}
        for node in nodes_of(document):
            properties = node.get("properties") or {}
            for entry in properties.get("models") or []:
                place = entry["directory"], entry["name"]
                urls.setdefault(place, Counter())[entry["url"].removesuffix("?download=true")] += 1
                if entry.get("hash_type", "").upper() == "SHA256":
                    hashes[place] = [entry["hash"]]
            if node["type"] in graphs or node["type"] in NOT_CORE:
                continue
            if properties.get("cnr_id", "comfy-core") == "comfy-core":
                seen = {properties.get("ver"), least[file.stem]}
                versions = {v.removeprefix("v") for v in seen if v and VERSION.fullmatch(v)}
                core.setdefault(node["type"], set()).update(versions)
    models: dict[str, dict[str, list[str]]] = {}
    for (place, name), found in sorted(urls.items()):
        ranked = [url for url, _ in sorted(found.items(), key=lambda item: (-item[1], item[0]))]
        models.setdefault(place, {})[name] = ranked[:1] + hashes.get((place, name), [])
    return {
        "source": f"{PACKAGE} {importlib.metadata.version(PACKAGE)} (MIT)",
        "models": models,
        "core": {name: sorted(versions, key=key) for name, versions in sorted(core.items())},
    }


def packed(catalogue: dict[str, Any]) -> bytes:
    """The bytes of the file; the same for the same content."""
    text = json.dumps(catalogue, separators=(",", ":"), sort_keys=True)
    return gzip.compress(text.encode(), 9, mtime=0)


if __name__ == "__main__":
    content = packed(build())
    TARGET.write_bytes(content)
    sys.stderr.write(f"{TARGET}: {len(content)} bytes\n")
