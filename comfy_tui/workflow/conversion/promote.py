"""Values of promoted widgets: who owns them and where they go (graph-to-prompt, sections 13.3 and 13.4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from comfy_tui.workflow.conversion.frontend import Frontend, proxied_values
from comfy_tui.workflow.conversion.model import Graph, Kind, Node, Widget
from comfy_tui.workflow.conversion.report import Report
from comfy_tui.workflow.layout import UNDEFINED


def give_host_values(node: Node, report: Report, frontend: Frontend) -> None:
    """Let an instance own its promoted values where its file says so, or the frontend's version.

    That is a non-empty ``widgets_values`` without ``proxyWidgets``: right for files of 1.27 and of
    1.46 and later (the recommendation of section 13.4).
    """
    graph, values = node.subgraph, node.raw.get("widgets_values")
    if graph is None or not isinstance(values, list | Mapping) or not values or frontend.inner_values:
        return
    if node.property("proxyWidgets"):
        if frontend.instance_values and isinstance(values, list):
            for index, position, value in proxied_values(node, graph, values):
                node.host_values = {**(node.host_values or {}), index: value}
                node.host_positions[index] = position
        return
    node.host_values = {}
    if isinstance(values, Mapping):
        for index, port in enumerate(graph.inputs):
            if port.name in values:
                node.host_values[index] = values[port.name]
        return
    position = 0
    for index in range(len(graph.inputs)):
        if position >= len(values):
            break
        if _is_bound(node, index):
            node.host_values[index] = values[position]
            node.host_positions[index] = position
            position += 1
    if position < len(values):
        count = len(values) - position
        report.warn("surplus_values", f"{count} values of the subgraph instance fit none of its inputs", node)


def _is_bound(node: Node, index: int) -> bool:
    """Whether an instance input carries a widget: an inner target is one, or the file marks it as one.

    The mark counts even where the server lacks the inner node, else every later value would shift
    (a deviation that section 13.4 recommends).
    """
    pending = [(node, index)]
    for (
        instance,
        at,
    ) in pending:  # grows with nested instances; depth and count are bounded by the definitions
        graph = instance.subgraph
        if graph is None or at >= len(graph.inputs) or len(pending) > 1000:
            continue
        if not graph.marked.isdisjoint(graph.inputs[at].links):
            return True
        for target, slot_index in _targets(graph, at):
            if target.slots[slot_index].widget is not None:
                return True
            if target.kind is Kind.SUBGRAPH:
                pending.append((target, slot_index))
    return False


def _targets(graph: Graph, index: int) -> Iterator[tuple[Node, int]]:
    """The inner nodes and inputs that a definition input feeds, in the order of its ``linkIds``."""
    for link_id in graph.inputs[index].links:
        found = graph.target(link_id)
        if found is not None:
            yield found


class Promotion:
    """Finds the value of promoted inputs; made after primitives have written their values."""

    def __init__(self) -> None:
        self._inner: dict[tuple[int, int], Widget | None] = {}

    def value(self, instance: Node, index: int) -> Any:
        """The value of an unlinked instance input, :data:`UNDEFINED` when it has no promoted widget."""
        if instance.host_values is not None:
            if index in instance.host_values:
                return instance.host_values[index]
            # the instance owns its values but has none here: the inner widget keeps its own
            return UNDEFINED
        widget = self._source(instance, index)
        return UNDEFINED if widget is None else widget.value

    def source(self, instance: Node, index: int) -> tuple[Node, int] | Widget | None:
        """Where the value of an instance input stands: an instance's own values, or an inner widget."""
        if instance.host_values is not None:
            return (instance, index) if index in instance.host_values else None
        return self._source(instance, index)

    def _source(self, instance: Node, index: int) -> Widget | None:
        graph = instance.subgraph
        if graph is None or index >= len(graph.inputs):
            return None
        key = (id(graph), index)
        if key not in self._inner:
            self._inner[key] = None  # ends a loop through malformed links
            self._inner[key] = self._find(graph, index)
        return self._inner[key]

    def _find(self, graph: Graph, index: int) -> Widget | None:
        nested = None
        for target, slot_index in _targets(graph, index):
            if target.kind is Kind.SUBGRAPH:
                nested = nested or (target, slot_index)
            else:
                widget = target.slots[slot_index].widget
                if widget is not None:
                    return widget
        if nested is None:
            return None
        instance, at = nested
        if instance.host_values is not None and at in instance.host_values:
            for widget in inner_widgets(instance, at):
                return Widget(widget.spec, instance.host_values[at])
        return self._source(instance, at)

    def copy_inwards(self, graphs: list[Graph]) -> None:
        """Write shared promoted values into every inner widget they reach, as saving does (section 13.3)."""
        done: set[tuple[int, int]] = set()
        for graph in graphs:
            for node in graph.nodes.values():
                if node.kind is not Kind.SUBGRAPH or node.host_values is not None or node.subgraph is None:
                    continue
                for index in range(len(node.subgraph.inputs)):
                    key = (id(node.subgraph), index)
                    if key not in done:
                        done.add(key)
                        self._copy(node, index)

    def _copy(self, node: Node, index: int) -> None:
        source = self._source(node, index)
        if source is not None:
            for widget in inner_widgets(node, index):
                widget.value = source.value


def inner_widgets(instance: Node, index: int) -> Iterator[Widget]:
    """All widgets that an instance input feeds, through nested instances too."""
    pending = [(instance, index)]
    seen: set[tuple[int, int]] = set()
    for node, at in pending:  # grows with nested instances
        graph = node.subgraph
        if graph is None or at >= len(graph.inputs) or (id(graph), at) in seen:
            continue
        seen.add((id(graph), at))
        for target, slot_index in _targets(graph, at):
            if target.kind is Kind.SUBGRAPH:
                pending.append((target, slot_index))
                continue
            widget = target.slots[slot_index].widget
            if widget is not None:
                yield widget
