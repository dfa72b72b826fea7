"""Comparing the prompt of a written-back workflow with what was wanted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from comfy_tui.workflow.writeback.origin import Key, Origins
from comfy_tui.workflow.writeback.source import same

_ABSENT = object()


@dataclass(slots=True)
class Group:
    """Changes that are written together or not at all.

    ``selectors`` are dynamic combos among them; ``alone`` is to leave copies elsewhere as they are.
    """

    values: dict[Key, Any] = field(default_factory=dict)
    selectors: set[Key] = field(default_factory=set)
    alone: bool = False


def differences(origins: Origins, made: Mapping[str, Any], groups: list[Group]) -> list[Key]:
    """The inputs that differ from the first prompt with the groups' changes.

    Not counted: what the browser computes from a changed value (a text that names it between % signs,
    the index of a CustomCombo), and the inputs that come and go with a dynamic combo's choice.
    """
    wanted = {key: value for group in groups for key, value in group.values.items()}
    selectors = [selector for group in groups for selector in group.selectors]
    if made.keys() != origins.prompt.keys():
        return [(node_id, "") for node_id in made.keys() ^ origins.prompt.keys()]
    found = []
    for key, value, now in _pairs(origins.prompt, made, wanted):
        if value is now or (_ABSENT not in (value, now) and same(value, now)):
            continue
        if key not in wanted and any(_below(key, selector) for selector in selectors):
            continue
        if _is_filled(origins, key, wanted) or _is_computed(origins, key, value, now, wanted):
            continue
        found.append(key)
    return found


def _pairs(
    before: Mapping[str, Any], after: Mapping[str, Any], wanted: Mapping[Key, Any]
) -> Iterator[tuple[Key, Any, Any]]:
    """Each input with the value that it should have and the one that it has."""
    added: dict[str, list[str]] = {}
    for node_id, name in wanted:
        added.setdefault(node_id, []).append(name)
    for node_id, node in before.items():
        old, new = node["inputs"], after[node_id]["inputs"]
        for name in dict.fromkeys([*old, *new, *added.get(node_id, ())]):
            key = (node_id, name)
            yield key, wanted[key] if key in wanted else old.get(name, _ABSENT), new.get(name, _ABSENT)


def _below(key: Key, selector: Key) -> bool:
    return key[0] == selector[0] and key[1].startswith(f"{selector[1]}.")


def _is_filled(origins: Origins, key: Key, wanted: Mapping[Key, Any]) -> bool:
    """Whether the browser fills in a text, the wanted one or the saved one."""
    if not origins.is_filled(key):
        return False
    widget = origins.widget(key)
    text = wanted.get(key, None if widget is None else widget.value)
    return isinstance(text, str) and "%" in text


def _is_computed(origins: Origins, key: Key, before: Any, now: Any, wanted: Mapping[Key, Any]) -> bool:
    """Whether a CustomCombo made it of a changed value: its index, or one more empty option (section 4.4)."""
    node = origins.emitted.get(key[0])
    if node is None or node.type != "CustomCombo" or key in wanted:
        return False
    grown = before is _ABSENT and now == "" and key[1].startswith("option")
    return (grown or key[1] == "index") and any(node_id == key[0] for node_id, _ in wanted)
