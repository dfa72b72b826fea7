"""What a node class declares as the server's check reads it (comfyui-api, section 10).

:mod:`comfy_tui.workflow.definition` is the browser's view of the same: there a list of choices is a
``COMBO`` and an odd output is ``*``, which the server tells apart. Nothing here trusts the definitions:
custom packs declare what they like, and a part that is not as it should be counts as absent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from comfy_tui.workflow.definition import AUTOGROW, DYNAMIC_COMBO, NO_OPTIONS

_MAX_NESTING = 32
_MAX_GROUP = 100
_CORE_MODULES = ("nodes", "comfy_extras", "comfy_api_nodes")

DYNAMIC_SLOT = "COMFY_DYNAMICSLOT_V3"
DYNAMIC_TYPES = frozenset({DYNAMIC_COMBO, AUTOGROW, DYNAMIC_SLOT})


@dataclass(frozen=True, slots=True)
class Input:
    """An input that the server looks at. ``type`` is a type name, or the list of choices itself."""

    name: str
    required: bool
    type: Any
    options: Mapping[str, Any]

    @property
    def is_combo(self) -> bool:
        """Whether a value is chosen from a list, in either way of declaring that."""
        return isinstance(self.type, list) or self.type == "COMBO"

    def choices(self) -> Any:
        """The choices of a combo as declared, whatever they are; an empty list where it names none."""
        return self.type if isinstance(self.type, list) else self.options.get("options", [])


@dataclass(frozen=True, slots=True)
class Selector:
    """A dynamic combo whose given value picks no option; ``keys`` are the ones that would."""

    name: str
    required: bool
    keys: tuple[Any, ...]


@dataclass(slots=True)
class Declared:
    """The inputs of one node, with the dynamic ones unfolded for the values that it has."""

    inputs: dict[str, Input] = field(default_factory=dict)
    unpicked: list[Selector] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)

    def add(self, item: Input) -> None:
        """Declare an input; one that is required somewhere stays required."""
        known = self.inputs.get(item.name)
        if known is None or (item.required and not known.required):
            self.inputs[item.name] = item


@dataclass(frozen=True, slots=True)
class NodeClass:
    """One class as the server describes it; ``outputs`` is None where the description has no list."""

    name: str
    sections: tuple[tuple[bool, Mapping[str, Any]], ...]
    outputs: list[Any] | None
    is_output: bool
    is_core: bool
    takes_anything: bool
    fixed: Declared | None

    def declared_for(self, values: Mapping[str, Any]) -> Declared:
        """The inputs that this class declares when given these values (comfyui-api, section 10.5)."""
        if self.fixed is not None:
            return self.fixed
        found = Declared()
        for required, section in self.sections:
            _unfold(found, section, required, values, "", 0)
        return found


class Definitions:
    """The classes of a server, each read once, when first asked for."""

    def __init__(self, object_info: Mapping[str, Any], *, dynamic_inputs: bool) -> None:
        self._object_info = object_info
        self._dynamic = dynamic_inputs
        self._read: dict[str, NodeClass | None] = {}
        self._output_types: frozenset[str] | None = None
        self._names: list[str] | None = None

    def __getitem__(self, class_type: str) -> NodeClass | None:
        if class_type not in self._read:
            raw = self._object_info.get(class_type)
            self._read[class_type] = self._node_class(class_type, raw) if isinstance(raw, Mapping) else None
        return self._read[class_type]

    def names(self) -> list[str]:
        """Every class name of the server."""
        if self._names is None:
            self._names = list(self._object_info)
        return self._names

    def is_made(self, type_name: str) -> bool:
        """Whether any node has an output of this type, so that a link of it can exist."""
        if self._output_types is None:
            self._output_types = frozenset(
                part.strip()
                for raw in all_of(self._object_info)
                if isinstance(raw, Mapping) and isinstance(raw.get("output"), list)
                for made in raw["output"]
                if isinstance(made, str)
                for part in made.split(",")
            )
        return type_name in self._output_types

    def _node_class(self, name: str, raw: Mapping[str, Any]) -> NodeClass:
        declared = raw.get("input")
        sections = tuple(
            (key == "required", section)
            for key in ("required", "optional")
            if isinstance(declared, Mapping) and isinstance(section := declared.get(key), Mapping)
        )
        types = (spec_of(spec)[0] for _, section in sections for spec in section.values())
        dynamic = self._dynamic and any(isinstance(t, str) and t in DYNAMIC_TYPES for t in types)
        outputs, module = raw.get("output"), raw.get("python_module")
        is_core = isinstance(module, str) and module.split(".", 1)[0] in _CORE_MODULES
        return NodeClass(
            name=name,
            sections=sections,
            outputs=outputs if isinstance(outputs, list) else None,
            is_output=raw.get("output_node") is True,
            is_core=is_core,
            # Packs make "any number of inputs" with a dict that is empty to look at.
            takes_anything=not is_core and (False, {}) in sections,
            fixed=None if dynamic else _fixed(sections),
        )


def all_of(object_info: Mapping[str, Any]) -> Iterator[Any]:
    """Every class once; a table that parses what is asked for need not keep what only this look needs."""
    look = getattr(object_info, "peek", object_info.__getitem__)
    return (look(name) for name in object_info)


def spec_of(spec: Any) -> tuple[Any, Mapping[str, Any]]:
    """Type and options of an input spec (comfyui-api, section 10.2); type None where it is none."""
    if isinstance(spec, (list, tuple, str)) and spec:
        options = spec[1] if len(spec) > 1 else None
        return spec[0], options if isinstance(options, Mapping) else NO_OPTIONS
    return None, NO_OPTIONS


def _fixed(sections: tuple[tuple[bool, Mapping[str, Any]], ...]) -> Declared:
    found = Declared()
    for required, section in sections:
        for name, spec in section.items():
            found.add(Input(name, required, *spec_of(spec)))
    return found


def _unfold(
    found: Declared,
    section: Mapping[str, Any],
    required: bool,
    values: Mapping[str, Any],
    prefix: str,
    depth: int,
) -> None:
    for name, spec in section.items():
        kind, options = spec_of(spec)
        full = prefix + name
        if depth > _MAX_NESTING or not isinstance(kind, str) or kind not in DYNAMIC_TYPES:
            found.add(Input(full, required, kind, options))
        elif kind == AUTOGROW:
            found.groups.append(full)
            for item in _group(full, options):
                found.add(item)
        elif kind == DYNAMIC_COMBO:
            _unfold_combo(found, Input(full, required, kind, options), values, depth)
        elif full in values:
            found.add(Input(full, required, kind, options))
            _unfold_sections(found, options.get("inputs"), values, full + ".", depth + 1)


def _unfold_combo(found: Declared, combo: Input, values: Mapping[str, Any], depth: int) -> None:
    """A selector counts as declared only where its value picks an option, as on the server."""
    options = combo.options.get("options")
    known = [o for o in options if isinstance(o, Mapping)] if isinstance(options, list) else []
    if combo.name in values:
        for option in known:
            if option.get("key") == values[combo.name]:
                found.add(combo)
                _unfold_sections(found, option.get("inputs"), values, combo.name + ".", depth + 1)
                return
    keys = tuple(option.get("key") for option in known)
    found.unpicked.append(Selector(combo.name, combo.required, keys))


def _unfold_sections(
    found: Declared, inputs: Any, values: Mapping[str, Any], prefix: str, depth: int
) -> None:
    for key in ("required", "optional"):
        section = inputs.get(key) if isinstance(inputs, Mapping) else None
        if isinstance(section, Mapping):
            _unfold(found, section, key == "required", values, prefix, depth)


def _group(full: str, options: Mapping[str, Any]) -> Iterator[Input]:
    """The members of an autogrow group: the first ``min`` are required if its template is."""
    template = options.get("template")
    if not isinstance(template, Mapping) or not isinstance(template.get("input"), Mapping):
        return
    filled = ((key, s) for key, s in template["input"].items() if isinstance(s, Mapping) and s)
    key, section = next(filled, ("", NO_OPTIONS))
    if not section:
        return
    kind, spec_options = spec_of(next(iter(section.values())))
    least = _count(template.get("min"), 0)
    for index, name in enumerate(_member_names(template)):
        yield Input(f"{full}.{name}", key == "required" and index < least, kind, spec_options)


def _member_names(template: Mapping[str, Any]) -> list[str]:
    names = template.get("names")
    if isinstance(names, list):
        return [str(name) for name in names[:_MAX_GROUP] if isinstance(name, (str, int))]
    prefix = template.get("prefix")
    most = min(_count(template.get("max"), _MAX_GROUP), _MAX_GROUP)
    return [f"{prefix}{index}" for index in range(most)] if isinstance(prefix, str) else []


def _count(value: Any, otherwise: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else otherwise
