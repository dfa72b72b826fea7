"""What differs between the values of two prompts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from comfy_tui.workflow.parameters import is_link, nodes
from comfy_tui.workflow.tracing import scalar


class _Missing:
    """There is no such value."""

    def __repr__(self) -> str:
        return "(not there)"


MISSING = _Missing()
THERE = "there"


@dataclass(frozen=True, slots=True)
class Difference:
    """A value that two prompts do not share; ``MISSING`` where one has none.

    A node that only one of them has is a difference without an input.
    """

    node_id: str
    title: str
    input: str
    first: Any
    second: Any


def differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> tuple[tuple[Difference, ...], int]:
    """What differs between two prompts, node by node, and how many values are the same."""
    before, after = _literals(first), _literals(second)
    partner = _partners(before, after)
    found: list[Difference] = []
    same = 0
    for key, other_key in partner.items():
        title, values = before[key]
        others = after[other_key][1]
        for name in dict.fromkeys((*values, *others)):
            a, b = values.get(name, MISSING), others.get(name, MISSING)
            if a == b and type(a) is type(b):
                same += 1
            else:
                found.append(Difference(key, title, name, a, b))
    for key, (title, _) in before.items():
        if key not in partner:
            found.append(Difference(key, title, "", THERE, MISSING))
    for key, (title, _) in after.items():
        if key not in partner.values():
            found.append(Difference(key, title, "", MISSING, THERE))
    return tuple(found), same


def _literals(prompt: Mapping[str, Any]) -> dict[str, tuple[str, dict[str, Any]]]:
    """For each node its title and its inputs; a link is what it leads to."""
    return {
        node_id: (
            title if title == class_type else f"{title} ({class_type})",
            {
                name: f"from {value[0]}:{value[1]}" if is_link(value) and len(value) == 2 else scalar(value)
                for name, value in inputs.items()
            },
        )
        for node_id, class_type, inputs, title in nodes(prompt)
    }


def _partners(
    before: Mapping[str, tuple[str, dict[str, Any]]], after: Mapping[str, tuple[str, dict[str, Any]]]
) -> dict[str, str]:
    """Which node of the one is which of the other: by its id, else by its name where that is the only one."""
    found = {key: key for key in before if key in after and before[key][0] == after[key][0]}
    rest_before = [key for key in before if key not in found]
    rest_after = [key for key in after if key not in found.values()]
    for key in rest_before:
        matches = [other for other in rest_after if after[other][0] == before[key][0]]
        alone = sum(1 for other in rest_before if before[other][0] == before[key][0]) == 1
        if len(matches) == 1 and alone:
            found[key] = matches[0]
    return found
