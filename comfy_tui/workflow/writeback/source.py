"""Where an editor document keeps a value, and changing it there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from comfy_tui.workflow.conversion.model import Kind, Node, Widget

Step = str | int
Path = tuple[Step, ...]

UNPLACED = -1
"""The position of a value that the document does not hold yet: the widget has its default."""


@dataclass(frozen=True, slots=True)
class Source:
    """The one place that a value of the prompt comes from.

    Attributes:
        path: leads to the saved node inside the document.
        position: place in its ``widgets_values``, a name where those are an object.
        widget: which of the live node's widgets it is, -1 where it is none of its own: a value that an
            instance owns for an inner widget, or that of a primitive.
        name: its key in ``widgets_values_named``, where the file has that.
    """

    path: Path
    position: int | str
    widget: int = -1
    name: str = ""


def widget_source(node: Node, path: Path, number: int) -> Source | None:
    """Where a node's own widget is kept, None where the browser keeps no value of it."""
    widget = node.widgets[number]
    if not widget.spec.in_values:
        return None
    position: int | str | None = widget.position
    if position == UNPLACED and node.kind is Kind.UNKNOWN:
        position = _position_by_name(node.raw, widget)
        if position is None:
            return None
    elif position == UNPLACED and isinstance(node.raw.get("widgets_values"), Mapping):
        position = widget.spec.name
    return Source(path, UNPLACED if position is None else position, number, widget.spec.name)


def _position_by_name(raw: Mapping[str, Any], widget: Widget) -> int | str | None:
    """The place of a named value of an unknown class: both forms must agree up to there (section 2.3)."""
    values, named = raw.get("widgets_values"), raw.get("widgets_values_named")
    name = widget.spec.name
    if isinstance(values, Mapping):
        return name if name in values else None
    if not isinstance(values, list) or not isinstance(named, Mapping):
        return None
    for position, (key, value) in enumerate(zip(named, named.values(), strict=True)):
        if position >= len(values) or not same(values[position], value):
            return None
        if key == name:
            return position
    return None


def same(left: Any, right: Any) -> bool:
    """Whether two JSON values are equal to a server: 1 and 1.0 are, 1 and true are not."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def copied(value: Any) -> Any:
    """A JSON value that shares nothing with the one given."""
    if isinstance(value, Mapping):
        return {key: copied(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [copied(inner) for inner in value]
    return value


class Draft:
    """A document being changed: containers are copied on the way to a change, the rest is shared."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document: dict[str, Any] = dict(document)
        self._owned: dict[int, Any] = {}

    def node(self, path: Path) -> dict[str, Any]:
        """The saved node at a place, ready to be changed.

        Raises:
            LookupError: there is no such place.
        """
        found: Any = self.document
        for step in path:
            key = _key(found, step)
            inner = found[key]
            if id(inner) not in self._owned:
                inner = dict(inner) if isinstance(inner, Mapping) else list(inner)
                self._owned[id(inner)] = inner
                found[key] = inner
            found = inner
        if not isinstance(found, dict):
            raise LookupError("not a node")
        return found


def _key(owner: Any, step: Step) -> Any:
    """Lists of nodes may be saved as objects: their values count, in order."""
    if isinstance(owner, Mapping) and isinstance(step, int):
        return list(owner)[step]
    if not isinstance(owner, Mapping | list):
        raise LookupError("neither a list nor an object")
    return step


def put(raw: dict[str, Any], source: Source, value: Any) -> None:
    """Change one value of a saved node that is ours.

    Raises:
        LookupError: the node has no such place.
    """
    values = raw.get("widgets_values")
    if isinstance(source.position, str):
        raw["widgets_values"] = {**(values if isinstance(values, Mapping) else {}), source.position: value}
    else:
        listed = list(values) if isinstance(values, list) else []
        if source.position == len(listed) == 0:
            listed.append(value)
        elif not 0 <= source.position < len(listed):
            raise LookupError("no such value")
        listed[source.position] = value
        raw["widgets_values"] = listed
    named = raw.get("widgets_values_named")
    if isinstance(named, Mapping) and source.name in named:
        raw["widgets_values_named"] = {**named, source.name: value}
