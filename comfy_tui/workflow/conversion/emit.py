"""Writing the prompt from the live nodes (graph-to-prompt, section 10)."""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from comfy_tui.workflow.conversion.load import Workflow
from comfy_tui.workflow.conversion.model import BYPASS, NEVER, Graph, Kind, Node, Scope, Widget
from comfy_tui.workflow.conversion.promote import Promotion
from comfy_tui.workflow.conversion.report import Report
from comfy_tui.workflow.conversion.resolve import Origin, Promoted, Resolver
from comfy_tui.workflow.conversion.text import dynamic_prompt, js_text, replace_placeholders
from comfy_tui.workflow.layout import UNDEFINED

_INDEX_LIMIT = 4294967295


class Texts:
    """What changes texts while the prompt is made: chance, the time, and other nodes' values."""

    def __init__(self, workflow: Workflow, now: datetime, rng: random.Random) -> None:
        self._workflow, self._now, self._rng = workflow, now, rng
        self._named: dict[str, Node] | None = None
        self._titled: dict[str, Node] = {}

    def replace(self, text: str) -> str:
        """Fill in dates and other nodes' values (section 12.2)."""
        return replace_placeholders(text, self._now, self._lookup)

    def value(self, node: Node, widget: Widget) -> Any:
        """A widget's value as it is sent (section 12)."""
        value = widget.value
        if isinstance(value, str):
            if widget.spec.options.get("dynamicPrompts"):
                return dynamic_prompt(value, self._rng)
            if widget.spec.name == "filename_prefix" and node.is_save_node:
                return self.replace(value)
        return value

    def _lookup(self, name: str, widget_name: str) -> str | None:
        if self._named is None:
            self._named = {}
            self._index()
        node = self._named.get(name) or self._titled.get(name)
        for widget in node.widgets if node is not None else ():
            if widget.spec.name == widget_name:
                return js_text(None if widget.value is UNDEFINED else widget.value)
        return None

    def _index(self) -> None:
        """Nodes by name and by title, an instance's inner nodes before itself; the first one counts."""
        named = self._named if self._named is not None else {}
        seen = {id(self._workflow.root)}
        todo: list[tuple[Iterator[Node], Node | None]] = [(iter(self._workflow.root.nodes.values()), None)]
        while todo:
            nodes, owner = todo[-1]
            node = next(nodes, None)
            if node is None:
                todo.pop()
                node = owner
            elif node.subgraph is not None and id(node.subgraph) not in seen:
                seen.add(id(node.subgraph))
                todo.append((iter(node.subgraph.nodes.values()), node))
                continue
            if node is not None:
                given = node.property("Node name for S&R")
                name = given if isinstance(given, str) else "" if node.is_save_node else node.type
                named.setdefault(name, node)
                self._titled.setdefault(title_of(node), node)


def title_of(node: Node) -> str:
    """The node's title: its own, else the display name of its class (section 10.6)."""
    if node.title:
        return node.title
    return node.definition.display_name if node.definition is not None else node.type


class Expansion:
    """All nodes that could be emitted, in the frontend's order, with the scope of each."""

    def __init__(self, workflow: Workflow, report: Report) -> None:
        self._room = 400_000 + 4 * sum(_cost(n) for graph in workflow.graphs for n in graph.nodes.values())
        self.entries: list[tuple[Scope, Node]] = []
        root = Scope(workflow.root, "")
        for node in execution_order(workflow.root):
            self.entries.append((root, node))
            entered = node.kind is Kind.SUBGRAPH and node.mode not in (NEVER, BYPASS)
            if entered and not self._enter(root, node):
                text = "the subgraphs of this workflow multiply into more nodes than can be handled"
                report.error("too_many_nodes", text, node)
                break

    def _enter(self, root: Scope, instance: Node) -> bool:
        """Add an instance's inner nodes, depth first; nested instances whatever their mode (section 13.2)."""
        stack = [self._open(root, instance)]
        while stack:
            scope, nodes = stack[-1]
            for node in nodes:
                self._room -= _cost(node)
                if self._room < 0:
                    return False
                self.entries.append((scope, node))
                if node.kind is Kind.SUBGRAPH:
                    stack.append(self._open(scope, node))
                    break
            else:
                stack.pop()
        return True

    def ids(self) -> dict[int, str]:
        """Prompt ids by node; of a node that is there more than once, the first."""
        found: dict[int, str] = {}
        for scope, node in self.entries:
            found.setdefault(id(node), scope.node_id(node))
        return found

    @staticmethod
    def _open(scope: Scope, node: Node) -> tuple[Scope, Iterator[Node]]:
        graph = node.subgraph if node.subgraph is not None else Graph("", {}, ())
        inner = Scope(graph, f"{scope.node_id(node)}:", scope, node)
        scope.children[node.key] = inner
        return inner, iter(graph.nodes.values())


