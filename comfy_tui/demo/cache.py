"""Results of nodes, kept by class, inputs and ancestry."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from .folders import Folders
from .nodes import NODES
from .nodes.base import Result

_LIMIT = 256


class Cache:
    """Results by signature.

    Args:
        keep_only_last: forget what the latest prompt did not use, like the classic cache of old versions.
    """

    def __init__(self, *, keep_only_last: bool) -> None:
        self._keep_only_last = keep_only_last
        self._results: dict[str, Result] = {}

    def __contains__(self, key: object) -> bool:
        return key in self._results

    def get(self, key: str) -> Result:
        """A result that is there."""
        return self._results[key]

    def put(self, key: str, result: Result) -> None:
        """Keep a result."""
        self._results.pop(key, None)
        self._results[key] = result

    def begin(self, keys: Iterable[str]) -> None:
        """A prompt with these nodes starts: make room, but not at its cost."""
        used = set(keys)
        for key in list(self._results):
            if key not in used and (self._keep_only_last or len(self._results) > _LIMIT):
                del self._results[key]

    def clear(self) -> None:
        """Forget everything."""
        self._results.clear()


def signatures(prompt: dict[str, Any], folders: Folders) -> dict[str, str]:
    """A key for each node that has one: equal keys, equal results."""
    found: dict[str, str] = {}
    for node_id in prompt:
        _sign(node_id, prompt, folders, found, set())
    return found


def _sign(
    node_id: str, prompt: dict[str, Any], folders: Folders, found: dict[str, str], path: set[str]
) -> str:
    if node_id in found:
        return found[node_id]
    if node_id in path or node_id not in prompt:
        return f"?{node_id}"
    node = prompt[node_id]
    inputs = node["inputs"] if isinstance(node.get("inputs"), dict) else {}
    parts: list[Any] = [node["class_type"]]
    for name in sorted(inputs):
        value = inputs[name]
        if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str):
            value = ["link", _sign(value[0], prompt, folders, found, path | {node_id}), value[1]]
        parts.append([name, value])
    fingerprint = NODES[node["class_type"]].fingerprint
    if fingerprint is not None:
        parts.append(fingerprint(folders, inputs))
    text = json.dumps(parts, sort_keys=True, default=str)
    found[node_id] = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return found[node_id]
