"""Following the links of a prompt back to the values that stand at their beginning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from comfy_tui.workflow.parameters import TEXT_INPUTS, is_link, nodes

#: Inputs under which nodes that only hold a value keep it.
_HELD = ("value", "int", "float", "number", "string", "text", "seed", "noise_seed", "boolean", "val", "a")
#: Inputs of nodes that hold or join texts.
_STRINGS = frozenset((*TEXT_INPUTS, "value", "string", "string_a", "string_b", "text_a", "text_b", "text_c"))
_WALK_LIMIT = 4000


class Node(NamedTuple):
    """A well-formed node of a prompt."""

    class_type: str
    inputs: Mapping[str, Any]
    title: str


@dataclass(frozen=True, slots=True)
class Traced:
    """A value and where it stands; ``computed`` where it is a node's name, as only that can be told."""

    value: Any
    node_id: str
    input: str
    computed: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Which input of which node."""
        return (self.node_id, self.input)


def scalar(value: Any) -> Any:
    """A literal as it is to be compared and shown; newer servers wrap lists in an object."""
    if isinstance(value, Mapping) and set(value) == {"__value__"}:
        return value["__value__"]
    return value


class Tracer:
    """A prompt whose links can be followed; every walk is bounded, cycles end.

    Args:
        prompt: in the API's format; malformed nodes are not there.
    """

    def __init__(self, prompt: Mapping[str, Any]) -> None:
        self.nodes: dict[str, Node] = {
            node_id: Node(class_type, inputs, title) for node_id, class_type, inputs, title in nodes(prompt)
        }

    def source(self, link: Any) -> str | None:
        """The node that a link comes from."""
        found = link[0] if is_link(link) and link and isinstance(link[0], str) else None
        return found if found in self.nodes else None

    def before(self, node_id: str) -> tuple[str, ...]:
        """The node and all that lead to it, the farthest first."""
        order: dict[str, None] = {node_id: None}
        waiting = [node_id]
        while waiting and len(order) < _WALK_LIMIT:
            for value in self.nodes[waiting.pop(0)].inputs.values():
                found = self.source(value)
                if found is not None and found not in order:
                    order[found] = None
                    waiting.append(found)
        return tuple(reversed(order))

    def value(self, node_id: str, names: tuple[str, ...], by: tuple[str, ...]) -> Traced | None:
        """The value of the first of these inputs, followed to its literal.

        Args:
            node_id: where to begin.
            names: the inputs, of this node and of those that ``by`` leads to.
            by: links along which the input may stand further up.
        """
        inputs = self.nodes[node_id].inputs
        for name in names:
            if name in inputs:
                return self.literal(node_id, name)
        for port in by:
            found = self.nearest(node_id, names, (port,))
            if found is not None:
                return found
        return None

    def literal(self, node_id: str, name: str) -> Traced | None:
        """What an input says, through nodes that hold a value; computed where one makes it."""
        seen: set[str] = set()
        while node_id not in seen:
            seen.add(node_id)
            value = self.nodes[node_id].inputs.get(name)
            if not is_link(value):
                return None if value is None else Traced(scalar(value), node_id, name)
            source = self.source(value)
            if source is None:
                return None
            node_id, following = source, self._held(source, name)
            if following is None:
                return Traced(f"computed by {self.nodes[source].class_type}", source, name, computed=True)
            name = following
        return None

    def _held(self, node_id: str, wanted: str) -> str | None:
        """The input that a node passes on unchanged; None where it may compute."""
        node = self.nodes[node_id]
        kind, names = node.class_type.lower(), [str(name) for name in node.inputs]
        if any(is_link(value) for value in node.inputs.values()):
            return names[0] if "reroute" in kind and len(names) == 1 else None
        if kind.startswith("primitive"):
            return next((name for name in _HELD if name in names), None)
        if kind.startswith("seed") and wanted in _HELD:
            return next((name for name in (wanted, "seed") if name in names), None)
        return names[0] if len(names) == 1 and names[0] in (wanted, *_HELD) else None

    def nearest(self, node_id: str, names: tuple[str, ...], by: tuple[str, ...]) -> Traced | None:
        """The value of one of these inputs at the nearest node behind some links of a node.

        Only links of the same kind are followed: the noise of an earlier sampler is not this one's.
        """
        inputs = self.nodes[node_id].inputs
        waiting = [found for port in by if (found := self.source(inputs.get(port))) is not None]
        seen = set(waiting)
        while waiting and len(seen) < _WALK_LIMIT:
            here = waiting.pop(0)
            for name in names:
                if name in self.nodes[here].inputs:
                    return self.literal(here, name)
            for name, value in self.nodes[here].inputs.items():
                source = self.source(value) if str(name).startswith(by) else None
                if source is not None and source not in seen:
                    seen.add(source)
                    waiting.append(source)
        return None

    def texts(self, link: Any, side: str) -> tuple[list[Traced], bool]:
        """The texts behind a conditioning, and whether it was zeroed on the way.

        Args:
            link: to the conditioning.
            side: ``positive`` or ``negative``: which one to follow where a node passes on both.
        """
        found: dict[tuple[str, str], Traced] = {}
        zeroed = False
        waiting, seen = [link], set[str]()
        while waiting and len(seen) < _WALK_LIMIT:
            node_id = self.source(waiting.pop(0))
            if node_id is None or node_id in seen:
                continue
            seen.add(node_id)
            node = self.nodes[node_id]
            if node.class_type == "ConditioningZeroOut":
                zeroed = True
                continue
            found |= {text.key: text for text in self.own_texts(node_id)}
            other = "negative" if side == "positive" else "positive"
            both = other in node.inputs and side in node.inputs
            for name, value in node.inputs.items():
                passes = name not in TEXT_INPUTS and not (both and name == other)
                if is_link(value) and (passes or name == side):
                    waiting.append(value)
        return list(found.values()), zeroed and not found

    def own_texts(self, node_id: str) -> list[Traced]:
        """The texts of a node, those that come by links included."""
        found: list[Traced] = []
        for name, value in self.nodes[node_id].inputs.items():
            if name in TEXT_INPUTS and isinstance(value, str) and value.strip():
                found.append(Traced(value, node_id, name))
            elif name in TEXT_INPUTS and is_link(value) and name not in ("positive", "negative"):
                found += self._strings(value)
        return found

    def _strings(self, link: Any) -> list[Traced]:
        """The literal texts behind a text that is a link, in the order of the inputs."""
        found: list[Traced] = []
        waiting, seen = [self.source(link)], set[str]()
        while waiting and len(seen) < _WALK_LIMIT:
            node_id = waiting.pop(0)
            if node_id is None or node_id in seen:
                continue
            seen.add(node_id)
            inner = []
            for name, value in self.nodes[node_id].inputs.items():
                if name in _STRINGS and isinstance(value, str) and value.strip():
                    found.append(Traced(value, node_id, name))
                elif is_link(value):
                    inner.append(self.source(value))
            waiting = inner + waiting
        return found
