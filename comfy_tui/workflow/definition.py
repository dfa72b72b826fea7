"""What a server says of its node classes: ``/object_info``, read once and tolerantly.

The shapes are those of comfyui-api, section 10; which inputs the browser shows as widgets is
graph-to-prompt, section 4.2. Nothing here raises on odd input: a class that cannot be read is absent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

AUTOGROW = "COMFY_AUTOGROW_V3"
DYNAMIC_COMBO = "COMFY_DYNAMICCOMBO_V3"
MATCH_TYPE = "COMFY_MATCHTYPE_V3"

WIDGET_TYPES = frozenset(
    (
        "INT",
        "FLOAT",
        "BOOLEAN",
        "STRING",
        "COMBO",
        "COLOR",
        "CURVE",
        "RANGE",
        "BOUNDING_BOX",
        "IMAGECOMPARE",
        "PAINTER",
        "MARKDOWN",
        "TEXTAREA",
        "CHART",
        "GALLERIA",
        "IMAGEUPLOAD",
        "AUDIO_UI",
        "AUDIOUPLOAD",
        "AUDIO_RECORD",
        "WEBCAM",
        "LOAD_3D",
        "LOAD_3D_ADVANCED",
        "PREVIEW_3D",
    )
) | {DYNAMIC_COMBO}
"""Types that have a widget in the browser without any pack's JavaScript (graph-to-prompt, section 4.2)."""

