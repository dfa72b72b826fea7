"""Following a link to the node or value that it stands for (graph-to-prompt, section 9).

Each step has exactly one successor, so a link is followed in a loop, and every step passed on the way
is remembered with the answer: resolving all inputs of a graph is linear in its size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from comfy_tui.workflow.conversion.model import BYPASS, INPUT_PANEL, NEVER, Kind, Node, Scope
from comfy_tui.workflow.conversion.packs import set_name
from comfy_tui.workflow.conversion.promote import Promotion
from comfy_tui.workflow.conversion.report import Report
from comfy_tui.workflow.layout import UNDEFINED


@dataclass(frozen=True, slots=True)
class Origin:
    """An emitted node's output: what a link in the prompt names."""

    node_id: str
    slot: int


@dataclass(frozen=True, slots=True)
class Promoted:
    """A value in place of a link: that of the promoted widget behind an instance's input."""

    value: Any
    instance: Node
    index: int


Answer = Origin | Promoted | None


class _Input(NamedTuple):
    scope: Scope
    node: Node
    at: int
    wanted: str | None


class _Output(NamedTuple):
    scope: Scope
    node: Node
    slot: int
    wanted: str


_Step = _Input | _Output
_End = tuple[Node, int] | int | None


class Resolver:
    """Resolves the inputs of one workflow."""

    def __init__(self, promotion: Promotion, report: Report) -> None:
        self._promotion = promotion
        self._report = report
        self._known: dict[tuple[int, int, bool, int, str | None], Answer] = {}
        self._ends: dict[tuple[int, int, int], _End] = {}

    def resolve(self, scope: Scope, node: Node, index: int) -> Answer:
        """What an input of a node gets; None when nothing arrives."""
        step: _Step | Answer = _Input(scope, node, index, None)
        passed: dict[tuple[int, int, bool, int, str | None], None] = {}
        answer: Answer = None
        while isinstance(step, _Input | _Output):
            key = (id(step.scope), id(step.node), isinstance(step, _Input), step[2], step[3])
            if key in self._known:
                answer = self._known[key]
                break
            if key in passed:
                text = "links go round in a circle through virtual or bypassed nodes; nothing arrives"
                self._report.error("link_cycle", text, step.node, step.scope)
                break
            passed[key] = None
            step = self._from_input(step) if isinstance(step, _Input) else self._from_output(step)
        else:
            answer = step
        for key in passed:
            self._known[key] = answer
        return answer

    def _from_input(self, step: _Input) -> _Step | Answer:
        scope, node, index, wanted = step
        end = self._origin(scope, node, index)
        return self._from_end(scope, end, node.slots[index].type if wanted is None else wanted)

    def _from_end(self, scope: Scope, end: _End, wanted: str) -> _Step | Answer:
        if end is None:
            return None
        return self._outwards(scope, end) if isinstance(end, int) else _Output(scope, *end, wanted)

    def _origin(self, scope: Scope, node: Node, index: int) -> _End:
        """Where the link of an input comes from: an output, or an input of the panel by its number."""
        slot = node.slots[index]
        if slot.link is None:
            return None
        link = scope.graph.links.get(slot.link)
        if link is None:
            text = (
                f"input {slot.name} names link {slot.link}, which the workflow does not have; it is left open"
            )
            self._report.warn("dangling_link", text, node, scope, input=slot.name)
            return None
        if link.origin == INPUT_PANEL:
            return link.origin_slot
        origin = scope.graph.nodes.get(link.origin)
        if origin is None:
            text = f"input {slot.name} is linked to node {link.origin}, which the workflow does not have"
            self._report.warn("dangling_link", text, node, scope, input=slot.name)
            return None
        return origin, link.origin_slot

    def _past_virtual(self, scope: Scope, node: Node, slot: int) -> _End:
        """The end of a chain of reroutes, Set and Get nodes, remembered whatever type was asked for."""
        passed: dict[tuple[int, int, int], None] = {}
        end: _End = (node, slot)
        while isinstance(end, tuple) and _passes(end[0]):
            key = (id(scope), id(end[0]), end[1])
            if key in self._ends:
                end = self._ends[key]
                break
            if key in passed:
                text = "links go round in a circle through virtual nodes; nothing arrives"
                self._report.error("link_cycle", text, end[0], scope)
                end = None
                break
            passed[key] = None
            end = self._before(scope, *end)
        for key in passed:
            self._ends[key] = end
        return end

    def _before(self, scope: Scope, node: Node, slot: int) -> _End:
        if node.mode == NEVER:
            return None
        if node.kind is Kind.GET:
            setter = scope.graph.setters.get(set_name(node))
            if setter is None:
                text = f'no Set node sets "{set_name(node)}"; what it feeds is left open'
                self._report.warn("missing_set_node", text, node, scope)
                return None
            node, slot = setter, 0
        if node.mode == NEVER or not 0 <= slot < len(node.slots):
            return None
        return self._origin(scope, node, slot)

    def _outwards(self, scope: Scope, index: int) -> _Step | Answer:
        """Through the input panel: the instance's link, or the value of its promoted widget."""
        instance, outer = scope.instance, scope.parent
        if instance is None or outer is None or not 0 <= index < len(instance.slots):
            return None
        slot = instance.slots[index]
        if slot.link is None:
            value = self._promotion.value(instance, index)
            return None if value is UNDEFINED else Promoted(value, instance, index)
        return _Input(outer, instance, index, slot.type)

    def _from_output(self, step: _Output) -> _Step | Answer:
        scope, node, slot, wanted = step
        if node.mode == NEVER:
            return None
        if node.mode == BYPASS:
            index = bypass(node, slot, wanted)
            return None if index is None else _Input(scope, node, index, None)
        kind = node.kind
        if kind.is_emitted:
            return Origin(scope.node_id(node), slot)
        if kind is Kind.SUBGRAPH:
            return self._into(scope, node, slot, wanted)
        return self._from_end(scope, self._past_virtual(scope, node, slot), wanted) if _passes(node) else None

    def _into(self, scope: Scope, node: Node, slot: int, wanted: str) -> _Step | Answer:
        """Into a subgraph by its output; an input that passes straight through is followed (section 13.7)."""
        inner, graph = scope.children.get(node.key), node.subgraph
        if inner is None or graph is None or not 0 <= slot < len(graph.outputs):
            return None
        link = next((graph.links[i] for i in graph.outputs[slot].links if i in graph.links), None)
        if link is None:
            return None
        if link.origin == INPUT_PANEL:
            return self._outwards(inner, link.origin_slot)
        origin = graph.nodes.get(link.origin)
        return None if origin is None else _Output(inner, origin, link.origin_slot, wanted)


