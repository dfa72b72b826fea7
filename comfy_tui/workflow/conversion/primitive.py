"""PrimitiveNode: it writes its value into the widgets it is linked to (graph-to-prompt, section 11)."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from comfy_tui.workflow.conversion.model import Graph, Kind, Node, Widget
from comfy_tui.workflow.conversion.promote import inner_widgets
from comfy_tui.workflow.definition import WIDGET_TYPES
from comfy_tui.workflow.layout import WidgetSpec

Replace = Callable[[str], str]


def push_primitives(graph: Graph, replace: Replace) -> None:
    """Write the values of all primitives of a graph into their targets, in every mode."""
    for node in graph.nodes.values():
        if node.kind is Kind.PRIMITIVE:
            _push(node, graph, replace)


def primitive_targets(node: Node, graph: Graph) -> list[Widget]:
    """The widgets that a primitive writes into; none when it is inert (its first link leads to no widget)."""
    found: list[Widget] = []
    for number, (target, index) in enumerate(_linked(node, graph)):
        slot = target.slots[index]
        if target.kind is Kind.SUBGRAPH:
            widgets = list(inner_widgets(target, index))
        else:
            widgets = [slot.widget] if slot.widget is not None else []
        if number == 0 and not widgets and slot.type not in WIDGET_TYPES:
            return []
        found.extend(widgets)
    return found


def _linked(node: Node, graph: Graph) -> list[tuple[Node, int]]:
    # inside a group node only the group's own table tells
    listed = graph.links_from(node.key) if node.widgets else node.output_links(0)
    found = (graph.target(link_id) for link_id in listed if link_id in graph.links)
    return [target for target in found if target is not None]


def _push(node: Node, graph: Graph, replace: Replace) -> None:
    targets = primitive_targets(node, graph)
    if not targets:
        return
    values = node.raw.get("widgets_values")
    if node.widgets:  # inside a group node the instance holds the value
        value = node.widgets[0].value
    elif isinstance(values, list) and values:
        value = values[0]
    elif isinstance(values, dict) and "value" in values:
        value = values["value"]
    else:
        value = targets[0].value
    if isinstance(value, str) and value and node.property("Run widget replace on values") is True:
        value = replace(value)
    specs = [widget.spec for widget in targets]
    if specs[0].kind in ("INT", "FLOAT") and _is_number(value):
        value = _clamp(value, max(minimum(s) for s in specs), min(maximum(s) for s in specs))
    for widget in targets:
        widget.value = accepted(value, widget.spec)


def accepted(value: Any, spec: WidgetSpec) -> Any:
    """A value as the change callback of a number widget leaves it; any other value as it is."""
    if not _is_number(value):
        return value
    try:
        return _accepted_number(value, spec)
    except ArithmeticError:  # numbers beyond what a float holds
        return value


def _accepted_number(value: Any, spec: WidgetSpec) -> Any:
    if spec.kind == "INT":
        step = _option(spec, "step", 1)
        if step <= 0:
            return value
        offset = minimum(spec) % step
        whole = isinstance(value, int) and isinstance(step, int) and isinstance(offset, int)
        if whole:  # exact for integers that a float cannot hold
            return (2 * (value - offset) + step) // (2 * step) * step + offset
        return math.floor((value - offset) / step + 0.5) * step + offset
    if spec.kind == "FLOAT":
        return _clamp(_snap(value, spec), minimum(spec), maximum(spec))
    return value


def _snap(value: Any, spec: WidgetSpec) -> Any:
    """Round to the unit of a FLOAT, then to its decimals (section 4.5)."""
    if spec.kind != "FLOAT" or abs(value) >= 1e15:
        return value
    step = _option(spec, "step", 0.5)
    decimals = max(0, -math.floor(math.log10(step))) if step > 0 else 0
    unit = spec.options.get("round")
    if not isinstance(unit, int | float) or isinstance(unit, bool) or unit <= 0:
        unit = 10**-decimals if decimals else 0
    if unit:
        value = math.floor(value / unit + 0.5) * unit
    exact = Decimal(value).quantize(Decimal(1).scaleb(-min(decimals, 20)), ROUND_HALF_UP)
    return float(exact) if decimals else int(exact)


def minimum(spec: WidgetSpec) -> Any:
    """The least value of a number widget."""
    return _option(spec, "min", 0)


def maximum(spec: WidgetSpec) -> Any:
    """The greatest value of a number widget."""
    return _option(spec, "max", 2048)


def step_of(spec: WidgetSpec) -> Any:
    """The step of a number widget."""
    return _option(spec, "step", 1 if spec.kind == "INT" else 0.5)


def _option(spec: WidgetSpec, name: str, default: Any) -> Any:
    value = spec.options.get(name)
    return value if _is_number(value) else default


def _clamp(value: Any, least: Any, most: Any) -> Any:
    return max(least, min(most, value))


def _is_number(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)
