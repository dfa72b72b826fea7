"""Handing the saved values of a node to its widgets (graph-to-prompt, section 5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from comfy_tui.workflow.conversion.model import Widget
from comfy_tui.workflow.definition import DYNAMIC_COMBO, WIDGET_TYPES, NodeDefinition
from comfy_tui.workflow.layout import UNDEFINED, Layout, WidgetSpec

_OLD_SAMPLERS = frozenset(("KSampler", "KSamplerAdvanced"))


class Values:
    """The saved values of one node, given out by position or, for the object form, by name."""

    def __init__(self, saved: Any) -> None:
        self.by_name: Mapping[str, Any] | None = saved if isinstance(saved, Mapping) else None
        self.listed: list[Any] = saved if isinstance(saved, list) else []
        self.positions: list[int] = list(range(len(self.listed)))
        self.taken = 0

    def drop(self, dropped: Iterable[int]) -> None:
        """Leave out values that no widget of today has (section 5.2)."""
        gone = set(dropped)
        self.positions = [position for position in self.positions if position not in gone]

    def take(self, spec: WidgetSpec) -> tuple[Any, int | str] | None:
        """The next value for a widget and where it stands; None when there is none."""
        if self.by_name is not None:
            if spec.name not in self.by_name:
                return None
            self.taken += 1
            return self.by_name[spec.name], spec.name
        if self.taken >= len(self.positions):
            return None
        position = self.positions[self.taken]
        self.taken += 1
        return self.listed[position], position

    @property
    def surplus(self) -> list[Any]:
        """Values that no widget took, without the holes that browsers leave (section 5.1)."""
        if self.by_name is not None:
            return []
        return [self.listed[p] for p in self.positions[self.taken :] if self.listed[p] not in (None, "")]


def make_widgets(layout: Layout, values: Values) -> list[Widget]:
    """Walk the live widgets, each taking its value; a chosen branch's children come right behind it.

    The list grows while it is walked, as in the browser: children of a dynamic combo and the options
    of a CustomCombo take the values that follow (sections 5.1 and 7.1).
    """
    live: list[Widget] = []
    stack: list[tuple[Iterator[WidgetSpec], bool]] = [(iter(layout.widgets), True)]
    while stack:
        specs, takes = stack[-1]
        spec = next(specs, None)
        if spec is None:
            stack.pop()
            continue
        widget = Widget(spec, spec.default)
        live.append(widget)
        taken = values.take(spec) if takes and spec.in_values else None
        if taken is not None:
            widget.value, widget.position = taken
        if spec.branches is not None:
            if widget.value is None and spec.choices:
                # null becomes the first choice, but only after all values were given out (section 7.1)
                widget.value, takes = spec.choices[0], False
            branch = spec.branches.get(widget.value) if isinstance(widget.value, str) else None
            if branch is not None:
                stack.append((iter(branch.widgets), takes))
        elif spec.kind == "OPTION" and widget.value:
            number = int(spec.name.removeprefix("option")) + 1
            stack.append((iter((WidgetSpec(f"option{number}", "OPTION", ""),)), takes))
    return live


def settle(widgets: list[Widget], class_type: str) -> list[str]:
    """What the browser mends right after loading (sections 5.4 and 5.5); returns names of widgets mended."""
    mended = []
    for widget in widgets:
        spec, value = widget.spec, widget.value
        if value is None and spec.kind == "COMBO" and spec.choices:
            widget.value = spec.choices[0]
            mended.append(spec.name)
        elif value is None and spec.kind == "STRING" and spec.options.get("multiline"):
            widget.value = ""
        elif (
            class_type in _OLD_SAMPLERS
            and spec.name == "sampler_name"
            and isinstance(value, str)
            and value.startswith("sample_")
        ):
            widget.value = value.removeprefix("sample_")
    if class_type == "CustomCombo":
        _settle_custom_combo(widgets)
    return mended


def _settle_custom_combo(widgets: list[Widget]) -> None:
    """``index`` is computed: the position of ``choice`` among the options, -1 if absent (section 4.4)."""
    options = [widget.value for widget in widgets if widget.spec.kind == "OPTION"]
    choice = next((widget for widget in widgets if widget.spec.name == "choice"), None)
    if choice is not None and choice.value is None and options:
        choice.value = options[0]
    for widget in widgets:
        if widget.spec.kind == "INDEX" and choice is not None:
            widget.value = options.index(choice.value) if choice.value in options else -1


def dummies(definition: NodeDefinition, count: int) -> list[int]:
    """Positions of values that old browsers kept for forceInput inputs (section 5.2).

    Call it only when the values do not fit the live widgets as they are: the count test alone
    misfires on good files.
    """
    flags: list[bool] = []
    for spec in definition.declared:
        if spec.force_input or spec.widget_type in WIDGET_TYPES:
            flags.append(spec.force_input)
            if spec.options.get("control_after_generate"):
                flags.append(False)
    if len(flags) != count:
        return []
    return [position for position, forced in enumerate(flags) if forced]


def has_forced(definition: NodeDefinition) -> bool:
    """Whether the dummy rule can apply to a class at all."""
    return any(spec.force_input for spec in definition.declared)


def unknown_choices(widgets: list[Widget]) -> Iterator[Widget]:
    """Dynamic combos whose saved choice the server does not offer."""
    for widget in widgets:
        spec = widget.spec
        if spec.kind == DYNAMIC_COMBO and spec.branches is not None and widget.value is not UNDEFINED:
            value = widget.value
            if not isinstance(value, str) or value not in spec.branches:
                yield widget


def disagreements(widgets: list[Widget], named: Any) -> list[str]:
    """Names whose value by position differs from ``widgets_values_named`` (section 2.3)."""
    if not isinstance(named, Mapping):
        return []
    found = []
    for widget in widgets:
        name = widget.spec.name
        differs = isinstance(widget.position, int) and widget.position >= 0 and name in named
        if differs and widget.spec.in_prompt and not _alike(named[name], widget.value):
            found.append(name)
    return found


def _alike(left: Any, right: Any) -> bool:
    if isinstance(left, list | dict) or isinstance(right, list | dict):
        return True
    return bool(left == right) or left is None
