"""A dynamic combo of a prompt set to another choice: other inputs come and go with it, as in the browser."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from comfy_tui.workflow.definition import Definitions
from comfy_tui.workflow.layout import UNDEFINED, Layout, WidgetSpec, lay_out
from comfy_tui.workflow.parameters import is_link

Key = tuple[str, str]


def with_choices(
    prompt: Mapping[str, Any], changes: Mapping[Key, Any], definitions: Definitions | None
) -> Mapping[str, Any]:
    """The prompt with those of the changes that choose the inputs of a dynamic combo; the same where none do.

    The inputs of the old choice go. Those of the new one have their first values; a link stays where the
    new choice has an input of that name too (graph-to-prompt, section 7.1).

    Args:
        prompt: in API format; it is not changed.
        changes: new values by node id and input name, of all kinds.
        definitions: of the server; None where they are not known: then nothing is chosen.
    """
    if definitions is None:
        return prompt
    changed: dict[str, Any] | None = None
    # The outer choice first: it may bring the inner one.
    for (node_id, name), value in sorted(changes.items(), key=lambda one: one[0][1].count(".")):
        node = (changed or prompt).get(node_id)
        inputs = node.get("inputs") if isinstance(node, Mapping) else None
        if not isinstance(node, Mapping) or not isinstance(inputs, Mapping) or is_link(inputs.get(name)):
            continue
        chosen = _chosen(node.get("class_type"), name, inputs, value, definitions)
        if chosen is not None and inputs.get(name) != value:
            changed = dict(prompt) if changed is None else changed
            changed[node_id] = {**node, "inputs": chosen}
    return prompt if changed is None else changed


def _chosen(
    class_type: Any, name: str, inputs: Mapping[str, Any], value: Any, definitions: Definitions
) -> dict[str, Any] | None:
    """A node's inputs under another choice; None where the input is no dynamic combo with that choice."""
    definition = definitions.get(class_type) if isinstance(class_type, str) else None
    spec = _selector(lay_out(definition), name, inputs) if definition is not None else None
    branch = spec.branches.get(value) if spec is not None and spec.branches and _is_text(value) else None
    if branch is None:
        return None
    brought = {widget.name: widget.default for widget in _first(branch) if _is_sent(widget)}
    kept: dict[str, Any] = {}
    for key, given in inputs.items():
        if key == name:
            kept |= {name: value, **brought}
        elif not key.startswith(f"{name}."):
            kept[key] = given
    kept |= {name: value, **brought}
    groups = tuple(f"{slot.name}." for slot in branch.slots if slot.group is not None)
    names = {slot.name for slot in branch.slots} | {widget.name for widget in branch.widgets}
    links = {key: given for key, given in inputs.items() if is_link(given)}
    return kept | {k: v for k, v in links.items() if k in names or (groups and k.startswith(groups))}


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_sent(widget: WidgetSpec) -> bool:
    return widget.in_prompt and widget.default is not UNDEFINED


def _first(layout: Layout) -> Iterator[WidgetSpec]:
    """The widgets of a branch, and of the first choices below it."""
    for widget in layout.widgets:
        yield widget
        branch = widget.branches.get(widget.default) if widget.branches and _is_text(widget.default) else None
        if branch is not None:
            yield from _first(branch)


def _selector(layout: Layout, name: str, inputs: Mapping[str, Any]) -> WidgetSpec | None:
    """The dynamic combo of that name, among those that the present choices show."""
    for widget in _shown(layout.widgets, name, inputs):
        if widget.name == name:
            return widget if widget.branches is not None else None
    return None


def _shown(widgets: Iterable[WidgetSpec], name: str, inputs: Mapping[str, Any]) -> Iterator[WidgetSpec]:
    for widget in widgets:
        yield widget
        if widget.branches is not None and name.startswith(f"{widget.name}."):
            now = inputs.get(widget.name)
            branch = widget.branches.get(now) if isinstance(now, str) else None
            if branch is not None:
                yield from _shown(branch.widgets, name, inputs)
