"""``state/inventory.json`` of a project: what a server has, for every tool that works in that folder.

The shape is shared with other tools: ``last_updated`` (ISO 8601, UTC), ``mode`` ("online" or "offline"),
``comfyui_version``, ``system``, ``models``, ``custom_nodes``. Beside these stand keys of ours, and keys
that others put there stay. The node classes are in a file of their own, ``object_info.json``, which
``object_info`` names: with them inside, every reader of the small file would have to parse megabytes.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from comfy_tui.errors import ExportError
from comfy_tui.inventory.disk import replace_file
from comfy_tui.inventory.inventory import Inventory, Origin, Pack, System
from comfy_tui.inventory.node_table import NodeTable

NAME = "inventory.json"
NODES_NAME = "object_info.json"
SIZE_LIMIT_BYTES = 64 * 1024 * 1024
_GIB = 1024**3

#: Every key that is written, with its meaning.
KEYS: dict[str, str] = {
    "last_updated": "when this was last true: ISO 8601, UTC",
    "mode": '"online": the server said it when this was written; "offline": from the cache or a folder',
    "comfyui_version": "text, or null",
    "system": "gpu, vram_total_gb, vram_free_gb (GiB); null where not told",
    "models": "file names by folder",
    "custom_nodes": "the names of the custom node packs",
    "server": "the server's address, or null",
    "models_updated": "when the models were listed: ISO 8601, UTC, or null",
    "embeddings": "names, or null where not told",
    "node_replacements": "classes that the server itself replaces, as its /node_replacements tells them",
    "packs": "by pack: node_classes, version, registry_id; null where not told",
    "packages": "versions of ComfyUI's own packages by name",
    "node_classes": "how many node classes there are, or null",
    "object_info": "the file beside this one that holds the node classes, or null",
}


def project_path(project: Path) -> Path:
    """Where a project keeps it."""
    return project / "state" / NAME


def to_project_file(inventory: Inventory) -> dict[str, Any]:
    """The keys of ours, in the shared shape; ``object_info`` is null, for no file was written."""
    has_nodes = bool(inventory.object_info)
    packs = {
        pack.name: {
            "node_classes": pack.node_classes,
            "version": pack.version,
            "registry_id": pack.registry_id,
        }
        for pack in inventory.packs
    }
    system = inventory.system
    newest = max((s for s in (inventory.fetched_at_s, inventory.models_at_s) if s is not None), default=None)
    return {
        "last_updated": _iso(inventory.fetched_at_s or newest),
        "mode": "online" if inventory.is_live else "offline",
        "comfyui_version": inventory.comfyui_version,
        "system": {
            "gpu": system.gpu,
            "vram_total_gb": system.vram_total_gb,
            "vram_free_gb": system.vram_free_gb,
        },
        "models": {name: list(files) for name, files in (inventory.models or {}).items()},
        "custom_nodes": list(inventory.pack_names),
        "server": inventory.server or None,
        "models_updated": _iso(inventory.models_at_s),
        "embeddings": None if inventory.embeddings is None else list(inventory.embeddings),
        "node_replacements": dict(inventory.replacements),
        "packs": packs,
        "packages": dict(inventory.packages),
        "node_classes": len(inventory.object_info) if has_nodes else None,
        "object_info": None,
    }


def from_project_file(document: Mapping[str, Any]) -> Inventory:
    """Read the shared shape, whoever wrote it: what is absent or odd is not known. Without node classes."""
    system = document.get("system")
    stats = system if isinstance(system, Mapping) else {}
    models = document.get("models")
    listed = models if isinstance(models, Mapping) else None
    embeddings = document.get("embeddings")
    updated = _seconds(document.get("last_updated"))
    return Inventory(
        server=_text(document.get("server")) or "",
        comfyui_version=_text(document.get("comfyui_version")),
        fetched_at_s=updated,
        models=None if listed is None else {str(name): _names(files) for name, files in listed.items()},
        models_at_s=_seconds(document.get("models_updated")) or (updated if listed is not None else None),
        embeddings=_names(embeddings) if isinstance(embeddings, list) else None,
        replacements=_mapping(document.get("node_replacements")),
        packs=_packs(document),
        packages=_packages(document.get("packages")),
        system=System(
            _text(stats.get("gpu")), _bytes(stats.get("vram_total_gb")), _bytes(stats.get("vram_free_gb"))
        ),
        origin=Origin.FILE,
    )


@dataclass(frozen=True, slots=True)
class Written:
    """What was written, and what a person should know of it."""

    path: Path
    #: An unreadable file that stood there, under its new name.
    set_aside: Path | None = None


def write_project_file(project: Path, inventory: Inventory) -> Written:
    """Write the inventory of a project, keeping the keys of others.

    An unreadable file in its place is set aside, not lost.

    Raises:
        ExportError: it cannot be written.
    """
    path = project_path(project)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        kept, set_aside = _kept(path)
        document = _merged(kept, to_project_file(inventory))
        if inventory.object_info:
            body, index = NodeTable.of(inventory.object_info).packed()
            replace_file(path.with_name(NODES_NAME), _joined(body, index))
            document["object_info"] = NODES_NAME
        text = json.dumps(document, ensure_ascii=False, indent=2)
        replace_file(path, text.encode("utf-8", "surrogatepass") + b"\n")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ExportError(
            "The inventory was not written",
            f"{path}: {reason}",
            "Is there room, and may you write there? --project DIR names another folder.",
        ) from error
    return Written(path, set_aside)


def read_project_file(project: Path) -> Inventory | None:
    """The inventory of a project, with its node classes where they lie beside it; None where it has none."""
    path = project_path(project)
    document = _read(path)
    if document is None:
        return None
    found = from_project_file(document)
    named = document.get("object_info")
    if isinstance(named, str) and Path(named).name == named:
        with contextlib.suppress(OSError, ValueError):
            table = NodeTable.split(_limited(path.with_name(named)))
            return replace(found, object_info=table)
    return found


def _merged(kept: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    """Ours over theirs; in ``system`` too, key by key."""
    document = {**kept, **ours}
    if isinstance(kept.get("system"), Mapping):
        document["system"] = {**kept["system"], **ours["system"]}
    return document


def _joined(body: bytes, index: list[tuple[str, int]]) -> bytes:
    """The node classes as one JSON object, a line a class."""
    parts: list[bytes] = []
    at = 0
    for name, length in index:
        parts.append(json.dumps(name).encode("ascii") + b": " + body[at : at + length])
        at += length
    return b"{\n" + b",\n".join(parts) + b"\n}\n"


def _kept(path: Path) -> tuple[dict[str, Any], Path | None]:
    """What stands there already; an unreadable file is put under another name."""
    document = _read(path)
    if document is not None:
        return document, None
    if not path.exists():
        return {}, None
    aside = path.with_name(f"{NAME}.broken")
    path.replace(aside)
    return {}, aside


def _read(path: Path) -> dict[str, Any] | None:
    try:
        document = json.loads(_limited(path))
    except (OSError, ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _limited(path: Path) -> bytes:
    with path.open("rb") as file:
        text = file.read(SIZE_LIMIT_BYTES + 1)
    if len(text) > SIZE_LIMIT_BYTES:
        raise ValueError("too large")
    return text


def _packs(document: Mapping[str, Any]) -> tuple[Pack, ...]:
    told = document.get("packs")
    known = told if isinstance(told, Mapping) else {}
    found = []
    for name in _names(document.get("custom_nodes")):
        entry = known.get(name)
        facts = entry if isinstance(entry, Mapping) else {}
        count = facts.get("node_classes")
        found.append(
            Pack(
                name,
                count if isinstance(count, int) and not isinstance(count, bool) else None,
                _text(facts.get("version")),
                _text(facts.get("registry_id")),
            )
        )
    return tuple(found)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _packages(value: Any) -> tuple[tuple[str, str], ...]:
    entries = value.items() if isinstance(value, Mapping) else ()
    return tuple((name, version) for name, version in entries if isinstance(version, str))


def _names(value: Any) -> tuple[str, ...]:
    """A list of names; other tools put objects with a name there."""
    found = []
    for entry in value if isinstance(value, list) else ():
        name = entry.get("name") if isinstance(entry, Mapping) else entry
        if isinstance(name, str) and name:
            found.append(name)
    return tuple(found)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _bytes(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e6:
        return None
    return int(value * _GIB)


def _iso(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return None


def _seconds(value: Any) -> float | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