def execution_order(graph: Graph) -> list[Node]:
    """Sources first, then breadth-first along the links (section 10.5)."""
    waiting: dict[str, int] = {}
    ready: deque[Node] = deque()
    for node in graph.nodes.values():
        count = sum(1 for slot in node.slots if slot.link is not None)
        if count:
            waiting[node.key] = count
        else:
            ready.append(node)
    ordered: list[Node] = []
    while ready:
        node = ready.popleft()
        ordered.append(node)
        for slot in range(len(node.outputs)):
            for link_id in node.output_links(slot):
                found = graph.target(link_id)
                if found is None or found[0].key not in waiting:
                    continue
                waiting[found[0].key] -= 1
                if waiting[found[0].key] <= 0:
                    del waiting[found[0].key]
                    ready.append(found[0])
    ordered.extend(node for key, node in graph.nodes.items() if key in waiting)
    return ordered


def _cost(node: Node) -> int:
    return 1 + len(node.slots) + len(node.widgets)


class Emitter:
    """Writes nodes into the prompt."""

    def __init__(self, texts: Texts, promotion: Promotion, report: Report) -> None:
        self._texts, self._report = texts, report
        self._resolver = Resolver(promotion, report)
        self.promoted: dict[tuple[str, str], tuple[Node, int]] = {}
        """Inputs of the prompt that hold a promoted value, with the instance input it came by."""

    def prompt(self, expansion: Expansion) -> dict[str, Any]:
        """The whole prompt; root ids that JavaScript takes for array indexes come first, ascending."""
        made: dict[str, Any] = {}
        for scope, node in expansion.entries:
            if node.kind.is_emitted and node.mode not in (NEVER, BYPASS):
                made[scope.node_id(node)] = self._node(scope, node)
        self._sweep(made)
        indexes = sorted((key for key in made if _is_array_index(key)), key=int)
        return {key: made[key] for key in indexes} | made

    def _node(self, scope: Scope, node: Node) -> dict[str, Any]:
        inputs: dict[str, Any] = {}
        for widget in node.widgets:
            if widget.spec.in_prompt:
                value = self._texts.value(node, widget)
                if value is not UNDEFINED:
                    inputs[widget.spec.name] = self._wrap(value, widget.spec.kind, scope, node)
        for index, slot in enumerate(node.slots):
            if slot.link is None:
                continue
            answer = self._resolver.resolve(scope, node, index)
            if isinstance(answer, Origin):
                inputs[slot.name] = [answer.node_id, answer.slot]
            elif isinstance(answer, Promoted):
                kind = slot.widget.spec.kind if slot.widget is not None else ""
                inputs[slot.name] = self._wrap(answer.value, kind, scope, node)
                self.promoted[scope.node_id(node), slot.name] = answer.instance, answer.index
        if node.kind is Kind.UNKNOWN:
            self._missing(scope, node)
        return {"inputs": inputs, "class_type": node.type, "_meta": {"title": title_of(node)}}

    def _wrap(self, value: Any, kind: str, scope: Scope, node: Node) -> Any:
        """Lists would be read as links, so they are wrapped (section 10.3). Nothing of the file is shared."""
        if isinstance(value, float) and not math.isfinite(value):
            self._report.warn("not_a_number", "a value that is no finite number is sent as null", node, scope)
            return None
        if not isinstance(value, list | dict):
            return value
        value = _copied(value)
        if isinstance(value, list):
            return {"__type__": "CURVE", "__value__": value} if kind == "CURVE" else {"__value__": value}
        return value

    def _missing(self, scope: Scope, node: Node) -> None:
        if not node.type:
            self._report.error("missing_node_type", "the node has no type", node, scope)
            return
        saved = node.raw.get("widgets_values")
        lost = bool(saved) and not node.widgets
        text = f"the server has no node type {node.type}"
        if lost:
            text += "; its values cannot be matched to inputs and are left out"
        self._report.error("missing_node_type", text, node, scope)

    @staticmethod
    def _sweep(made: dict[str, Any]) -> None:
        """Links to nodes that were not emitted are dropped (section 10.4)."""
        for entry in made.values():
            inputs = entry["inputs"]
            stale = [n for n, value in inputs.items() if isinstance(value, list) and value[0] not in made]
            for name in stale:
                del inputs[name]


def _is_array_index(key: str) -> bool:
    return (
        (key == "0" or key[:1] in "123456789")
        and key.isascii()
        and key.isdigit()
        and len(key) < 11
        and int(key) < _INDEX_LIMIT
    )


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_copied(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
