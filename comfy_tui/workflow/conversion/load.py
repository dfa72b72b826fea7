"""Loading a document into live graphs: the root and every subgraph that it uses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from comfy_tui.workflow.conversion.build import Builder
from comfy_tui.workflow.conversion.frontend import RECOMMENDED, Frontend, readable_links
from comfy_tui.workflow.conversion.group import group_graph, group_of
from comfy_tui.workflow.conversion.model import Graph, Kind, Node, key_of
from comfy_tui.workflow.conversion.promote import give_host_values
from comfy_tui.workflow.conversion.read import Renumbering, entries, read_definitions, read_links, read_ports
from comfy_tui.workflow.conversion.report import Report

DEPTH_LIMIT = 50
"""How deeply subgraphs may lie in each other; far above any real workflow."""


class Workflow:
    """A loaded document: the root graph and, in file order, the definitions that it reaches."""

    def __init__(
        self, document: Mapping[str, Any], builder: Builder, report: Report, frontend: Frontend = RECOMMENDED
    ) -> None:
        document = readable_links(document, frontend)
        self.document = document
        self.report = report
        self._builder = builder
        self._room = 50_000
        self._costs: dict[int, int] = {}
        self._renumbering = Renumbering(document)
        definitions = read_definitions(document)
        self._ids = {key: self._renumbering.renumber(raw) for key, (raw, _) in definitions.items()}
        self.subgraphs = {key: Graph(key, raw, path) for key, (raw, path) in definitions.items()}
        self.root = Graph("", document, ())
        for graph in self.subgraphs.values():
            graph.links = read_links(graph.raw, self._ids[graph.id][1], report, f'subgraph "{_name(graph)}"')
            read_ports(graph)
        self.root.links = read_links(document, {}, report, "the workflow")
        self.graphs = self._load_reachable()
        _break_cycles(self.graphs, report)
        for graph in self.graphs:
            for node in graph.nodes.values():
                if node.kind is Kind.SUBGRAPH and not node.is_group:
                    give_host_values(node, report, frontend)

    def _load_reachable(self) -> list[Graph]:
        loaded = [self.root]
        seen = {self.root.id}
        for graph in loaded:  # grows as instances are met
            self._load_nodes(graph)
            for node in graph.nodes.values():
                inner = node.subgraph
                if inner is not None and not node.is_group and inner.id not in seen:
                    seen.add(inner.id)
                    loaded.append(inner)
            loaded.extend(
                node.subgraph for node in graph.nodes.values() if node.is_group and node.subgraph is not None
            )
        return loaded

    def _load_nodes(self, graph: Graph) -> None:
        if graph.nodes:
            graph.index_targets()
            return
        ids = self._ids[graph.id][0] if graph.id in self._ids else {}
        unreadable = 0
        for index, raw in enumerate(entries(graph.raw, "nodes")):
            key = key_of(raw.get("id")) if isinstance(raw, Mapping) else None
            if key is None:
                unreadable += raw is not None
                continue
            self._add_node(graph, raw, ids.get(index, key), index)
        if unreadable:
            self.report.warn(
                "unreadable_node", f"{unreadable} nodes cannot be read (no usable id) and are left out"
            )
        graph.index_targets()

    def _add_node(self, graph: Graph, raw: Mapping[str, Any], key: str, index: int) -> None:
        if key in graph.nodes:
            fresh = self._renumbering.fresh()
            text = f"two nodes have the id {key}; the second is now {fresh}"
            key = fresh
            node = self._builder.node(raw, key, index, self.subgraphs)
            self.report.warn("duplicate_node_id", text, node)
        else:
            node = self._builder.node(raw, key, index, self.subgraphs)
        graph.nodes[key] = node
        group = group_of(node, self.document) if node.kind is Kind.UNKNOWN and graph is self.root else None
        inner = node.subgraph.raw if node.subgraph is not None else group
        if inner is not None and not self._affordable(inner):
            node.kind = Kind.BROKEN
            text = "there are more instances of subgraphs than can be handled; the rest is left out"
            self.report.error("too_many_nodes", text)
            return
        if group is not None:
            group_graph(node, group, self._builder, self.report)
            return
        self._builder.fill(node, graph, self.report)

    def _affordable(self, inner: Mapping[str, Any]) -> bool:
        """Whether another instance with this inside still bears a sound relation to the size of the file."""
        cost = self._costs.get(id(inner))
        if cost is None:
            sides = len(entries(inner, "inputs")) + len(entries(inner, "outputs"))
            nodes = entries(inner, "nodes")
            size = len(nodes) + sum(len(entries(n, "inputs")) + len(entries(n, "outputs")) for n in nodes)
            is_definition = inner.get("id") in self.subgraphs if isinstance(inner.get("id"), str) else False
            cost = self._costs[id(inner)] = sides if is_definition else size
            self._room += 4 * (sides + size)
        self._room -= cost
        return self._room >= 0


def _name(graph: Graph) -> str:
    name = graph.raw.get("name")
    return name if isinstance(name, str) and name else graph.id


def _break_cycles(graphs: list[Graph], report: Report) -> None:
    """Mark instances that lead back into themselves or too deep as broken (section 13.7: an error)."""
    heights: dict[int, int] = {}
    open_graphs: set[int] = set()
    for start in graphs:
        stack = [] if id(start) in heights else [(start, iter(_instances(start)))]
        open_graphs.update(id(graph) for graph, _ in stack)
        while stack:
            graph, instances = stack[-1]
            for node in instances:
                inner = node.subgraph
                if inner is None or id(inner) in heights:
                    continue
                if id(inner) in open_graphs:
                    _break(node, "subgraph_cycle", f'the subgraph "{_name(inner)}" contains itself', report)
                    continue
                open_graphs.add(id(inner))
                stack.append((inner, iter(_instances(inner))))
                break
            else:
                heights[id(graph)] = _height(graph, heights, report)
                open_graphs.discard(id(graph))
                stack.pop()


def _instances(graph: Graph) -> list[Node]:
    return [node for node in graph.nodes.values() if node.kind is Kind.SUBGRAPH]


def _height(graph: Graph, heights: Mapping[int, int], report: Report) -> int:
    height = 0
    for node in _instances(graph):
        inner = heights.get(id(node.subgraph), 0) + 1
        if inner > DEPTH_LIMIT:
            _break(
                node, "subgraph_too_deep", f"subgraphs lie more than {DEPTH_LIMIT} deep in each other", report
            )
        else:
            height = max(height, inner)
    return height


def _break(node: Node, code: str, message: str, report: Report) -> None:
    node.kind = Kind.BROKEN
    report.error(code, message, node)