def _passes(node: Node) -> bool:
    """Whether a node only hands on what it gets; a bypassed one is crossed by type instead."""
    return node.mode != BYPASS and node.kind in (Kind.REROUTE, Kind.SET, Kind.GET)


def bypass(node: Node, slot: int, wanted: str) -> int | None:
    """The input that replaces an output of a bypassed node, None for none (section 9.3)."""
    slots = node.slots
    if node.is_group:
        return _bypass_group(node, slot, wanted)
    if wanted in ("*", ""):
        return slot if 0 <= slot < len(slots) else 0 if slots else None
    given = node.outputs[slot] if 0 <= slot < len(node.outputs) else ""
    if 0 <= slot < len(slots) and fits(slots[slot].type, given) and fits(slots[slot].type, wanted):
        return slot
    for index, candidate in enumerate(slots):
        if candidate.type == wanted:
            return index
    for index, candidate in enumerate(slots):
        if fits(candidate.type, given) and fits(candidate.type, wanted):
            return index
    return None


def _bypass_group(node: Node, slot: int, wanted: str) -> int | None:
    if 0 <= slot < len(node.slots) and node.slots[slot].type == wanted:
        return slot
    return next((i for i, candidate in enumerate(node.slots) if candidate.type == wanted), None)


def fits(left: str, right: str) -> bool:
    """Whether two socket types go together: equal, open, or lists that share a member."""
    if left in ("*", "") or right in ("*", ""):
        return True
    left, right = left.lower(), right.lower()
    if left == right:
        return True
    if "," not in left and "," not in right:
        return False
    return not set(left.split(",")).isdisjoint(right.split(","))
