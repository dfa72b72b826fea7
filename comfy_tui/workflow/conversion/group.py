"""Group nodes, the forerunner of subgraphs (graph-to-prompt, section 14, in the reading of 1.36).

An instance becomes a subgraph instance of its own: inner ids are the places in the group's list of
nodes, and its saved values go to the inner widgets in order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from comfy_tui.workflow.conversion.model import (
    INPUT_PANEL,
    OUTPUT_PANEL,
    Graph,
    Kind,
    Link,
    Node,
    Port,
    Slot,
    Widget,
    index_of,
    key_of,
)
from comfy_tui.workflow.conversion.read import entries
from comfy_tui.workflow.conversion.report import Report
from comfy_tui.workflow.layout import CONTROL, WidgetSpec

if TYPE_CHECKING:
    from comfy_tui.workflow.conversion.build import Builder

_PREFIXES = ("workflow>", "workflow/")


def group_of(node: Node, document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The group that a node is an instance of, None for any other node."""
    if not node.type.startswith(_PREFIXES):
        return None
    extra = document.get("extra")
    groups = extra.get("groupNodes") if isinstance(extra, Mapping) else None
    group = groups.get(node.type[len(_PREFIXES[0]) :]) if isinstance(groups, Mapping) else None
    return group if isinstance(group, Mapping) else None


def group_graph(node: Node, group: Mapping[str, Any], builder: Builder, report: Report) -> None:
    """Give a group node its inner graph, its values and its sockets."""
    graph = Graph(f"{node.type}#{node.key}", group, ())
    for index, raw in enumerate(entries(group, "nodes")):
        if isinstance(raw, Mapping):
            inner = builder.node({**raw, "id": index, "inputs": _unlinked(raw)}, str(index), index, {})
            builder.fill(inner, graph, report)
            graph.nodes[inner.key] = inner
    node.kind, node.subgraph, node.is_group = Kind.SUBGRAPH, graph, True
    inner_links = _link_inside(graph, group)
    if not graph.nodes:
        report.warn("empty_group_node", f"the group node {node.type} has no nodes inside", node)
    names = _give_values(node, graph, group, report)
    _open_inputs(node, graph, names)
    _open_outputs(node, graph, group, inner_links)
    graph.index_targets()


def _unlinked(raw: Mapping[str, Any]) -> list[Any]:
    """The saved inputs without their links: those are of the graph that the group was made in."""
    return [{**entry, "link": None} for entry in entries(raw, "inputs") if isinstance(entry, Mapping)]


def _link_inside(graph: Graph, group: Mapping[str, Any]) -> set[tuple[str, int]]:
    """Make the inner links; returns the outputs that feed one."""
    used = set()
    for number, entry in enumerate(entries(group, "links")):
        if not isinstance(entry, list) or len(entry) < 4:
            continue
        origin, target = key_of(entry[0]), key_of(entry[2])
        origin_slot, target_slot = index_of(entry[1]), index_of(entry[3])
        inner = graph.nodes.get(target or "")
        if origin not in graph.nodes or inner is None or origin_slot is None or target_slot is None:
            continue
        slot = _saved_order_slot(inner, target_slot)
        if slot is not None:
            graph.links[f"g{number}"] = Link(origin, origin_slot, inner.key, target_slot)
            slot.link = f"g{number}"
            used.add((origin, origin_slot))
    return used


def _saved_order_slot(node: Node, index: int) -> Slot | None:
    """The socket at a saved position: the file's own list of inputs names it where it has one."""
    saved = entries(node.raw, "inputs")
    if index < len(saved) and isinstance(saved[index], Mapping):
        for slot in node.slots:
            if slot.name == saved[index].get("name"):
                return slot
    return node.slots[index] if 0 <= index < len(node.slots) else None


def _inner_inputs(
    graph: Graph, group: Mapping[str, Any]
) -> Iterator[tuple[Node, Slot | None, Widget | None, str]]:
    """Every inner input that is not linked inside, with the name it has on the instance.

    A name that was used before is prefixed with the inner node's title, then counted.
    """
    seen: dict[str, int] = {}
    config = group.get("config")
    for node in graph.nodes.values():
        by_widget = {id(slot.widget): slot for slot in node.slots if slot.widget is not None}
        for widget in node.widgets:
            slot = by_widget.get(id(widget))
            if widget.spec.in_values and (slot is None or slot.link is None):
                yield node, slot, widget, _outer_name(node, widget.spec.name, seen, config)
        for slot in node.slots:
            if slot.widget is None and slot.link is None:
                yield node, slot, None, _outer_name(node, slot.name, seen, config)


