"""The widgets and sockets that the browser makes of a node class.

Rules: graph-to-prompt, sections 4 and 7. A layout is made once per class and shared; what a node of
a workflow holds (values, links, chosen branches) lives in :mod:`comfy_tui.workflow.conversion`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from comfy_tui.workflow.definition import (
    AUTOGROW,
    DYNAMIC_COMBO,
    NO_OPTIONS,
    Autogrow,
    InputSpec,
    NodeDefinition,
    autogrow,
    branches,
)


class _Undefined:
    """No value at all, as opposed to null: such a widget has no key in the prompt."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNDEFINED"


UNDEFINED = _Undefined()

CONTROL = "CONTROL"
FILTER = "FILTER"
BUTTON = "BUTTON"
VIEW = "VIEW"
INDEX = "INDEX"

_AUDIO_PLAYERS = frozenset(
    ("LoadAudio", "SaveAudio", "PreviewAudio", "SaveAudioMP3", "SaveAudioOpus", "SaveAudioAdvanced")
)
_IMAGE_VIEWS = frozenset(("SaveGLB", "Preview3D"))
_UPLOADS = ("image_upload", "animated_image_upload", "video_upload")
_LOAD_3D_BUTTONS = (
    ("upload 3d model", "upload3dmodel"),
    ("upload extra resources", "uploadExtraResources"),
    ("clear", "clear"),
)
_NESTING_LIMIT = 16


@dataclass(frozen=True, slots=True)
class WidgetSpec:
    """A widget: ``in_values`` takes a position in ``widgets_values``, ``in_prompt`` is sent to the server.

    ``branches`` holds what each choice of a dynamic combo puts behind it; ``controls`` is the name of
    the widget that a control widget changes after each run.
    """

    name: str
    kind: str
    default: Any
    in_values: bool = True
    in_prompt: bool = True
    options: Mapping[str, Any] = field(default_factory=lambda: NO_OPTIONS)
    choices: tuple[Any, ...] | None = None
    branches: Mapping[str, Layout] | None = None
    controls: str | None = None


@dataclass(frozen=True, slots=True)
class SlotSpec:
    """An input socket; ``widget`` tells one that belongs to a widget, ``group`` an autogrow group's rule."""

    name: str
    type: str
    widget: bool = False
    group: Autogrow | None = None


@dataclass(slots=True)
class Layout:
    """Widgets and sockets in the browser's order; children of dynamic combos are in their branches."""

    widgets: list[WidgetSpec] = field(default_factory=list)
    slots: list[SlotSpec] = field(default_factory=list)


def lay_out(definition: NodeDefinition) -> Layout:
    """Make a class's layout: pure sockets and groups first, then widgets (graph-to-prompt, section 4.1)."""
    layout = Layout()
    inputs = [*definition.inputs, *_inserted(definition)]
    for spec in inputs:
        if not spec.is_widget:
            _add_socket(layout, spec, spec.name)
    for spec in inputs:
        if spec.is_widget:
            _add_widgets(layout, spec, spec.name, definition.class_type, 0)
    if definition.class_type == "PreviewAny":
        for name in ("preview_markdown", "preview_text"):
            layout.widgets.append(WidgetSpec(name, VIEW, "", in_values=False, in_prompt=False))
        layout.widgets.append(WidgetSpec("previewMode", VIEW, False, in_prompt=False))
    elif definition.class_type == "WebcamCapture":
        layout.widgets.append(WidgetSpec("waiting for camera...", BUTTON, "capture", in_prompt=False))
    return layout


def _inserted(definition: NodeDefinition) -> Iterator[InputSpec]:
    """The inputs that the browser's core extensions add, always last (graph-to-prompt, section 4.4)."""
    name = definition.class_type
    required = [spec for spec in definition.declared if spec.required]
    if any(spec.type == "COMBO" and any(spec.options.get(u) for u in _UPLOADS) for spec in required):
        yield InputSpec("upload", "IMAGEUPLOAD", NO_OPTIONS, True)
    if name in _AUDIO_PLAYERS:
        yield InputSpec("audioUI", "AUDIO_UI", NO_OPTIONS, True)
    if any(spec.name == "audio" and spec.options.get("audio_upload") is True for spec in required):
        yield InputSpec("upload", "AUDIOUPLOAD", NO_OPTIONS, True)
    if name in _IMAGE_VIEWS:
        yield InputSpec("image", "PREVIEW_3D", NO_OPTIONS, True)
    if name == "Load3DAdvanced" and not any(spec.name == "viewport_state" for spec in required):
        yield InputSpec("viewport_state", "LOAD_3D_ADVANCED", NO_OPTIONS, True)


def _add_socket(layout: Layout, spec: InputSpec, name: str) -> None:
    if spec.type != AUTOGROW:
        layout.slots.append(SlotSpec(name, spec.slot_type))
        return
    group = autogrow(spec, name)
    layout.slots.append(SlotSpec(name, AUTOGROW, group=group))
    for index in range(group.initial):
        for element in group.element(index):
            if element.is_widget and element.widget_type != DYNAMIC_COMBO:
                layout.widgets.extend(_widgets(element, element.name, ""))


