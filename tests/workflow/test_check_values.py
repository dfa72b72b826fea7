"""Conversion, ranges and choices (comfyui-api, section 5.6)."""

from __future__ import annotations

from typing import Any

import pytest
from check_nodes import graph, judge, node, types

OLD = "0.3.64"


@pytest.mark.parametrize("value", [5, 5.9, " 5 ", True, {"__value__": 5}, "0"])
def test_whole_numbers_are_made_of_these(value: Any) -> None:
    assert types(i=value) == set()


@pytest.mark.parametrize(
    "value", ["5.5", "abc", "", None, {"a": 1}, {"__value__": [5]}, float("inf"), float("nan")]
)
def test_whole_numbers_are_not_made_of_these(value: Any) -> None:
    assert types(i=value) == {("invalid_input_type", "i")}


@pytest.mark.parametrize("value", ["1e-3", "nan", 1, True, float("nan")])
def test_numbers_are_made_of_these(value: Any) -> None:
    assert types(f=value) == set()


def test_numbers_with_a_comma_and_null_are_none() -> None:
    assert types(f="0,5") == {("invalid_input_type", "f")}
    assert types(f=None) == {("invalid_input_type", "f")}


@pytest.mark.parametrize("value", [None, 5, {"__value__": ["a", "b"]}, {"a": 1}])
def test_everything_is_text_and_everything_is_true_or_false(value: Any) -> None:
    assert types(s=value, b=value) == set()


def test_the_range_is_checked_after_the_conversion() -> None:
    assert types(i="11") == {("value_bigger_than_max", "i")}
    assert types(i=-1) == {("value_smaller_than_min", "i")}
    assert types(i=10.9) == set()
    assert types(f="inf") == {("value_bigger_than_max", "f")}


def test_a_range_that_cannot_be_compared_raises_on_the_server() -> None:
    assert types(either=3) == set()
    assert types(either="3") == {("exception_during_validation", "either")}


def test_the_bound_and_the_range_are_named() -> None:
    (finding,) = judge(graph(n1=("Types", {"i": 99}))).diagnostics
    assert finding.suggestions == ("10",)
    assert "99" in finding.message
    assert finding.hint == "Allowed: at least 0 and at most 10."


def test_choices_are_compared_as_python_does() -> None:
    assert types(old="red", new="green") == set()
    assert types(old=2.0) == set()
    assert types(old="2") == {("value_not_in_list", "old")}
    assert types(old=None) == {("value_not_in_list", "old")}
    assert types(old={"__value__": ["red"]}) == {("value_not_in_list", "old")}


def test_old_servers_check_only_the_list_form() -> None:
    assert types(new="x") == {("value_not_in_list", "new")}
    assert types(OLD, new="x") == set()
    assert types(OLD, old="x") == {("value_not_in_list", "old")}


def test_several_choices_are_checked_one_by_one() -> None:
    assert types(many={"__value__": ["red", "green"]}) == set()
    assert types(many={"__value__": ["red", "x"]}) == {("value_not_in_list", "many")}
    assert types(OLD, many={"__value__": ["red", "x"]}) == set()


def test_a_remote_list_refuses_everything_on_new_servers() -> None:
    assert types(remote="x") == {("value_not_in_list", "remote")}
    assert types(OLD, remote="x") == set()


def test_long_lists_are_compared_alike() -> None:
    nodes = {"Long": node({"x": [[*range(60), "tail"]]}, output=True)}
    for value in (3, 3.0, True, "tail"):
        assert judge(graph(n1=("Long", {"x": value})), nodes=nodes).ok
    for value in ("3", None, {"__value__": [3]}):
        assert not judge(graph(n1=("Long", {"x": value})), nodes=nodes).ok


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("other/a.safetensors", "a.safetensors"),
        ("A.ckpt", "a.safetensors"),
        ("Beta-V2.safetensors", "sub/beta_v2.safetensors"),
        ("beta_v3.safetensors", "sub/beta_v2.safetensors"),
    ],
)
def test_the_nearest_choice_is_suggested(wrong: str, meant: str) -> None:
    verdict = judge(graph(n1=("Loader", {"name": wrong}), n2=("Show", {"source": ["1", 0]})))
    (finding,) = verdict.diagnostics
    assert finding.code == "value_not_in_list"
    assert finding.suggestions[0] == meant


def test_odd_definitions_are_no_reason_to_fail() -> None:
    nodes = {
        "Odd": node(
            {
                "a": [],
                "b": None,
                "c": "IMAGE",
                "d": ["INT", "x"],
                "e": [["x"], None],
                "f": ["COMBO", {"options": None}],
            },
            output=True,
        )
    }
    inputs = {"a": 1, "b": 2, "c": 3, "d": "4", "e": "x", "f": "y"}
    verdict = judge(graph(n1=("Odd", inputs)), nodes=nodes)
    assert {d.input for d in verdict.diagnostics} == {"f"}


def test_a_choice_that_an_old_server_does_not_check_is_a_warning() -> None:
    verdict = judge(graph(n1=("Types", {"new": "blue", "remote": "x"})), version=OLD)
    assert verdict.ok
    assert [(d.code, d.input) for d in verdict.diagnostics] == [("value_not_in_list", "new")]
    assert types("0.26.0", new="blue") == {("value_not_in_list", "new")}
