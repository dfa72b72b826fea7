"""Typed texts, the values they stand for, and the copies that are queued."""

from __future__ import annotations

import random
from typing import Any

import pytest

from comfy_tui.workflow.conversion import Control
from comfy_tui.workflow.definition import NodeDefinition
from comfy_tui.workflow.edits import Edits, copies
from comfy_tui.workflow.parameters import Field, FieldKind, SeedMode, fields
from comfy_tui.workflow.typed import ValueKind, ValueRule, find_spec, read_value, rule_for, write_value

INT = ValueRule(ValueKind.INT, 1, 10)
FLOAT = ValueRule(ValueKind.FLOAT, 0, None)
BOOL = ValueRule(ValueKind.BOOL)
CHOICE = ValueRule(ValueKind.CHOICE, choices=("a", "b", 3))
JSON = ValueRule(ValueKind.JSON)


@pytest.mark.parametrize(
    ("text", "rule", "value"),
    [
        *((" 7 ", INT, 7), ("+3", INT, 3), ("18446744073709551615", ValueRule(ValueKind.INT), 2**64 - 1)),
        *(("7.5", FLOAT, 7.5), ("1e3", FLOAT, 1000.0), ("Yes", BOOL, True), ("off", BOOL, False)),
        *(("b", CHOICE, "b"), ("3", CHOICE, 3), (" x\n", ValueRule(ValueKind.TEXT), " x\n")),
        *(('{"__value__": [1]}', JSON, {"__value__": [1]}), ("null", JSON, None)),
    ],
)
def test_what_is_taken(text: str, rule: ValueRule, value: Any) -> None:
    typed = read_value(text, rule)
    assert (typed.value, typed.problem) == (value, "")
    assert type(typed.value) is type(value)


@pytest.mark.parametrize(
    ("text", "rule", "problem"),
    [
        *(("0", INT, "least is 1"), ("11", INT, "most is 10"), ("1.0", INT, "whole"), ("", INT, "whole")),
        *(("٣", INT, "whole"), ("9" * 50, INT, "whole"), ("1_0", INT, "whole"), ("--1", INT, "whole")),
        *(("nan", FLOAT, "finite"), ("1e999", FLOAT, "finite"), ("x", FLOAT, "not a number")),
        *(("-1", FLOAT, "least is 0"), ("maybe", BOOL, "true or false"), ("c", CHOICE, "none of")),
        *(("[1]", JSON, "__value__"), ("{", JSON, "not JSON"), ("NaN", JSON, "cannot be sent")),
        ("[" * 100_000, JSON, "not JSON"),
    ],
)
def test_what_is_not(text: str, rule: ValueRule, problem: str) -> None:
    assert problem in read_value(text, rule).problem


def test_values_as_text_come_back() -> None:
    for value, rule in ((True, BOOL), (1.5, FLOAT), (3, CHOICE), ({"a": None}, JSON)):
        assert read_value(write_value(value), rule).value == value


def definition() -> NodeDefinition:
    size = {"key": "size", "inputs": {"required": {"width": ["INT", {"min": 8, "max": 64}]}}}
    inputs = {
        "seed": ["INT", {"min": 0, "max": 99}],
        "mode": ["COMFY_DYNAMICCOMBO_V3", {"options": [size]}],
        "name": [["x", "y"]],
        "many": ["COMBO", {"options": ["p"], "multiselect": True}],
        "text": ["STRING", {"multiline": True}],
        "on": ["BOOLEAN", {}],
        "cfg": ["FLOAT", {"min": 0.0, "max": "bad"}],
        "model": ["MODEL"],
    }
    return NodeDefinition("N", {"input": {"required": inputs}})


def rule(name: str, value: Any, inputs: dict[str, Any] | None = None) -> ValueRule:
    spec = find_spec(definition(), name, inputs or {})
    return rule_for(Field("1", "N", "N", name, FieldKind.OTHER, value), spec)


