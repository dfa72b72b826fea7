"""What a workflow says of itself: packs and versions of its nodes, and where its models are.

graph-to-prompt, sections 17 and 18: ``properties.cnr_id``, ``aux_id``, ``ver`` and ``models`` of nodes
anywhere in the document, ``models`` beside them, and ``_meta`` in prompts of newer browsers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from comfy_tui.workflow.advice.commands import repository_of, safe_id, safe_url, safe_version
from comfy_tui.workflow.advice.knowledge import ModelSource
from comfy_tui.workflow.advice.types import Origin, Pack

CORE = "comfy-core"
_MOST_NODES = 100_000
_MOST_MODELS = 10_000


@dataclass(slots=True)
class Saved:
    """What was found.

    Attributes:
        packs: the pack that nodes of a class name, the most exact one.
        core: classes whose nodes say that they are ComfyUI's own, with the versions they were made with.
        models: model files by name.
        used_by: names of model files that nodes of a class use, by class.
    """

    packs: dict[str, Pack] = field(default_factory=dict)
    core: dict[str, list[str]] = field(default_factory=dict)
    models: dict[str, list[ModelSource]] = field(default_factory=dict)
    used_by: dict[str, list[ModelSource]] = field(default_factory=dict)


def read_saved(workflow: Any, prompt: Any = None) -> Saved:
    """Read an editor document and a prompt; either may be absent, or be anything."""
    saved = Saved()
    left = _MOST_MODELS
    for node in islice(_nodes(workflow), _MOST_NODES):
        class_type, properties = node.get("type"), node.get("properties")
        if not isinstance(class_type, str) or not isinstance(properties, Mapping):
            continue
        _read_pack(saved, class_type, properties)
        for source in _models(properties.get("models"))[:left]:
            left -= 1
            saved.models.setdefault(source.name, []).append(source)
            if _uses(node.get("widgets_values"), source.name):
                saved.used_by.setdefault(class_type, []).append(source)
    for source in _models(workflow.get("models") if isinstance(workflow, Mapping) else None)[:left]:
        saved.models.setdefault(source.name, []).append(source)
    for node in prompt.values() if isinstance(prompt, Mapping) else ():
        about = node.get("_meta") if isinstance(node, Mapping) else None
        class_type = node.get("class_type") if isinstance(node, Mapping) else None
        if isinstance(class_type, str) and isinstance(about, Mapping):
            _read_pack(saved, class_type, about)
    return saved


def _nodes(workflow: Any) -> Iterator[Mapping[str, Any]]:
    """Every node of the document, also in subgraphs and group nodes."""
    if not isinstance(workflow, Mapping):
        return
    holders = [workflow]
    definitions = workflow.get("definitions")
    listed = definitions.get("subgraphs") if isinstance(definitions, Mapping) else None
    holders += [g for g in listed if isinstance(g, Mapping)] if isinstance(listed, list) else []
    extra = workflow.get("extra")
    groups = extra.get("groupNodes") if isinstance(extra, Mapping) else None
    holders += [g for g in groups.values() if isinstance(g, Mapping)] if isinstance(groups, Mapping) else []
    for holder in holders:
        nodes = holder.get("nodes")
        yield from (n for n in nodes if isinstance(n, Mapping)) if isinstance(nodes, list) else ()


def _read_pack(saved: Saved, class_type: str, about: Mapping[str, Any]) -> None:
    pack_id, owned, version = about.get("cnr_id"), about.get("aux_id"), about.get("ver")
    version = safe_version(version)
    if pack_id == CORE:
        versions = saved.core.setdefault(class_type, [])
        if version is not None and version not in versions:
            versions.append(version)
        return
    pack = Pack(safe_id(pack_id), repository_of(owned), version)
    known = saved.packs.get(class_type)
    if (pack.id or pack.repository) and (known is None or (pack.id and not known.id)):
        saved.packs[class_type] = pack


def _models(listed: Any) -> list[ModelSource]:
    found = []
    for entry in listed if isinstance(listed, list) else ():
        name = entry.get("name") if isinstance(entry, Mapping) else None
        if not isinstance(name, str) or not name or len(name) > 500:
            continue
        folder, digest = entry.get("directory"), entry.get("hash")
        checked = digest if str(entry.get("hash_type", "")).upper() == "SHA256" else None
        below, _, plain = name.replace("\\", "/").rpartition("/")
        found.append(
            ModelSource(
                plain,
                folder if isinstance(folder, str) and folder else None,
                safe_url(entry.get("url")),
                Origin.WORKFLOW,
                subfolder=below,
                sha256=checked if isinstance(checked, str) else None,
            )
        )
    return found


def _uses(values: Any, name: str) -> bool:
    """Whether a node's values name a file: entries of other files stay behind when values are changed."""
    held = values.values() if isinstance(values, Mapping) else values if isinstance(values, list) else ()
    return any(isinstance(v, str) and v.replace("\\", "/").rpartition("/")[2] == name for v in held)