def _add_widgets(layout: Layout, spec: InputSpec, name: str, class_type: str, depth: int) -> None:
    layout.slots.append(SlotSpec(name, spec.slot_type, widget=True))
    if spec.widget_type != DYNAMIC_COMBO:
        layout.widgets.extend(_widgets(spec, name, class_type))
        return
    choices: dict[str, Layout] = {}
    if depth < _NESTING_LIMIT:
        for key, children in branches(spec).items():
            choices[key] = _branch(children, name, class_type, depth + 1)
    first = next(iter(choices), UNDEFINED)
    layout.widgets.append(
        WidgetSpec(name, DYNAMIC_COMBO, first, options=spec.options, choices=tuple(choices), branches=choices)
    )


def _branch(children: tuple[InputSpec, ...], parent: str, class_type: str, depth: int) -> Layout:
    layout = Layout()
    for spec in children:
        name = f"{parent}.{spec.name}"
        if spec.is_widget:
            _add_widgets(layout, spec, name, class_type, depth)
        else:
            _add_socket(layout, spec, name)
    return layout


def _widgets(spec: InputSpec, name: str, class_type: str) -> Iterator[WidgetSpec]:
    """The widgets of one input, in order (graph-to-prompt, section 4.3)."""
    kind = spec.widget_type
    if kind == "COMBO":
        yield from _combo(spec, name, class_type)
    elif kind == "LOAD_3D":
        if class_type == "Load3D":
            for button, value in _LOAD_3D_BUTTONS:
                yield WidgetSpec(button, BUTTON, value, in_prompt=False)
            yield WidgetSpec("image", VIEW, "")
        else:
            yield WidgetSpec("viewport_state", VIEW, "")
    elif kind == "AUDIO_RECORD":
        yield WidgetSpec(name, VIEW, "")
        yield WidgetSpec(name, BUTTON, "", in_prompt=False)
    elif kind == "BOUNDING_BOX":
        yield from _bounding_box(spec, name)
    elif kind in _SHOWN:
        default, in_values = _SHOWN[kind]
        yield WidgetSpec(name, BUTTON, default, in_values=in_values, in_prompt=False)
    elif kind == "PREVIEW_3D":
        yield WidgetSpec(name, VIEW, "", in_prompt=class_type not in _IMAGE_VIEWS)
    elif kind == "IMAGECOMPARE":
        yield WidgetSpec(name, VIEW, ["", ""], in_values=False)
    else:
        yield WidgetSpec(name, kind, _default(spec), options=spec.options)
        if kind in ("INT", "FLOAT"):
            yield from _control(spec, name)


_SHOWN: dict[str, tuple[Any, bool]] = {
    "IMAGEUPLOAD": ("image", True),
    "AUDIOUPLOAD": ("", True),
    "AUDIO_UI": ("", False),
}


def _combo(spec: InputSpec, name: str, class_type: str) -> Iterator[WidgetSpec]:
    options, choices = spec.options, spec.choices
    if options.get("multi_select"):
        default = options.get("default")
        value = list(default) if isinstance(default, list) else []
        yield WidgetSpec(name, "MULTI", value, options=options, choices=choices)
        return
    remote = options.get("remote")
    default = options.get("default") or (choices[0] if choices else "Loading..." if remote else UNDEFINED)
    custom = class_type == "CustomCombo" and name == "choice"
    if custom and default is UNDEFINED:
        default = ""
    yield WidgetSpec(name, "COMBO", default, options=options, choices=choices)
    yield from _control(spec, name)
    if remote:
        yield WidgetSpec("Auto-refresh after generation", BUTTON, False, in_prompt=False)
        if isinstance(remote, Mapping) and remote.get("refresh_button"):
            yield WidgetSpec("refresh", BUTTON, "refresh", in_prompt=False)
    if custom:
        yield WidgetSpec("index", INDEX, 0)
        yield WidgetSpec("option1", "OPTION", "")


def _control(spec: InputSpec, name: str) -> Iterator[WidgetSpec]:
    flag = spec.options.get("control_after_generate")
    if flag is None and spec.widget_type == "INT":
        flag = name in ("seed", "noise_seed")
    if not flag:
        return
    start = "fixed" if spec.widget_type == "FLOAT" else "randomize"
    title, start = (flag, flag) if isinstance(flag, str) else ("control_after_generate", start)
    yield WidgetSpec(title, CONTROL, start, in_prompt=False, controls=name)
    if spec.widget_type == "COMBO":
        yield WidgetSpec("control_filter_list", FILTER, "", in_prompt=False, controls=name)


def _bounding_box(spec: InputSpec, name: str) -> Iterator[WidgetSpec]:
    box = spec.options.get("default")
    numbers = {"x": 0, "y": 0, "width": 512, "height": 512}
    if isinstance(box, Mapping):
        numbers |= {key: box[key] for key in numbers if key in box}
    yield WidgetSpec(name, "BOUNDING_BOX", dict(numbers), options=spec.options)
    for key, number in numbers.items():
        yield WidgetSpec(key, VIEW, number, in_prompt=False)


_DEFAULTS: dict[str, Any] = {
    "INT": 0,
    "FLOAT": 0,
    "BOOLEAN": False,
    "COLOR": "#000000",
    "CURVE": {"points": [[0, 0], [1, 1]], "interpolation": "monotone_cubic"},
    "RANGE": {"min": 0, "max": 1},
}


def _default(spec: InputSpec) -> Any:
    given = spec.options.get("default")
    return _DEFAULTS.get(spec.widget_type, "") if given is None else given
