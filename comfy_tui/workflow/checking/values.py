"""Values given in place: conversion, range and choices (comfyui-api, section 5.6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from comfy_tui.workflow.checking.declared import Input
from comfy_tui.workflow.checking.nearest import Nearest
from comfy_tui.workflow.checking.problem import RAISES, Problem, brief
from comfy_tui.workflow.checking.rules import Rules
from comfy_tui.workflow.diagnostic import Severity

_UNCHECKED = "This server accepts it without a check, and the node may fail when it runs."
_WORDS = {"INT": "a whole number", "FLOAT": "a number", "STRING": "text", "BOOLEAN": "true or false"}
# What Python raises when it converts or compares what a JSON file can hold.
_FAILS = (TypeError, ValueError, OverflowError, RecursionError, AttributeError)


def unwrapped(value: Any) -> Any:
    """The value inside ``{"__value__": ...}``, the way to send a list; else the value itself."""
    return value["__value__"] if isinstance(value, dict) and "__value__" in value else value


def check_value(
    item: Input, value: Any, rules: Rules, nearest: Nearest, *, only_convert: bool
) -> Problem | None:
    """Convert as the server does, then look at the range and the choices.

    Args:
        item: the input.
        value: as given in the prompt, not a list.
        rules: of the server's version.
        nearest: finds the values to suggest.
        only_convert: the class validates this input itself, so range and choices do not count.
    """
    value = unwrapped(value)
    try:
        value = _converted(item.type, value)
    except _FAILS:
        return _not_converted(item, value)
    if only_convert:
        return None
    try:
        return _outside(item, value) or _not_a_choice(item, value, rules, nearest)
    except _FAILS as error:
        return Problem(
            RAISES,
            f"{item.name} is {brief(value)}, which the server cannot compare with what it expects ({error}).",
            item.name,
            hint="Give a value of the kind that the node expects.",
        )


def _converted(kind: Any, value: Any) -> Any:
    if kind == "INT":
        return int(value)
    if kind == "FLOAT":
        return float(value)
    if kind == "STRING":
        return str(value)
    if kind == "BOOLEAN":
        return bool(value)
    return value


def _not_converted(item: Input, value: Any) -> Problem:
    hint = "Numbers are written without quotes and with a point: 0.5."
    if isinstance(value, str) and item.type == "INT":
        hint = "Only whole numbers are read from text: 64, not 64.5 or words."
    return Problem(
        "invalid_input_type",
        f"{item.name} is {brief(value)}, not {_WORDS.get(item.type, item.type)}.",
        item.name,
        _default(item),
        hint,
    )


def _outside(item: Input, value: Any) -> Problem | None:
    if "min" in item.options and value < item.options["min"]:
        return _range_problem("value_smaller_than_min", item, value, "smaller than the least value", "min")
    if "max" in item.options and value > item.options["max"]:
        return _range_problem("value_bigger_than_max", item, value, "bigger than the greatest value", "max")
    return None


def _range_problem(code: str, item: Input, value: Any, words: str, bound: str) -> Problem:
    limit = item.options[bound]
    low, high = item.options.get("min"), item.options.get("max")
    allowed = " and ".join(
        words
        for words, end in ((f"at least {brief(low)}", low), (f"at most {brief(high)}", high))
        if end is not None
    )
    return Problem(
        code,
        f"{item.name} is {brief(value)}, {words} {brief(limit)}.",
        item.name,
        (str(limit),),
        f"Allowed: {allowed}.",
    )


def _not_a_choice(item: Input, value: Any, rules: Rules, nearest: Nearest) -> Problem | None:
    checked = rules.checks_combo_options or isinstance(item.type, list)
    if not item.is_combo or not (checked or isinstance(item.options.get("options"), list)):
        return None
    choices = item.choices()
    many = rules.checks_combo_options and item.options.get("multiselect", False) and isinstance(value, list)
    wrong = [v for v in (value if many else [value]) if not nearest.holds(choices, v)]
    if not wrong:
        return None
    listed: Sequence[Any] = choices if isinstance(choices, list) else []
    words = (
        f"which is not one of its {len(listed)} choices" if listed else "and the server offers nothing there"
    )
    return Problem(
        "value_not_in_list",
        f"{item.name} is {brief(wrong[0])}, {words}.",
        item.name,
        nearest.among(wrong[0], listed),
        _choice_hint(item, wrong[0], listed) if checked else _UNCHECKED,
        Severity.ERROR if checked else Severity.WARNING,
    )


def _choice_hint(item: Input, value: Any, choices: Sequence[Any]) -> str:
    if "remote" in item.options:
        return "The server lists these choices elsewhere and refuses every value here."
    if not choices:
        return "Put the file on the server, then look again."
    if isinstance(value, str) and "." in value[-12:]:
        return "Put the file on the server, or choose one that it has."
    return "Choose one of the listed values; text and numbers differ."


def _default(item: Input) -> tuple[str, ...]:
    default = item.options.get("default")
    return (str(default),) if isinstance(default, (str, int, float)) and default != "" else ()