def test_rules_come_from_the_definition() -> None:
    assert rule("seed", 1) == ValueRule(ValueKind.INT, 0, 99, declared=True)
    assert rule("name", "x").choices == ("x", "y")
    assert rule("mode", "size").choices == ("size",)
    assert rule("mode.width", 8, {"mode": "size"}).most == 64
    assert rule("text", "").multiline
    assert rule("on", 1).kind is ValueKind.BOOL
    assert rule("cfg", 1).most is None


def test_rules_come_from_the_value_where_nothing_is_declared() -> None:
    assert rule("mode.width", 8, {"mode": 3}).declared is False
    assert rule("mode.width.more", 8, {"mode": "size"}).declared is False
    assert rule("many", ["p"]).kind is ValueKind.JSON
    for value, kind in (
        (True, "BOOL"),
        (1, "INT"),
        (1.0, "FLOAT"),
        ("a", "TEXT"),
        (None, "JSON"),
        ({}, "JSON"),
    ):
        assert rule("unknown", value).kind is ValueKind[kind]
    assert rule_for(Field("1", "N", "N", "s", FieldKind.SEED, 3), None).least == 0
    assert find_spec(None, "x", {}) is None


PROMPT = {"3": {"class_type": "KSampler", "inputs": {"seed": 5, "steps": 20, "model": ["4", 0]}}}


def seeds(edits: Edits, **more: Any) -> list[int]:
    return [c.prompt["3"]["inputs"]["seed"] for c in copies(PROMPT, None, (), edits, **more)]


def test_copies_keep_count_up_or_draw() -> None:
    assert seeds(Edits(count=3)) == [5, 5, 5]
    assert seeds(Edits(count=3, seed=SeedMode.INCREMENT)) == [5, 6, 7]
    assert seeds(Edits(count=2, seed=SeedMode.INCREMENT, queued=3)) == [8, 9]
    drawn = seeds(Edits(count=20, seed=SeedMode.RANDOM), rng=random.Random(1), limits={("3", "seed"): 9})
    assert len(set(drawn)) > 3
    assert max(drawn) <= 9
    assert len(seeds(Edits(count=10_000))) == 100
    assert PROMPT["3"]["inputs"]["seed"] == 5


def test_edits_never_replace_a_link() -> None:
    edits = Edits(values={("3", "model"): "x", ("3", "steps"): 4, ("9", "a"): 1})
    assert edits.apply(PROMPT)["3"]["inputs"] == {"seed": 5, "steps": 4, "model": ["4", 0]}
    assert edits.without(("3", "steps")).apply(PROMPT)["3"]["inputs"]["steps"] == 20


def test_control_after_generate_moves_on_with_each_copy() -> None:
    workflow = {"nodes": [{"id": 3, "widgets_values": [5, "increment"]}]}
    control = Control(
        "increment", "INT", 5, (("nodes", 0, "widgets_values", 0),), (("3", "seed"),), 0, 2**64 - 1
    )
    made = list(copies(PROMPT, workflow, (control,), Edits(count=2)))
    assert [c.prompt["3"]["inputs"]["seed"] for c in made] == [5, 6]
    assert [c.workflow["nodes"][0]["widgets_values"][0] for c in made if c.workflow] == [5, 6]
    after = made[-1].after
    assert not Edits(moved=after.moved).changed
    assert [c.prompt["3"]["inputs"]["seed"] for c in copies(PROMPT, workflow, (control,), after)] == [7, 8]
    # A seed that was typed counts from there, and is what the sent workflow says.
    typed = next(copies(PROMPT, workflow, (control,), after.with_value(("3", "seed"), 40)))
    assert typed.workflow is not None
    assert typed.prompt["3"]["inputs"]["seed"] == typed.workflow["nodes"][0]["widgets_values"][0] == 40
    assert typed.after.moved == {("3", "seed"): 41}
    fixed = next(copies(PROMPT, workflow, (control,), Edits(seed=SeedMode.KEEP)))
    assert fixed.after.moved == {}


def test_fields_of_odd_prompts() -> None:
    assert fields({"1": {"class_type": "A", "inputs": {"x": None}}})[0].value is None
