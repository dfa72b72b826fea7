"""Links between nodes: their shape, their target and their type (comfyui-api, sections 5.3 and 5.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from comfy_tui.workflow.checking.declared import DYNAMIC_SLOT, Input, NodeClass
from comfy_tui.workflow.checking.problem import RAISES, Problem, brief
from comfy_tui.workflow.checking.rules import Rules
from comfy_tui.workflow.checking.validators import ignores_types
from comfy_tui.workflow.definition import MATCH_TYPE
from comfy_tui.workflow.diagnostic import Severity


@dataclass(frozen=True, slots=True)
class Links:
    """Checks links of one prompt.

    Attributes:
        class_of: the class of a node id, None where the server does not have it.
        prompt: the prompt, for the ids that exist.
        rules: of the server's version.
    """

    class_of: Callable[[str], NodeClass | None]
    prompt: Mapping[str, Any]
    rules: Rules

    def check(self, item: Input, owner: NodeClass, value: list[Any]) -> tuple[Problem | None, str | None]:
        """What is wrong with a link, and the node that the server goes on to (None: it stops here)."""
        if len(value) != 2:
            return _bad_shape(item, value), None
        source, slot = value
        if not isinstance(source, str) or source not in self.prompt:
            return self._no_such_node(item, source), None
        made = self.class_of(source)
        if made is None or made.outputs is None:
            return None, source
        if not isinstance(slot, int) or not -len(made.outputs) <= slot < len(made.outputs):
            return _bad_slot(item, source, slot, made), None
        received = made.outputs[slot]
        if ignores_types(owner):
            return None, source
        fits = self._fits(received, item.type, made, owner)
        if fits is False:
            return _mismatch(item, received, source), None
        return (None if fits else _doubtful(item, received, source)), source

    def received(self, value: Any) -> Any:
        """The type that a link brings; None where it cannot be read."""
        if not isinstance(value, list) or len(value) != 2 or not isinstance(value[0], str):
            return None
        made = self.class_of(value[0]) if value[0] in self.prompt else None
        outputs, slot = made.outputs if made is not None else None, value[1]
        if outputs is None or not isinstance(slot, int) or not -len(outputs) <= slot < len(outputs):
            return None
        return outputs[slot]

    def _no_such_node(self, item: Input, source: Any) -> Problem:
        if isinstance(source, (int, float)) and not isinstance(source, bool) and str(source) in self.prompt:
            message = f"{item.name} is linked to node {source} by a number; node ids are text."
            return Problem(
                RAISES, message, item.name, (f'["{source}", …]',), "Put quotes around the node id."
            )
        return Problem(
            RAISES,
            f"{item.name} is linked to node {brief(source)}, which is not in the prompt.",
            item.name,
            hint='Link it to a node that is there; a list as a value is written {"__value__": [...]}.',
        )

    def _fits(self, received: Any, wanted: Any, made: NodeClass, owner: NodeClass) -> bool | None:
        """Whether the types connect; None where the definitions cannot tell (old servers and ``*``)."""
        if received == wanted or wanted == DYNAMIC_SLOT:
            return True
        if self.rules.any_matches:
            if "*" in (received, wanted) or MATCH_TYPE in (received, wanted):
                return True
            if isinstance(received, list) and wanted == "COMBO":
                return True
        elif "*" in (received, wanted):
            # Old servers: only a text that calls itself equal to everything connects; core nodes use it.
            return True if (made if received == "*" else owner).is_core else None
        if not isinstance(received, str) or not isinstance(wanted, str):
            return False
        theirs, ours = _members(received), _members(wanted)
        return bool(theirs & ours) or (self.rules.any_matches and "*" in theirs | ours)


def _members(union: str) -> set[str]:
    return {part.strip() for part in union.split(",")}


def _type_words(kind: Any) -> str:
    return "a choice from a list" if isinstance(kind, list) else str(kind)


def _bad_shape(item: Input, value: list[Any]) -> Problem:
    return Problem(
        "bad_linked_input",
        f"{item.name} is {brief(value)}. Every list is taken for a link: [node id, output number].",
        item.name,
        hint='To pass a list as a value, write {"__value__": [...]}.',
    )


def _bad_slot(item: Input, source: str, slot: Any, made: NodeClass) -> Problem:
    count = len(made.outputs or ())
    has = f"outputs 0 to {count - 1}" if count > 1 else "only output 0" if count else "no outputs"
    return Problem(
        RAISES,
        f"{item.name} is linked to output {brief(slot)} of node {source}; {made.name} has {has}.",
        item.name,
        hint="Link it to an output that the node has; output numbers are whole numbers from 0.",
    )


def _mismatch(item: Input, received: Any, source: str) -> Problem:
    return Problem(
        "return_type_mismatch",
        f"{item.name} takes {_type_words(item.type)}, but node {source} gives {_type_words(received)} there.",
        item.name,
        hint="Link another output, or put a node between that converts.",
    )


def _doubtful(item: Input, received: Any, source: str) -> Problem:
    return Problem(
        "return_type_mismatch",
        f"{item.name} takes {_type_words(item.type)} and node {source} gives {_type_words(received)}: "
        "this server version may refuse that.",
        item.name,
        hint="Only the node's own code decides it; queue it to see, or update the server.",
        severity=Severity.WARNING,
    )
