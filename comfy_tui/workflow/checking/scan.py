"""The first look at a prompt: whether each node is one, and whether the server has its class.

comfyui-api, sections 4.4, 4.6 and 5.1. The server stops at the first trouble; all are named here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from comfy_tui.workflow.checking.declared import Definitions, NodeClass
from comfy_tui.workflow.checking.nearest import Nearest
from comfy_tui.workflow.checking.problem import Problem, brief
from comfy_tui.workflow.checking.rules import Rules

MALFORMED = "malformed_prompt"


@dataclass(slots=True)
class Scan:
    """What the first look found.

    Attributes:
        classes: of each node; None where the server lacks it or the node names none.
        inputs: of each node; None where it has no inputs object.
        problems: nodes that are none and classes that are missing.
        refusal: the type of the server's refusal, None where the scan lets the prompt through.
    """

    classes: dict[str, NodeClass | None] = field(default_factory=dict)
    inputs: dict[str, Mapping[str, Any] | None] = field(default_factory=dict)
    problems: dict[str, Problem] = field(default_factory=dict)
    refusal: str | None = None


def scan(prompt: Mapping[str, Any], definitions: Definitions, rules: Rules, nearest: Nearest) -> Scan:
    """Look at every node of a prompt once."""
    found = Scan()
    names = definitions.names()
    for node_id, node in prompt.items():
        inputs = node.get("inputs") if isinstance(node, Mapping) else None
        found.inputs[node_id] = inputs if isinstance(inputs, Mapping) else None
        found.classes[node_id] = None
        problem = _malformed(node, rules)
        if problem is None:
            class_type = node.get("class_type") if isinstance(node, Mapping) else None
            known = definitions[class_type] if isinstance(class_type, str) else None
            found.classes[node_id] = known
            if known is None:
                problem = _missing_class(class_type, rules, nearest, names)
        if problem is not None:
            found.problems[node_id] = problem
    codes = [problem.code for problem in found.problems.values()]
    walked = rules.walks_nodes_first and MALFORMED in codes
    found.refusal = MALFORMED if walked else next(iter(codes), None)
    return found


def _malformed(node: Any, rules: Rules) -> Problem | None:
    """What makes the server's handler raise, which is a 500 and not a verdict."""
    hint = "Export the workflow again, in API format."
    if not isinstance(node, Mapping):
        if rules.walks_nodes_first or not isinstance(node, (str, list)) or "class_type" in node:
            return Problem(
                MALFORMED, f"This is {brief(node)}, not a node: the server answers 500.", hint=hint
            )
        return None
    class_type = node.get("class_type")
    if isinstance(class_type, (list, dict)):
        return Problem(
            MALFORMED, f"class_type is {brief(class_type)}, not a name: the server answers 500.", hint=hint
        )
    inputs = node.get("inputs", {})
    if rules.walks_nodes_first and "class_type" in node and not isinstance(inputs, Mapping):
        return Problem(
            MALFORMED, f"inputs is {brief(inputs)}, not an object: the server answers 500.", hint=hint
        )
    return None


def _missing_class(class_type: Any, rules: Rules, nearest: Nearest, names: list[str]) -> Problem:
    if class_type is None:
        return Problem(
            rules.missing_class,
            "The node names no class_type.",
            hint="Export the workflow again, in API format.",
        )
    return Problem(
        rules.missing_class,
        f"The server has no node class {brief(class_type)}.",
        suggestions=nearest.among(class_type, names, any_of_few=False),
        hint="Install the pack that has it, update ComfyUI, or replace the node.",
    )
