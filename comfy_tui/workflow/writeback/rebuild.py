"""Making a node's list of values anew, where a change moves the values behind it.

That is a dynamic combo set to another choice (graph-to-prompt, section 7.1), a CustomCombo with another
number of options, and a value for a widget that the saved list is too short for (section 5.1).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from comfy_tui.workflow.conversion.model import Node, Widget
from comfy_tui.workflow.conversion.values import Values, make_widgets
from comfy_tui.workflow.layout import UNDEFINED, Layout, WidgetSpec


class _Handed(Values):
    """Values by name; of namesakes each takes the next one."""

    def __init__(self, by_name: Mapping[str, deque[Any]]) -> None:
        super().__init__(None)
        self._queues = by_name

    def take(self, spec: WidgetSpec) -> tuple[Any, int | str] | None:
        """The next value for a widget."""
        queue = self._queues.get(spec.name)
        return (queue.popleft(), 0) if queue else None


def needs_rebuild(node: Node, changed: Mapping[int, Any]) -> bool:
    """Whether these widgets of a node, by number, cannot be changed where they stand."""
    for number in changed:
        widget = node.widgets[number]
        if widget.position == -1 or widget.spec.branches is not None or widget.spec.kind == "OPTION":
            return not isinstance(node.raw.get("widgets_values"), Mapping)
    return False


def rebuild(
    raw: dict[str, Any],
    node: Node,
    layout: Layout,
    loaded: Mapping[int, Any],
    changed: Mapping[int, Any],
    children: Mapping[str, Any],
) -> None:
    """Write the node's values anew, in the order in which the browser will read them.

    Args:
        raw: the saved node, ours.
        node: the live node.
        layout: the layout of its class.
        loaded: what each widget held on load, by identity.
        changed: new values by the widget's number.
        children: values for inputs that a newly chosen branch brings.
    """
    queues: dict[str, deque[Any]] = {}
    for number, widget in enumerate(node.widgets):
        if not widget.spec.in_values:
            continue
        value = changed[number] if number in changed else loaded.get(id(widget), widget.value)
        if value is not UNDEFINED:
            queues.setdefault(widget.spec.name, deque()).append(value)
    for name, value in children.items():
        queues[name] = deque((value,))
    live = [widget for widget in make_widgets(layout, _Handed(queues)) if widget.spec.in_values]
    listed = raw.get("widgets_values")
    tail = _untaken(listed, node.widgets)
    values = [None if widget.value is UNDEFINED else widget.value for widget in live]
    if not tail:
        values = values[: _needed(live, node, changed, children)]
    raw["widgets_values"] = values + tail
    _rename(raw, node, live)


def _untaken(listed: Any, widgets: list[Widget]) -> list[Any]:
    """Saved values behind the last one that a widget has."""
    last = max((w.position for w in widgets if isinstance(w.position, int)), default=-1)
    return listed[last + 1 :] if isinstance(listed, list) else []


def _needed(live: list[Widget], node: Node, changed: Mapping[int, Any], children: Mapping[str, Any]) -> int:
    """How many values must be said: up to the last one that was saved or is changed."""
    said = {node.widgets[number].spec.name for number in changed} | children.keys()
    said |= {widget.spec.name for widget in node.widgets if widget.position != -1}
    return max((at + 1 for at, widget in enumerate(live) if widget.spec.name in said), default=0)


def _rename(raw: dict[str, Any], node: Node, live: list[Widget]) -> None:
    """Bring ``widgets_values_named`` in line (section 2.3)."""
    named = raw.get("widgets_values_named")
    if not isinstance(named, Mapping):
        return
    known = {widget.spec.name for widget in node.widgets}
    now = {widget.spec.name: widget.value for widget in live if widget.value is not UNDEFINED}
    kept = {name: value for name, value in named.items() if name in now or name not in known}
    raw["widgets_values_named"] = kept | {n: v for n, v in now.items() if n in kept or n not in known}
