"""Making live nodes out of saved ones (graph-to-prompt, sections 3, 5, 6 and 15)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from comfy_tui.workflow.conversion.model import Graph, Kind, LaidOut, Node, Slot, Widget, index_of, key_of
from comfy_tui.workflow.conversion.packs import kind_of_type, set_name
from comfy_tui.workflow.conversion.read import entries, type_of
from comfy_tui.workflow.conversion.report import Report
from comfy_tui.workflow.conversion.values import (
    Values,
    disagreements,
    dummies,
    has_forced,
    make_widgets,
    settle,
    unknown_choices,
)
from comfy_tui.workflow.definition import DYNAMIC_COMBO, Definitions
from comfy_tui.workflow.layout import Layout, SlotSpec, WidgetSpec, lay_out

_CONTROL_MODES = frozenset(("fixed", "increment", "decrement", "randomize", "increment-wrap"))


class Builder:
    """Builds nodes for the classes of one server; keeps the layout of each class it has met."""

    def __init__(self, definitions: Definitions) -> None:
        self.definitions = definitions
        self._classes: dict[str, LaidOut | None] = {}

    def laid_out(self, class_type: str) -> LaidOut | None:
        """The class with its layout, None when the server lacks it."""
        if class_type not in self._classes:
            definition = self.definitions.get(class_type)
            self._classes[class_type] = (
                None if definition is None else LaidOut(definition, lay_out(definition))
            )
        return self._classes[class_type]

    def node(self, raw: Mapping[str, Any], key: str, index: int, subgraphs: Mapping[str, Graph]) -> Node:
        """A node with its kind, mode and title; :meth:`fill` gives it sockets and widgets."""
        saved_type, title, mode = raw.get("type"), raw.get("title"), index_of(raw.get("mode"))
        class_type = saved_type if isinstance(saved_type, str) else ""
        kind = Kind.UNKNOWN
        if self.laid_out(class_type) is not None:
            kind = Kind.BACKEND
        elif class_type in subgraphs:
            kind = Kind.SUBGRAPH
        else:
            kind = kind_of_type(class_type) or kind
        node = Node(
            key=key,
            index=index,
            type=class_type,
            raw=raw,
            mode=mode or 0,
            kind=kind,
            title=title if isinstance(title, str) else "",
        )
        if kind is Kind.SUBGRAPH:
            node.subgraph = subgraphs[class_type]
        return node

    def fill(self, node: Node, graph: Graph, report: Report) -> None:
        """Give a node its sockets, outputs and widgets."""
        saved: dict[str, Mapping[str, Any]] = {}
        for entry in entries(node.raw, "inputs"):
            if not isinstance(entry, Mapping):
                continue
            if isinstance(name := entry.get("name"), str):
                saved.setdefault(name, entry)
            if (link := key_of(entry.get("link"))) is not None:
                graph.named.add(link)
                if isinstance(entry.get("widget"), Mapping):
                    graph.marked.add(link)
        if node.kind is Kind.BACKEND:
            self._fill_backend(node, saved, report)
        elif node.subgraph is not None:
            _fill_instance(node, saved, report)
        else:
            node.slots = [
                _saved_slot(entry) for entry in entries(node.raw, "inputs") if isinstance(entry, Mapping)
            ]
            node.outputs = _saved_outputs(node)
            if node.kind is Kind.UNKNOWN:
                node.widgets = _guess_widgets(node)
            elif node.kind is Kind.SET:
                name = set_name(node)
                if name and graph.setters.setdefault(name, node) is not node:
                    report.warn(
                        "duplicate_set_node", f'more than one Set node sets "{name}"; the first is used', node
                    )

    def _fill_backend(self, node: Node, saved: Mapping[str, Any], report: Report) -> None:
        laid_out = self.laid_out(node.type)
        if laid_out is None:
            return
        node.definition = laid_out.definition
        node.widgets = self._assign(node, laid_out, report)
        by_name: dict[str, Widget] = {}
        for widget in node.widgets:
            by_name.setdefault(widget.spec.name, widget)
        node.slots = list(_live_slots(laid_out.layout, by_name, saved))
        _append_extras(node, by_name, saved, report)
        outputs = list(laid_out.definition.outputs)
        node.outputs = outputs + _saved_outputs(node)[len(outputs) :]

    def _assign(self, node: Node, laid_out: LaidOut, report: Report) -> list[Widget]:
        values = Values(node.raw.get("widgets_values"))
        widgets = make_widgets(laid_out.layout, values)
        if values.surplus and has_forced(laid_out.definition):
            dropped = dummies(laid_out.definition, len(values.listed))
            if dropped:
                values = Values(values.listed)
                values.drop(dropped)
                widgets = make_widgets(laid_out.layout, values)
        _report_values(node, values, widgets, report)
        return widgets


def _report_values(node: Node, values: Values, widgets: list[Widget], report: Report) -> None:
    """Say where the saved values do not fit the widgets, and mend what the browser mends."""
    unknown = list(unknown_choices(widgets))
    for widget in unknown:
        text = (
            f'"{str(widget.value)[:80]}" is not a choice of {widget.spec.name} on this server: '
            "its own inputs are lost and the values after it may have shifted"
        )
        hint = "Choose one of: " + ", ".join((widget.spec.choices or ())[:10])
        report.warn("unknown_dynamic_option", text, node, input=widget.spec.name, hint=hint)
    surplus = len(values.surplus)
    if not unknown and surplus > sum(1 for widget in widgets if not widget.spec.in_values):
        count = f"{surplus} saved value{'s' if surplus > 1 else ''}"
        report.warn("surplus_values", f"{count} of {node.type} fit no widget of this server's version", node)
    shifted = disagreements(widgets, node.raw.get("widgets_values_named"))
    if shifted:
        names = ", ".join(shifted[:6])
        report.warn("shifted_values", f"values by position and by name disagree for {names}", node)
    mended = settle(widgets, node.type)
    if mended:
        text = f"null became the first choice of {', '.join(mended)}"
        report.warn("null_value", text, node, input=mended[0])


def _live_slots(layout: Layout, widgets: Mapping[str, Widget], saved: Mapping[str, Any]) -> Iterator[Slot]:
    """The sockets of a node: the definition's, in its order, with the saved links (section 6)."""
    for spec in layout.slots:
        if spec.group is not None:
            yield from _group_slots(spec, widgets, saved)
            continue
        widget = widgets.get(spec.name) if spec.widget else None
        yield _slot(spec.name, spec.type, widget, saved)
        if widget is not None and widget.spec.branches is not None and isinstance(widget.value, str):
            branch = widget.spec.branches.get(widget.value)
            if branch is not None:
                yield from _live_slots(branch, widgets, saved)


