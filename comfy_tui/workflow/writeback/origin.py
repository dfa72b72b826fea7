"""Tracing every literal of a prompt to the place where the editor keeps it.

The conversion's own steps are made in its own order, and beside each value that one of them moves
(graph-to-prompt, sections 11, 13.3 and 13.4) goes the place that it came from.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, MutableSequence
from datetime import datetime
from typing import Any

from comfy_tui.workflow.conversion.build import Builder
from comfy_tui.workflow.conversion.emit import Emitter, Expansion, Texts
from comfy_tui.workflow.conversion.load import Workflow
from comfy_tui.workflow.conversion.model import BYPASS, NEVER, Graph, Kind, Node, Widget
from comfy_tui.workflow.conversion.primitive import primitive_targets, push_primitives
from comfy_tui.workflow.conversion.promote import Promotion, inner_widgets
from comfy_tui.workflow.conversion.report import Report
from comfy_tui.workflow.definition import Definitions
from comfy_tui.workflow.layout import Layout
from comfy_tui.workflow.writeback.source import UNPLACED, Path, Source, widget_source

Key = tuple[str, str]
"""An input of the prompt: node id and input name."""

_PREFIX = len("workflow>")


class FirstChoice(random.Random):
    """Chance taken out of dynamic prompts: always the first alternative, so that prompts compare."""

    def choice(self, seq: Any) -> Any:
        """The first of the sequence."""
        return seq[0]

    def shuffle(self, x: MutableSequence[Any]) -> None:
        """Leave the order as it is."""


class Origins:
    """One conversion of a document, with the source of each value.

    ``prompt`` is the conversion's prompt, ``sources`` the place of each literal that has one, ``fed``
    the inputs that get their value from a place, ``values`` what each widget held when it was loaded.
    """

    def __init__(self, document: Mapping[str, Any], definitions: Definitions, now: datetime) -> None:
        report = Report()
        self._builder = Builder(definitions)
        workflow = Workflow(document, self._builder, report)
        self._workflow = workflow
        self.nodes: dict[Path, Node] = {}
        self.values: dict[int, Any] = {}
        self._sources: dict[int, Source | None] = {}
        self._paths: dict[int, Path] = {}
        for graph in workflow.graphs:
            self._add_homes(graph)
        self._homes = dict(self._sources)
        texts = Texts(workflow, now, FirstChoice())
        for graph in workflow.graphs:
            self._trace_primitives(graph)
            push_primitives(graph, texts.replace)
        self._promotion = Promotion()
        self._trace_copies()
        self._promotion.copy_inwards(workflow.graphs)
        expansion = Expansion(workflow, report)
        emitter = Emitter(texts, self._promotion, report)
        self.prompt = emitter.prompt(expansion)
        self.promoted = emitter.promoted
        self.emitted: dict[str, Node] = {}
        for scope, node in expansion.entries:
            if node.kind.is_emitted and node.mode not in (NEVER, BYPASS):
                self.emitted[scope.node_id(node)] = node
        self.sources = dict(self._find_sources())
        self.fed: dict[Source, list[Key]] = {}
        for key, source in self.sources.items():
            self.fed.setdefault(source, []).append(key)

    def layout(self, node: Node) -> Layout | None:
        """The layout of a node's class."""
        laid_out = self._builder.laid_out(node.type) if node.kind is Kind.BACKEND else None
        return None if laid_out is None else laid_out.layout

    def widget(self, key: Key) -> Widget | None:
        """The live widget that an input of the prompt belongs to; of namesakes the last one is sent."""
        node = self.emitted.get(key[0])
        for widget in reversed(node.widgets if node is not None else ()):
            if widget.spec.name == key[1] and widget.spec.in_prompt:
                return widget
        return None

    def is_filled(self, key: Key) -> bool:
        """Whether the browser replaces ``%...%`` in an input when it queues (section 12.2)."""
        node = self.emitted.get(key[0])
        return (
            node is not None
            and key[1] == "filename_prefix"
            and node.is_save_node
            and key not in self.promoted
        )

    def own_source(self, node: Node | None, name: str) -> Source | None:
        """Where the value of a node's widget comes from."""
        for widget in node.widgets if node is not None else ():
            if widget.spec.name == name:
                return self._sources.get(id(widget))
        return None

    def home(self, widget: Widget) -> Source | None:
        """Where a widget's own value is kept, whether it counts or not."""
        return self._homes.get(id(widget))

    def fed_widgets(self) -> Iterator[tuple[Source, Source]]:
        """The place that a widget's value comes from, and the one where it has a copy of its own."""
        for key, home in self._homes.items():
            source = self._sources.get(key)
            if source is not None and home is not None and source != home:
                yield source, home

    def promoted_source(self, instance: Node, name: str) -> Source | None:
        """Where the value of an instance's input of that name comes from."""
        for index, port in enumerate(instance.subgraph.inputs if instance.subgraph is not None else ()):
            if port.name == name:
                return self._promoted_source(instance, index)
        return None

    def _find_sources(self) -> Iterator[tuple[Key, Source]]:
        for node_id, node in self.emitted.items():
            inputs = self.prompt[node_id]["inputs"]
            names = dict.fromkeys([*inputs, *(w.spec.name for w in node.widgets if w.spec.in_prompt)])
            for name in names:
                if isinstance(inputs.get(name), list):
                    continue
                key = (node_id, name)
                if key in self.promoted:
                    source = self._promoted_source(*self.promoted[key])
                else:
                    widget = self.widget(key)
                    source = None if widget is None else self._sources.get(id(widget))
                if source is not None:
                    yield key, source

    def _add_homes(self, graph: Graph) -> None:
        """The places of all widgets as saved, before any value moves."""
        if graph.id and not graph.path:
            return  # the inside of a group node: its instance says where
        for node in graph.nodes.values():
            path = (*graph.path, "nodes", node.index)
            self.nodes[path] = node
            self._paths[id(node)] = path
            self._add_widgets(node, path)
            if node.is_group:
                self._add_group_homes(node, path)

    def _add_widgets(self, node: Node, path: Path) -> None:
        for number, widget in enumerate(node.widgets):
            self.values[id(widget)] = widget.value
            self._sources[id(widget)] = widget_source(node, path, number)

    def _add_group_homes(self, instance: Node, path: Path) -> None:
        """A group node's values go to the inner widgets in order, the group has the rest (section 14)."""
        saved, graph = instance.raw.get("widgets_values"), instance.subgraph
        if graph is None:
            return
        count, position = len(saved) if isinstance(saved, list) else 0, 0
        for inner in graph.nodes.values():
            home = ("extra", "groupNodes", instance.type[_PREFIX:], "nodes", inner.index)
            self.nodes.setdefault(home, inner)
            self._add_widgets(inner, home)
            slots = {id(slot.widget): slot for slot in inner.slots if slot.widget is not None}
            for widget in inner.widgets:
                slot = slots.get(id(widget))
                inside = slot is not None and slot.link is not None and slot.link.startswith("g")
                if inside or not widget.spec.in_values:
                    continue
                if position < count:
                    self._sources[id(widget)] = Source(path, position)
                    position += 1
                elif isinstance(saved, Mapping):
                    self._sources[id(widget)] = None

    def _trace_primitives(self, graph: Graph) -> None:
        """What a primitive writes comes from the primitive (section 11)."""
        for node in graph.nodes.values():
            targets = primitive_targets(node, graph) if node.kind is Kind.PRIMITIVE else []
            if not targets:
                continue
            values = node.raw.get("widgets_values")
            path = (*graph.path, "nodes", node.index)
            if node.widgets:  # inside a group node the instance holds the value
                source = self._sources.get(id(node.widgets[0]))
            elif isinstance(values, list) and values:
                source = Source(path, 0, name="value")
            elif isinstance(values, Mapping) and "value" in values:
                source = Source(path, "value", name="value")
            else:
                source = self._sources.get(id(targets[0]))
            for widget in targets:
                self._sources[id(widget)] = source

    def _trace_copies(self) -> None:
        """What saving copies into inner widgets comes from the first of them (section 13.3)."""
        done: set[tuple[int, int]] = set()
        for graph in self._workflow.graphs:
            for node in graph.nodes.values():
                inner = node.subgraph
                if node.kind is not Kind.SUBGRAPH or node.host_values is not None or inner is None:
                    continue
                for index in range(len(inner.inputs)):
                    if (id(inner), index) in done or self._promotion.source(node, index) is None:
                        continue
                    done.add((id(inner), index))
                    source = self._promoted_source(node, index)
                    for widget in inner_widgets(node, index):
                        self._sources[id(widget)] = source

    def _promoted_source(self, instance: Node, index: int) -> Source | None:
        """Where the value of an instance's input is kept: by an instance, or by an inner widget."""
        seen: set[tuple[int, int]] = set()
        while (id(instance), index) not in seen:
            seen.add((id(instance), index))
            if instance.host_values is not None and index in instance.host_values:
                return self.host_source(instance, index)
            if instance.host_values is not None and len(seen) == 1:
                return None
            nested = None
            for target, at in _targets(instance, index):
                widget = target.slots[at].widget
                if target.kind is not Kind.SUBGRAPH and widget is not None:
                    return self._sources.get(id(widget))
                if target.kind is Kind.SUBGRAPH:
                    nested = nested or (target, at)
            if nested is None:
                return None
            instance, index = nested
        return None

    def host_source(self, instance: Node, index: int) -> Source | None:
        """Where an instance keeps the value of one of its inputs."""
        graph = instance.subgraph
        path = self._paths.get(id(instance))
        if graph is None or path is None:
            return None
        name = graph.inputs[index].name
        if isinstance(instance.raw.get("widgets_values"), Mapping):
            return Source(path, name, name=name)
        return Source(path, instance.host_positions.get(index, UNPLACED), name=name)


def _targets(instance: Node, index: int) -> Iterator[tuple[Node, int]]:
    graph = instance.subgraph
    if graph is None or not 0 <= index < len(graph.inputs):
        return
    for link_id in graph.inputs[index].links:
        found = graph.target(link_id)
        if found is not None:
            yield found
