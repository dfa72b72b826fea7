"""What may be typed for an input, and the value that a typed text stands for."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from comfy_tui.workflow.definition import AUTOGROW, DYNAMIC_COMBO, InputSpec, NodeDefinition, branches
from comfy_tui.workflow.parameters import Field, FieldKind

_DEPTH_LIMIT = 8
_NUMBER_DIGITS = 40


class ValueKind(StrEnum):
    """How a value is written."""

    INT = "whole number"
    FLOAT = "number"
    BOOL = "yes or no"
    CHOICE = "choice"
    TEXT = "text"
    JSON = "JSON"


@dataclass(frozen=True, slots=True)
class ValueRule:
    """What an input takes: from its node's definition where that is known, else from its value."""

    kind: ValueKind
    least: float | int | None = None
    most: float | int | None = None
    choices: tuple[Any, ...] = ()
    multiline: bool = False
    #: Whether the node's definition is known.
    declared: bool = False

    @property
    def words(self) -> str:
        """The rule for a person: ``whole number, 1 to 100``."""
        if self.kind is ValueKind.CHOICE:
            return f"one of {len(self.choices)}"
        if self.least is None and self.most is None:
            return self.kind.value
        if self.most is None:
            return f"{self.kind.value}, at least {self.least}"
        if self.least is None:
            return f"{self.kind.value}, at most {self.most}"
        return f"{self.kind.value}, {self.least} to {self.most}"


@dataclass(frozen=True, slots=True)
class Typed:
    """A value, or the reason why the text is none."""

    value: Any = None
    problem: str = ""


def find_spec(definition: NodeDefinition | None, name: str, inputs: Mapping[str, Any]) -> InputSpec | None:
    """The declaration of an input, also of one inside a dynamic input (comfyui-api, section 10.5).

    Args:
        definition: the node's class.
        name: the input's full dotted name.
        inputs: the node's inputs, which say what a dynamic combo is set to.
    """
    if definition is None:
        return None
    by_name = {spec.name: spec for spec in definition.declared}
    if name in by_name:
        return by_name[name]
    head, _, rest = name.partition(".")
    spec, path = by_name.get(head), head
    for _ in range(_DEPTH_LIMIT):
        if spec is None or not rest or spec.type == AUTOGROW:
            break
        head, _, rest = rest.partition(".")
        chosen = inputs.get(path)
        children = (
            branches(spec).get(chosen, ()) if spec.type == DYNAMIC_COMBO and chosen == str(chosen) else ()
        )
        spec = next((child for child in children if child.name == head), None)
        path = f"{path}.{head}"
    return spec if not rest else None


def rule_for(field: Field, spec: InputSpec | None) -> ValueRule:
    """What may be typed for a value."""
    if spec is not None:
        found = _declared(spec)
        if found is not None:
            return found
    value = field.value
    if isinstance(value, bool):
        return ValueRule(ValueKind.BOOL)
    if isinstance(value, int):
        return ValueRule(ValueKind.INT, least=0 if field.kind is FieldKind.SEED else None)
    if isinstance(value, float):
        return ValueRule(ValueKind.FLOAT)
    if isinstance(value, str):
        long = field.kind in (FieldKind.PROMPT, FieldKind.NEGATIVE) or "\n" in value
        return ValueRule(ValueKind.TEXT, multiline=long)
    return ValueRule(ValueKind.JSON, multiline=True)


def _declared(spec: InputSpec) -> ValueRule | None:
    options = spec.options
    if spec.type == DYNAMIC_COMBO:
        keys = tuple(branches(spec))
        return ValueRule(ValueKind.CHOICE, choices=keys, declared=True) if keys else None
    if (
        spec.type == "COMBO"
        and spec.choices
        and not (options.get("multiselect") or options.get("multi_select"))
    ):
        return ValueRule(ValueKind.CHOICE, choices=spec.choices, declared=True)
    if spec.type == "INT":
        least, most = _bound(options.get("min")), _bound(options.get("max"))
        return ValueRule(ValueKind.INT, least, most, declared=True)
    if spec.type == "FLOAT":
        least, most = _bound(options.get("min")), _bound(options.get("max"))
        return ValueRule(ValueKind.FLOAT, least, most, declared=True)
    if spec.type == "BOOLEAN":
        return ValueRule(ValueKind.BOOL, declared=True)
    if spec.type == "STRING":
        return ValueRule(ValueKind.TEXT, multiline=options.get("multiline") is True, declared=True)
    return None


def _bound(value: Any) -> float | int | None:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return value if usable else None


def write_value(value: Any) -> str:
    """The text that stands for a value."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def read_value(text: str, rule: ValueRule) -> Typed:
    """The value that a text stands for, or what is wrong with it."""
    match rule.kind:
        case ValueKind.TEXT:
            return Typed(text)
        case ValueKind.INT:
            return _read_int(text.strip(), rule)
        case ValueKind.FLOAT:
            return _read_float(text.strip(), rule)
        case ValueKind.BOOL:
            words = {"true": True, "yes": True, "on": True, "1": True}
            words |= {"false": False, "no": False, "off": False, "0": False}
            value = words.get(text.strip().lower())
            return Typed(problem="type true or false") if value is None else Typed(value)
        case ValueKind.CHOICE:
            for choice in rule.choices:
                if write_value(choice) == text:
                    return Typed(choice)
            return Typed(problem="this is none of the choices")
        case ValueKind.JSON:
            return _read_json(text)


def _read_int(text: str, rule: ValueRule) -> Typed:
    digits = text[1:] if text[:1] in "+-" else text
    if not digits.isascii() or not digits.isdigit() or len(digits) > _NUMBER_DIGITS:
        return Typed(problem="this is not a whole number")
    return _bounded(int(text), rule)


def _read_float(text: str, rule: ValueRule) -> Typed:
    try:
        value = float(text)
    except ValueError:
        return Typed(problem="this is not a number, such as 7.5")
    return _bounded(value, rule) if math.isfinite(value) else Typed(problem="this is not a finite number")


def _bounded(value: float | int, rule: ValueRule) -> Typed:
    if rule.least is not None and value < rule.least:
        return Typed(problem=f"the least is {rule.least}")
    if rule.most is not None and value > rule.most:
        return Typed(problem=f"the most is {rule.most}")
    return Typed(value)


def _read_json(text: str) -> Typed:
    def refuse(word: str) -> None:
        raise ValueError(f"{word} cannot be sent")

    try:
        value = json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        return Typed(problem=f"this is not JSON: {error}")
    if isinstance(value, list):
        return Typed(problem='a list would be taken for a link; write {"__value__": [...]}')
    return Typed(value)