def _outer_name(node: Node, name: str, seen: dict[str, int], config: Any) -> str:
    of_node = config.get(node.key) if isinstance(config, Mapping) else None
    inputs = of_node.get("input") if isinstance(of_node, Mapping) else None
    renamed = inputs.get(name) if isinstance(inputs, Mapping) else None
    custom = renamed.get("name") if isinstance(renamed, Mapping) else None
    outer = custom if isinstance(custom, str) and custom else name
    title = node.title or node.type
    if outer in seen or (node.kind is Kind.PRIMITIVE and node.title):
        key = f"{title} {name}"
        count = seen.get(key)
        seen[key] = (count or 1) + 1
        return key if count is None else f"{title} {count} {name}"
    seen[outer] = 2
    return outer


def _give_values(
    node: Node, graph: Graph, group: Mapping[str, Any], report: Report
) -> list[tuple[Node, Slot | None, str]]:
    """Hand the instance's values to the inner widgets, in node order; returns the inputs with their names."""
    for inner in graph.nodes.values():
        if inner.kind is Kind.PRIMITIVE:
            saved = inner.raw.get("widgets_values")
            value = saved[0] if isinstance(saved, list) and saved else None
            inner.widgets = [Widget(WidgetSpec("value", "PRIMITIVE", None), value)]
    values = node.raw.get("widgets_values")
    listed = values if isinstance(values, list) else []
    position = 0
    names = []
    for inner, slot, widget, name in _inner_inputs(graph, group):
        names.append((inner, slot, name))
        if widget is None:
            continue
        if isinstance(values, Mapping) and name in values and widget.spec.kind != CONTROL:
            widget.value = values[name]
        elif position < len(listed):
            widget.value, widget.position = listed[position], -1
            position += 1
    if position < len(listed):
        report.warn(
            "surplus_values",
            f"{len(listed) - position} values of the group node fit none of its inputs",
            node,
        )
    return names


def _open_inputs(node: Node, graph: Graph, names: list[tuple[Node, Slot | None, str]]) -> None:
    """Sockets of the instance, matched by name; each feeds its inner input when it is linked outside."""
    saved = {e.get("name"): e for e in entries(node.raw, "inputs") if isinstance(e, Mapping)}
    for inner, slot, name in names:
        entry = saved.get(name)
        link = key_of(entry.get("link")) if entry is not None else None
        if slot is None or link is None:
            continue
        port = f"p{len(graph.inputs)}"
        graph.links[port] = Link(INPUT_PANEL, len(graph.inputs), inner.key, 0)
        graph.inputs.append(Port(name, slot.type, [port]))
        slot.link = port
        node.slots.append(Slot(name, slot.type, link))


def _open_outputs(node: Node, graph: Graph, group: Mapping[str, Any], used: set[tuple[str, int]]) -> None:
    """Outputs of the instance: those that feed nothing inside, those named external, or made visible."""
    external = set()
    for entry in entries(group, "external"):
        if isinstance(entry, list) and len(entry) >= 2:
            external.add((key_of(entry[0]), index_of(entry[1])))
    config = group.get("config")
    for inner in graph.nodes.values():
        of_node = config.get(inner.key) if isinstance(config, Mapping) else None
        shown = of_node.get("output") if isinstance(of_node, Mapping) else None
        for slot, kind in enumerate(inner.outputs):
            said = shown.get(str(slot)) if isinstance(shown, Mapping) else None
            visible = said.get("visible") if isinstance(said, Mapping) else None
            if visible is None:
                visible = (inner.key, slot) not in used or (inner.key, slot) in external
            if visible:
                link = f"o{len(graph.outputs)}"
                graph.links[link] = Link(inner.key, slot, OUTPUT_PANEL, len(graph.outputs))
                graph.outputs.append(Port("", kind, [link]))
    node.outputs = [port.type for port in graph.outputs]
