"""Reads node classes from a file that a person names: ``--object-info FILE``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from comfy_tui.errors import ConfigError
from comfy_tui.inventory.inventory import Inventory, Origin, find_packs
from comfy_tui.inventory.node_table import NodeTable
from comfy_tui.inventory.project_file import from_project_file
from comfy_tui.inventory.store import MAGIC, StoreError, unpack

#: As much as is read of a server's own answer.
SIZE_LIMIT_BYTES = 128 * 1024 * 1024
_TITLE = "The node definitions cannot be read"
_HINT = (
    "Give the answer of a server's /object_info (curl -o FILE URL/object_info), an inventory.json of "
    "`comfy-tui inventory --save`, or a file of comfy-tui's own cache."
)


def read_object_info(path: Path) -> Inventory:
    """Read ``/object_info`` as JSON, an ``inventory.json`` with its neighbour, or a file of our cache.

    Raises:
        ConfigError: it is none of them.
    """
    text = _read(path)
    if text.startswith(MAGIC):
        try:
            return replace(unpack(text), origin=Origin.FILE)
        except StoreError as error:
            raise ConfigError(_TITLE, f"{path}: {error}", _HINT) from error
    table = _split(path, text)
    if _is_object_info(table):
        return _of_nodes(table)
    if "last_updated" in table or "custom_nodes" in table:
        return _from_inventory(path, table)
    what = "it is an editor workflow" if "nodes" in table and "links" in table else "it names no node classes"
    raise ConfigError(_TITLE, f"{path}: {what}", _HINT)


def _of_nodes(table: NodeTable) -> Inventory:
    return Inventory(object_info=table, packs=find_packs(table), origin=Origin.FILE)


def _from_inventory(path: Path, document: Mapping[str, Any]) -> Inventory:
    """An inventory names the file of its node classes, which lies beside it; or it holds them itself."""
    found = from_project_file(document)
    nodes = document.get("object_info")
    if isinstance(nodes, str) and Path(nodes).name == nodes:
        nodes = _split(path.with_name(nodes), _read(path.with_name(nodes)))
    if not isinstance(nodes, Mapping) or not _is_object_info(nodes):
        raise ConfigError(
            _TITLE,
            f"{path}: this inventory is without node classes",
            "Write it again while the server runs: comfy-tui inventory --save.",
        )
    return replace(found, object_info=NodeTable.of(nodes), origin=Origin.FILE)


def _is_object_info(table: Mapping[str, Any]) -> bool:
    """Whether the first entry that is an object describes a node class."""
    for name in table:
        entry = table[name]
        if isinstance(entry, Mapping):
            return bool({"input", "output", "python_module"} & entry.keys()) and "class_type" not in entry
    return False


def _split(path: Path, text: bytes) -> NodeTable:
    try:
        return NodeTable.split(text)
    except ValueError as error:
        raise ConfigError(_TITLE, f"{path}: not JSON of this kind: {error}", _HINT) from error


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            text = file.read(SIZE_LIMIT_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise ConfigError(_TITLE, f"{path}: {reason}", _HINT) from error
    if len(text) > SIZE_LIMIT_BYTES:
        limit = SIZE_LIMIT_BYTES // (1024 * 1024)
        raise ConfigError(_TITLE, f"{path}: larger than {limit} MB", _HINT)
    return text
