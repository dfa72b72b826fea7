"""Finding the values under control in a converted workflow."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from comfy_tui.workflow.conversion.control import Control, Place
from comfy_tui.workflow.conversion.emit import Expansion
from comfy_tui.workflow.conversion.model import BYPASS, NEVER, Graph, Kind, Node, Widget
from comfy_tui.workflow.conversion.primitive import maximum, minimum, primitive_targets, step_of
from comfy_tui.workflow.conversion.promote import Promotion
from comfy_tui.workflow.layout import CONTROL, FILTER

_MODES: dict[Any, str] = {True: "randomize", False: "fixed"}
_KNOWN = frozenset(("fixed", "increment", "decrement", "randomize", "increment-wrap"))
_QUANTIFIER = re.compile(r"[*+?{]")

Source = tuple[str, int, int]
"""What owns a value: a widget, or an input of an instance that owns its promoted values."""


class _Found:
    """A value under control while it is being looked for."""

    def __init__(self, mode: str, widget: Widget, value: Any, filter_text: str = "") -> None:
        self.mode, self.widget, self.value, self.filter_text = mode, widget, value, filter_text
        self.places: list[Place] = []
        self.targets: list[tuple[str, str]] = []

    def control(self) -> Control:
        spec = self.widget.spec
        common = (self.mode, spec.kind, self.value, tuple(self.places), tuple(self.targets))
        if spec.kind == "COMBO":
            return Control(*common, choices=_filtered(spec.choices or (), self.filter_text))
        return Control(*common, least=minimum(spec), most=maximum(spec), step=step_of(spec))


def find_controls(
    expansion: Expansion, promotion: Promotion, promoted: Mapping[tuple[str, str], tuple[Node, int]]
) -> list[Control]:
    """All values under control, with every input of the prompt that each one reaches.

    A promoted value is under the control of the inner widget that shows it, wherever it is kept.
    """
    sources = {place: _source(promotion, *origin) for place, origin in promoted.items()}
    found: dict[Source, _Found] = {}
    own: dict[Source, list[tuple[str, str]]] = {}
    paths = {id(node): scope.graph.path for scope, node in expansion.entries if node.kind is Kind.SUBGRAPH}
    for scope, node in expansion.entries:
        if node.kind is Kind.PRIMITIVE:
            _add_primitive(node, scope.graph, found)
        if node.kind is not Kind.BACKEND or node.mode in (NEVER, BYPASS):
            continue
        node_id = scope.node_id(node)
        for number, widget in enumerate(node.widgets):
            place = (node_id, widget.spec.name)
            if place not in sources and widget.spec.in_prompt:
                own.setdefault(("widget", id(widget), 0), []).append(place)
            target = _controlled(node, number) if widget.spec.kind == CONTROL else None
            if target is None:
                continue
            source: Source = sources.get((node_id, target.spec.name)) or ("widget", id(target), 0)
            if source not in found:
                entry = found[source] = _Found(
                    _mode(widget.value), target, target.value, _filter(node, number)
                )
                origin = promoted.get((node_id, target.spec.name)) if source[0] == "host" else None
                if origin is not None:
                    entry.value, entry.places = promotion.value(*origin), _host_places(origin, paths)
                else:
                    entry.places = _places(target, node, scope.graph)
    for place, owner in sources.items():
        if owner is not None:
            own.setdefault(owner, []).append(place)
    for source, entry in found.items():
        entry.targets.extend(own.get(source, ()))
    return [entry.control() for entry in found.values() if entry.targets]


def _source(promotion: Promotion, instance: Node, index: int) -> Source | None:
    source = promotion.source(instance, index)
    if source is None:
        return None
    return ("widget", id(source), 0) if isinstance(source, Widget) else ("host", id(source[0]), source[1])


def _controlled(node: Node, number: int) -> Widget | None:
    """The widget that a control widget stands behind."""
    name = node.widgets[number].spec.controls
    for widget in reversed(node.widgets[:number]):
        if widget.spec.name == name:
            return widget
    return None


def _filter(node: Node, number: int) -> str:
    follower = node.widgets[number + 1] if number + 1 < len(node.widgets) else None
    text = follower.value if follower is not None and follower.spec.kind == FILTER else ""
    return text if isinstance(text, str) else ""


def _mode(value: Any) -> str:
    if isinstance(value, bool):
        return _MODES[value]
    return value if isinstance(value, str) and value in _KNOWN else "fixed"


def _places(widget: Widget, node: Node, graph: Graph) -> list[Place]:
    """Where a widget's value stands in the document."""
    if widget.position == -1 or (graph.id and not graph.path):
        return []
    base: Place = (*graph.path, "nodes", node.index)
    places: list[Place] = [(*base, "widgets_values", widget.position)]
    named = node.raw.get("widgets_values_named")
    if isinstance(named, Mapping) and widget.spec.name in named:
        places.append((*base, "widgets_values_named", widget.spec.name))
    return places


def _host_places(origin: tuple[Node, int], paths: Mapping[int, Place]) -> list[Place]:
    instance, index = origin
    path, position = paths.get(id(instance)), instance.host_positions.get(index)
    if path is None or position is None:
        return []
    return [(*path, "nodes", instance.index, "widgets_values", position)]


def _add_primitive(node: Node, graph: Graph, found: dict[Source, _Found]) -> None:
    """A primitive's own control: it moves the value that the primitive writes into its targets."""
    values = node.raw.get("widgets_values")
    if not isinstance(values, list) or len(values) < 2 or node.widgets:
        return
    mode = _mode(values[1])
    for number, widget in enumerate(primitive_targets(node, graph)):
        entry = _Found(
            mode, widget, widget.value, values[2] if len(values) > 2 and isinstance(values[2], str) else ""
        )
        if number == 0:
            entry.places = [(*graph.path, "nodes", node.index, "widgets_values", 0)]
        found["widget", id(widget), 0] = entry


def _filtered(choices: tuple[Any, ...], text: str) -> tuple[Any, ...]:
    """The choices that a filter lets through: part of the text, or a pattern between slashes."""
    if not text:
        return choices
    if len(text) > 1 and text.startswith("/") and text.endswith("/"):
        pattern = text[1:-1]
        # a file's pattern must not be able to hang us: groups are not repeated, and few things are
        if len(_QUANTIFIER.findall(pattern)) > 3 or re.search(r"\)[*+?{]", pattern):
            return choices
        try:
            wanted = re.compile(pattern)
        except (re.error, OverflowError):
            return choices
        return tuple(choice for choice in choices if wanted.search(str(choice)[:500]))
    return tuple(choice for choice in choices if text.lower() in str(choice).lower())