NO_OPTIONS: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One input as its class declares it.

    ``type`` is the type string; a list of choices in its place reads as ``COMBO``. ``choices`` is
    None for other types and for a combo whose choices are fetched by the browser.
    """

    name: str
    type: str
    options: Mapping[str, Any]
    required: bool
    choices: tuple[Any, ...] | None = None

    @property
    def widget_type(self) -> str:
        """The type that decides about the widget: ``widgetType`` where given, else the type."""
        named = self.options.get("widgetType")
        return named if isinstance(named, str) and named else self.type

    @property
    def force_input(self) -> bool:
        """Whether the input is a socket whatever its type."""
        if self.options.get("forceInput"):
            return True
        return not self.required and self.options.get("defaultInput") is True

    @property
    def is_widget(self) -> bool:
        """Whether the browser gives the input a widget (graph-to-prompt, section 4.2)."""
        return self.widget_type in WIDGET_TYPES and not self.force_input

    @property
    def slot_type(self) -> str:
        """The type a link to it is tested against; for a match type the types it allows."""
        if self.type == MATCH_TYPE:
            allowed = _template(self).get("allowed_types")
            return allowed if isinstance(allowed, str) else "*"
        return self.type


@dataclass(frozen=True, slots=True)
class Autogrow:
    """The rule by which a growing group of inputs names its members (graph-to-prompt, section 7.2)."""

    group: str
    inputs: tuple[InputSpec, ...]
    names: tuple[str, ...] | None
    prefix: str | None
    minimum: int
    maximum: int

    @property
    def initial(self) -> int:
        """How many elements exist before anything is linked."""
        return min(max(1, self.minimum + 1), max(1, self.maximum))

    def element(self, index: int) -> list[InputSpec]:
        """The inputs that element ``index`` consists of, with their full dotted names."""
        found = []
        for spec in self.inputs:
            if self.names is not None:
                if index >= len(self.names):
                    continue
                name = self.names[index]
            elif len(self.inputs) == 1:
                name = f"{spec.name if self.prefix is None else self.prefix}{index}"
            else:
                name = f"{spec.name}{index}"
            full = f"{self.group}.{name}"
            found.append(InputSpec(full, spec.type, spec.options, spec.required, spec.choices))
        return found


class NodeDefinition:
    """One node class of a server."""

    def __init__(self, class_type: str, raw: Mapping[str, Any]) -> None:
        self.class_type = class_type
        self.raw = raw

    @property
    def display_name(self) -> str:
        """What people call the class; the class itself where the server gives no name."""
        name = self.raw.get("display_name")
        return name if isinstance(name, str) and name else self.class_type

    @property
    def is_output(self) -> bool:
        """Whether the class is one that the server runs a prompt for."""
        return self.raw.get("output_node") is True

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """Output types by slot, as the browser holds them: match types and odd entries are ``*``."""
        listed = self.raw.get("output")
        if not isinstance(listed, list):
            return ()
        return tuple(_output_type(entry) for entry in listed)

    @cached_property
    def declared(self) -> tuple[InputSpec, ...]:
        """Required and optional inputs in dictionary order; an optional one replaces a required namesake."""
        found: dict[str, InputSpec] = {}
        for section in ("required", "optional"):
            for spec in read_inputs(_section(self.raw.get("input"), section), section == "required"):
                found[spec.name] = spec
        return tuple(found.values())

    @cached_property
    def inputs(self) -> tuple[InputSpec, ...]:
        """Required and optional inputs in the order that the browser shows (graph-to-prompt, section 4.1)."""
        by_name = {spec.name: spec for spec in self.declared}
        order = self.raw.get("input_order")
        found: dict[str, InputSpec] = {}
        for section in ("required", "optional"):
            names = order.get(section) if isinstance(order, Mapping) else None
            for name in names if isinstance(names, list) else ():
                spec = by_name.get(name) if isinstance(name, str) else None
                if spec is not None and spec.required == (section == "required"):
                    found.setdefault(spec.name, spec)
        for spec in self.declared:
            found.setdefault(spec.name, spec)
        return tuple(found.values())


class Definitions(Mapping[str, NodeDefinition]):
    """All node classes of a server, each read when it is first asked for.

    Keep one for as long as the same ``object_info`` is in use: reading a class costs more than using it.
    """

    def __init__(self, object_info: Mapping[str, Any]) -> None:
        self._raw = object_info
        self._read: dict[str, NodeDefinition] = {}

    def __getitem__(self, class_type: str) -> NodeDefinition:
        found = self._read.get(class_type)
        if found is None:
            raw = self._raw[class_type]
            if not isinstance(raw, Mapping):
                raise KeyError(class_type)
            found = self._read[class_type] = NodeDefinition(class_type, raw)
        return found

    def __iter__(self) -> Iterator[str]:
        return (name for name, raw in self._raw.items() if isinstance(raw, Mapping))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def read_input(name: str, raw: Any, required: bool) -> InputSpec | None:
    """Read one input spec (comfyui-api, section 10.2); None when it is not one."""
    if not isinstance(raw, list | tuple) or not raw:
        return None
    options = raw[1] if len(raw) > 1 and isinstance(raw[1], Mapping) else NO_OPTIONS
    kind = raw[0]
    if isinstance(kind, list | tuple):
        return InputSpec(name, "COMBO", options, required, tuple(kind))
    if not isinstance(kind, str):
        return None
    if kind != "COMBO":
        return InputSpec(name, kind, options, required)
    listed = options.get("options")
    return InputSpec(
        name, kind, options, required, tuple(listed) if isinstance(listed, list | tuple) else None
    )


def read_inputs(section: Mapping[str, Any], required: bool) -> Iterator[InputSpec]:
    """Read the inputs of one section, in dictionary order."""
    for name, raw in section.items():
        spec = read_input(name, raw, required)
        if spec is not None:
            yield spec


def branches(spec: InputSpec) -> dict[str, tuple[InputSpec, ...]]:
    """The inputs that each choice of a dynamic combo brings, by short name (graph-to-prompt, section 7.1)."""
    listed = spec.options.get("options")
    found: dict[str, tuple[InputSpec, ...]] = {}
    for entry in listed if isinstance(listed, list | tuple) else ():
        key = entry.get("key") if isinstance(entry, Mapping) else None
        if not isinstance(key, str):
            continue
        inputs = entry.get("inputs")
        children = [
            *read_inputs(_section(inputs, "required"), True),
            *read_inputs(_section(inputs, "optional"), False),
        ]
        found[key] = tuple(children)
    return found


def autogrow(spec: InputSpec, group: str) -> Autogrow:
    """The naming rule of an autogrow input whose full name is ``group``."""
    template = _template(spec)
    inner = template.get("input")
    inputs = (
        *read_inputs(_section(inner, "required"), True),
        *read_inputs(_section(inner, "optional"), False),
    )
    listed = template.get("names")
    names = tuple(n for n in listed if isinstance(n, str)) if isinstance(listed, list) else None
    prefix = template.get("prefix")
    least, most = template.get("min"), template.get("max")
    return Autogrow(
        group=group,
        inputs=inputs,
        names=names,
        prefix=prefix if isinstance(prefix, str) else None,
        minimum=_count(least, 1),
        maximum=len(names) if names is not None else _count(most, 100),
    )


def _count(value: Any, default: int) -> int:
    usable = isinstance(value, int) and not isinstance(value, bool)
    return max(0, min(value, 100)) if usable else default


def _template(spec: InputSpec) -> Mapping[str, Any]:
    template = spec.options.get("template")
    return template if isinstance(template, Mapping) else NO_OPTIONS


def _section(inputs: Any, section: str) -> Mapping[str, Any]:
    found = inputs.get(section) if isinstance(inputs, Mapping) else None
    return found if isinstance(found, Mapping) else NO_OPTIONS


def _output_type(entry: Any) -> str:
    if isinstance(entry, list):
        return "COMBO"
    return entry if isinstance(entry, str) and entry != MATCH_TYPE else "*"