def _group_slots(spec: SlotSpec, widgets: Mapping[str, Widget], saved: Mapping[str, Any]) -> Iterator[Slot]:
    """The members of an autogrow group: those that always exist, then whatever the file has (section 7.2)."""
    group = spec.group
    if group is None:
        return
    seen = set()
    kind = group.inputs[0].slot_type if group.inputs else "*"
    for index in range(group.initial):
        for element in group.element(index):
            seen.add(element.name)
            yield _slot(element.name, element.slot_type, widgets.get(element.name), saved)
    prefix = f"{spec.name}."
    for name in saved:
        if name.startswith(prefix) and name not in seen:
            yield _slot(name, kind, widgets.get(name), saved)


def _slot(name: str, kind: str, widget: Widget | None, saved: Mapping[str, Any]) -> Slot:
    entry = saved.get(name)
    if entry is None:
        return Slot(name, kind, None, widget)
    slot = _saved_slot(entry)
    return Slot(name, kind, slot.link, widget, slot.marked)


def _saved_slot(entry: Mapping[str, Any]) -> Slot:
    name = entry.get("name")
    return Slot(
        name if isinstance(name, str) else "",
        type_of(entry.get("type")),
        key_of(entry.get("link")),
        None,
        isinstance(entry.get("widget"), Mapping),
    )


