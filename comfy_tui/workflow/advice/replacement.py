"""The server's node replacements, applied before a prompt is sent (manager-and-models, section 6).

The server does the same on ``POST /prompt``, but drops all inputs where no mapping is given and fails
where a mapped input or ``_meta`` is absent. Done here, nothing is lost.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from comfy_tui.workflow.advice.knowledge import Replacement


def read_replacements(answer: Any) -> dict[str, Replacement]:
    """Read ``GET /node_replacements``; of several replacements the first counts, as on the server."""
    found = {}
    for old, listed in answer.items() if isinstance(answer, Mapping) else ():
        first = listed[0] if isinstance(listed, list) and listed else None
        new = first.get("new_node_id") if isinstance(first, Mapping) else None
        if isinstance(old, str) and isinstance(new, str) and new and isinstance(first, Mapping):
            found[old] = Replacement(
                new, _inputs(first.get("input_mapping")), _outputs(first.get("output_mapping"))
            )
    return found


def _inputs(mapping: Any) -> tuple[tuple[str, str | None, Any], ...] | None:
    if not isinstance(mapping, list):
        return None
    found: list[tuple[str, str | None, Any]] = []
    for item in mapping:
        new = item.get("new_id") if isinstance(item, Mapping) else None
        if not isinstance(new, str):
            continue
        old = item.get("old_id")
        if isinstance(old, str):
            found.append((new, old, None))
        elif "set_value" in item:
            found.append((new, None, item["set_value"]))
    return tuple(found)


def _outputs(mapping: Any) -> dict[int, int]:
    found = {}
    for item in mapping if isinstance(mapping, list) else ():
        if isinstance(item, Mapping):
            old, new = item.get("old_idx"), item.get("new_idx")
            if isinstance(old, int) and isinstance(new, int) and old >= 0 and new >= 0:
                found[old] = new
    return found


def replace_nodes(
    prompt: Mapping[str, Any], replacements: Mapping[str, Replacement], classes: Collection[str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """A prompt in which missing classes are replaced where the server says how.

    Args:
        prompt: the API-format prompt; it is not changed.
        replacements: the server's.
        classes: the classes that it has: only others are replaced, and only by these.

    Returns:
        The new prompt, and the new class of each replaced node by its id.
    """
    done: dict[str, str] = {}
    outputs: dict[str, Mapping[int, int]] = {}
    made: dict[str, Any] = {}
    for node_id, node in prompt.items():
        made[node_id] = node
        class_type = node.get("class_type") if isinstance(node, Mapping) else None
        found = replacements.get(class_type) if isinstance(class_type, str) else None
        if found is None or class_type in classes or found.new_class not in classes:
            continue
        made[node_id] = {**node, "class_type": found.new_class, "inputs": _mapped(node.get("inputs"), found)}
        done[node_id] = found.new_class
        outputs[node_id] = found.outputs
    moved = {node_id for node_id, mapping in outputs.items() if mapping}
    if moved:
        for node_id, node in made.items():
            inputs = node.get("inputs") if isinstance(node, Mapping) else None
            if isinstance(inputs, Mapping):
                linked = {name: _relinked(value, outputs) for name, value in inputs.items()}
                made[node_id] = {**node, "inputs": linked}
    return made, done


def _mapped(inputs: Any, replacement: Replacement) -> dict[str, Any]:
    given = dict(inputs) if isinstance(inputs, Mapping) else {}
    if replacement.inputs is None:
        return given
    found: dict[str, Any] = {}
    for new, old, value in replacement.inputs:
        if old is None:
            found[new] = value
        elif old in given:
            found[new] = given[old]
    return found


def _relinked(value: Any, outputs: Mapping[str, Mapping[int, int]]) -> Any:
    if not isinstance(value, list) or len(value) != 2 or not isinstance(value[0], str):
        return value
    mapping = outputs.get(value[0])
    if mapping and isinstance(value[1], int) and value[1] in mapping:
        return [value[0], mapping[value[1]]]
    return value