def _append_extras(
    node: Node, widgets: Mapping[str, Widget], saved: Mapping[str, Any], report: Report
) -> None:
    """Saved inputs that the definition does not know: kept as sockets, dropped as widgets (section 6.3)."""
    known = {slot.name for slot in node.slots}
    dynamic = tuple(f"{w.spec.name}." for w in node.widgets if w.spec.kind == DYNAMIC_COMBO)
    for name, entry in saved.items():
        if name in known:
            continue
        slot = _saved_slot(entry)
        mark = entry.get("widget")
        marked = mark.get("name") if isinstance(mark, Mapping) else None
        widget_name = marked if isinstance(marked, str) else None
        stale = bool(dynamic) and name.startswith(dynamic)
        if stale or (slot.marked and widget_name not in widgets):
            if slot.link is not None:
                text = f"{node.type} has no input {name} on this server; its link is dropped"
                report.warn("lost_link", text, node, input=name)
            continue
        if slot.link is not None:
            text = f"{node.type} declares no input {name} on this server; the link is kept under that name"
            report.warn("undeclared_input", text, node, input=name)
        node.slots.append(slot)


def _saved_outputs(node: Node) -> list[str]:
    return [
        type_of(entry.get("type")) if isinstance(entry, Mapping) else "*"
        for entry in entries(node.raw, "outputs")
    ]


def _fill_instance(node: Node, saved: Mapping[str, Any], report: Report) -> None:
    """Sockets of a subgraph instance come from its definition, links from the file by name (section 13.1)."""
    graph = node.subgraph
    if graph is None:
        return
    names = {port.name for port in graph.inputs}
    listed = list(saved.items())
    for index, port in enumerate(graph.inputs):
        slot = _slot(port.name, port.type, None, saved)
        if port.name not in saved and index < len(listed) and listed[index][0] not in names:
            slot = _renamed(node, port.name, port.type, listed[index], report)
        node.slots.append(slot)
    kept = {slot.link for slot in node.slots}
    for name, entry in saved.items():
        link = _saved_slot(entry).link
        if name not in names and link is not None and link not in kept:
            report.warn(
                "lost_link", f'the subgraph has no input "{name}"; its link is dropped', node, input=name
            )
    node.outputs = [port.type for port in graph.outputs]


def _renamed(node: Node, name: str, kind: str, entry: tuple[str, Any], report: Report) -> Slot:
    """A socket whose name changed, matched by position as 1.58.1 does (section 13.1)."""
    slot = _saved_slot(entry[1])
    if slot.link is None or slot.type != kind:
        return Slot(name, kind)
    text = f'input "{entry[0]}" is called "{name}" in the subgraph; its link is kept by position'
    report.warn("renamed_input", text, node, input=name)
    return Slot(name, kind, slot.link, None, slot.marked)


def _guess_widgets(node: Node) -> list[Widget]:
    """What can be known of the values of a class that the server lacks.

    Values saved by name are certain. Else the saved inputs marked as widgets name them in order, if
    their count fits once control values are set aside.
    """
    names = [slot.name for slot in node.slots if slot.marked]
    known = set(names)
    named, listed = node.raw.get("widgets_values_named"), node.raw.get("widgets_values")
    by_name = named if isinstance(named, Mapping) else listed
    if isinstance(by_name, Mapping):
        wanted = [n for n in by_name if isinstance(n, str) and (not known or n in known)]
        return [Widget(WidgetSpec(n, "UNKNOWN", None), by_name[n]) for n in wanted]
    if not isinstance(listed, list) or not names:
        return []
    kept = list(range(len(listed)))
    if len(kept) > len(names):
        kept = [i for i in kept if not (i and _is_control(listed[i]) and _is_number(listed[i - 1]))]
    if len(kept) != len(names):
        return []
    return [Widget(WidgetSpec(n, "UNKNOWN", None), listed[i], i) for n, i in zip(names, kept, strict=True)]


def _is_control(value: Any) -> bool:
    return isinstance(value, str) and value in _CONTROL_MODES


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
